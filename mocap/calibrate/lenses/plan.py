"""What a calibration may assume about its lenses: models, which are known, which are one lens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.calibrate.views import BoardViews
from mocap.core.camera import MODELS, Camera
from mocap.core.errors import CalibrationError
from mocap.core.shapes import BoolArray, FloatArray, IntArray, check_shapes

# A lens that was calibrated before and is only a start: focusing moves its focal length by percents
# and the middle by pixels; the shape of the distortion stays.
REFINED_FOCAL_SD_SHARE, REFINED_MIDDLE_SD_PX, REFINED_COEFFICIENT_SD = 0.02, 10.0, 0.02


@dataclass(frozen=True)
class LensWish:
    """How lenses are to be calibrated.

    Attributes:
        model: "standard", "rational" or "fisheye", of the lenses that are not given.
        shared: all cameras have one lens (equal cameras, equally set).
        refine: lenses that are given are a start that may move by percents, not kept as they are.
    """

    model: str = "standard"
    shared: bool = False
    refine: bool = False


OWN_LENSES = LensWish()
"""Every camera has an unknown standard lens of its own."""


@dataclass(frozen=True, eq=False)
class LensPlan:
    """The lenses of a rig before it is solved.

    Attributes:
        known: (camera, 13) K13 of each camera; NaN where unknown. The code of the model is always
            known.
        fixed: (camera,) lenses that are kept as they are.
        group: (camera,) cameras with the same number have one lens.
        sd: (camera, 12) how certain each known number is; infinite where nothing is known of it.
    """

    known: FloatArray
    fixed: BoolArray
    group: IntArray
    sd: FloatArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, known="camera 13", fixed="camera", group="camera", sd="camera 12")

    @classmethod
    def unknown(cls, cameras: int, model: float = 0.0) -> LensPlan:
        """Return the plan of a rig whose cameras each have an unknown lens of a model."""
        known = np.full((cameras, 13), np.nan)
        known[:, 12] = model
        return cls(
            known,
            np.zeros(cameras, dtype=bool),
            np.arange(cameras),
            np.full((cameras, 12), np.inf),
        )

    @property
    def given(self) -> BoolArray:
        """Which lenses (camera,) are known, kept or not."""
        return np.isfinite(self.known[:, 0])

    @property
    def shared(self) -> bool:
        """Whether some cameras have one lens."""
        return len(np.unique(self.group)) < len(self.group)

    def applied(self, lens: FloatArray) -> FloatArray:
        """Return lenses (camera, 13) with what is known put in; a group takes its first's."""
        out = np.where(np.isfinite(self.known), self.known, lens)
        if self.shared:
            _, leader = np.unique(self.group, return_index=True)
            out = out[leader[np.unique(self.group, return_inverse=True)[1]]]
        return np.asarray(out)

    def started_at(self, lens: FloatArray) -> LensPlan:
        """Return the plan that knows these lenses but neither keeps nor trusts more of them."""
        return replace(self, known=lens)

    def keeping_all(self) -> LensPlan:
        """Return the plan that keeps every lens as it is known."""
        return replace(self, fixed=np.ones_like(self.fixed))


def lens_plan(views: BoardViews, lenses: Sequence[Camera], wish: LensWish) -> LensPlan:
    """Return the plan of given lenses (matched by name) and a wish for the others.

    Raises:
        CalibrationError: a lens was calibrated at another image size, or is of no camera here, or
            cameras of different image sizes are to share one lens.
    """
    names = views.camera_names
    plan = LensPlan.unknown(len(names), float(MODELS.index(wish.model)))
    by_name = {camera.name: camera for camera in lenses}
    strangers = sorted(set(by_name) - set(names))
    if strangers:
        raise CalibrationError(
            f"a lens is given for camera '{strangers[0]}', which is not among {', '.join(names)}. "
            "Name the lenses by the cameras."
        )
    for index, (name, size) in enumerate(zip(names, views.image_sizes, strict=True)):
        if name not in by_name:
            continue
        old = by_name[name].image_size
        if old != size:
            raise CalibrationError(
                f"the lens of camera '{name}' was calibrated at {old[0]} x {old[1]} px, its video "
                f"has {size[0]} x {size[1]}. Record at the same size or calibrate the lens anew."
            )
        lens = by_name[name].lens
        plan.known[index] = lens
        plan.fixed[index] = not wish.refine
        if wish.refine:
            plan.sd[index] = REFINED_COEFFICIENT_SD
            plan.sd[index, :2] = REFINED_FOCAL_SD_SHARE * lens[:2]
            plan.sd[index, 2:4] = REFINED_MIDDLE_SD_PX
    return _with_one_lens(plan, views) if wish.shared else plan


def _with_one_lens(plan: LensPlan, views: BoardViews) -> LensPlan:
    """Return the plan with one lens for all cameras whose lens is not kept.

    Raises:
        CalibrationError: their image sizes differ.
    """
    open_ = np.flatnonzero(~plan.fixed)
    sizes = {views.image_sizes[index] for index in open_}
    if len(sizes) > 1:
        said = " and ".join(f"{width} x {height}" for width, height in sorted(sizes))
        raise CalibrationError(
            f"the cameras record images of {said} px: they cannot have one lens. Record all at one "
            "size, or calibrate every lens for itself."
        )
    group = plan.group.copy()
    group[open_] = group[open_[0]] if len(open_) else 0
    return replace(plan, group=group)
