"""From keypoints in space to a moving skeleton with constant bones.

Joint positions are taken as the detector gives them; the skeleton adds constant bone lengths
(robust medians) and rotations that reproduce every bone's direction. What positions cannot show
is carried or left neutral, and said so:

* The twist of a straight arm or leg is NOT observed (see `mocap.body.hinge_twist`), nor is
  forearm pronation, wrist bending, or the roll of a foot about its length.
* How the bend of the trunk is shared along the spine is a convention: the trunk is one straight
  line; its axial twist is spread evenly over the three spine joints.
* Without feet keypoints there are no foot joints, and the ankles keep their rest rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mocap.body.gap_filling import fill_directions, fill_positions, fill_rotations, gaps
from mocap.body.hinge_twist import OBSERVED_BEND_DEG, bend_sine, hinge_axes, unit
from mocap.body.skeleton_input import PersonKeypoints, measure, select_person, used_joints
from mocap.body.skeleton_layout import (
    COLLAR_SHARE,
    LEFT,
    LIMBS,
    UP,
    Limb,
    joint_tree,
    rest_offsets,
)
from mocap.core.errors import BodyError
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D
from mocap.core.rotation import (
    matrix_from_rotvec,
    quaternion_wxyz_from_matrix,
    rotation_between,
    rotvec_from_matrix,
)
from mocap.core.shapes import BoolArray, FloatArray

# A limb may be bridged for this long: half a second is less than a step or a throw.
MAX_GAP_S = 0.5

# Weight of the foot's heading as a stand-in for the knee's hinge; 1 is a right-angled bend and a
# knee bent by 20 degrees counts 0.06. Feet point 5 to 15 degrees outward, hence the low weight.
_FOOT_HINT_WEIGHT = 0.02


@dataclass(frozen=True, eq=False)
class SkeletonFit:
    """A skeleton motion and what in it was not seen.

    Attributes:
        motion: the skeleton; its frame 0 is frame `first_frame` of the points.
        first_frame: frames cut at the start because hips or shoulders were missing.
        filled: (frame, joint) True where the rotation was bridged, not computed from points.
        twist_observed: (frame, joint) True where the rotation about the bone was seen too.
        notes: sentences for the user about what was filled, cut or left out.
    """

    motion: SkeletonMotion
    first_frame: int
    filled: BoolArray
    twist_observed: BoolArray
    notes: tuple[str, ...]


def skeleton_from_points(points: Points3D, person_id: int) -> SkeletonMotion:
    """Return the moving skeleton of one person; see `fit_skeleton` for what was filled."""
    return fit_skeleton(points, person_id).motion


def fit_skeleton(
    points: Points3D,
    person_id: int,
    *,
    long_gaps: Literal["refuse", "fill"] = "refuse",
    max_gap_s: float = MAX_GAP_S,
    symmetric: bool = True,
) -> SkeletonFit:
    """Build the moving skeleton of one person from COCO keypoints (with or without feet).

    Args:
        points: keypoints in metres, Z up.
        person_id: one of `points.person_ids`.
        long_gaps: what to do where an arm, a leg or the trunk is unknown for more than
            `max_gap_s`: refuse, or bridge it all the same (and mark it in `filled`).
        max_gap_s: longest gap that is always bridged, seconds.
        symmetric: give left and right limbs the same bone lengths.

    Raises:
        BodyError: the person is unknown or never fully seen, or a gap is too long.
    """
    person = select_person(points, person_id)
    _check_gaps(person, max_gap_s, long_gaps)
    names, parents = joint_tree(person.with_feet)
    world = _trunk_rotations(person)
    for limb in LIMBS:
        _add_limb(world, person, limb)
    foot = _add_feet(world, person) if person.with_feet else None
    for joint, parent in enumerate(parents):
        # What nothing turns (wrists, toes, ankles without feet keypoints) moves with its parent.
        if names[joint] not in world:
            world[names[joint]] = world[names[parent]]
    local = np.stack(
        [
            world[name] if parent < 0 else _relative(world[names[parent]], world[name])
            for name, parent in zip(names, parents, strict=True)
        ],
        axis=1,
    )
    motion = SkeletonMotion(
        joint_names=names,
        parents=parents,
        rest_offsets=rest_offsets(measure(person, symmetric=symmetric, foot=foot), names),
        local_rotations_wxyz=_continuous(quaternion_wxyz_from_matrix(local)),
        root_positions=fill_positions(person.hips, person.known["pelvis"]),
        fps=person.fps,
    )
    filled = np.zeros((person.frame_count, len(names)), dtype=bool)
    for name in used_joints(person):
        filled[:, names.index(name)] = ~person.known[name]
    return SkeletonFit(
        motion=motion,
        first_frame=person.first_frame,
        filled=filled,
        twist_observed=_twist_observed(person, names),
        notes=_notes(person, names, filled),
    )


def joint_errors_m(fit: SkeletonFit, points: Points3D, person_id: int) -> FloatArray:
    """Return the distance (frame, joint) of each joint to its keypoint in metres.

    It is what constant bone lengths cost. NaN for joints that are no keypoint and where the
    keypoint is missing.
    """
    positions, _ = fit.motion.forward_kinematics()
    frames = slice(fit.first_frame, fit.first_frame + len(positions))
    person = points.person_ids.index(person_id)
    errors = np.full(positions.shape[:2], np.nan)
    on_keypoint = {"left_foot": "left_big_toe", "right_foot": "right_big_toe"}
    for joint, name in enumerate(fit.motion.joint_names):
        keypoint = on_keypoint.get(name, name)
        if keypoint in points.keypoint_names:
            seen = points.xyz[frames, person, points.keypoint_names.index(keypoint)]
            errors[:, joint] = np.linalg.norm(positions[:, joint] - seen, axis=-1)
    return errors


def _frame(left: FloatArray, up: FloatArray) -> FloatArray:
    """Return rotations (frame, 3, 3) that take LEFT to `left` and UP as near to `up` as can be."""
    x = unit(left)
    z = unit(up - np.sum(up * x, axis=-1, keepdims=True) * x)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def _frame_upright(up: FloatArray, left: FloatArray) -> FloatArray:
    """Return rotations (frame, 3, 3) that take UP to `up` and LEFT as near to `left` as can be."""
    z = unit(up)
    x = unit(left - np.sum(left * z, axis=-1, keepdims=True) * z)
    return np.stack([x, np.cross(z, x), z], axis=-1)


def _relative(parent: FloatArray, child: FloatArray) -> FloatArray:
    """Return the rotation (frame, 3, 3) of a child in its parent's axes."""
    return np.swapaxes(parent, -1, -2) @ child


