"""Characters of other makers, as tests build them: proportions, rest poses, names and frames."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from mocap.body.body_skeleton import skeleton_of
from mocap.body.feet.contact import find_contacts
from mocap.body.feet.lock import lock_feet
from mocap.body.model import BodyModel, load_free_body
from mocap.core.body_motion import BodyMotion, split_rotations
from mocap.core.motion import SkeletonMotion
from mocap.export import fbx, glb
from mocap.export.character.character import Character, SkeletonStyle
from mocap.export.character.dummy import dummy_mesh
from mocap.export.character.rest_pose import with_rest_pose
from mocap.export.onto.solved import Standing
from mocap.synthetic.motion.motion import MOTIONS

_ARMS = ("elbow", "wrist")
_LEGS = ("knee", "ankle")
FACE = ("jaw", "left_eye_smplhf", "right_eye_smplhf")

STYLES = {
    "mixamo": SkeletonStyle(names="mixamo", name_prefix="mixamorig:", bone_axis="mixamo"),
    "unreal": SkeletonStyle(names="ue5", bone_axis="x", root_bone=True),
    "plain": SkeletonStyle(names="humanik", pre_rotation=True, bone_axis="y"),
}


def person(name: str = "walk", seconds: float = 2.0) -> tuple[SkeletonMotion, Standing]:
    """Return a motion of the free body with held feet, and when they stand."""
    body = load_free_body()
    motion = lock_feet(_body_motion(name, seconds, body), body).motion
    contacts = find_contacts(motion, body, least_confidence=0.5)
    return skeleton_of(motion, body), Standing(contacts.standing, contacts.floor_m)


def _body_motion(name: str, seconds: float, body: BodyModel) -> BodyMotion:
    motion = MOTIONS[name](seconds, 60.0)
    frames = len(motion.transl)
    return BodyMotion(
        person_id=0,
        model_name=body.name,
        model_hash=body.content_hash,
        joint_names=body.joint_names,
        fps=60.0,
        betas=motion.betas,
        transl=motion.transl,
        expression=np.zeros((frames, 0)),
        flat_hand_mean=True,
        fit_error_mm=np.zeros(frames),
        rotation_sigma_deg=np.ones((frames, 55)),
        observable=np.ones(55, dtype=bool),
        **split_rotations(motion.rotations),
    )


def write_hero(
    path: Path, *, style: str = "mixamo", pose: str = "t", legs: float = 1.0, arms: float = 1.0
) -> None:
    """Write a character that stands still: its own proportions, rest pose, names and frames."""
    motion, _ = person("squat", 0.1)
    offsets = motion.rest_offsets.copy()
    for joint, name in enumerate(motion.joint_names):
        factor = {**dict.fromkeys(_LEGS, legs), **dict.fromkeys(_ARMS, arms)}
        offsets[joint] *= factor.get(name.rpartition("_")[2], 1.0)
    still = replace(
        motion,
        rest_offsets=offsets,
        local_rotations_wxyz=np.tile([1.0, 0.0, 0.0, 0.0], (1, len(offsets), 1)),
        root_positions=np.array([[0.0, 0.0, 1.0]]),
    )
    character = with_rest_pose(Character(still, dummy_mesh(still)), pose)
    if pose == "a":
        # The only frame stands as it was bound.
        turns = np.tile([1.0, 0.0, 0.0, 0.0], (1, len(offsets), 1))
        character = replace(character, motion=replace(character.motion, local_rotations_wxyz=turns))
    writer = fbx.write if path.suffix == ".fbx" else glb.write
    writer(character, path, style=STYLES[style], take_name="Stand")
