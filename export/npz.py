"""AMASS-style NPZ: SMPL-X pose parameters with the keys that public loaders ask for.

Metres, Z up, rotation vectors; the local axes are SMPL-X's (Y up, the body faces +Z). Only joints
with SMPL-X names are written; others stay at rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_quaternion_wxyz, rotvec_from_matrix
from mocap.core.shapes import Array
from mocap.core.store import atomic_write
from mocap.export.character.character import BodyShape, check_motion

_SIDES = ("left", "right")
_BODY = (
    *("pelvis", "left_hip", "right_hip", "spine1", "left_knee", "right_knee", "spine2"),
    *("left_ankle", "right_ankle", "spine3", "left_foot", "right_foot", "neck"),
    *("left_collar", "right_collar", "head", "left_shoulder", "right_shoulder"),
    *("left_elbow", "right_elbow", "left_wrist", "right_wrist"),
    *("jaw", "left_eye_smplhf", "right_eye_smplhf"),
)
SMPLX_JOINTS = (
    *_BODY,
    *(
        f"{side}_{finger}{bone}"
        for side in _SIDES
        for finger in ("index", "middle", "pinky", "ring", "thumb")
        for bone in (1, 2, 3)
    ),
)
"""The 55 joints in the order of SMPL-X."""

# The Y-up body stands in the Z-up world.
_WORLD_FROM_BODY = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
# AMASS has 16 betas; public loaders take as many.
_BETAS = 16
_SMPLX = "smplx"


def write(
    motion: SkeletonMotion,
    path: Path | str,
    *,
    shape: BodyShape | None = None,
) -> tuple[str, ...]:
    """Write a motion as SMPL-X parameters; return what is only approximate.

    Args:
        motion: joints with SMPL-X names, at rest in a T-pose.
        path: file to write; replaced as a whole or not at all.
        shape: of the body that moves; `trans` is the pelvis' position minus its rest pelvis.
            Without one betas are 0 and `trans` is the pelvis.

    Raises:
        ExportError: gaps, or no SMPL-X joints.
    """
    check_motion(motion)
    given = np.zeros(0) if shape is None else shape.betas
    betas = np.zeros(max(_BETAS, len(given)))
    betas[: len(given)] = given
    root = np.zeros(3) if shape is None else shape.rest_root_m
    poses = _poses(motion)
    frames = len(poses)
    arrays: dict[str, Any] = {
        "gender": np.array("neutral" if shape is None else shape.gender),
        "surface_model_type": np.array(_SMPLX),
        "model_name": np.array("" if shape is None else shape.model_name),
        "model_hash": np.array("" if shape is None else shape.model_hash),
        "flat_hand_mean": np.array(True),
        "mocap_frame_rate": np.array(float(motion.fps)),
        "mocap_time_length": np.array(frames / motion.fps),
        "trans": motion.root_positions - root,
        "poses": poses.reshape(frames, -1),
        "betas": betas,
        "num_betas": np.array(len(betas)),
        "root_orient": poses[:, 0],
        "pose_body": poses[:, 1:22].reshape(frames, -1),
        "pose_jaw": poses[:, 22],
        "pose_eye": poses[:, 23:25].reshape(frames, -1),
        "pose_hand": poses[:, 25:].reshape(frames, -1),
    }
    if shape is not None and shape.expression is not None:
        arrays["expression"] = shape.expression
        arrays["num_expressions"] = np.array(shape.expression.shape[1])
    with atomic_write(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
    return _remarks(motion, shape)


def _poses(motion: SkeletonMotion) -> Array:
    """Return rotation vectors (frame, 55, 3) in the axes of SMPL-X."""
    known = [name for name in SMPLX_JOINTS if name in motion.joint_names]
    if motion.joint_names[0] != SMPLX_JOINTS[0] or len(known) < 2:
        raise ExportError(
            f"a skeleton rooted at '{motion.joint_names[0]}' has no SMPL-X names: NPZ needs them."
        )
    poses = np.zeros((len(motion.root_positions), len(SMPLX_JOINTS), 3))
    for name in known:
        turns = matrix_from_quaternion_wxyz(
            motion.local_rotations_wxyz[:, motion.joint_names.index(name)]
        )
        local = turns @ _WORLD_FROM_BODY
        if name != SMPLX_JOINTS[0]:
            local = _WORLD_FROM_BODY.T @ local
        poses[:, SMPLX_JOINTS.index(name)] = rotvec_from_matrix(local)
    return poses


def _remarks(motion: SkeletonMotion, shape: BodyShape | None) -> tuple[str, ...]:
    """Return sentences about what the file cannot say."""
    remarks = []
    missing = [name for name in SMPLX_JOINTS if name not in motion.joint_names]
    if missing:
        remarks.append(f"{len(missing)} SMPL-X joints were not measured and stay at rest in NPZ.")
    if shape is None:
        remarks.append(
            "NPZ holds the motion but not this person's bones: betas are 0 and trans is the "
            "position of the pelvis joint."
        )
    elif not shape.model_name.startswith(_SMPLX):
        remarks.append(
            f"betas in NPZ are those of body '{shape.model_name}', not of SMPL-X: a program that "
            "poses SMPL-X should take its own betas."
        )
    return tuple(remarks)
