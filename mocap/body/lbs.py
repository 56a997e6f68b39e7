"""Linear blend skinning: from joint rotations to joint positions and skin vertices.

The algorithm is the pose part of SMPL (Loper et al. 2015, section 3).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import Array, FloatArray, in_parts

# 32 frames of 14 000 vertices need 20 MB of blended transforms: they stay in the cache's reach.
_FRAMES_AT_ONCE = 32


def as_matrices(rotations: Array) -> FloatArray:
    """Return rotations as (frame, joint, 3, 3); rotation vectors (frame, joint, 3) are accepted.

    Raises:
        ValueError: for any other shape.
    """
    array = np.asarray(rotations, dtype=np.float64)
    if array.ndim == 4 and array.shape[2:] == (3, 3):
        return array
    if array.ndim == 3 and array.shape[2] == 3:
        return matrix_from_rotvec(array)
    raise ValueError(
        f"rotations have shape {array.shape}; expected (frame, joint, 3, 3) or (frame, joint, 3)"
    )


def forward_kinematics(
    rest_joints: FloatArray, parents: tuple[int, ...], rotations: Array, transl: Array
) -> tuple[FloatArray, FloatArray]:
    """Return joint positions (frame, joint, 3) and global rotations (frame, joint, 3, 3).

    `rotations` are local, as for `as_matrices`. The root turns about its own rest position and
    then moves by `transl` (frame, 3), as in SMPL-X: its position is rest_joints[0] + transl.
    `rest_joints` are (joint, 3), or (frame, joint, 3) where they change with the frames.
    """
    local = as_matrices(rotations)
    positions = np.zeros(local.shape[:3])
    turns = np.zeros_like(local)
    for joint, parent in enumerate(parents):
        if parent < 0:
            turns[:, joint] = local[:, joint]
            positions[:, joint] = rest_joints[..., joint, :] + np.asarray(transl)
        else:
            turns[:, joint] = turns[:, parent] @ local[:, joint]
            offset = rest_joints[..., joint, :] - rest_joints[..., parent, :]
            moved = turns[:, parent] @ offset[..., None]
            positions[:, joint] = positions[:, parent] + moved[..., 0]
    return positions, turns


def pose_features(rotations: Array) -> FloatArray:
    """Return what pose correctives are linear in: (frame, 9 (joint - 1)) entries of R - I.

    Row by row, of every joint but the root (Loper et al. 2015, equation 9).
    """
    bent = as_matrices(rotations)[:, 1:] - np.eye(3)
    return bent.reshape(len(bent), -1)


def skin(
    rest_vertices: Array,
    weights: csr_array,
    rest_joints: FloatArray,
    positions: FloatArray,
    turns: FloatArray,
) -> Array:
    """Move rest vertices (vertex, 3) with their joints -> (frame, vertex, 3).

    `rest_vertices` and `rest_joints` may have a leading frame axis where they change with the
    frames. `weights` is (vertex, joint) with rows that sum to 1; `positions` and `turns` come from
    `forward_kinematics`. Works in the precision of `rest_vertices`.
    """
    rest = np.asarray(rest_vertices)
    changing = rest.ndim == 3
    count = rest.shape[-2]
    homogeneous = np.concatenate([rest, np.ones((*rest.shape[:-1], 1), dtype=rest.dtype)], axis=-1)
    shift = positions - (turns @ rest_joints[..., None])[..., 0]
    moved = np.concatenate([turns, shift[..., None]], axis=3).astype(rest.dtype)  # frame joint 3 4
    skinned = np.zeros((len(moved), count, 3), dtype=rest.dtype)
    for chosen in in_parts(len(moved), _FRAMES_AT_ONCE):
        block = moved[chosen]
        by_joint = block.transpose(1, 0, 2, 3).reshape(block.shape[1], -1)
        blended = (weights @ by_joint).reshape(count, len(block), 3, 4)
        if changing:
            skinned[chosen] = np.einsum("vfab,fvb->fva", blended, homogeneous[chosen])
        else:
            skinned[chosen] = np.einsum("vfab,vb->fva", blended, homogeneous)
    return skinned
