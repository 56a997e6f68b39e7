"""Work that the page asks for: one piece at a time, beside the server, with its progress."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from mocap.core.errors import MocapError
from mocap.core.files.outside import OUTSIDE, what_happened

# The last lines are what a person reads; warnings are in the results too.
_LINES = 400


@dataclass
class Job:
    """A piece of work and how it goes.

    Attributes:
        number: from 1.
        about: for people.
        lines: what was said, in order: (kind, sentence); kinds as in `Progress`.
        now: what is going on, "" when nothing is.
        running: whether it has not ended.
        error: why it failed, "" if it did not.
    """

    number: int
    about: str
    lines: list[tuple[str, str]] = field(default_factory=list)
    now: str = ""
    running: bool = True
    error: str = ""


class Heard:
    """Progress that a page reads."""

    def __init__(self, job: Job) -> None:
        """Tell a job."""
        self._job = job

    def _say(self, kind: str, sentence: str) -> None:
        self._job.lines.append((kind, sentence))
        del self._job.lines[:-_LINES]

    def started(self, what: str) -> None:
        """Hear what begins."""
        self._job.now = what
        self._say("started", what)

    def advanced(self, what: str, done: int, total: int | None) -> None:
        """Hear how far it is."""
        self._job.now = f"{what}: {done}" + (f" of {total}" if total else "")

    def finished(self, what: str, details: Sequence[str] = ()) -> None:
        """Hear what is done."""
        self._say("finished", what)
        for each in details:
            self._say("detail", each.strip())

    def warned(self, *sentences: str) -> None:
        """Hear what a person should know."""
        for each in sentences:
            self._say("warned", each)


class Workshop:
    """Runs one job at a time; closing the page stops nothing, the next page sees it go on."""

    def __init__(self) -> None:
        """Start with nothing to do."""
        self._guard = threading.Lock()
        self.job: Job | None = None
        self._thread: threading.Thread | None = None

    def start(self, about: str, work: Callable[[Heard], None]) -> Job | None:
        """Begin a job; None while another one runs."""
        with self._guard:
            if self.job is not None and self.job.running:
                return None
            job = self.job = Job((self.job.number if self.job else 0) + 1, about)
        # Not a daemon: ending the server lets a stage finish what it writes.
        self._thread = threading.Thread(target=self._run, args=(job, work))
        self._thread.start()
        return job

    def _run(self, job: Job, work: Callable[[Heard], None]) -> None:
        try:
            work(Heard(job))
        except (MocapError, *OUTSIDE) as error:
            job.error = what_happened(error)
        finally:
            job.now, job.running = "", False

    def wait(self) -> None:
        """Wait for the job that runs."""
        if self._thread is not None:
            self._thread.join()
