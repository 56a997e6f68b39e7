"""Lengths that a rig gets wrong in a part of its volume, while they come out right on average.

The box of the places where squares of the board were measured in frames held out is cut into parts;
in each the measured squares say what is wrong, and the covariance of the cameras what must be
expected of a longer length there.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.board import Board
from mocap.core.shapes import FloatArray

# Parts along each side of the volume: three where so many lengths come to each of 27, else two.
MOST_PARTS, LEAST_PARTS, ENOUGH = 3, 2, 100
# Lengths and frames of a part that tell something: those of one frame share the error of its views.
LEAST_LENGTHS, LEAST_FRAMES = 30, 3


@dataclass(frozen=True)
class LengthCell:
    """A part of the volume: what squares of the board measure there in frames held out.

    Attributes:
        center_m: its middle, in the world of the calibration.
        lengths, frames: squares' sides that were measured, in so many frames.
        bias_mm, rms_mm: mean and root mean square error of these sides.
        predicted_mm: standard deviation, by the calibration alone, of a length of half a metre;
            mean of three directions. None where two cameras do not see both ends.
    """

    center_m: tuple[float, float, float]
    lengths: int
    frames: int
    bias_mm: float
    rms_mm: float
    predicted_mm: float | None = None

    @property
    def spread_mm(self) -> float:
        """Standard deviation of the sides about their mean."""
        return max(self.rms_mm**2 - self.bias_mm**2, 0.0) ** 0.5


def length_cells(points: FloatArray, board: Board) -> tuple[LengthCell, ...]:
    """Return the parts of the volume with their lengths, of corners (frame, corner, 3) m.

    Corners that were not measured are NaN.
    """
    grid = points.reshape(len(points), board.rows - 1, board.columns - 1, 3)
    sides = []
    for axis in (1, 2):
        low, high = np.delete(grid, -1, axis), np.delete(grid, 0, axis)
        sides.append(
            np.concatenate([low, high], axis=-1).reshape(len(points), -1, 2, 3),
        )
    ends = np.concatenate(sides, axis=1)
    frame = np.broadcast_to(np.arange(len(points))[:, None], ends.shape[:2])
    known = np.isfinite(ends).all(axis=(2, 3))
    if not known.any():
        return ()
    ends, frame = ends[known], frame[known]
    middle = ends.mean(axis=1)
    error_mm = 1000.0 * (np.linalg.norm(ends[:, 1] - ends[:, 0], axis=1) - board.square_length_m)
    low, high = np.percentile(middle, [2.5, 97.5], axis=0)
    parts = MOST_PARTS if len(middle) >= ENOUGH * MOST_PARTS**3 else LEAST_PARTS
    size = np.maximum(high - low, 1e-9) / parts
    part = np.clip(np.floor((middle - low) / size), 0, parts - 1).astype(np.int64)
    number = part @ np.array([parts * parts, parts, 1])
    out = []
    for each in np.unique(number):
        mine = number == each
        frames = len(np.unique(frame[mine]))
        if mine.sum() < LEAST_LENGTHS or frames < LEAST_FRAMES:
            continue
        x, y, z = (float(v) for v in low + (part[mine][0] + 0.5) * size)
        off = error_mm[mine]
        rms = float(np.sqrt(np.mean(off**2)))
        out.append(LengthCell((x, y, z), int(mine.sum()), frames, float(off.mean()), rms))
    return tuple(out)
