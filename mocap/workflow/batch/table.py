"""How a batch stands: every take with its steps, for people who watch, for machines, as a page."""

from __future__ import annotations

import os
import threading
import time
from collections import defaultdict, deque
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from mocap.workflow.batch.plan import CALIBRATE, Step
from mocap.workflow.batch.work import FAILED, SKIPPED, Done
from mocap.workflow.pipeline import CURRENT, MADE
from mocap.workflow.progress import left_in_words, table_lines

_MOST_RUNNING = 30
"""Takes at work that a terminal shows; a cluster may have hundreds."""

_LATELY = 9
"""Steps of a stage that tell what the next will take."""


class Table:
    """The steps of a batch and how they stand; workers tell from a thread of their own."""

    def __init__(self, steps: Sequence[Step]) -> None:
        """Nothing has ended yet."""
        self.steps = {step.key: step for step in steps}
        self.ended: dict[str, Done] = {}
        self._running: dict[str, tuple[str, float]] = {}
        self._guard = threading.Lock()

    def begun(self, key: str, host: str) -> None:
        """Note that somebody works on a step."""
        with self._guard:
            if key in self.steps and key not in self.ended:
                self._running[key] = (host, time.monotonic())

    def end(self, key: str, done: Done) -> Step:
        """Note how a step ended, and return it."""
        with self._guard:
            self.ended[key] = done
            self._running.pop(key, None)
        return self.steps[key]

    def waiting(self) -> list[Step]:
        """Return the steps that have not ended, in their order."""
        return [step for key, step in self.steps.items() if key not in self.ended]

    def takes(self) -> list[tuple[Path, str]]:
        """Return the takes, each as session and name."""
        return list(dict.fromkeys((step.root, step.take) for step in self._of_takes()))

    def of_take(self, root: Path, take: str) -> list[Step]:
        """Return the steps of a take."""
        return [step for step in self._of_takes() if (step.root, step.take) == (root, take)]

    def is_finished(self, step: Step) -> bool:
        """Tell whether all steps of the same take have ended."""
        if step.stage == CALIBRATE:
            return True
        return all(each.key in self.ended for each in self.of_take(step.root, step.take))

    def made(self, step: Step) -> str:
        """Return in a few words what was made of a take."""
        of_take = [step] if step.stage == CALIBRATE else self.of_take(step.root, step.take)
        done = {each.stage: self.ended[each.key] for each in of_take if each.key in self.ended}
        made = [stage for stage, each in done.items() if each.status == MADE]
        seconds = sum(each.seconds for each in done.values())
        return f"made {', '.join(made)} in {seconds:.1f} s" if made else "everything is current"

    def failures(self) -> dict[str, str]:
        """Return why takes could not be finished, by session and name."""
        found = {}
        for root, take in self.takes():
            steps = [*self._calibration(root), *self.of_take(root, take)]
            failed = [step for step in steps if self._status(step) == FAILED]
            if failed:
                why = self.ended[failed[0].key].why
                found[f"{root.name}/{take}"] = f"{failed[0].stage}: {why}"
        return found

    def counts(self) -> dict[str, int]:
        """Return how many takes are finished, failed, at work and waiting."""
        takes, failed = self.takes(), set(self.failures())
        with self._guard:
            at_work = {(self.steps[key].root, self.steps[key].take) for key in self._running}
        finished = 0
        for root, take in takes:
            done = all(step.key in self.ended for step in self.of_take(root, take))
            finished += done and f"{root.name}/{take}" not in failed
        running = sum(each in at_work for each in takes)
        rest = len(takes) - finished - len(failed) - running
        return {"finished": finished, "failed": len(failed), "at work": running,
                "waiting": max(rest, 0)}  # fmt: skip

    def lines(self) -> list[str]:
        """Return what a person who watches sees: counts, time left, and who works on what."""
        counted = ", ".join(f"{count} {word}" for word, count in self.counts().items())
        lines = [f"{counted}; {len(self.ended)} of {len(self.steps)} steps{self._left()}"]
        with self._guard:
            running = sorted(self._running.items(), key=lambda each: each[1][1])
        now_s = time.monotonic()
        rows = [
            (self._name(self.steps[key]), self.steps[key].stage, f"{now_s - since_s:.0f} s", host)
            for key, (host, since_s) in running[:_MOST_RUNNING]
        ]
        return lines + (table_lines(("take", "stage", "since", "where"), rows) if rows else [])

    def rows(self) -> list[tuple[Path, str, dict[str, Done]]]:
        """Return session, take and how its steps ended, by stage."""
        return [
            (root, take, {step.stage: self.ended[step.key] for step in self.of_take(root, take)
                          if step.key in self.ended})
            for root, take in self.takes()
        ]  # fmt: skip

    def _of_takes(self) -> list[Step]:
        return [step for step in self.steps.values() if step.stage != CALIBRATE]

    def _calibration(self, root: Path) -> list[Step]:
        return [s for s in self.steps.values() if s.root == root and s.stage == CALIBRATE]

    def _status(self, step: Step) -> str:
        return self.ended[step.key].status if step.key in self.ended else ""

    @staticmethod
    def _name(step: Step) -> str:
        return f"{step.root.name}/{step.take}".rstrip("/")

    def _left(self) -> str:
        """Return the time left; nothing before a step of every stage that is left has ended.

        A step takes what the last of its stage took in the median, those that were current too, and
        as many go on side by side as do now.
        """
        took_s: dict[str, deque[float]] = defaultdict(lambda: deque(maxlen=_LATELY))
        for key, done in list(self.ended.items()):
            if done.status != SKIPPED:
                took_s[self.steps[key].stage].append(done.seconds)
        usual_s = {stage: median(each) for stage, each in took_s.items()}
        waiting = self.waiting()
        if not all(step.stage in usual_s for step in waiting):
            return ""
        beside = max(len(self._running), 1)
        return left_in_words(sum(usual_s[step.stage] for step in waiting) / beside)


