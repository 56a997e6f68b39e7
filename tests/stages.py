"""Single stages of a take, as the table builds them."""

from __future__ import annotations

from mocap.capture.session import Take
from mocap.workflow.choices import Choices, ExportChoice, FitChoice
from mocap.workflow.job import TakeRun
from mocap.workflow.pipeline import Stage
from mocap.workflow.progress import Quiet


def fit_stage(take: Take, choice: FitChoice) -> Stage:
    """Return the stage that fits bodies."""
    return TakeRun.of(take, Choices(fit=choice), Quiet(), ("fit",)).build()[0]


def export_stage(take: Take, choice: ExportChoice, *, with_bodies: bool | None = None) -> Stage:
    """Return the export of a run that fits bodies, that wants none, or that takes what there is."""
    first = {None: (), True: ("fit",), False: ("smooth",)}[with_bodies]
    return TakeRun.of(take, Choices(export=choice), Quiet(), (*first, "export")).build()[-1]
