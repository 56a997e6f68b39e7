"""Keypoints in space, with where each value comes from and how wrong it may be."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum

import numpy as np

from mocap.core.errors import InputError
from mocap.core.shapes import Array, FloatArray, check_shapes, check_unique


class Source(IntEnum):
    """Where a 3D value comes from."""

    MISSING = 0
    """Nothing is known: the value is NaN."""
    MEASURED = 1
    """At least two cameras saw the keypoint in this frame."""
    INTERPOLATED = 2
    """Filled between measured frames by the motion model."""
    EXTRAPOLATED = 3
    """Continued before the first or after the last measured frame."""
    LIFTED = 4
    """Guessed from one camera: depth is what people usually do, not a measurement."""


FURTHEST_M = 1e6
"""No recording reaches further; what does is damaged."""


def _largest(values: Array) -> float:
    """Return the largest size of known values, 0 of none; without a copy of them."""
    above, below = (each.reduce(values, axis=None, initial=0.0) for each in (np.fmax, np.fmin))
    return max(float(above), -float(below))


@dataclass(frozen=True, eq=False)
class Points3D:
    """Keypoints of people in the world, metres, Z up.

    Attributes:
        keypoint_names: in the order of the keypoint axis.
        person_ids: in the order of the person axis.
        fps: frames per second.
        xyz: (frame, person, keypoint, 3) in metres; NaN where missing.
        covariance: (frame, person, keypoint, 3, 3) in m²; NaN where missing.
        reprojection_error_px: (frame, person, keypoint) median over the cameras used; NaN where
            no camera was used.
        view_count: (frame, person, keypoint) cameras that agree with the point.
        source: (frame, person, keypoint) values of `Source`.
    """

    keypoint_names: tuple[str, ...]
    person_ids: tuple[int, ...]
    fps: float
    xyz: Array
    covariance: Array
    reprojection_error_px: Array
    view_count: Array
    source: Array

    def __post_init__(self) -> None:
        """Check shapes and names."""
        check_shapes(
            self,
            keypoint_names="keypoint",
            person_ids="person",
            xyz="frame person keypoint 3",
            covariance="frame person keypoint 3 3",
            reprojection_error_px="frame person keypoint",
            view_count="frame person keypoint",
            source="frame person keypoint",
        )
        far = _largest(self.xyz)
        if far > FURTHEST_M:
            raise ValueError(f"a point {far:.3g} m from the origin")
        wide = _largest(self.covariance)
        if wide > FURTHEST_M**2:
            raise ValueError(f"a covariance of {wide:.3g} m²")
        check_unique(self, "keypoint_names", self.keypoint_names)
        check_unique(self, "person_ids", self.person_ids)

    def person_index(self, person_id: int | None = None, *, main: bool = False) -> int:
        """Return where a person stands on the person axis; without an id the only one.

        With `main` and without an id the main person, who comes first: whoever else is there has
        to be named.

        Raises:
            InputError: there is no such person, or several and none was named.
        """
        if person_id is None and self.person_ids and (main or len(self.person_ids) == 1):
            return 0
        if person_id is None or person_id not in self.person_ids:
            known = ", ".join(map(str, self.person_ids)) or "nobody"
            if person_id is None:
                raise InputError(f"whose keypoints are meant? Choose one of: {known} (--person).")
            raise InputError(
                f"there is no person {person_id} in these points; choose of: {known} (--person)."
            )
        return self.person_ids.index(person_id)

    def of_person(self, person_id: int | None = None) -> Points3D:
        """Return the points of one person alone; without an id of the only one.

        Raises:
            InputError: there is no such person, or several and none was named.
        """
        person = self.person_index(person_id)
        cut = slice(person, person + 1)
        return replace(
            self,
            person_ids=self.person_ids[cut],
            xyz=self.xyz[:, cut],
            covariance=self.covariance[:, cut],
            reprojection_error_px=self.reprojection_error_px[:, cut],
            view_count=self.view_count[:, cut],
            source=self.source[:, cut],
        )

    def part(self, frames: slice) -> Points3D:
        """Return some frames."""
        return replace(
            self,
            xyz=self.xyz[frames],
            covariance=self.covariance[frames],
            reprojection_error_px=self.reprojection_error_px[frames],
            view_count=self.view_count[frames],
            source=self.source[frames],
        )

    def every(self, stride: int) -> Points3D:
        """Return one of `stride` frames."""
        return replace(
            self,
            fps=self.fps / stride,
            xyz=self.xyz[::stride],
            covariance=self.covariance[::stride],
            reprojection_error_px=self.reprojection_error_px[::stride],
            view_count=self.view_count[::stride],
            source=self.source[::stride],
        )

    @property
    def sigma_m(self) -> FloatArray:
        """Standard deviation per axis (frame, person, keypoint): sqrt(trace of covariance / 3)."""
        trace = np.trace(self.covariance, axis1=-2, axis2=-1)
        return np.sqrt(np.asarray(trace, dtype=np.float64) / 3.0)

    def share(self, source: Source) -> float:
        """Return the share in [0, 1] of all values that come from `source`."""
        return float(np.mean(self.source == source)) if self.source.size else 0.0
