"""Poses apart from place, front and stature: the size of a body, and the turn to one front.

Recognition looks at joints of any source, the counting of repetitions at measured segments: what
makes poses comparable is the same.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from mocap.core.shapes import Array, FloatArray

TRUNK_AND_LEGS = (("shoulder", "hip"), ("hip", "knee"), ("knee", "ankle"))
ARMS = (("shoulder", "elbow"), ("elbow", "wrist"))


def size_m(position: Callable[[str], Array], bones: Sequence[tuple[str, str]]) -> float:
    """Return the summed length of bones, each the mean of left and right, of these the median.

    Where one side is never seen the other speaks for both; NaN where neither is.

    Args:
        position: gives the path (frame, 3) in metres of "left_hip"; NaN where it is not seen.
        bones: names of both ends without their side.
    """
    total = 0.0
    for one, other in bones:
        sides = []
        for side in ("left", "right"):
            long = np.linalg.norm(position(f"{side}_{one}") - position(f"{side}_{other}"), axis=-1)
            long = long[np.isfinite(long)]
            if len(long):
                sides.append(float(np.median(long)))
        total += float(np.mean(sides)) if sides else float("nan")
    return total


def across_line(hips: FloatArray, shoulders: FloatArray) -> FloatArray:
    """Return the line across a body (..., 3) from those across hips and shoulders.

    Shoulders count half: they turn against the hips in a walk.
    """
    return hips + 0.5 * shoulders


def turn_onto_x(across: FloatArray) -> FloatArray:
    """Return rotations (..., 3, 3) about Z that turn lines (..., 2 or 3), seen from above, to X."""
    flat = across[..., :2]
    flat = flat / np.maximum(np.linalg.norm(flat, axis=-1, keepdims=True), 1e-6)
    cos, sin = flat[..., 0], flat[..., 1]
    rotation = np.zeros((*flat.shape[:-1], 3, 3))
    rotation[..., 0, 0], rotation[..., 0, 1] = cos, sin
    rotation[..., 1, 0], rotation[..., 1, 1] = -sin, cos
    rotation[..., 2, 2] = 1.0
    return rotation
