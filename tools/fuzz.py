"""Give every reader damaged files: each is read, or refused with a sentence; nothing else.

    python tools/fuzz.py [--mutations 20000] [--seconds 45] [--only NAME] [--keep]

Damage comes from a seed and a number, so every run damages the same way. A file that ended in
anything but a MocapError goes into `tests/corpus/READER/` with `--keep`; those are read first in
every run. A reader that crashes or takes longer than `HANG_S` fails too.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import random
import signal
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from multiprocessing.connection import Connection
from pathlib import Path
from types import FrameType

# Processes are forked here: threads of a numerical library would not come along.
for variable in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

from fuzz_kinds import Reader  # noqa: E402
from fuzz_readers import READERS, ROOT  # noqa: E402

from mocap.core.errors import MocapError  # noqa: E402

CORPUS = ROOT / "tests" / "corpus"
HANG_S = 5
"""CPU seconds, so that a busy machine is no hang."""

SILENT_S = 120
"""Native code that hangs answers no alarm, and what waits takes no CPU time."""

SEED = 2026


class Hang(BaseException):
    """A reading took too long; no reader catches it."""


def main() -> int:
    """Run all readers and say how many readings ended in something else than a sentence."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--mutations", type=int, default=2000, help="of each reader")
    parser.add_argument("--seconds", type=float, default=45.0, help="CPU seconds of all together")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutation")
    parser.add_argument("--only", help="one reader")
    parser.add_argument("--keep", action="store_true", help="add what fails to the corpus")
    asked = parser.parse_args()
    readers = [each for each in READERS if asked.only in (None, each.name)]
    failures = total = 0
    for reader in readers:
        share = asked.seconds / len(readers)
        found, done, seconds = _apart(reader, asked.mutations, share, asked.first, asked.keep)
        print(
            f"{reader.name:<12} {done:>6} readings  {found:>3} uncaught  {seconds:5.1f} s",
            flush=True,
        )
        failures, total = failures + found, total + done
    print(f"{failures} uncaught in {total} readings of {len(readers)} readers")
    return 1 if failures else 0


def _apart(
    reader: Reader, mutations: int, seconds: float, first: int, keep: bool
) -> tuple[int, int, float]:
    """Run one reader in a process of its own; a crash of native code ends only that one."""
    mine, its = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(
        target=_run, args=(reader, mutations, seconds, first, keep, its)
    )
    process.start()
    its.close()
    last: tuple[int, int, float] = (0, 0, 0.0)
    while True:
        if not mine.poll(SILENT_S):
            process.kill()
        try:
            last = mine.recv()
        except EOFError:
            break
    process.join()
    if process.exitcode:
        print(
            f"  {reader.name}: the process died ({process.exitcode}) at mutation {last[1] + first}"
        )
        return last[0] + 1, last[1], last[2]
    return last


def _run(
    reader: Reader, mutations: int, seconds: float, first: int, keep: bool, pipe: Connection
) -> None:
    warnings.simplefilter("error")
    signal.signal(signal.SIGPROF, _raise)
    started, failures, done = time.process_time(), 0, 0
    with tempfile.TemporaryDirectory() as name:
        folder, place = Path(name) / "honest", Path(name) / "read"
        folder.mkdir()
        place.mkdir()
        honest = reader.make(folder)
        for path in honest:
            reader.read(path)
        for path in sorted((CORPUS / reader.name).glob("*")):
            failures += not _survives(reader, place, path.read_bytes(), False)
            done += 1
        contents = [path.read_bytes() for path in honest]
        for number in range(first, first + mutations):
            chance = random.Random(f"{SEED} {reader.name} {number}")
            failures += not _survives(
                reader, place, reader.mutate(chance, chance.choice(contents)), keep
            )
            done += 1
            if number % 20 == 0:
                pipe.send((failures, done, time.process_time() - started))
                if time.process_time() - started > seconds:
                    break
    pipe.send((failures, done, time.process_time() - started))


def _survives(reader: Reader, place: Path, content: bytes, keep: bool) -> bool:
    path = place / reader.file
    path.write_bytes(content)
    try:
        with _limited():
            reader.read(path)
    except MocapError as error:
        if str(error).encode("utf-8", "surrogateescape") and "\n" not in str(error):
            return True
        problem = kind = "a message of several lines"
    except (Exception, Hang) as error:
        problem = "".join(traceback.format_exception(error)[-3:])
        frame = traceback.extract_tb(error.__traceback__)[-1]
        kind = f"{type(error).__name__} {Path(frame.filename).name} {frame.name}"
    else:
        return True
    print(f"  {reader.name}: {problem}", flush=True)
    if keep:
        folder = CORPUS / reader.name
        folder.mkdir(parents=True, exist_ok=True)
        # One of each kind: the corpus stays small.
        (folder / sha256(kind.encode()).hexdigest()[:12]).write_bytes(content)
    return False


@contextmanager
def _limited() -> Iterator[None]:
    signal.setitimer(signal.ITIMER_PROF, HANG_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def _raise(number: int, frame: FrameType | None) -> None:
    raise Hang(f"longer than {HANG_S} s")


if __name__ == "__main__":
    sys.exit(main())
