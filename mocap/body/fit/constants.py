"""Angles that a person keeps, as the carrying angle of an elbow: names, and known values."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mocap.body.fit.layout import Layout
from mocap.body.fit.prior_kernels import Anatomy
from mocap.core.shapes import FloatArray


def constant_names(layout: Layout) -> tuple[str, ...]:
    """Return the names of a person's constants, "left_elbow z", in their order."""
    return tuple(
        f"{group.joints[0]} {'xyz'[axis]}"
        for group in layout.groups
        for axis in np.flatnonzero(group.constant_deg > 0.0)
    )


def with_constants(
    layout: Layout, anatomy: Anatomy, known: Mapping[str, float]
) -> tuple[Anatomy, FloatArray]:
    """Return the anatomy of a person whose constants are known, and those still unknown: none.

    Args:
        layout: says what the constants are.
        anatomy: with unknown constants.
        known: radians by name; those not named are as usual.
    """
    values = np.array([known.get(name, 0.0) for name in constant_names(layout)])
    moved = np.zeros_like(anatomy.mean)
    some = anatomy.constant >= 0
    moved[some] = values[anatomy.constant[some]]
    settled = anatomy._replace(
        mean=anatomy.mean + moved,
        low=anatomy.low + moved,
        high=anatomy.high + moved,
        constant=np.full_like(anatomy.constant, -1),
        constant_weight=np.zeros(0),
    )
    return settled, np.zeros(0)
