"""Which lens model a camera needs, told by views that its calibration has not seen.

Every camera is calibrated from four fifths of its own views with each model, and each view of the
last fifth gets a board pose of its own, which no lens can spoil. What then is left of its corners
is the error of the lens: a model with too few numbers leaves a bend, one with too many follows the
noise and is no better than the smaller one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mocap.calibrate.cause.own_lenses import single_views, solved_lenses
from mocap.calibrate.lenses.plan import LensWish, lens_plan
from mocap.calibrate.still import merge_still
from mocap.calibrate.views import pack_views
from mocap.core.board import Board
from mocap.core.camera import MODELS, Camera
from mocap.core.detections import Corners

AUTO = "auto"
# Every so many views of a camera are held out.
HELD_OUT_STRIDE = 5
# A larger model must predict unseen views better by this share: the standard error of the upper
# decile over the thousand corners held out is 1 %.
WORTH_IT = 0.97


def compare_models(
    corners: Sequence[Corners], board: Board, lenses: Sequence[Camera], wish: LensWish
) -> dict[str, float]:
    """Return by model the error of held-out views (px per axis), the median over cameras.

    It is told by the worst tenth of their corners: a lens fails first at the edge of the image.

    Raises:
        CalibrationError: as `calibrate`.
    """
    once, _ = merge_still(corners)
    single = single_views(pack_views(once, board))
    rank = np.zeros(single.view_count, dtype=np.int64)
    for camera in range(len(single.camera_names)):
        mine = np.flatnonzero(single.arrays.view_camera == camera)
        rank[mine] = np.arange(len(mine))
    held = rank % HELD_OUT_STRIDE == HELD_OUT_STRIDE // 2
    errors = {}
    for model in MODELS:
        asked = LensWish(model, wish.shared, wish.refine)
        plan = lens_plan(single, lenses, asked)
        trained = solved_lenses(single.keep_views(~held), plan)
        kept = plan.started_at(trained.lens).keeping_all()
        errors[model] = float(np.median(solved_lenses(single.keep_views(held), kept).upper_px))
    return errors


def best_model(errors: Mapping[str, float]) -> str:
    """Return the smallest model that is not clearly worse than a larger one."""
    best = min(errors.values())
    order = ("standard", "fisheye", "rational")  # nine, eight and twelve numbers; usual ones first
    good = [model for model in order if WORTH_IT * errors[model] <= best]
    return good[0]