def _in_axes(rotation: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return vectors (frame, 3) in the axes of rotations (frame, 3, 3)."""
    return np.einsum("fji,fj->fi", rotation, vectors)


def _trunk_rotations(person: PersonKeypoints) -> dict[str, FloatArray]:
    """Return world rotations (frame, 3, 3) of pelvis, spine, collars, neck and head."""
    known = person.known["pelvis"]
    up = person.shoulders - person.hips
    hip_line = person.xyz["left_hip"] - person.xyz["right_hip"]
    shoulder_line = person.xyz["left_shoulder"] - person.xyz["right_shoulder"]
    pelvis = fill_rotations(_frame(hip_line, up), known)
    lumbar = fill_rotations(_relative(pelvis, _frame_upright(up, hip_line)), known)
    chest = fill_rotations(_relative(pelvis, _frame_upright(up, shoulder_line)), known)
    twist = rotvec_from_matrix(_relative(lumbar, chest))
    world = {"pelvis": pelvis}
    for level, name in enumerate(("spine1", "spine2", "spine3"), start=1):
        world[name] = pelvis @ lumbar @ matrix_from_rotvec(twist * level / 3.0)
    for side, outward in (("left", LEFT), ("right", -LEFT)):
        to_shoulder = person.xyz[f"{side}_shoulder"] - person.shoulders
        half_width = float(np.nanmedian(np.linalg.norm(to_shoulder, axis=-1)))
        along = _in_axes(world["spine3"], to_shoulder) - COLLAR_SHARE * half_width * outward
        along = fill_directions(unit(along), known)
        world[f"{side}_collar"] = world["spine3"] @ rotation_between(outward, along)
    if person.with_head:
        _add_head(world, person)
    return world


def _add_head(world: dict[str, FloatArray], person: PersonKeypoints) -> None:
    """Add neck and head: the neck points at the ears; the head looks along ears to face.

    The face point is halfway between the nose and the eyes: about level with the ears when the
    head is held upright.
    """
    to_ears = _in_axes(world["spine3"], unit(person.ears - person.shoulders))
    to_ears = fill_directions(to_ears, person.known["neck"])
    neck = world["spine3"] @ rotation_between(UP, to_ears)
    eyes = 0.5 * (person.xyz["left_eye"] + person.xyz["right_eye"])
    forward = 0.5 * (eyes + person.xyz["nose"]) - person.ears
    ear_line = person.xyz["left_ear"] - person.xyz["right_ear"]
    head = _frame(ear_line, np.cross(forward, ear_line))
    world["neck"] = neck
    world["head"] = neck @ fill_rotations(_relative(neck, head), person.known["head"])


def _add_limb(world: dict[str, FloatArray], person: PersonKeypoints, limb: Limb) -> None:
    """Add the two bones of an arm or a leg; bone directions are kept exactly."""
    parent = world[limb.parent]
    known_upper, known_lower = person.known[limb.upper], person.known[limb.lower]
    upper = unit(person.xyz[limb.lower] - person.xyz[limb.upper])
    lower = unit(person.xyz[limb.end] - person.xyz[limb.lower])
    upper = fill_directions(_in_axes(parent, upper), known_upper)
    lower = fill_directions(_in_axes(parent, lower), known_lower)
    hint: FloatArray | None = None
    hint_weight: FloatArray | None = None
    if person.with_feet and limb.parent == "pelvis":
        side = limb.upper.partition("_")[0]
        known_foot = person.known[f"{side}_ankle"] & known_lower
        heading = _in_axes(parent, unit(person.xyz[f"{side}_big_toe"] - person.xyz[f"{side}_heel"]))
        heading = fill_directions(heading, person.known[f"{side}_ankle"])
        hint = np.cross(heading, lower)
        hint_weight = _FOOT_HINT_WEIGHT * known_foot.astype(np.float64)
    hinge = hinge_axes(
        upper,
        lower,
        known_upper & known_lower,
        limb.bone,
        limb.hinge,
        limb.twist_range_deg,
        person.fps,
        hint,
        hint_weight,
    )
    rest = _bone_axes(limb.bone[None], limb.hinge[None])
    world[limb.upper] = parent @ _bone_axes(upper, hinge) @ np.swapaxes(rest, -1, -2)
    world[limb.lower] = parent @ _bone_axes(lower, hinge) @ np.swapaxes(rest, -1, -2)


def _bone_axes(bone: FloatArray, hinge: FloatArray) -> FloatArray:
    """Return rotations (frame, 3, 3) with `bone` first and `hinge` made perpendicular to it."""
    across = unit(hinge - np.sum(hinge * bone, axis=-1, keepdims=True) * bone)
    return np.stack([bone, across, np.cross(bone, across)], axis=-1)


def _add_feet(world: dict[str, FloatArray], person: PersonKeypoints) -> FloatArray:
    """Add the ankles; return ankle to big toe (3,) in the axes of the left foot.

    A foot points from heel to toe; its roll follows the shank, since ankle, heel and toe are too
    close to one line to show it.
    """
    to_toe = []
    for side in ("left", "right"):
        shank = world[f"{side}_knee"]
        known = person.known[f"{side}_ankle"]
        forward = unit(person.xyz[f"{side}_big_toe"] - person.xyz[f"{side}_heel"])
        left = np.cross(shank @ UP, forward)
        up = np.cross(forward, left)
        foot = _frame_upright(up, left)
        ankle = shank @ fill_rotations(_relative(shank, foot), known)
        world[f"{side}_ankle"] = ankle
        toe = _in_axes(ankle, person.xyz[f"{side}_big_toe"] - person.xyz[f"{side}_ankle"])
        mirror = np.array([1.0 if side == "left" else -1.0, 1.0, 1.0])
        to_toe.append(mirror * np.nanmedian(toe[known], axis=0))
    return np.asarray(np.mean(to_toe, axis=0))


def _continuous(quaternion_wxyz: FloatArray) -> FloatArray:
    """Return the same rotations with signs chosen so that quaternions never jump in time."""
    flips = np.sum(quaternion_wxyz[1:] * quaternion_wxyz[:-1], axis=-1) < 0
    sign = np.cumprod(np.where(flips, -1.0, 1.0), axis=0)
    out = quaternion_wxyz.copy()
    out[1:] *= sign[..., None]
    return out


def _check_gaps(person: PersonKeypoints, max_gap_s: float, long_gaps: str) -> None:
    """Raise BodyError when a gap of the trunk or a limb is longer than allowed.

    Head and feet are never a reason to refuse: nothing else hangs on them.
    """
    if long_gaps == "fill":
        return
    too_long = []
    for name in used_joints(person):
        if name in ("neck", "head", "left_ankle", "right_ankle"):
            continue
        for start, length in gaps(person.known[name]):
            if length > max_gap_s * person.fps:
                first = person.first_frame + start
                too_long.append(f"{name} in frames {first} to {first + length - 1}")
    if too_long:
        shown = "; ".join(too_long[:4]) + ("; …" if len(too_long) > 4 else "")
        raise BodyError(
            f"an animation cannot hold gaps, and these are longer than {max_gap_s:g} s: {shown}. "
            "Export a shorter range, improve the views, or ask for long gaps to be filled."
        )


def _twist_observed(person: PersonKeypoints, names: tuple[str, ...]) -> BoolArray:
    """Return (frame, joint): True where the rotation about the joint's bone was measured too."""
    seen = np.zeros((person.frame_count, len(names)), dtype=bool)
    for name in used_joints(person):
        if name not in ("neck", "left_collar", "right_collar"):
            seen[:, names.index(name)] = person.known[name]
    for limb in LIMBS:
        upper = unit(person.xyz[limb.lower] - person.xyz[limb.upper])
        lower = unit(person.xyz[limb.end] - person.xyz[limb.lower])
        # NaN where a keypoint is missing: the comparison is then False.
        bent = bend_sine(upper, lower) > np.sin(np.deg2rad(OBSERVED_BEND_DEG))
        for name in (limb.upper, limb.lower):
            seen[:, names.index(name)] = bent
    return seen


def _notes(person: PersonKeypoints, names: tuple[str, ...], filled: BoolArray) -> tuple[str, ...]:
    """Return sentences about what was cut, left out or filled."""
    notes = []
    cut = person.source_frames - person.frame_count
    if cut:
        notes.append(
            f"{cut} of {person.source_frames} frames were cut: hips and shoulders are known only "
            f"in frames {person.first_frame} to {person.first_frame + person.frame_count - 1}."
        )
    if not person.with_head:
        notes.append("The face was seen too rarely: the head moves with the trunk.")
    if not person.with_feet:
        notes.append("No usable feet keypoints: there are no foot joints.")
    for joint, name in enumerate(names):
        runs = gaps(~filled[:, joint])
        if runs:
            longest = max(length for _, length in runs) / person.fps
            notes.append(
                f"{name}: rotation bridged in {int(filled[:, joint].sum())} of "
                f"{len(filled)} frames (longest gap {longest:.2f} s)."
            )
    return tuple(notes)
