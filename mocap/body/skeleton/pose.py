"""World rotations of a skeleton's joints from keypoints, added parent first.

Every bone points from where its joint stands (given constant bone lengths) at the next keypoint.
So a trunk that appears longer or shorter than its median is made up for by the collars, and length
errors do not add up along a limb.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mocap.body.skeleton.gap_filling import fill_directions, fill_positions, fill_rotations
from mocap.body.skeleton.hinge_twist import hinge_axes
from mocap.body.skeleton.input import PersonKeypoints
from mocap.body.skeleton.layout import LEFT, LIMBS, PARENTS, UP, Limb
from mocap.core.rotation import matrix_from_rotvec, rotation_between, rotvec_from_matrix, unit
from mocap.core.shapes import FloatArray

# Weight of the foot's heading as a stand-in for the knee's hinge; 1 is a right-angled bend and a
# knee bent by 20 degrees counts 0.06. Feet point 5 to 15 degrees outward, hence the low weight.
_FOOT_HINT_WEIGHT = 0.02


@dataclass(frozen=True, eq=False)
class Pose:
    """World rotations and positions of the joints added so far.

    Attributes:
        offsets: (3,) rest offset from the parent by joint, metres.
        rotations: (frame, 3, 3) by joint.
        positions: (frame, 3) by joint, metres.
    """

    offsets: dict[str, FloatArray]
    rotations: dict[str, FloatArray] = field(default_factory=dict)
    positions: dict[str, FloatArray] = field(default_factory=dict)

    def add(self, joint: str, rotation: FloatArray) -> None:
        """Add a joint whose parent is there."""
        self.rotations[joint] = rotation
        self.positions[joint] = self.joint_position(joint)

    def joint_position(self, joint: str) -> FloatArray:
        """Return where a joint (frame, 3) stands: its own rotation does not move it."""
        parent = PARENTS[joint]
        moved = self.rotations[parent] @ self.offsets[joint]
        return np.asarray(self.positions[parent] + moved)


def pose_from_keypoints(person: PersonKeypoints, offsets: dict[str, FloatArray]) -> Pose:
    """Return the pose of all joints that keypoints turn; `offsets` need no feet."""
    pose = Pose(offsets)
    _add_trunk(pose, person)
    if person.with_head:
        _add_head(pose, person)
    for limb in LIMBS:
        _add_limb(pose, person, limb)
    if person.with_feet:
        for side in ("left", "right"):
            _add_foot(pose, person, side)
    return pose


def relative(parent: FloatArray, child: FloatArray) -> FloatArray:
    """Return the rotation (frame, 3, 3) of a child in its parent's axes."""
    return np.swapaxes(parent, -1, -2) @ child


