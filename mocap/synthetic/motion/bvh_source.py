"""Drive the free body from a motion capture clip, for synthetic scenes only.

Every bone of the body is turned to point where the clip's bone points; the clip's own rest pose,
proportions and units do not matter. Twist about the bones comes from the bending planes of elbows
and knees and, where limbs are straight, from the trunk.
"""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d

from mocap.body.model import BodyModel, load_free_body
from mocap.core.errors import InputError
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_rotvec, rotation_between, rotvec_from_matrix, unit
from mocap.core.shapes import Array, FloatArray
from mocap.synthetic.footage.puppet import SIDE_NAME, Puppet, SyntheticMotion, orthonormal_axes

# Names of the left joints in use; the right ones say Right or R for Left or L.
_ALIASES: dict[str, tuple[str, ...]] = {
    "hip": ("LeftUpLeg", "LeftHip", "LeftThigh", "UpperLeg_L"),
    "knee": ("LeftLeg", "LeftKnee", "LeftShin", "LowerLeg_L"),
    "ankle": ("LeftFoot", "LeftAnkle", "Foot_L"),
    "foot": ("LeftToeBase", "LeftToe", "Toes_L"),
    # LeftArm first: where it exists, LeftShoulder is the collar bone.
    "shoulder": ("LeftArm", "LeftUpperArm", "LeftShoulder", "UpperArm_L"),
    "elbow": ("LeftForeArm", "LeftElbow", "LeftLowerArm", "LowerArm_L"),
    "wrist": ("LeftHand", "LeftWrist", "Hand_L"),
}
# Optical clips jitter by a millimetre; 20 ms takes that out and keeps a dancer's accelerations.
_SMOOTHING_S = 0.020
# How strongly a straight limb's hinge follows the trunk, against the sine of the bend: equal at
# about 9 degrees of bend.
_TRUNK_HINT = 0.15


def bvh_motion(
    clip: SkeletonMotion,
    duration_s: float,
    fps: float,
    *,
    start_s: float = 0.0,
    heading_deg: float = 0.0,
    origin_m: tuple[float, float] = (0.0, 0.0),
    model: BodyModel | None = None,
    betas: Array | None = None,
) -> SyntheticMotion:
    """Return the clip's motion on the free body, standing on the floor, centred on `origin_m`.

    The clip is what `mocap.export.bvh.reader.read` gives: Z up. Distances scale with the leg
    length. `heading_deg` turns the clip's forward axis away from
    world X. The lowest sole of the whole clip touches the floor.

    Raises:
        InputError: when the clip is too short or lacks a limb's joints.
    """
    body = model or load_free_body()
    shape = np.zeros(body.shape_count) if betas is None else np.asarray(betas, dtype=np.float64)
    points = _resampled(clip, start_s, duration_s, fps)
    puppet = Puppet(body, shape, len(points["left_hip"]))
    leg_m = sum(
        np.linalg.norm(points[f"left_{a}"] - points[f"left_{b}"], axis=-1).mean()
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    )
    points = {name: xyz * (puppet.leg_length_m / leg_m) for name, xyz in points.items()}
    chest = _turn_trunk(puppet, points)
    for side, name in SIDE_NAME.items():
        _turn_limb(puppet, side, points, ("shoulder", "elbow", "wrist"), chest)
        leg = _turn_limb(puppet, side, points, ("hip", "knee", "ankle"), puppet.rotations[:, 0])
        foot = points[f"{name}_foot"] - points[f"{name}_ankle"]
        _turn_foot(puppet, name, foot, leg)
    _place(puppet, points)
    return puppet.world_motion(fps, heading_deg, origin_m)


def _resampled(
    clip: SkeletonMotion, start_s: float, duration_s: float, fps: float
) -> dict[str, FloatArray]:
    """Return smoothed positions (frame, 3) by our names, Y up, at our frame times."""
    time = start_s + np.arange(max(1, round(duration_s * fps))) / fps
    length_s = (len(clip.root_positions) - 1) / clip.fps
    if time[-1] > length_s + 1e-9:
        raise InputError(
            f"the clip lasts {length_s:.2f} s; {start_s + duration_s:.2f} s were asked for."
        )
    smooth = gaussian_filter1d(clip.forward_kinematics()[0], _SMOOTHING_S * clip.fps, axis=0)
    frames = CubicSpline(np.arange(len(smooth)) / clip.fps, smooth, axis=0)(time)
    found = {name: frames[:, column] for name, column in _columns(clip).items()}
    return {n: np.stack([p[:, 0], p[:, 2], -p[:, 1]], axis=-1) for n, p in found.items()}


