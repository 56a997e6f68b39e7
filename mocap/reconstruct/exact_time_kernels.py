"""Pixels moved from the time of their image to that of their frame, see `exact_time`."""

from __future__ import annotations

import numpy as np

from mocap.core.kernels.compiled import inlined, kernel
from mocap.core.kernels.linear import in_camera
from mocap.core.lens import has_pixel, project_point
from mocap.core.shapes import FloatArray


@inlined
def _pixel_at(
    pose: FloatArray, lens: FloatArray, cubic: FloatArray, piece: int, after: float
) -> tuple[float, float]:
    """Return the pixel of the place on a piece of a curve so many seconds after its begin."""
    x = ((cubic[0, piece, 0] * after + cubic[1, piece, 0]) * after + cubic[2, piece, 0]) * after
    y = ((cubic[0, piece, 1] * after + cubic[1, piece, 1]) * after + cubic[2, piece, 1]) * after
    z = ((cubic[0, piece, 2] * after + cubic[1, piece, 2]) * after + cubic[2, piece, 2]) * after
    x, y, z = in_camera(
        pose, x + cubic[3, piece, 0], y + cubic[3, piece, 1], z + cubic[3, piece, 2]
    )
    if not has_pixel(lens, x, y, z):
        return np.nan, np.nan
    return project_point(lens, x, y, z)


@inlined
def _piece_of(knots: FloatArray, time: float, near: int) -> int:
    """Return the piece of a curve that holds a time, looking from a piece that is near."""
    while near > 0 and time < knots[near]:
        near -= 1
    while near < len(knots) - 2 and time >= knots[near + 1]:
        near += 1
    return near


@kernel
def move_to_frames(
    pose: FloatArray,
    lens: FloatArray,
    knots: FloatArray,
    cubic: FloatArray,
    fps: float,
    late: FloatArray,
    rows: FloatArray,
    pixels: FloatArray,
) -> None:
    """Move the pixels (frame, 2) of one keypoint in one camera to where they were at frame / fps.

    Args:
        pose: [R | t] (3, 4) of the camera.
        lens: (13,), see `core.lens`.
        knots: (knot,) seconds between which the curve is known, ascending.
        cubic: (4, knot - 1, 3) coefficients of the curve after each knot, of the cube first.
        fps: frames per second.
        late: (frame,) seconds that the image was taken after its frame; NaN counts as 0.
        rows: (3,) how much later than its image a pixel was taken, see `core.clocks`.
        pixels: not seen is NaN and stays NaN; outside of the knots, and where the camera does not
            see the curve, pixels stay as they are.
    """
    here = (len(knots) - 2) // 2  # anywhere; a literal would be compiled for, see `compiled`
    for frame in range(len(pixels)):
        u, v = pixels[frame, 0], pixels[frame, 1]
        node = frame / fps
        if np.isnan(u) or node < knots[0] or node > knots[-1]:
            continue
        after = late[frame]
        if np.isnan(after):
            after = 0.0
        taken = node + (after + (u * rows[0] + v * rows[1] + rows[2]))
        taken = min(max(taken, knots[0]), knots[-1])
        here = _piece_of(knots, node, here)
        there = _piece_of(knots, taken, here)
        u_here, v_here = _pixel_at(pose, lens, cubic, here, node - knots[here])
        u_there, v_there = _pixel_at(pose, lens, cubic, there, taken - knots[there])
        if not (np.isnan(u_here) or np.isnan(u_there)):
            pixels[frame, 0] = u - (u_there - u_here)
            pixels[frame, 1] = v - (v_there - v_here)