def document(table: Table) -> dict[str, object]:
    """Return what was done for machines."""
    failures, found = table.failures(), []
    for root, take, steps in table.rows():
        stages = [
            {"stage": stage, "status": done.status, "why": done.why,
             "seconds": round(done.seconds, 3), "host": done.host, "warnings": done.warnings}
            for stage, done in steps.items()
        ]  # fmt: skip
        entry: dict[str, object] = {"session": root, "take": take, "stages": stages}
        if f"{root.name}/{take}" in failures:
            entry["error"] = failures[f"{root.name}/{take}"]
        found.append(entry)
    return {"counts": table.counts(), "takes": found}


def write_index(table: Table, page: Path) -> None:
    """Write the page of a whole batch: every take with its state, its report and its files.

    Raises:
        StorageError: it cannot be written.
    """
    from mocap.studio.batch_page import TakeLine, write_batch_page

    failures, lines = table.failures(), []
    for root, take, steps in table.rows():
        folder = root / "takes" / take
        made = [stage for stage, done in steps.items() if done.status == MADE]
        current = [stage for stage, done in steps.items() if done.status == CURRENT]
        skipped = [stage for stage, done in steps.items() if done.status == SKIPPED]
        lines.append(
            TakeLine(
                session=root.name,
                take=take,
                made=", ".join(made),
                kept=len(current),
                not_done=", ".join(skipped),
                seconds=sum(done.seconds for done in steps.values()),
                warnings=tuple(dict.fromkeys(w for done in steps.values() for w in done.warnings)),
                failure=failures.get(f"{root.name}/{take}", ""),
                report=_beside(folder / "report.html", page),
                export=_beside(folder / "export", page),
            )
        )
    write_batch_page(page, lines)


def _beside(path: Path, page: Path) -> str:
    """Return a path as seen from the page; "" where nothing is."""
    if not path.exists():
        return ""
    return Path(os.path.relpath(path.resolve(), page.resolve().parent)).as_posix()
