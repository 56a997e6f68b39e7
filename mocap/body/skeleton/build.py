"""From keypoints in space to a moving skeleton with constant bones.

Joint positions are taken as the detector gives them; the skeleton adds constant bone lengths
(robust medians) and rotations that point every bone at its keypoint. What positions cannot show is
carried or left neutral, and said so:

* The twist of a straight arm or leg is NOT observed (see `mocap.body.skeleton.hinge_twist`), nor is
  forearm pronation, wrist bending, or the roll of a foot about its length.
* How the bend of the trunk is shared along the spine is a convention: the trunk is one straight
  line; its axial twist is spread evenly over the three spine joints.
* Without feet keypoints there are no foot joints, and the ankles keep their rest rotation.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from mocap.body.skeleton.hinge_twist import OBSERVED_BEND_DEG, bend_sine
from mocap.body.skeleton.input import PersonKeypoints, measure, select_person, used_joints
from mocap.body.skeleton.layout import LIMBS, PARENTS, foot_offsets, joint_tree, rest_offsets
from mocap.body.skeleton.pose import Pose, ankle_to_toe, pose_from_keypoints, relative
from mocap.core.errors import BodyError
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D
from mocap.core.rotation import quaternion_wxyz_from_matrix, unit
from mocap.core.runs import runs
from mocap.core.shapes import BoolArray, FloatArray

# A limb may be bridged for this long: half a second is less than a step or a throw.
MAX_GAP_S = 0.5


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
    """Return the moving skeleton of one person; see `fit_skeleton` for what was filled.

    >>> from mocap.synthetic.example import walker
    >>> motion = skeleton_from_points(walker().points, 0)
    >>> motion.joint_names[:3], motion.local_rotations_wxyz.shape  # frame, joint, 4
    (('pelvis', 'left_hip', 'right_hip'), (60, 22, 4))
    """
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
        InputError: the person is unknown.
        BodyError: the person is never fully seen, or a gap is too long.
    """
    person = select_person(points, person_id)
    _check_gaps(person, max_gap_s, long_gaps)
    names, parents = joint_tree(person.with_feet)
    offsets = rest_offsets(measure(person, symmetric=symmetric))
    pose = pose_from_keypoints(person, offsets)
    if person.with_feet:
        offsets.update(foot_offsets(ankle_to_toe(pose, person)))
    motion = SkeletonMotion(
        joint_names=names,
        parents=parents,
        rest_offsets=np.array([offsets[name] for name in names]),
        local_rotations_wxyz=_local_rotations(pose, names),
        root_positions=pose.positions["pelvis"],
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
    person = points.person_index(person_id)
    errors = np.full(positions.shape[:2], np.nan)
    on_keypoint = {"left_foot": "left_big_toe", "right_foot": "right_big_toe"}
    for joint, name in enumerate(fit.motion.joint_names):
        keypoint = on_keypoint.get(name, name)
        if keypoint in points.keypoint_names:
            seen = points.xyz[frames, person, points.keypoint_names.index(keypoint)]
            errors[:, joint] = np.linalg.norm(positions[:, joint] - seen, axis=-1)
    return errors


def _local_rotations(pose: Pose, names: tuple[str, ...]) -> FloatArray:
    """Return quaternions (frame, joint, 4) of all joints in their parents' axes."""
    world = dict(pose.rotations)
    local = []
    for name in names:
        parent = PARENTS[name]
        # What nothing turns (wrists, toes, ankles without feet keypoints) moves with its parent.
        rotation = world.setdefault(name, world.get(parent, world["pelvis"]))
        local.append(relative(world[parent], rotation) if parent else rotation)
    return _continuous(quaternion_wxyz_from_matrix(np.stack(local, axis=1)))


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
        for start, end in runs(~person.known[name]):
            if end - start > max_gap_s * person.fps:
                first = person.first_frame
                too_long.append(f"{name} in frames {first + start} to {first + end - 1}")
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
        bridged = runs(filled[:, joint])
        if bridged:
            longest = max(end - start for start, end in bridged) / person.fps
            notes.append(
                f"{name}: rotation bridged in {int(filled[:, joint].sum())} of "
                f"{len(filled)} frames (longest gap {longest:.2f} s)."
            )
    return tuple(notes)
