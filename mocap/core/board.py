"""A ChArUco calibration board."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import FloatArray


@dataclass(frozen=True)
class Board:
    """A chessboard with ArUco markers in its white squares.

    Attributes:
        name: name of the definition.
        columns, rows: number of squares along x and y.
        square_length_m: side of a square, as measured on the print.
        marker_length_m: side of a marker.
        dictionary: OpenCV name of the marker dictionary, e.g. "DICT_4X4_250".
        legacy_pattern: layout of OpenCV before 4.6 (starts with a marker, even row counts).
        inverted: printed white on black.
        two_sided: the same board is printed on the back, mirrored corner for corner.
        thickness_m: distance between the two printed faces of a two-sided board.
    """

    name: str
    columns: int
    rows: int
    square_length_m: float
    marker_length_m: float
    dictionary: str
    legacy_pattern: bool = False
    inverted: bool = False
    two_sided: bool = False
    thickness_m: float = 0.0

    def __post_init__(self) -> None:
        """Check that the board can exist."""
        if self.columns < 3 or self.rows < 3:
            raise ValueError(
                f"board '{self.name}' has {self.columns} x {self.rows} squares; at least 3 x 3 "
                "are needed"
            )
        if not 0 < self.marker_length_m < self.square_length_m:
            raise ValueError(
                f"board '{self.name}': the marker ({self.marker_length_m * 1000:g} mm) must be "
                f"smaller than the square ({self.square_length_m * 1000:g} mm)"
            )

    @property
    def corner_count(self) -> int:
        """Number of inner corners."""
        return (self.columns - 1) * (self.rows - 1)

    def corner_points(self) -> FloatArray:
        """Return the inner corners (n, 3) in metres, in OpenCV's order, in the board frame.

        The frame is OpenCV's: origin at the outer corner of the first square, x along the columns,
        y along the rows (down on the print), z away from a viewer of the front: into the board.
        """
        x, y = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
        flat = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
        return np.asarray(flat * self.square_length_m, dtype=np.float64)
