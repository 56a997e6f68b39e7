"""A calibration board: ChArUco, or a plain checkerboard for lenses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import FloatArray

NO_MARKERS = "none"
"""The dictionary of a plain checkerboard."""


@dataclass(frozen=True)
class Board:
    """A chessboard with ArUco markers in its white squares.

    Attributes:
        name: name of the definition.
        columns, rows: number of squares along x and y.
        square_length_m: side of a square, as measured on the print.
        marker_length_m: side of a marker; 0 of a plain checkerboard.
        dictionary: OpenCV name of the marker dictionary, e.g. "DICT_4X4_250"; "none" of a plain
            checkerboard.
        legacy_pattern: layout of OpenCV before 4.6 (starts with a marker, even row counts).
        inverted: printed white on black.
        two_sided: the same board is printed on the back, mirrored corner for corner.
        thickness_m: distance between the two printed faces of a two-sided board.
        count: so many boards of this kind are fixed to one rigid body, in any arrangement.
        marker_step: marker numbers from one of these boards to the next.
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
    count: int = 1
    marker_step: int = 0

    def __post_init__(self) -> None:
        """Check that the board can exist."""
        if self.columns < 3 or self.rows < 3:
            raise ValueError(
                f"board '{self.name}' has {self.columns} x {self.rows} squares; at least 3 x 3 "
                "are needed"
            )
        if self.plain and (self.marker_length_m or self.count > 1 or self.two_sided):
            raise ValueError(f"board '{self.name}' has no markers: it is one, and one-sided")
        if not self.plain and not 0 < self.marker_length_m < self.square_length_m:
            raise ValueError(
                f"board '{self.name}': the marker ({self.marker_length_m * 1000:g} mm) must be "
                f"smaller than the square ({self.square_length_m * 1000:g} mm)"
            )

        if self.count < 1 or (self.count > 1 and self.marker_step < self.markers_of_one):
            raise ValueError(
                f"board '{self.name}': {self.count} boards on one body need markers of their own: "
                f"each has {self.markers_of_one}, the next begins {self.marker_step} further"
            )
        if self.count > 1 and self.two_sided:
            raise ValueError(f"board '{self.name}': several boards on a body are one-sided each")

    @property
    def plain(self) -> bool:
        """Whether it is a checkerboard without markers: good for a lens, not for a rig."""
        return self.dictionary == NO_MARKERS

    @property
    def markers_of_one(self) -> int:
        """Markers of a single board."""
        return 0 if self.plain else self.columns * self.rows // 2

    @property
    def corners_of_one(self) -> int:
        """Inner corners of a single board."""
        return (self.columns - 1) * (self.rows - 1)

    @property
    def corner_count(self) -> int:
        """Number of inner corners, of all boards of the body: those of the first come first."""
        return self.count * self.corners_of_one

    def corner_points(self) -> FloatArray:
        """Return the inner corners (n, 3) in metres, in OpenCV's order, in the board frame.

        Of several boards on one body each is in its own frame: how they stand is not known.

        The frame is OpenCV's: origin at the outer corner of the first square, x along the columns,
        y along the rows (down on the print), z away from a viewer of the front: into the board.
        """
        x, y = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
        flat = np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)
        one = np.asarray(flat * self.square_length_m, dtype=np.float64)
        return np.tile(one, (self.count, 1))
