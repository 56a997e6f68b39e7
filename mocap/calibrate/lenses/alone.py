"""The lens of one camera from its own recording of a board: once, at home, for every rig after."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.calibrate import planar
from mocap.calibrate.adjust import RigState, residuals
from mocap.calibrate.cause.own_lenses import own_lenses
from mocap.calibrate.covariance import camera_covariance, uncertainty
from mocap.calibrate.lenses.choice import AUTO, best_model, compare_models
from mocap.calibrate.lenses.plan import LensPlan, LensWish
from mocap.calibrate.refine import refine_final
from mocap.calibrate.still import merge_still
from mocap.calibrate.verdict.report import GRID
from mocap.calibrate.verdict.variety import board_variety
from mocap.calibrate.views import BoardViews, pack_views
from mocap.core.board import Board
from mocap.core.camera import MODELS, Camera
from mocap.core.detections import Corners
from mocap.core.errors import CalibrationError
from mocap.core.shapes import FloatArray

# Fewer views let numbers of a lens stand for each other; with fewer than the second they are only
# as good as their flattest picture.
LEAST_VIEWS, ADVISED_VIEWS = 6, 12
# A focal length known to a percent moves a point at 4 m by 40 mm along the view.
MOST_FOCAL_SD, WARN_FOCAL_SD = 0.01, 0.003
# Cells of the image, of 25, in which no corner was: there the lens is extrapolated.
WARN_COVERAGE = 0.6


@dataclass(frozen=True, eq=False)
class LensAlone:
    """A lens and how well it is known.

    Attributes:
        camera: with the lens; its pose is none.
        views: of the board that were used.
        sigma_px: noise of a corner per axis.
        focal_sd_px, principal_point_sd_px: standard deviations.
        coverage: share of the 5 x 5 cells of the image that hold a corner.
        reasons: why it must not be used; empty when it may.
        warnings: what limits it.
    """

    camera: Camera
    views: int
    sigma_px: float
    focal_sd_px: float
    principal_point_sd_px: float
    coverage: float
    reasons: tuple[str, ...]
    warnings: tuple[str, ...]


def lens_alone(corners: Corners, board: Board, *, model: str = "standard") -> LensAlone:
    """Calibrate the lens of one camera.

    Args:
        corners: what it saw of the board.
        board: one board; its scale does not matter for a lens.
        model: of the lens; "auto": the one that predicts views held out best.

    Raises:
        CalibrationError: too few views of the board, or several boards on one body.
    """
    if board.count > 1:
        raise CalibrationError("a lens alone is calibrated from a single flat board.")
    once, _ = merge_still([corners])
    views = pack_views(once, board)
    if views.view_count < LEAST_VIEWS:
        raise CalibrationError(
            f"camera '{corners.camera}' saw the board in {views.view_count} usable frames; at "
            f"least {LEAST_VIEWS} are needed, better 60. Hold it at many places, tilted every "
            "way, out to the edges of the image."
        )
    if model == AUTO:
        model = best_model(compare_models([corners], board, (), LensWish()))
    plan = LensPlan.unknown(1, float(MODELS.index(model)))
    views, state = _start(views, plan)
    refined = refine_final(views, state, plan=plan)
    sd = uncertainty(refined.state, camera_covariance(views, refined, plan=plan))
    camera = Camera.from_lens(corners.camera, corners.image_size, refined.state.lens[0], np.eye(4))
    length = np.linalg.norm(residuals(views, refined.state), axis=1)
    good = np.nan_to_num(length, nan=np.inf) < refined.loss.scale_px
    found = LensAlone(
        camera,
        views.view_count,
        refined.sigma_px,
        float(sd.focal_px[0]),
        float(sd.principal_point_px[0]),
        _coverage(views.arrays.pixels[good], corners.image_size),
        (),
        (),
    )
    return _judged(found, board_variety(refined.state, board).planar)


def _start(views: BoardViews, plan: LensPlan) -> tuple[BoardViews, RigState]:
    """Return views and a first state: the lens from some views, each board by its own view."""
    lens = own_lenses(views, plan).lens
    poses = planar.planar_poses(views, lens, planar.homographies(views)).best()
    views = views.keep_views(np.isin(np.arange(views.view_count), poses.view))
    return views, RigState(lens, np.eye(4)[None], poses.camera_from_board)


def _coverage(pixels: FloatArray, size: tuple[int, int]) -> float:
    cell = np.clip((pixels / np.array(size) * GRID).astype(np.int64), 0, GRID - 1)
    return len(np.unique(cell @ np.array([1, GRID]))) / GRID**2


def _judged(found: LensAlone, planar_board: bool) -> LensAlone:
    """Return the lens with what speaks for and against it."""
    from dataclasses import replace

    focal = float(found.camera.lens[:2].mean())
    share = found.focal_sd_px / focal
    known = f"the focal length is known to {100 * share:.1f} % only"
    reasons: Sequence[tuple[bool, str]] = (
        (planar_board, "the board kept its direction: tilt it every way."),
        (share > MOST_FOCAL_SD, f"{known}: tilt the board more, and come nearer."),
    )
    warnings: Sequence[tuple[bool, str]] = (
        (
            found.views < ADVISED_VIEWS,
            f"{found.views} pictures of the board only: take {ADVISED_VIEWS} at least, better 60.",
        ),
        (
            WARN_FOCAL_SD < share <= MOST_FOCAL_SD,
            f"{known}: tilt the board more, and come nearer.",
        ),
        (
            found.coverage < WARN_COVERAGE,
            f"corners were in {100 * found.coverage:.0f} % of the image only: hold the board at "
            "the edges too.",
        ),
    )
    return replace(
        found,
        reasons=tuple(text for holds, text in reasons if holds),
        warnings=tuple(text for holds, text in warnings if holds),
    )
