"""What the report says of the fitted bodies: error, certainty of every joint, feet that slide."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from mocap.core.body_motion import BODY_JOINTS, BodyMotion
from mocap.studio.page.page import Markup, number, section, table
from mocap.studio.take.report_data import percentiles

# Root, trunk and limbs; twenty fingers more would bury them.
_SHOWN_JOINTS = 1 + BODY_JOINTS


@dataclass(frozen=True)
class ShapeFigures:
    """Of a fitted shape: what it is, what was known before, and which takes told it.

    Attributes:
        height_m, mass_kg: of the fitted body; the mass follows from its volume.
        given_height_m, given_mass_kg, given_sex: what a person said; None for nothing.
        subject: name, None when nothing tells who it is.
        takes: that told the shape together; none when the take told its own.
    """

    height_m: float
    mass_kg: float
    given_height_m: float | None = None
    given_mass_kg: float | None = None
    given_sex: str | None = None
    subject: str | None = None
    takes: tuple[str, ...] = ()


@dataclass(frozen=True, eq=False)
class BodyFigures:
    """A fitted body and what the foot lock did to it.

    Attributes:
        motion: the body.
        slide_before_mm, slide_after_mm: how far standing feet slide, by part of the foot; None
            or missing where nothing stood.
        shape: None for a body that was fitted before shapes were told.
    """

    motion: BodyMotion
    slide_before_mm: Mapping[str, float | None] = field(default_factory=dict)
    slide_after_mm: Mapping[str, float | None] = field(default_factory=dict)
    shape: ShapeFigures | None = None


def body_section(bodies: Sequence[BodyFigures]) -> Markup:
    """Return the section about fitted bodies; nothing when there are none."""
    if not bodies:
        return Markup("")
    several = len(bodies) > 1

    def of(body: BodyFigures, name: str) -> str:
        return f"person {body.motion.person_id}: {name}" if several else name

    parts = [_fit_table(bodies)]
    shapes = [
        (of(body, name), *cells)
        for body in bodies
        if body.shape is not None
        for name, *cells in _shape_rows(body.shape)
    ]
    if shapes:
        parts.append(table(("Shape", "Fitted body", "Given"), shapes))
    slides = [(of(body, name), *slide) for body in bodies for name, *slide in _slides(body)]
    if slides:
        parts.append(table(("Foot on the floor", "Slide before (mm)", "after (mm)"), slides))
    joints = [(of(body, name), *cells) for body in bodies for name, *cells in _joints(body.motion)]
    columns = ("Joint", "Uncertainty (deg)", "95 % below (deg)", "Told by the keypoints")
    parts.append(table(columns, joints))
    return section(
        "Fitted body",
        *parts,
        note="The uncertainty of a joint is the standard deviation of its rotation about the "
        "worst axis, mostly the twist of a bone. Where the keypoints do not tell it, the value "
        "is what is usual for people, not a measurement.",
    )


def _fit_table(bodies: Sequence[BodyFigures]) -> Markup:
    rows = [
        (
            f"person {body.motion.person_id}",
            *(number(float(q), 1) for q in percentiles(body.motion.fit_error_mm, (50.0, 95.0))),
        )
        for body in bodies
    ]
    return table(("Distance to the keypoints", "Median (mm)", "95 % of frames below (mm)"), rows)


def _shape_rows(shape: ShapeFigures) -> list[tuple[str, str, str]]:
    """Return what of the shape is measured, and what was said before."""

    def given(value: float | None, digits: int) -> str:
        return "not given" if value is None else number(value, digits)

    # Told by its keypoints alone a body is as thick as people of that frame are on average.
    from_mass = "" if shape.given_mass_kg is not None else ", a guess"
    return [
        ("height (m)", number(shape.height_m, 2), given(shape.given_height_m, 2)),
        (f"mass (kg{from_mass})", number(shape.mass_kg, 0), given(shape.given_mass_kg, 1)),
        ("sex", "", shape.given_sex or "not given"),
        ("subject", "", shape.subject or "not given"),
        ("told by the takes", ", ".join(shape.takes) or "this one alone", ""),
    ]


def _slides(body: BodyFigures) -> list[tuple[str, str, str]]:
    return [
        (
            _spoken(name),
            number(_known(body.slide_before_mm.get(name)), 1),
            number(_known(body.slide_after_mm.get(name)), 1),
        )
        for name in dict.fromkeys([*body.slide_before_mm, *body.slide_after_mm])
    ]


def _joints(motion: BodyMotion) -> list[tuple[str, ...]]:
    sigma = motion.rotation_sigma_deg
    return [
        (
            _spoken(motion.joint_names[joint]),
            *(number(float(q), 1) for q in percentiles(sigma[:, joint], (50.0, 95.0))),
            "yes" if motion.observable[joint] else "no",
        )
        for joint in range(_SHOWN_JOINTS)
    ]


def _known(value: float | None) -> float:
    return np.nan if value is None else value


def _spoken(name: str) -> str:
    return name.replace("_", " ")
