"""Write a free body as an npz file in the SMPL-X v1.1 layout, for programs that want one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mocap.body import smplx_format as fmt
from mocap.body.model import BodyModel
from mocap.body.smplx_file import FREE_KEY
from mocap.core.errors import BodyError
from mocap.core.shapes import Array, IntArray
from mocap.core.store import atomic_write

# `smplx` and others want the parent of the root as the largest 32-bit number.
_NO_PARENT = 2**32 - 1


def write_smplx_npz(model: BodyModel, path: str | Path, *, sex: str = "neutral") -> None:
    """Write a body as an SMPL-X file: 300 shape and 100 expression components, zeros where unused.

    `smplx.create` wants the name to begin with `SMPLX_`. One array, `joint2num`, is a pickled
    dictionary, as in the original files; readers that refuse pickles can leave it out.

    Args:
        model: a free body.
        path: file to write; replaced as a whole or not at all.
        sex: "neutral", "female" or "male": whose mean becomes the mean of the file.

    Raises:
        BodyError: the model is under a licence that forbids copies, has no such mean, or is too
            small for the vertex numbers of the format.
    """
    if model.licence_note:
        raise BodyError(
            f"body '{model.name}' may not be copied: its licence forbids it. Use your file itself."
        )
    _check_landmarks(model)
    arrays = _arrays(model, model.rest_vertices(model.sex_shape(sex)))
    with atomic_write(Path(path)) as temporary, temporary.open("wb") as file:
        np.savez_compressed(file, **arrays)


def _check_landmarks(model: BodyModel) -> None:
    wrong = [
        name
        for name, vertex in fmt.LANDMARK_VERTICES.items()
        if name not in model.landmark_names or model.landmark(name) != vertex
    ]
    if wrong:
        raise BodyError(
            f"body '{model.name}' does not have {', '.join(wrong)} at the vertex numbers of the "
            "SMPL-X format, so it cannot be written as such a file."
        )


def _arrays(model: BodyModel, template: Array) -> dict[str, Any]:
    count = len(template)
    components = np.zeros((fmt.FULL_SHAPES + fmt.FULL_EXPRESSIONS, count, 3), dtype=np.float32)
    components[: model.shape_count] = model.shape_components
    first = fmt.FULL_SHAPES
    components[first : first + len(model.expression_components)] = model.expression_components
    correctives = np.zeros((9 * (model.joint_count - 1), count, 3), dtype=np.float32)
    correctives[: len(model.pose_correctives)] = model.pose_correctives
    table = np.array([model.parents, range(model.joint_count)], dtype=np.int64)
    table[0, 0] = _NO_PARENT
    left, right = model.hand_means.reshape(2, -1).astype(np.float32)
    return {
        FREE_KEY: np.array(model.name),
        "v_template": template.astype(np.float32),
        "f": model.faces.astype(np.uint32),
        "weights": model.skin_weights.toarray().astype(np.float32),
        "J_regressor": model.joint_regressor.toarray().astype(np.float32),
        "kintree_table": table,
        "shapedirs": components.transpose(1, 2, 0),
        "posedirs": correctives.transpose(1, 2, 0),
        "hands_meanl": left,
        "hands_meanr": right,
        "hands_componentsl": np.eye(45, dtype=np.float32),
        "hands_componentsr": np.eye(45, dtype=np.float32),
        "hands_coeffsl": np.zeros((1, 45), dtype=np.float32),
        "hands_coeffsr": np.zeros((1, 45), dtype=np.float32),
        "lmk_faces_idx": _face_numbers(model, model.face_landmark_vertices),
        "lmk_bary_coords": model.face_landmark_weights.astype(np.float32),
        # The same jaw line at every yaw.
        "dynamic_lmk_faces_idx": np.tile(
            _face_numbers(model, model.jaw_line_vertices), (fmt.CONTOUR_YAWS, 1)
        ),
        "dynamic_lmk_bary_coords": np.tile(
            model.jaw_line_weights.astype(np.float32), (fmt.CONTOUR_YAWS, 1, 1)
        ),
        "joint2num": np.array({name: k for k, name in enumerate(model.joint_names)}, dtype=object),
    }


def _face_numbers(model: BodyModel, corners: IntArray) -> IntArray:
    """Return the numbers of the faces with these corners (landmark, 3)."""
    number = {tuple(face): k for k, face in enumerate(model.faces.tolist())}
    return np.array([number[tuple(face)] for face in corners.tolist()], dtype=np.int64)
