"""What a person must know about a calibration: figures, verdict, reasons and remedies."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum

import numpy as np

from mocap.calibrate.verdict.held_out import HeldOut
from mocap.calibrate.verdict.shifted import DroppedView
from mocap.core.clocks import Clocks
from mocap.core.plain import plain

# A board tilted by less hardly tells focal length from distance; so many views make a way.
TILTED_DEG, LEAST_TILTED = 15.0, 3
GRID = 5  # coverage and residual maps have 5 x 5 cells


class Verdict(StrEnum):
    """PASS: use it. WARN: usable, read why. FAIL: do not use it."""

    PASS = "PASS"
    WARN = "WARN"
    FAIL = "FAIL"


UNKNOWN_ABOVE_MM = 1000.0
"""A position that is known to no better than a metre is not known."""


def known_to_mm(sd_mm: float) -> str:
    """Return how well a position is known, for people: millimetres, or that it is not known."""
    return f"{sd_mm:.1f}" if sd_mm < UNKNOWN_ABOVE_MM else "unknown"


@dataclass(frozen=True)
class Finding:
    """One reason for the verdict: its level, what was measured, and what to do about it."""

    level: Verdict
    text: str
    remedy: str


@dataclass(frozen=True)
class OverTime:
    """Residuals of a camera over the recording: frames, median length, and median with its sign.

    Attributes:
        frame: in the middle of each part.
        median_px: median length of the residuals of the part.
        shift_px: length of their median vector: a pose or an instant that is wrong, no noise.
    """

    frame: tuple[int, ...]
    median_px: tuple[float, ...]
    shift_px: tuple[float, ...]


@dataclass(frozen=True)
class BoardView:
    """One view of the board: what it is an example of, its frame, corners and residuals in px."""

    what: str
    frame: int
    median_px: float
    pixels: tuple[tuple[float, float], ...]
    residual_px: tuple[tuple[float, float], ...]


@dataclass(frozen=True)
class CameraReport:
    """Figures of one camera.

    Attributes:
        name, image_size: the camera.
        frames: frames in which it has a usable view of the board.
        corners: corners used.
        coverage: share of the 5 x 5 image cells that hold a corner.
        coverage_grid: corners per cell, rows from the top.
        rejected: share of corners that disagree by more than 6 sigma.
        rms_px: root mean square reprojection error of the others.
        median_px: median reprojection error of all.
        residual_grid_px: mean residual vector (x, y) per cell; (0, 0) where nearly empty.
        focal_px, focal_sd_px: mean of fx and fy.
        principal_point_shift_px, principal_point_sd_px: from the image centre.
        center_m, center_sd_mm: position in the world of the calibration.
        rotation_sd_deg: of the orientation.
        time_offset_frames: how many frames late its images are; None if it cannot be told.
        moved_at_frame: frame from which on it disagrees with the others: it was bumped; or None.
        over_time: residuals over the recording; None in reports of older versions.
        views: single views to look at.
        tilts_deg: how far the board looked to the right of its image and upwards; (0, 0): at it.
    """

    name: str
    image_size: tuple[int, int]
    frames: int
    corners: int
    coverage: float
    coverage_grid: tuple[tuple[int, ...], ...]
    rejected: float
    rms_px: float
    median_px: float
    residual_grid_px: tuple[tuple[tuple[float, float], ...], ...]
    focal_px: float
    focal_sd_px: float
    principal_point_shift_px: float
    principal_point_sd_px: float
    center_m: tuple[float, float, float]
    center_sd_mm: float
    rotation_sd_deg: float
    time_offset_frames: float | None
    moved_at_frame: int | None = None
    over_time: OverTime | None = None
    views: tuple[BoardView, ...] = ()
    tilts_deg: tuple[tuple[float, float], ...] = ()

    @property
    def edge_coverage(self) -> float:
        """Share of the image cells along the edges that hold a corner: where lenses bend most."""
        grid = np.array(self.coverage_grid) > 0
        inner = grid[1:-1, 1:-1]
        return float((grid.sum() - inner.sum()) / max(grid.size - inner.size, 1))

    @property
    def missing_tilts(self) -> tuple[str, ...]:
        """Ways in which the board was hardly tilted; empty where tilts are not known."""
        if not self.tilts_deg:
            return ()
        right, up = np.array(self.tilts_deg).T
        ways = {"left": -right, "right": right, "up": up, "down": -up}
        return tuple(way for way, tilt in ways.items() if (tilt > TILTED_DEG).sum() < LEAST_TILTED)


@dataclass(frozen=True)
class PairReport:
    """Two cameras: distance, frames in which both saw the board, frames that agree.

    `bridge` is the number of agreeing frames that hold the rig together across this pair; None
    when other pairs do.
    """

    first: str
    second: str
    distance_m: float
    shared_frames: int
    agreeing_frames: int
    bridge: int | None


@dataclass(frozen=True)
class RefinementNote:
    """That the cameras were moved after the calibration: from which takes, and how it went."""

    takes: tuple[str, ...]
    summary: str


@dataclass(frozen=True)
class FloorReport:
    """Where the floor of the world comes from: source, frames, median tilt of the cameras."""

    source: str
    first_frame: int
    last_frame: int
    camera_tilt_deg: float


@dataclass(frozen=True)
class ErrorMapReport:
    """Predicted error of measured points where the board was, from the calibration alone.

    `points_m` in the world of the calibration, `sd_mm` of each; median and the 95th percentile.
    """

    points_m: tuple[tuple[float, float, float], ...]
    sd_mm: tuple[float, ...]
    median_mm: float
    worst_mm: float


@dataclass(frozen=True)
class CalibrationReport:
    """A calibration judged.

    Attributes:
        verdict: the worst level of the findings.
        findings: reasons, worst first; empty for a clean PASS.
        board: name of the board.
        frames: frames used.
        sigma_px: noise of a corner per axis.
        cameras, pairs: figures.
        dropped_views: views left out because their board is shifted in one camera.
        held_out: the test on frames the calibration has not seen; None if there are too few.
        converged, iterations: of the adjustment.
        notes: what corner detection said.
        refinement: what moved the cameras afterwards; None when nothing did.
        board_print: size, square, marker and dictionary of the board that was assumed.
        floor: where the floor comes from; None while the world stands at the first camera.
        made: when and with which versions; empty until it is stored.
        error_map: predicted error of the volume; None when no two cameras see a part of it.
        clocks: when each camera was started; None where frames were counted.
    """

    verdict: Verdict
    findings: tuple[Finding, ...]
    board: str
    frames: int
    sigma_px: float
    cameras: tuple[CameraReport, ...]
    pairs: tuple[PairReport, ...]
    dropped_views: tuple[DroppedView, ...]
    held_out: HeldOut | None
    converged: bool
    iterations: int
    notes: tuple[str, ...]
    refinement: RefinementNote | None = None
    board_print: str = ""
    floor: FloorReport | None = None
    made: str = ""
    error_map: ErrorMapReport | None = None
    clocks: Clocks | None = None

    def to_json(self) -> dict[str, object]:
        """Return plain dictionaries, lists, numbers and text; NaN becomes null."""
        document = plain(asdict(self))
        assert isinstance(document, dict)
        return document
