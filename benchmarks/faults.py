"""Kill, starve and crowd every command that writes: results stay whole, errors are one sentence.

Small sessions (see `faults_parts/sessions.py`) are finished once. Then each command is run again
from what lies before it, in forked processes, with one fault each:

  kill      SIGKILL at each opening for writing, rename, link, removal and fsync; run again
  errors    ENOSPC, EIO, EROFS and EACCES at each of them, and EFBIG for all that follows: one
            sentence and exit status 1 (or nothing lost at all), run again
  together  two and four at once

Afterwards every file of the session has the bytes that it has without the fault: for commands at
once those of as many one after the other, for a command that was killed and run again those of one
or of two (an edit that was written before the kill is written twice).

With `--soak 200` (long) one process runs a take again and again with changed input: memory and open
files stay flat, and random kills leave what a clean run gives.

    python benchmarks/faults.py [--check] [--only detect,fit] [--parts kill,errors,together]
"""

from __future__ import annotations

import argparse
import errno
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from faults_parts.children import Fault, events_of, ran, together
from faults_parts.deeds import DEEDS, KINDS, Deed, nothing, run, state
from faults_parts.sessions import replay_detection
from faults_parts.soak import soak_figures
from figures import Figure, exit_code, print_figures

import mocap.export.bvh.writer
import mocap.workflow.associate
import mocap.workflow.export.mesh
import mocap.workflow.export.stage
import mocap.workflow.fit.stage
import mocap.workflow.imported.keypoints
import mocap.workflow.measure.take
import mocap.workflow.report
import mocap.workflow.rig.calibrate
import mocap.workflow.rig.refine
import mocap.workflow.run
import mocap.workflow.smooth
import mocap.workflow.triangulate
import mocap.workflow.understand.actions
import mocap.workflow.understand.lift  # noqa: F401 (loaded before the children fork)

ERRORS = (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EACCES, errno.EFBIG)
PARTS = ("kill", "errors", "together")
State = dict[str, str]


def main() -> int:
    """Run all faults of the commands asked for and print how many held."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", default="", help="commands, separated by commas; else all")
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--every", type=int, default=1, help="take every so many events only")
    parser.add_argument("--soak", type=int, default=0, help="only run a take so often (long: 200)")
    asked = parser.parse_args()
    if asked.soak:
        with tempfile.TemporaryDirectory() as name:
            soaked = soak_figures(Path(name), asked.soak, max(1, asked.soak // 10))
        print_figures("soak", soaked)
        return exit_code(soaked, check=asked.check)
    names = asked.only.split(",") if asked.only else [deed.name for deed in DEEDS]
    unknown = {*names} - {deed.name for deed in DEEDS}
    if unknown:
        parser.error(f"there is no {', '.join(unknown)}; known: {', '.join(d.name for d in DEEDS)}")
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        for deed in (each for each in DEEDS if each.name in names):
            finished = place / f"finished_{deed.session}"
            if not finished.is_dir():
                finish(deed.session, finished)
            started = time.monotonic()
            trial = Trial(deed, finished, place)
            figures += trial.figures(asked.parts.split(","), asked.every * deed.stride)
            print(f"  {deed.name}: {trial.events} events, {time.monotonic() - started:.0f} s",
                  flush=True)  # fmt: skip
    print_figures("faults", figures)
    return exit_code(figures, check=asked.check)


def finish(kind: str, folder: Path) -> None:
    """Make a session, whole."""
    KINDS[kind].make(folder)
    prepare = replay_detection if kind == "filmed" else nothing
    for words in KINDS[kind].commands:
        run([each.replace("SESSION", str(folder)) for each in words], folder, prepare)


class Trial:
    """One command, and what its session is after it ran once and twice."""

    def __init__(self, deed: Deed, finished: Path, place: Path) -> None:
        """Run it without a fault."""
        self.deed = deed
        self.start, self.session = place / "start", place / "session"
        deed.start(finished, self.session)
        shutil.rmtree(self.start, ignore_errors=True)
        shutil.copytree(self.session, self.start)
        self.words = deed.words(self.session)
        # After as many runs one after the other: exit status and state.
        self.after: list[tuple[int, State]] = []
        for _ in range(4):
            code, said = ran(self.words, self.session, deed.prepare)
            if code and not self.after:
                raise SystemExit(f"mocap {' '.join(self.words)} failed:\n{said}")
            self.after.append((code, state(self.session)))
        self.fresh()
        self.events = events_of(self.words, self.session, deed.prepare)

    def fresh(self) -> None:
        """Put the session back to what it was before the command."""
        shutil.rmtree(self.session, ignore_errors=True)
        shutil.copytree(self.start, self.session)

    def figures(self, parts: list[str], every: int) -> list[Figure]:
        """Return how many faults did not end as they should."""
        numbers = range(0, self.events, every)
        faults = {
            "kill": [Fault(at, kill=True) for at in numbers],
            "errors": [Fault(at, error=each) for at in numbers for each in ERRORS],
        }
        found = []
        for part in ("kill", "errors"):
            if part in parts:
                bad = sum(not self.held(fault) for fault in faults[part])
                name = f"{self.deed.name}, {part} at {len(faults[part])} points: not whole"
                found.append(Figure(name, bad, "", 0))
        if "together" in parts:
            bad = sum(not self.equal(many) for many in (2, 4))
            found.append(Figure(f"{self.deed.name}, two and four at once: not equal", bad, "", 0))
        return found

    def equal(self, many: int) -> bool:
        """Tell whether so many at once leave what they leave one after the other."""
        self.fresh()
        ended = together([self.words] * many, self.session, self.deed.prepare)
        codes = sorted(code for code, _ in ended)
        wanted = sorted(code for code, _ in self.after[:many])
        now = state(self.session)
        if codes == wanted and now == self.after[many - 1][1]:
            return True
        other = _differing(now, self.after[many - 1][1])
        print(f"  {self.deed.name}, {many} at once: {codes} for {wanted}, differing {other}\n"
              f"    {[said[-300:] for _, said in ended]}", flush=True)  # fmt: skip
        return False

    def held(self, fault: Fault) -> bool:
        """Tell whether a fault ended as it should and a second run gave the same."""
        self.fresh()
        code, said = ran(self.words, self.session, self.deed.prepare, fault)
        lines = [line for line in said.splitlines() if line.startswith("Error: ")]
        said_so = code == 0 or (code == 1 and len(lines) == 1)
        # A command that was through before the event came is one that was not killed.
        well = code in (-signal.SIGKILL, 0) if fault.kill else said_so
        well = well and "Traceback" not in said
        again, said_again = ran(self.words, self.session, self.deed.prepare)
        left = [path.name for path in self.session.rglob(".*-????????.*")]
        now = state(self.session)
        if well and not left and any((again, now) == each for each in self.after[:2]):
            return True
        print(f"  {self.deed.name}, {fault}: status {code}, then {again}, differing "
              f"{_differing(now, self.after[0][1])}, left {left}\n    {said[-400:]!r}\n    "
              f"{said_again[-300:]!r}", flush=True)  # fmt: skip
        return False


def _differing(one: State, other: State) -> list[str]:
    return sorted(name for name in {*one, *other} if one.get(name) != other.get(name))


if __name__ == "__main__":
    sys.exit(main())
