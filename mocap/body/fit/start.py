"""A first pose in closed form: trunk from hips and shoulders, head from the face, limbs by swing.

The twist of a limb comes from the plane it bends in; a straight one follows the trunk. Keypoints
are cleaned by a short median and bridged linearly first: the start only has to be near enough for
the robust fit to find its way.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from mocap.body.fit.layout import Layout
from mocap.body.fit.solver import State
from mocap.body.model import BodyModel
from mocap.core.errors import BodyError
from mocap.core.rotation import matrix_from_rotvec, rotation_between, rotvec_from_matrix, unit
from mocap.core.shapes import Array, FloatArray

# Frames of the median: single wrong keypoints vanish, a throw at 60 fps stays.
_MEDIAN_FRAMES = 5

# How strongly a straight limb's hinge follows the trunk, against the sine of the bend: equal at
# about 9 degrees.
_TRUNK_HINT = 0.15

_TRUNK = ("left_hip", "right_hip", "left_shoulder", "right_shoulder")
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_LIMBS = (("shoulder", "elbow", "wrist"), ("hip", "knee", "ankle"))


def start_state(layout: Layout, model: BodyModel, xyz: FloatArray, betas: FloatArray) -> State:
    """Return a first estimate for keypoints xyz (frame, known, 3), NaN for missing.

    Raises:
        BodyError: a hip or a shoulder was never seen.
    """
    rest = dict(zip(layout.landmarks.names, layout.landmarks.rest_points(betas), strict=True))
    seen = _bridged(layout.landmarks.names, xyz)
    missing = [name for name in _TRUNK if name not in seen]
    if missing:
        raise BodyError(
            f"the body cannot be fitted: {', '.join(missing)} never seen in {len(xyz)} frames. "
            "Both hips and both shoulders are needed; check cameras and detector."
        )
    pose = _Pose(layout, len(xyz))
    pelvis = _trunk(pose, seen, rest)
    chest = pose.globally("spine3")
    _head(pose, seen, rest, chest)
    for side in ("left", "right"):
        for (upper, lower, end), above in zip(_LIMBS, (chest, pelvis), strict=True):
            _limb(pose, seen, rest, (f"{side}_{upper}", f"{side}_{lower}", f"{side}_{end}"), above)
        _foot(pose, seen, rest, side)
    hips = 0.5 * (seen["left_hip"] + seen["right_hip"])
    pelvis_joint = layout.rest[0] + layout.rest_by_beta[0] @ betas
    rest_hips = 0.5 * (rest["left_hip"] + rest["right_hip"]) - pelvis_joint
    return State(pose.turns, hips - pelvis @ rest_hips, betas, layout.constants())


class _Pose:
    """Turns of all groups (frame, group, 3, 3) and what they make of the joints above."""

    def __init__(self, layout: Layout, frames: int) -> None:
        self.layout = layout
        self._names = {
            name: index for index, group in enumerate(layout.groups) for name in group.joints
        }
        means = np.deg2rad(np.array([group.mean_deg for group in layout.groups]))
        self.turns = np.ascontiguousarray(np.tile(matrix_from_rotvec(means), (frames, 1, 1, 1)))

    def put(self, joint: str, turn: FloatArray) -> None:
        """Set the local rotation of the group that turns a joint, if it is turned at all."""
        if joint in self._names:
            self.turns[:, self._names[joint]] = turn

    def globally(self, joint: str) -> FloatArray:
        """Return the global rotation (frame, 3, 3) of a joint by the chain of groups above."""
        chain = {
            "pelvis": ("pelvis",),
            "spine3": ("pelvis", "spine1", "spine2", "spine3"),
        }.get(joint)
        if chain is None:
            side = joint.split("_")[0]
            chain = ("pelvis", f"{side}_hip", f"{side}_knee")
        total = np.tile(np.eye(3), (len(self.turns), 1, 1))
        for name in chain:
            if name in self._names:
                total = total @ self.turns[:, self._names[name]]
        return total


def _bridged(names: tuple[str, ...], xyz: FloatArray) -> dict[str, FloatArray]:
    """Return cleaned keypoints (frame, 3) without gaps, by name; never seen ones are left out."""
    found = {}
    frames = np.arange(len(xyz))
    for index, name in enumerate(names):
        known = np.isfinite(xyz[:, index]).all(axis=-1)
        if not known.any():
            continue
        values = xyz[known, index]
        clean = median_filter(values, size=(min(_MEDIAN_FRAMES, len(values)), 1), mode="nearest")
        found[name] = np.stack(
            [np.interp(frames, frames[known], clean[:, axis]) for axis in range(3)], axis=-1
        )
    return found


def _trunk(pose: _Pose, seen: dict[str, FloatArray], rest: dict[str, FloatArray]) -> FloatArray:
    """Set pelvis and spine; return the pelvis' rotation (frame, 3, 3)."""

    def frame_of(points: dict[str, FloatArray], across: str) -> FloatArray:
        up = (
            points["left_shoulder"]
            + points["right_shoulder"]
            - points["left_hip"]
            - points["right_hip"]
        )
        side = points[f"left_{across}"] - points[f"right_{across}"]
        forward = np.cross(side, up)
        return _axes(up, forward)

    pelvis = frame_of(seen, "hip") @ frame_of(rest, "hip").T
    chest = frame_of(seen, "shoulder") @ frame_of(rest, "shoulder").T
    pose.put("pelvis", pelvis)
    bend = np.swapaxes(pelvis, -1, -2) @ chest
    for joint in ("spine1", "spine2", "spine3"):
        pose.put(joint, _share(bend, 3))
    return pelvis