def in_axes(rotation: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return vectors (frame, 3) in the axes of rotations (frame, 3, 3)."""
    return np.einsum("fji,fj->fi", rotation, vectors)


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


def _add_trunk(pose: Pose, person: PersonKeypoints) -> None:
    """Add pelvis, spine and collars.

    The pelvis has the hip line exactly and leans with the trunk (keypoints do not show a pelvis
    that tilts by itself); the spine points at the middle of the shoulders and turns evenly.
    """
    known = person.known["pelvis"]
    hip_line = person.xyz["left_hip"] - person.xyz["right_hip"]
    shoulder_line = person.xyz["left_shoulder"] - person.xyz["right_shoulder"]
    pelvis = fill_rotations(_frame(hip_line, person.shoulders - person.hips), known)
    pose.rotations["pelvis"] = pelvis
    pose.positions["pelvis"] = fill_positions(person.hips, known)
    up = person.shoulders - pose.joint_position("spine1")
    lumbar = fill_rotations(relative(pelvis, _frame_upright(up, hip_line)), known)
    chest = fill_rotations(relative(pelvis, _frame_upright(up, shoulder_line)), known)
    twist = rotvec_from_matrix(relative(lumbar, chest))
    for level, name in enumerate(("spine1", "spine2", "spine3"), start=1):
        pose.add(name, pelvis @ lumbar @ matrix_from_rotvec(twist * level / 3.0))
    for side, outward in (("left", LEFT), ("right", -LEFT)):
        collar = f"{side}_collar"
        to_shoulder = person.xyz[f"{side}_shoulder"] - pose.joint_position(collar)
        along = fill_directions(in_axes(pose.rotations["spine3"], unit(to_shoulder)), known)
        pose.add(collar, pose.rotations["spine3"] @ rotation_between(outward, along))


def _add_head(pose: Pose, person: PersonKeypoints) -> None:
    """Add neck and head: the neck points at the ears; the head looks along ears to face.

    The face point is halfway between the nose and the eyes: about level with the ears when the
    head is held upright.
    """
    chest = pose.rotations["spine3"]
    to_ears = in_axes(chest, unit(person.ears - pose.joint_position("neck")))
    pose.add("neck", chest @ rotation_between(UP, fill_directions(to_ears, person.known["neck"])))
    eyes = 0.5 * (person.xyz["left_eye"] + person.xyz["right_eye"])
    forward = 0.5 * (eyes + person.xyz["nose"]) - person.ears
    ear_line = person.xyz["left_ear"] - person.xyz["right_ear"]
    neck = pose.rotations["neck"]
    head = relative(neck, _frame(ear_line, np.cross(forward, ear_line)))
    pose.add("head", neck @ fill_rotations(head, person.known["head"]))


def _add_limb(pose: Pose, person: PersonKeypoints, limb: Limb) -> None:
    """Add the two bones of an arm or a leg."""
    parent = pose.rotations[limb.parent]
    start = pose.joint_position(limb.upper)
    upper = in_axes(parent, unit(person.xyz[limb.lower] - start))
    upper = fill_directions(upper, person.known[limb.upper])
    middle = start + np.einsum("fij,fj->fi", parent, upper) * np.linalg.norm(
        pose.offsets[limb.lower]
    )
    lower = in_axes(parent, unit(person.xyz[limb.end] - middle))
    lower = fill_directions(lower, person.known[limb.lower])
    hint, hint_weight = _foot_hint(parent, person, limb, lower)
    hinge = hinge_axes(
        upper,
        lower,
        person.known[limb.upper] & person.known[limb.lower],
        limb.bone,
        limb.hinge,
        limb.twist_range_deg,
        person.fps,
        hint,
        hint_weight,
    )
    rest = _bone_axes(limb.bone[None], limb.hinge[None])
    pose.add(limb.upper, parent @ _bone_axes(upper, hinge) @ np.swapaxes(rest, -1, -2))
    pose.add(limb.lower, parent @ _bone_axes(lower, hinge) @ np.swapaxes(rest, -1, -2))


def _foot_hint(
    parent: FloatArray, person: PersonKeypoints, limb: Limb, shank: FloatArray
) -> tuple[FloatArray | None, FloatArray | None]:
    """Return the knee's hinge (frame, 3) as the foot's heading suggests it, and its weight."""
    if not person.with_feet or limb.parent != "pelvis":
        return None, None
    side = limb.upper.partition("_")[0]
    known = person.known[f"{side}_ankle"]
    heading = unit(person.xyz[f"{side}_big_toe"] - person.xyz[f"{side}_heel"])
    heading = fill_directions(in_axes(parent, heading), known)
    weight = _FOOT_HINT_WEIGHT * (known & person.known[limb.lower]).astype(np.float64)
    return np.cross(heading, shank), weight


def _bone_axes(bone: FloatArray, hinge: FloatArray) -> FloatArray:
    """Return rotations (frame, 3, 3) with `bone` first and `hinge` made perpendicular to it."""
    across = unit(hinge - np.sum(hinge * bone, axis=-1, keepdims=True) * bone)
    return np.stack([bone, across, np.cross(bone, across)], axis=-1)


def _add_foot(pose: Pose, person: PersonKeypoints, side: str) -> None:
    """Add an ankle: the foot points from heel to toe and rolls with the shank.

    Ankle, heel and toe are too close to one line to show the roll.
    """
    shank = pose.rotations[f"{side}_knee"]
    forward = unit(person.xyz[f"{side}_big_toe"] - person.xyz[f"{side}_heel"])
    left = np.cross(shank @ UP, forward)
    foot = relative(shank, _frame_upright(np.cross(forward, left), left))
    pose.add(f"{side}_ankle", shank @ fill_rotations(foot, person.known[f"{side}_ankle"]))


def ankle_to_toe(pose: Pose, person: PersonKeypoints) -> FloatArray:
    """Return ankle to big toe (3,) in the axes of the left foot: median of both, mirrored."""
    to_toe = []
    for side, outward in (("left", 1.0), ("right", -1.0)):
        ankle = person.xyz[f"{side}_ankle"]
        toe = in_axes(pose.rotations[f"{side}_ankle"], person.xyz[f"{side}_big_toe"] - ankle)
        to_toe.append(np.array([outward, 1.0, 1.0]) * np.nanmedian(toe, axis=0))
    return np.asarray(np.mean(to_toe, axis=0))
