"""Files in the SMPL-X layout for tests; none has anything of SMPL-X but the format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mocap.body import smplx_format as fmt

CORRECTIVES = 9 * (len(fmt.JOINT_NAMES) - 1)


def random_body(seed: int = 0, vertices: int = fmt.VERTEX_COUNT) -> dict[str, Any]:
    """Return the arrays of a body of random numbers in the sizes of a full SMPL-X file."""
    rng = np.random.default_rng(seed)
    joints = len(fmt.JOINT_NAMES)
    rows = np.arange(vertices)[:, None]
    weights = np.zeros((vertices, joints), dtype=np.float32)
    weights[rows, rng.integers(0, joints, (vertices, 4))] = rng.uniform(0.1, 1.0, (vertices, 4))
    regressor = np.zeros((joints, vertices), dtype=np.float32)
    regressor[np.arange(joints)[:, None], rng.integers(0, vertices, (joints, 6))] = 1.0
    shapes = np.zeros((vertices, 3, fmt.FULL_SHAPES + fmt.FULL_EXPRESSIONS), dtype=np.float32)
    shapes[..., :20] = rng.normal(0, 0.01, (vertices, 3, 20))
    shapes[..., 300:310] = rng.normal(0, 0.005, (vertices, 3, 10))
    correctives = np.zeros((vertices, 3, CORRECTIVES), dtype=np.float32)
    correctives[..., ::7] = rng.normal(0, 0.003, (vertices, 3, len(range(0, CORRECTIVES, 7))))
    table = np.array([fmt.PARENTS, range(joints)], dtype=np.int64)
    table[0, 0] = 2**32 - 1
    return {
        "v_template": rng.normal(0, 0.4, (vertices, 3)).astype(np.float32),
        "f": rng.integers(0, vertices, (2000, 3)).astype(np.uint32),
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "J_regressor": regressor / regressor.sum(axis=1, keepdims=True),
        "kintree_table": table,
        "shapedirs": shapes,
        "posedirs": correctives,
        "hands_meanl": rng.normal(0, 0.2, 45).astype(np.float32),
        "hands_meanr": rng.normal(0, 0.2, 45).astype(np.float32),
        "hands_componentsl": np.eye(45, dtype=np.float32),
        "hands_componentsr": np.eye(45, dtype=np.float32),
        "lmk_faces_idx": rng.integers(0, 2000, 51),
        "lmk_bary_coords": rng.dirichlet([1.0, 1.0, 1.0], 51).astype(np.float32),
        "joint2num": np.array({n: k for k, n in enumerate(fmt.JOINT_NAMES)}, dtype=object),
    }


def save(arrays: dict[str, Any], path: Path) -> Path:
    """Write arrays as an npz file and return its path."""
    np.savez(path, **arrays)
    return path
