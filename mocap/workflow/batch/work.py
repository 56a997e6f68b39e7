"""One step of a batch, in whatever process it runs.

Provenance makes it idempotent: a step that was done is found done, one whose process was killed
begins again, and the lock of the take keeps two processes from writing one artifact.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Sequence
from dataclasses import dataclass

from mocap.core.errors import MocapError
from mocap.core.files.lock import locked
from mocap.core.files.outside import what_happened
from mocap.workflow import public
from mocap.workflow.batch.plan import CALIBRATE, SHAPE, Step
from mocap.workflow.choices import Choices
from mocap.workflow.graph import row_of
from mocap.workflow.job import Job, TakeRun
from mocap.workflow.pipeline import CURRENT, MADE
from mocap.workflow.progress import Quiet

FAILED = "failed"
SKIPPED = "skipped"
"""A step that waits for one that failed."""

EVENTS = "mocap-batch"
"""Where workers tell what they begin."""


@dataclass(frozen=True)
class Done:
    """How a step ended.

    Attributes:
        status: "made", "current", "failed" or "skipped".
        why: the sentence of a failure, or why it was made.
        seconds: wall time.
        host: machine and process.
        warnings: of the artifact.
    """

    status: str
    why: str = ""
    seconds: float = 0.0
    host: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def well(self) -> bool:
        """Whether what it makes is there."""
        return self.status in (MADE, CURRENT)


def perform(
    step: Step,
    choices: Choices,
    folder: str,
    accept_calibration: bool,
    before: Sequence[Done],
    beside: Sequence[Done],
) -> Done:
    """Do a step and tell how it ended; what a person can mend is told, never raised.

    Args:
        step: what to do.
        choices: of the whole batch.
        folder: where the batch was started: paths in the choices are seen from there.
        accept_calibration: go on with a calibration whose verdict is FAIL.
        before: how the steps ended that it builds on.
        beside: how those of other takes ended that it waits for; they need not have gone well.
    """
    if not all(each.well for each in before):
        return Done(SKIPPED)
    began = time.monotonic()
    _say_begun(step)
    os.chdir(folder)
    try:
        ended = _performed(step, choices, accept_calibration)
    except (MocapError, OSError) as error:
        ended = Done(FAILED, what_happened(error))
    return Done(ended.status, ended.why, time.monotonic() - began, _here(), ended.warnings)


def _performed(step: Step, choices: Choices, accept_calibration: bool) -> Done:
    from mocap.workflow.fit.stage import tell_shape
    from mocap.workflow.rig.calibrate import ensure_calibration
    from mocap.workflow.run import run_take, stages_of

    session = public.Session.open(step.root)
    told = _Heard()
    if step.stage == CALIBRATE:
        made = ensure_calibration(session, told, accept=accept_calibration)
        return Done(MADE if made else CURRENT, warnings=tuple(told.said))
    take = session.take(step.take)
    if step.stage == SHAPE:
        with locked(take.root, "mocap batch, shape", waiting=told.warned):
            run = TakeRun.of(take, choices, told, stages_of(choices))
            made = tell_shape(Job(run, row_of("fit")))
        return Done(MADE if made else CURRENT, warnings=tuple(told.said))
    outcomes = run_take(take, choices, told, stages=stages_of(choices), only=(step.stage,))
    made = any(each.status == MADE for each in outcomes)
    why = "; ".join(each.reason for each in outcomes)
    return Done(MADE if made else CURRENT, why, warnings=tuple(told.said))


class _Heard(Quiet):
    """Keeps what a person should know."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def warned(self, *sentences: str) -> None:
        """Keep sentences."""
        self.said += sentences


def _say_begun(step: Step) -> None:
    from distributed import get_worker

    try:
        worker = get_worker()
    except ValueError:
        return  # called by hand
    worker.log_event(EVENTS, {"key": step.key, "host": _here()})


def _here() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"