def _columns(clip: SkeletonMotion) -> dict[str, int]:
    """Return the clip's joint for each of ours.

    Raises:
        InputError: naming the joint that is missing and the names looked for.
    """
    found = {}
    for joint, names in _ALIASES.items():
        for side in ("left", "right"):
            wanted = [
                n if side == "left" else n.replace("Left", "Right").replace("_L", "_R")
                for n in names
            ]
            present = [name for name in wanted if name in clip.joint_names]
            if not present:
                raise InputError(
                    f"the clip has no {side} {joint}: none of {', '.join(wanted)} among its "
                    f"{len(clip.joint_names)} joints."
                )
            found[f"{side}_{joint}"] = clip.joint_names.index(present[0])
    return found


def _turn_trunk(puppet: Puppet, points: dict[str, FloatArray]) -> FloatArray:
    """Set pelvis and spine; return the chest's rotation (frame, 3, 3) in the stage."""
    hips = points["left_hip"] - points["right_hip"]
    shoulders = points["left_shoulder"] - points["right_shoulder"]
    up = (
        points["left_shoulder"]
        + points["right_shoulder"]
        - points["left_hip"]
        - points["right_hip"]
    )
    pelvis = orthonormal_axes(hips, up)
    # The chest keeps the trunk's direction up; only its turn about it comes from the shoulders.
    forward = np.cross(shoulders, up)
    chest = orthonormal_axes(np.cross(up, forward), up)
    puppet.put("pelvis", pelvis)
    third = matrix_from_rotvec(rotvec_from_matrix(np.swapaxes(pelvis, -1, -2) @ chest) / 3.0)
    for joint in ("spine1", "spine2", "spine3"):
        puppet.put(joint, third)
    return chest


def _turn_limb(
    puppet: Puppet,
    side: int,
    points: dict[str, FloatArray],
    joints: tuple[str, str, str],
    parent: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Point the two bones of a limb as the clip's; `parent` (frame, 3, 3) carries the limb.

    Returns the lower bone's rotation (frame, 3, 3) in the stage and its hinge (frame, 3).
    """
    name = SIDE_NAME[side]
    upper, lower, end = joints
    arm = upper == "shoulder"
    rest_hinge = np.array([0.0, -side, 0.0]) if arm else np.array([1.0, 0.0, 0.0])
    rest = [
        puppet.at(f"{name}_{b}") - puppet.at(f"{name}_{a}")
        for a, b in ((upper, lower), (lower, end))
    ]
    bones = [
        unit(points[f"{name}_{b}"] - points[f"{name}_{a}"])
        for a, b in ((upper, lower), (lower, end))
    ]
    carried = np.einsum("fba,fb->fa", parent, bones[0])
    hint = parent @ rotation_between(rest[0], carried) @ rest_hinge
    hinge = np.cross(bones[0], bones[1]) + _TRUNK_HINT * hint
    turns = [
        orthonormal_axes(bone, hinge) @ orthonormal_axes(still, rest_hinge).T
        for bone, still in zip(bones, rest, strict=True)
    ]
    puppet.put(f"{name}_{upper}", np.swapaxes(parent, -1, -2) @ turns[0])
    puppet.put(f"{name}_{lower}", np.swapaxes(turns[0], -1, -2) @ turns[1])
    return turns[1], hinge


def _turn_foot(
    puppet: Puppet, side: str, foot: FloatArray, leg: tuple[FloatArray, FloatArray]
) -> None:
    """Point a foot (ankle to toe joint) as the clip's, its sole square to the knee's hinge."""
    shank_turn, hinge = leg
    still = puppet.at(f"{side}_foot") - puppet.at(f"{side}_ankle")
    rest = orthonormal_axes(still, np.array([1.0, 0.0, 0.0]))
    turned = orthonormal_axes(foot, hinge) @ rest.T
    puppet.put(f"{side}_ankle", np.swapaxes(shank_turn, -1, -2) @ turned)


def _place(puppet: Puppet, points: dict[str, FloatArray]) -> None:
    """Put the hips where the clip's are, then centre the clip and stand it on the floor."""
    middle = 0.5 * (points["left_hip"] + points["right_hip"])
    rest_middle = 0.5 * (puppet.at("left_hip") + puppet.at("right_hip")) - puppet.joints[0]
    root = middle - puppet.rotations[:, 0] @ rest_middle
    feet = np.isin(
        puppet.model.dominant_joint(),
        [
            puppet.model.joint(f"{side}_{j}")
            for side in ("left", "right")
            for j in ("ankle", "foot")
        ],
    )
    sole = puppet.model.skin(
        puppet.rotations,
        puppet.betas,
        root - puppet.joints[0],
        vertices=np.flatnonzero(feet),
        dtype=np.float32,
    )
    centre = 0.5 * (root.max(axis=0) + root.min(axis=0))
    puppet.root_position = root - [centre[0], float(sole[..., 1].min()), centre[2]]
