"""Run takes of which some must be detected: calibrate and finish others meanwhile.

Detection keeps every processor busy but for its ends; calibration, and all that follows the
detection of a take, keeps about one. So takes are detected one after another here, while what went
before and comes after runs in processes of its own. Each take's files are those of takes one after
another, byte for byte: every stage reads the same, and one process at a time works in a take.

When the last take is detected, all that is left of it is one thing after another. So takes that
others wait for are detected first, and some bodies, reports and files of earlier takes are kept for
that end, for the other processors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from contextlib import suppress
from enum import Enum, auto
from pathlib import Path
from threading import Lock

from mocap.capture.session import Take
from mocap.core.errors import MocapError
from mocap.core.files.lock import locked
from mocap.core.files.outside import what_happened
from mocap.core.kernels.processors import usable_processors
from mocap.workflow import public
from mocap.workflow.batch.cluster import usual_workers
from mocap.workflow.batch.plan import companions
from mocap.workflow.beside.pool import Beside, There, result_of
from mocap.workflow.beside.wanted import Wanted
from mocap.workflow.compile_ahead import PARTS, are_compiled, compile_part, say_compiled
from mocap.workflow.fit.stage import tell_shape
from mocap.workflow.graph import row_of
from mocap.workflow.job import Job, TakeRun
from mocap.workflow.measure.importing import has_imported_keypoints, is_imported
from mocap.workflow.pipeline import Outcome
from mocap.workflow.progress import Progress, Together
from mocap.workflow.run import run_take

_KEPT_A_PROCESSOR = 2
"""Takes whose rest is kept for the end, for every processor but that of the last take: what goes
before a rest (clocks, who is who, points, shape) takes about as long as one."""

_MOST_USEFUL = 2
"""Processes for a single take, where memory reaches: one calibrates or finishes it, one compiles
kernels."""


def run_beside(
    wanted: Wanted, takes: Sequence[Take], progress: Progress, failures: dict[str, str] | None
) -> dict[str, list[Outcome]]:
    """Run takes of a session; return what happened to each stage, by take.

    A session without a calibration is calibrated. A take that fails is said and put into
    `failures`, and the others go on; without `failures` its error is raised.

    Raises:
        MocapError, OSError: the calibration failed; or a take did, without `failures`.
    """
    shared = Together(progress)
    with Beside(usual_workers(max(_MOST_USEFUL, len(takes))), shared) as beside:
        going = _Going(wanted, takes, beside, shared, failures)
        # Not waiting for another program that compiles: it may be given little of the machine.
        parts = () if are_compiled() else PARTS[:-1] if going.calibrates else PARTS
        compiling = [beside.start(compile_part, part) for part in parts]
        for take in going.in_order(takes):
            going.detect(take)
        outcomes = going.end()
        if compiling and all(each.done() and each.exception() is None for each in compiling):
            say_compiled()
    return outcomes


class _At(Enum):
    """How far a take is."""

    DETECTION = auto()
    DETECTED = auto()
    LEADING = auto()
    """On its way to where takes of a person meet."""
    LED = auto()
    REST = auto()
    ENDED = auto()


class _Going:
    """A run on its way."""

    def __init__(
        self,
        wanted: Wanted,
        takes: Sequence[Take],
        beside: Beside,
        progress: Progress,
        failures: dict[str, str] | None,
    ) -> None:
        """Begin to calibrate, where that is to be done."""
        self._wanted, self._beside = wanted, beside
        self._progress, self._failures = progress, failures
        self._outcomes: dict[str, list[Outcome]] = {take.name: [] for take in takes}
        self._meets = companions(takes, wanted.choices)
        self._at = dict.fromkeys((take.name for take in self.in_order(takes)), _At.DETECTION)
        self._works: dict[Future[list[Outcome]], str] = {}
        self._looking = Lock()
        # Nobody should wait to the end for all that was finished long before.
        self._kept = min(_KEPT_A_PROCESSOR * (usable_processors() - 1), len(takes) // 2)
        self._calibration: Future[bool] | None = None
        self.calibrates = not takes[0].session.calibration_path.is_file()
        if self.calibrates:
            self._calibration = beside.start(_calibrate, wanted.root, wanted.accept)

    def in_order(self, takes: Sequence[Take]) -> list[Take]:
        """Return takes in the order in which they are detected: those that others wait for first,
        for nothing but its own end is left to do when the last one is."""
        return sorted(takes, key=lambda take: not self._meets.get(take.name))

    def detect(self, take: Take) -> None:
        """Find people in the videos of a take, and see what can go on meanwhile."""
        part, _, _ = self._wanted.parts()
        watched = _Watched(self._progress, self._look)
        try:
            if not _has_keypoints(take):
                self._outcomes[take.name] += run_take(
                    take, self._wanted.choices, watched, stages=part,
                    from_stage=self._wanted.start(part),
                )  # fmt: skip
        except (MocapError, OSError) as error:
            self._require_calibration(ended=False)
            self._fail(take.name, error)
        else:
            self._at[take.name] = _At.DETECTED
        self._go_on()

    def end(self) -> dict[str, list[Outcome]]:
        """Wait for the rest, and return what happened to each stage, by take."""
        self._require_calibration(ended=True)
        self._go_on()
        while self._works:
            wait(self._works, return_when=FIRST_COMPLETED)
            self._go_on()
        return self._outcomes

    def _require_calibration(self, *, ended: bool) -> None:
        """Raise why the calibration failed, when it did; wait until it has `ended`."""
        if self._calibration is not None and (ended or self._calibration.done()):
            result_of(self._calibration)
            self._calibration = None

    def _look(self) -> None:
        """Go on while a take is being detected; one of those who look at its cameras does that.

        Raises:
            MocapError: why the calibration failed.
        """
        if self._looking.acquire(blocking=False):
            try:
                self._go_on()
            finally:
                self._looking.release()

    def _go_on(self) -> None:
        """Note what has ended, and begin what can begin where a process is free."""
        self._require_calibration(ended=False)
        _, leading, rest = self._wanted.parts()
        for work in [work for work in self._works if work.done()]:
            self._note(work, last=not rest)
        if self._calibration is not None:
            return
        for name in self._those(_At.DETECTED)[: self._room()]:
            self._begin(name, leading, _At.LEADING)
        for name in self._ready()[: self._room()]:
            self._begin(name, rest, _At.REST)

    def _room(self) -> int:
        """Return how many takes may go on: one even where all processes compile, to wait for."""
        return max(self._beside.free, 0 if self._works else 1)

    def _those(self, at: _At) -> list[str]:
        return [name for name, where in self._at.items() if where is at]

    def _ready(self) -> list[str]:
        """Return takes whose rest may begin: first the earliest, but for those that are kept; when
        all are detected the last, of which most is left to do."""
        ready = [name for name in self._those(_At.LED) if self._met(name)]
        if self._those(_At.DETECTION):
            return ready[: max(0, len(ready) - self._kept)]
        return ready[::-1]

    def _met(self, name: str) -> bool:
        """Tell whether all takes have come to where a take meets them."""
        others = [self._at.get(other, _At.ENDED) for other in self._meets.get(name, ())]
        return all(at in (_At.LED, _At.REST, _At.ENDED) for at in others)

    def _begin(self, name: str, part: tuple[str, ...], at: _At) -> None:
        work = self._beside.start(_go_through, self._wanted, name, part)
        self._works[work], self._at[name] = name, at

    def _note(self, work: Future[list[Outcome]], *, last: bool) -> None:
        name = self._works.pop(work)
        try:
            outcomes = result_of(work)
        except (MocapError, OSError) as error:
            self._fail(name, error)
        else:
            self._outcomes[name] += outcomes
            led = self._at[name] is _At.LEADING and not last
            self._at[name] = _At.LED if led else _At.ENDED

    def _fail(self, name: str, error: MocapError | OSError) -> None:
        """Say that a take failed, and leave it."""
        if self._failures is None:
            raise error
        self._at[name] = _At.ENDED
        self._failures[name] = what_happened(error)
        self._progress.warned(f"take '{name}' failed: {self._failures[name]}")


class _Watched:
    """Passes on what the detection tells, and lets others look whether they can go on."""

    def __init__(self, progress: Progress, look: Callable[[], None]) -> None:
        """Tell `progress`, and call `look`: what it raises breaks off the detection."""
        self._look = look
        self.started, self.finished, self.warned = (
            progress.started, progress.finished, progress.warned,
        )  # fmt: skip
        self._advanced = progress.advanced

    def advanced(self, what: str, done: int, total: int | None) -> None:
        """Tell how far a camera is."""
        self._look()
        self._advanced(what, done, total)


def _calibrate(root: Path, accept: bool) -> bool:
    """Calibrate a session; what its cameras do is told apart from what they do in takes."""
    from mocap.workflow.rig.calibrate import ensure_calibration

    told = There("calibration, ")
    return ensure_calibration(public.Session.open(root), told, accept=accept)


def _has_keypoints(take: Take) -> bool:
    """Tell whether a take came with points or keypoints: nothing is to be detected."""
    return is_imported(take) or has_imported_keypoints(take)


def _go_through(wanted: Wanted, name: str, part: tuple[str, ...]) -> list[Outcome]:
    """Run a part of a take, and find out what it says of the shape of its subject."""
    take, told = public.Session.open(wanted.root).take(name), There(f"{name}, ")
    detection, leading, _ = wanted.parts()
    if part == leading and _has_keypoints(take):
        part = (*detection, *leading)  # what is told and refused first has not been
    outcomes = run_take(
        take, wanted.choices, told, stages=wanted.stages, only=part, from_stage=wanted.start(part)
    )
    if "fit" in wanted.stages and "fit" not in part and not is_imported(take):
        # Its bodies would find it out; and say why, where nothing can be found.
        with suppress(MocapError), locked(take.root, "mocap run, shape", waiting=told.warned):
            tell_shape(Job(TakeRun.of(take, wanted.choices, told, wanted.stages), row_of("fit")))
    return outcomes
