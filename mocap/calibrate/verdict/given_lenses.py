"""Do lenses that were given fit what their cameras see? Asked of each camera by itself.

A focus ring that was touched, a zoom, another camera's file: views then bend in a way that poses
take up, and cameras that stood still look as if they had moved. A single flat board tells the lens
without any pose of the camera, so each is asked alone, once with the given lens and once with one
of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate.cause.own_lenses import own_lenses
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.verdict.report import Finding, Verdict
from mocap.calibrate.views import BoardViews
from mocap.core.shapes import BoolArray, FloatArray, check_shapes

# The worst tenth of the corners is worse by so much with the given lens. With a right one by a
# hundredth at most, for an own one follows the noise a little.
MISFIT_TIMES = 1.04
# What a lens adds to the noise there, in pixels; below this none is worth a word. Lenses of eight
# webcams by another tool add .07 at most, but for one (.24) whose focal length is 1.2 % off.
LEAST_PX = 0.08


def misfit_of(given_px: FloatArray, own_px: FloatArray) -> BoolArray:
    """Return which lenses (camera,) do not fit, by the worst tenth of corners of each."""
    added = np.sqrt(np.maximum(given_px**2 - own_px**2, 0.0))
    return np.asarray((given_px > MISFIT_TIMES * own_px) & (added > LEAST_PX))


@dataclass(frozen=True, eq=False)
class GivenLenses:
    """What cameras say of the lenses they were given.

    Attributes:
        names: of the cameras.
        given_px, own_px: (camera,) the worst tenth of the corners with either lens.
        misfit: (camera,) given lenses that do not fit.
    """

    names: tuple[str, ...]
    given_px: FloatArray
    own_px: FloatArray
    misfit: BoolArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, names="camera", given_px="camera", own_px="camera", misfit="camera")

    def freed(self, plan: LensPlan) -> LensPlan:
        """Return the plan in which, one lens being wrong, no given one is trusted."""
        return _free(plan, plan.fixed & self.misfit.any())

    def findings(self) -> tuple[Finding, ...]:
        """Return a finding for each lens that does not fit."""
        return tuple(
            Finding(
                Verdict.WARN,
                f"the lens given for camera '{self.names[i]}' does not fit its own views: the "
                f"worst tenth of its corners is {self.given_px[i]:.2f} px off, "
                f"{self.own_px[i]:.2f} px with a lens of its own.",
                "Focus, zoom or resolution may differ from its calibration: take --refine-lenses, "
                "or calibrate that lens again (`mocap lens`).",
            )
            for i in np.flatnonzero(self.misfit)
        )


def ask_given(views: BoardViews, plan: LensPlan) -> GivenLenses:
    """Ask the cameras whose lenses are kept as they were given whether these fit."""
    count = len(views.camera_names)
    if not plan.fixed.any():
        return GivenLenses(views.camera_names, np.zeros(count), np.zeros(count), plan.fixed)
    given, own = own_lenses(views, plan), own_lenses(views, _free(plan, plan.fixed))
    misfit = plan.fixed & misfit_of(given.upper_px, own.upper_px)
    return GivenLenses(views.camera_names, given.upper_px, own.upper_px, misfit)


def _free(plan: LensPlan, which: BoolArray) -> LensPlan:
    """Return the plan in which some given lenses are only where a search starts."""
    return replace(plan, fixed=plan.fixed & ~which)
