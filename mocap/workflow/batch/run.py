"""Run a batch: hand its steps to Dask, watch them, and tell how every take ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.capture.session import Session
from mocap.core.errors import InputError, SessionError
from mocap.core.files.outside import what_happened
from mocap.workflow.batch.choices import BatchChoice
from mocap.workflow.batch.cluster import Cluster, cluster_of, connected
from mocap.workflow.batch.plan import plan
from mocap.workflow.batch.table import Table, document, write_index
from mocap.workflow.batch.work import EVENTS, FAILED, SKIPPED, Done, perform
from mocap.workflow.choices import Choices
from mocap.workflow.progress import Progress, Quiet

if TYPE_CHECKING:
    from distributed import Client, Future

LOOK_EVERY_S = 0.2
TIMES_LOST = 20
"""How often a scheduler may be lost and found again before the batch is given up."""

Live = Callable[[Sequence[str]], None]


@dataclass(frozen=True)
class BatchRun:
    """What a batch did.

    Attributes:
        table: how every step ended.
        page: the page of the whole batch.
    """

    table: Table
    page: Path

    def document(self) -> dict[str, object]:
        """Return what was done for machines."""
        return {"page": self.page, **document(self.table)}

    def require_all(self) -> None:
        """Raise SessionError when a take failed: how many, and why the first of them did."""
        failed = self.table.failures()
        if failed:
            raise SessionError(
                f"{len(failed)} of {len(self.table.takes())} takes could not be finished; the "
                f"reasons are above and in {self.page}. The first: {next(iter(failed.values()))}"
            )


def run_batch(
    sessions: Sequence[Session],
    choices: Choices | None = None,
    batch: BatchChoice | None = None,
    *,
    progress: Progress | None = None,
    live: Live = lambda lines: None,
) -> BatchRun:
    """Run every stage of every take of some sessions that is not current, side by side.

    What is made is what `mocap run` makes, byte for byte, wherever it is made. A take that fails
    does not stop the others. Whatever is killed (a worker, a machine, the scheduler, this program)
    costs the stage it was in: the next batch, or run, goes on from there.

    Args:
        sessions: open sessions, on a disk that all workers see under the same name.
        choices: detector, body, formats, as `mocap.choices(...)` gives them.
        batch: where it runs; one process a core of this machine without.
        progress: told of every take that ends.
        live: given the lines of the table whenever it changes.

    Raises:
        InputError: a session is named twice, the cluster file cannot be used, or its scheduler is
            not there or was lost.
        SessionError: a session has no take.
    """
    from mocap.workflow.export.trial import refuse_impossible

    chosen, where, told = choices or Choices(), batch or BatchChoice(), progress or Quiet()
    refuse_impossible(chosen.export)
    table = Table(plan(sessions, chosen))
    cluster = cluster_of(where, len(table.takes()))
    _Batch(table, chosen, where.accept_calibration, cluster, told, live).run()
    write_index(table, where.page)
    told.finished(f"The page of the batch: {where.page}")
    return BatchRun(table, where.page)


class _SchedulerLost(Exception):
    """Nobody answers any more who knows of the steps."""


@dataclass
class _Batch:
    """A batch on its way."""

    table: Table
    choices: Choices
    accept_calibration: bool
    cluster: Cluster
    progress: Progress
    live: Live
    losses: int = 0
    futures: dict[str, Future] = field(default_factory=dict)

    def run(self) -> None:
        """Do every step; a scheduler that is lost is looked for and told the rest again."""
        while self.table.waiting():
            try:
                with connected(self.cluster) as client:
                    self._submit(client)
                    self._watch(client)
            except _SchedulerLost:
                self.losses += 1
                if self.cluster.kind != "scheduler" or self.losses > TIMES_LOST:
                    raise InputError(
                        "the scheduler was lost. What is finished is kept: run the same command "
                        "again and it goes on."
                    ) from None
                self.progress.warned(
                    f"the scheduler at {self.cluster.address} was lost; it is waited for, and what "
                    "is not finished is handed to it again."
                )

    def _submit(self, client: Client) -> None:
        client.subscribe_topic(
            EVENTS, lambda event: self.table.begun(event[1]["key"], event[1]["host"])
        )
        ended = self.table.ended
        self.futures = {}

        def result_of(key: str) -> Done | Future:
            return ended[key] if key in ended else self.futures[key]

        for step in self.table.waiting():
            self.futures[step.key] = client.submit(
                perform,
                step,
                self.choices,
                str(Path.cwd()),
                self.accept_calibration,
                [result_of(key) for key in step.after],
                [result_of(key) for key in step.beside],
                key=f"{step.key}|{self.losses}",
                pure=False,
            )

    def _watch(self, client: Client) -> None:
        while self.futures:
            time.sleep(LOOK_EVERY_S)
            ended = [key for key, each in self.futures.items() if each.status != "pending"]
            if client.status != "running" or any(
                self.futures[key].status in ("cancelled", "lost") for key in ended
            ):
                raise _SchedulerLost
            # In the order of the steps: what builds on one that failed was never begun.
            for key in sorted(ended, key=list(self.table.steps).index):
                after = self.table.steps[key].after
                known = [self.table.ended[each] for each in after if each in self.table.ended]
                whole = all(each.well for each in known)
                self._note(key, _done(self.futures[key]) if whole else Done(SKIPPED))
            for key in ended:
                # Kept until those that need it were told: Dask forgets what nobody holds.
                del self.futures[key]
            self.live(self.table.lines())

    def _note(self, key: str, done: Done) -> None:
        step = self.table.end(key, done)
        name = f"{step.root.name}/{step.take}" if step.take else f"{step.root.name}: calibration"
        if done.status == FAILED:
            self.progress.warned(f"{name} failed at {step.stage}: {done.why}")
        elif self.table.is_finished(step):
            self.progress.finished(f"{name} is finished: {self.table.made(step)}")


def _done(future: Future) -> Done:
    """Return how a step ended, be it that its worker died again and again, or a fault of ours."""
    from distributed.scheduler import KilledWorker

    try:
        done: Done = future.result()
        return done
    except CancelledError as error:
        raise _SchedulerLost from error
    except KilledWorker:
        return Done(
            FAILED,
            "the process that worked on it died again and again, most likely for want of memory. "
            "Give fewer --workers, or jobs more memory.",
        )
    except OSError as error:
        raise _SchedulerLost from error
    except (RuntimeError, ValueError, TypeError, LookupError, ArithmeticError) as error:
        return Done(FAILED, f"{type(error).__name__}: {what_happened(error)}")
