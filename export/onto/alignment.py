"""How the rest pose of a foreign rig becomes our T-pose: one rotation in the world for each joint.

Trunk, neck and head stand upright in every rest pose and keep their own; limbs and fingers take
the shortest way from the direction they have (A-pose, bent elbows) to ours; hands also turn their
palm to the floor; feet only turn to the front, for a sole that lies flat must go on lying flat.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_rotvec, rotation_between
from mocap.core.shapes import FloatArray
from mocap.export.onto.joints import FINGERS, JointMap
from mocap.export.onto.rig import CharacterRig, pure_rotation

_UP = np.array([0.0, 0.0, 1.0])
_SIDES = ("left", "right")
_NO_LENGTH_M = 1e-4

# The next joint, to which a bone points.
_NEXT = {
    **{
        f"{side}_{near}": f"{side}_{far}"
        for side in _SIDES
        for near, far in (
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
            ("hip", "knee"),
            ("knee", "ankle"),
            *((f"{each}{k}", f"{each}{k + 1}") for each in FINGERS for k in (1, 2)),
        )
    },
    "left_wrist": "left_middle1",
    "right_wrist": "right_middle1",
}


@dataclass(frozen=True, eq=False)
class RestPose:
    """A rig at rest in metres, Z up, and what brings it into our T-pose.

    Attributes:
        places: (node, 3) joints as they were bound.
        turns: (node, 3, 3) their rotations in the world.
        to_t_pose: (3, 3) by our joint, in the world.
        upright: (3, 3) turn of the whole rig to our front.
    """

    places: FloatArray
    turns: FloatArray
    to_t_pose: dict[str, FloatArray]
    upright: FloatArray


def rest_pose(rig: CharacterRig, joints: JointMap, motion: SkeletonMotion) -> RestPose:
    """Return the rest pose of a rig beside our T-pose."""
    bound = rig.world(rig.bind_turn)
    places = rig.axes.world_points(bound[:, :3, 3])
    turns = rig.axes.file_from_world.T @ pure_rotation(bound)
    at = {name: places[node] for name, node in joints.nodes.items()}
    ours = dict(zip(motion.joint_names, motion.rest_positions(), strict=True))
    upright = _upright(at)
    out = {"pelvis": upright}
    for name in _ordered(joints.nodes):
        above = _above(name, out)
        if name.endswith(("_ankle", "_foot")):
            out[name] = _heading(at, ours, name.partition("_")[0], upright)
            continue
        turn = _along(at, ours, name, above)
        out[name] = _palm_down(at, ours, name, turn) if name.endswith("_wrist") else turn
    return RestPose(places, turns, out, upright)


def _ordered(nodes: Mapping[str, int]) -> list[str]:
    """Return our names such that the one a joint follows comes before it."""
    order = ["collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot"]
    order += [f"{each}{k}" for each in FINGERS for k in (1, 2, 3)]
    names = [f"{side}_{each}" for side in _SIDES for each in order]
    return [name for name in (*names, "head") if name in nodes]


def _above(name: str, known: Mapping[str, FloatArray]) -> FloatArray:
    """Return the turn of the joint that a joint follows before it has its own."""
    side, _, joint = name.partition("_")
    if joint[-1:].isdigit():
        follows = f"{side}_wrist" if joint[-1] == "1" else f"{name[:-1]}{int(joint[-1]) - 1}"
    else:
        follows = {
            "elbow": f"{side}_shoulder",
            "wrist": f"{side}_elbow",
            "knee": f"{side}_hip",
        }.get(joint, "pelvis")
    return known.get(follows, known["pelvis"])


def _upright(at: Mapping[str, FloatArray]) -> FloatArray:
    """Return the turn (3, 3) that puts the trunk up and the hips left to right."""
    hips = 0.5 * (at["left_hip"] + at["right_hip"])
    shoulders = 0.5 * (at["left_shoulder"] + at["right_shoulder"])
    trunk = shoulders - hips
    nearest = np.eye(3)[np.abs(trunk).argmax()] * np.sign(trunk[np.abs(trunk).argmax()])
    # A trunk that leans is how this character stands; only lying ones are put up.
    turn = rotation_between(nearest, _UP)
    across = turn @ (at["left_hip"] - at["right_hip"])
    return matrix_from_rotvec(-np.arctan2(across[1], across[0]) * _UP) @ turn


def _along(
    at: Mapping[str, FloatArray], ours: Mapping[str, FloatArray], name: str, above: FloatArray
) -> FloatArray:
    """Return the turn of a bone: that of the one above, then the shortest way to our direction."""
    far = _NEXT.get(name, "")
    if far not in at or far not in ours:
        return above
    bone, wanted = above @ (at[far] - at[name]), ours[far] - ours[name]
    if min(np.linalg.norm(bone), np.linalg.norm(wanted)) < _NO_LENGTH_M:
        return above
    return np.asarray(rotation_between(bone, wanted) @ above)


def _palm_down(
    at: Mapping[str, FloatArray], ours: Mapping[str, FloatArray], name: str, turn: FloatArray
) -> FloatArray:
    """Return the turn of a hand whose knuckles also lie as ours do."""
    side = name.partition("_")[0]
    index, last = f"{side}_index1", f"{side}_pinky1"
    if last not in at:
        last = f"{side}_ring1"
    if not {index, last, f"{side}_middle1"} <= set(at) or last not in ours:
        return turn
    axis = ours[f"{side}_middle1"] - ours[name]
    axis = axis / np.linalg.norm(axis)
    found, wanted = turn @ (at[index] - at[last]), ours[index] - ours[last]
    found, wanted = (each - (each @ axis) * axis for each in (found, wanted))
    if min(np.linalg.norm(found), np.linalg.norm(wanted)) < _NO_LENGTH_M:
        return turn
    angle = np.arctan2(np.cross(found, wanted) @ axis, found @ wanted)
    return np.asarray(matrix_from_rotvec(angle * axis) @ turn)


def _heading(
    at: Mapping[str, FloatArray], ours: Mapping[str, FloatArray], side: str, upright: FloatArray
) -> FloatArray:
    """Return the turn of a foot about the vertical to our heading."""
    ankle, ball = f"{side}_ankle", f"{side}_foot"
    if ball not in at or ball not in ours:
        return upright
    found, wanted = upright @ (at[ball] - at[ankle]), ours[ball] - ours[ankle]
    angle = np.arctan2(wanted[1], wanted[0]) - np.arctan2(found[1], found[0])
    return np.asarray(matrix_from_rotvec(angle * _UP) @ upright)
