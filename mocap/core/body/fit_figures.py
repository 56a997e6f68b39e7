"""How a fit went: what became of the feet, and what the shape came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class FitFigures:
    """Figures of one person's fit, kept beside the fitted body.

    Attributes:
        converged: whether the optimiser did.
        slide_before_mm, slide_after_mm: how far each standing foot slides, before and after feet
            were held; None where it never stands.
        penetration_before_mm, penetration_after_mm: how deep soles are below the floor.
        given_height_m, given_mass_kg, given_sex: what was known of the person.
        subject: who it is; None when nobody said.
        shape_from: takes that told the shape together.
        body_height_m, body_mass_kg: of the fitted body; None where an older version did not note
            them.
    """

    converged: bool
    slide_before_mm: Mapping[str, float | None]
    slide_after_mm: Mapping[str, float | None]
    penetration_before_mm: float
    penetration_after_mm: float
    given_height_m: float | None = None
    given_mass_kg: float | None = None
    given_sex: str | None = None
    subject: str | None = None
    shape_from: tuple[str, ...] = ()
    body_height_m: float | None = None
    body_mass_kg: float | None = None