def _head(
    pose: _Pose, seen: dict[str, FloatArray], rest: dict[str, FloatArray], chest: FloatArray
) -> None:
    """Turn neck and head so that the face fits (Kabsch 1976)."""
    names = [name for name in _FACE if name in seen]
    if len(names) < 3:
        return
    there = np.stack([seen[name] for name in names], axis=1)
    still = np.stack([rest[name] for name in names])
    there = there - there.mean(axis=1, keepdims=True)
    still = still - still.mean(axis=0)
    u, _, vt = np.linalg.svd(np.einsum("fka,kb->fab", there, still))
    u[:, :, 2] *= np.linalg.det(u @ vt)[:, None]
    turn = _share(np.swapaxes(chest, -1, -2) @ u @ vt, 2)
    for joint in ("neck", "head"):
        pose.put(joint, turn)


def _limb(
    pose: _Pose,
    seen: dict[str, FloatArray],
    rest: dict[str, FloatArray],
    joints: tuple[str, str, str],
    above: FloatArray,
) -> None:
    """Point the two bones of a limb; `above` (frame, 3, 3) carries it."""
    upper, lower, end = joints
    if upper not in seen or lower not in seen:
        return
    still = [rest[lower] - rest[upper], rest[end] - rest[lower]] if end in rest else []
    first = seen[lower] - seen[upper]
    if not still or end not in seen:
        local = np.einsum("fba,fb->fa", above, first)
        pose.put(upper, rotation_between(rest[lower] - rest[upper], local))
        return
    second = seen[end] - seen[lower]
    arm = upper.endswith("shoulder")
    side = 1.0 if upper.startswith("left") else -1.0
    rest_hinge = np.array([0.0, -side, 0.0]) if arm else np.array([1.0, 0.0, 0.0])
    local = np.einsum("fba,fb->fa", above, first)
    hint = np.einsum("fab,fbc,c->fa", above, rotation_between(still[0], local), rest_hinge)
    hinge = np.cross(_unit(first), _unit(second)) + _TRUNK_HINT * hint
    thigh = _axes(first, hinge) @ _axes(still[0], rest_hinge).T
    shank = _axes(second, hinge) @ _axes(still[1], rest_hinge).T
    pose.put(upper, np.swapaxes(above, -1, -2) @ thigh)
    pose.put(lower, np.swapaxes(thigh, -1, -2) @ shank)


def _foot(pose: _Pose, seen: dict[str, FloatArray], rest: dict[str, FloatArray], side: str) -> None:
    """Point the foot from heel to toe, its sole square to the knee's hinge."""
    heel, toe = f"{side}_heel", f"{side}_big_toe"
    if heel not in seen or toe not in seen:
        return
    shank = pose.globally(f"{side}_knee")
    still = _axes(rest[toe] - rest[heel], np.array([1.0, 0.0, 0.0]))
    turned = _axes(seen[toe] - seen[heel], shank[..., 0]) @ still.T
    pose.put(f"{side}_ankle", np.swapaxes(shank, -1, -2) @ turned)


def _share(rotation: FloatArray, joints: int) -> FloatArray:
    """Return the rotation that, done `joints` times, is `rotation` (frame, 3, 3)."""
    return matrix_from_rotvec(rotvec_from_matrix(rotation) / joints)


def _unit(vectors: Array) -> FloatArray:
    """Return directions; what has none turns nothing."""
    return unit(vectors, nowhere=0.0)


def _axes(first: Array, second: Array) -> FloatArray:
    """Return orthonormal axes as columns (..., 3, 3): first, second made square to it, third."""
    x = _unit(first)
    z = _unit(np.cross(x, np.broadcast_to(second, x.shape)))
    return np.stack([x, np.cross(z, x), z], axis=-1)
