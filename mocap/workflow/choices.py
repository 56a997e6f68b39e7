"""What a person may choose for a take, and what is taken when nothing is said."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mocap.core.errors import InputError
from mocap.workflow.detect import DetectorChoice
from mocap.workflow.export.stage import ExportChoice
from mocap.workflow.fit.stage import FREE_BODY, FitChoice

if TYPE_CHECKING:
    from mocap.body.feet.lock import FootLockMode


@dataclass(frozen=True)
class Choices:
    """What a person may choose for a take.

    Attributes:
        detector: which network finds people.
        export: formats and how they are written.
        person: "main", the person most cameras see longest and nearest.
        fit: the body and how it is fitted.
    """

    detector: DetectorChoice
    export: ExportChoice
    person: Literal["main"] = "main"
    fit: FitChoice = field(default_factory=FitChoice)


def choices(
    *,
    detector: str = "movenet",
    weights: Path | None = None,
    feet: bool = True,
    to: str = "bvh,trc,csv",
    body: str | None = None,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
    foot_lock: FootLockMode = "auto",
    refine_views: bool = True,
    subject_shape: str = "auto",
    **export: Any,
) -> Choices:
    """Return what was chosen; `export` are fields of `ExportChoice`.

    Raises:
        InputError: the file of weights does not exist, or no format was named.
    """

    if weights is not None and not weights.is_file():
        raise InputError(f"the file of weights {weights} does not exist. Correct --weights.")
    formats = tuple(dict.fromkeys(each.strip().lower() for each in to.split(",") if each.strip()))
    if not formats:
        raise InputError("--to names no format. Name one or more, as in bvh,trc.")
    return Choices(
        DetectorChoice(detector, weights, feet),
        ExportChoice(formats, **export),
        fit=FitChoice(
            body or FREE_BODY,
            height_m,
            mass_kg,
            sex,
            foot_lock,
            refine_views,
            subject_shape,
        ),
    )
