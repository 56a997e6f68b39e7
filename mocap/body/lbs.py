"""Linear blend skinning: from joint rotations to joint positions and skin vertices.

The algorithm is the pose part of SMPL (Loper et al. 2015, section 3).
"""

from __future__ import annotations

import numpy as np
from scipy.sparse import csr_array

from mocap.core.kernels.compiled import kernel
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import Array, FloatArray, IntArray, in_parts

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
    local = np.ascontiguousarray(as_matrices(rotations))
    rest = np.asarray(rest_joints, dtype=np.float64)
    rest = np.ascontiguousarray(rest if rest.ndim == 3 else rest[None])
    moved = np.array(np.broadcast_to(transl, (len(local), 3)), dtype=np.float64)
    positions, turns = np.zeros(local.shape[:3]), np.zeros(local.shape)
    _turn(rest, np.array(parents), local, moved, positions, turns)
    return positions, turns


@kernel
def _turn(
    rest: FloatArray,
    parents: IntArray,
    local: FloatArray,
    transl: FloatArray,
    positions: FloatArray,
    turns: FloatArray,
) -> None:
    """Write positions and global rotations; `rest` is (frame, joint, 3) or (1, joint, 3).

    G_j = G_p R_j and x_j = x_p + G_p (rest_j - rest_p), p the parent of joint j.
    """
    for t in range(len(local)):
        at = rest[t if len(rest) > 1 else 0]
        for j in range(len(parents)):
            p = parents[j]
            for a in range(3):
                if p < 0:
                    positions[t, j, a] = at[j, a] + transl[t, a]
                    for b in range(3):
                        turns[t, j, a, b] = local[t, j, a, b]
                    continue
                r0, r1, r2 = turns[t, p, a, 0], turns[t, p, a, 1], turns[t, p, a, 2]
                positions[t, j, a] = positions[t, p, a] + (
                    r0 * (at[j, 0] - at[p, 0]) + r1 * (at[j, 1] - at[p, 1])
                    + r2 * (at[j, 2] - at[p, 2])
                )  # fmt: skip
                for b in range(3):
                    turns[t, j, a, b] = (
                        r0 * local[t, j, 0, b] + r1 * local[t, j, 1, b] + r2 * local[t, j, 2, b]
                    )


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
