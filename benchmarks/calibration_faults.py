"""What a technician gets wrong with a board, and whether the calibration says so.

Every kind of fault is put into sound recordings of random rigs with known truth; the first sentence
the user reads must name the camera or the cause, and nothing that is wrong may PASS. Sound
recordings must not FAIL.

    python benchmarks/calibration_faults.py            three seeds a kind (18 CPU minutes)
    python benchmarks/calibration_faults.py --quick    one seed a kind
    python benchmarks/calibration_faults.py --check    all lines must hold, else exit 1
    python benchmarks/calibration_faults.py --part cameras    one part alone
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from calibration_parts.certainty import certainty_figures, map_figures
from calibration_parts.kinds import KINDS
from calibration_parts.moved_cameras import moved_figures
from calibration_parts.take_causes import cause_figures
from figures import Figure, exit_code, print_figures

from mocap.calibrate.solve import calibrate
from mocap.calibrate.verdict.report import Verdict
from mocap.core.board import Board
from mocap.core.detections import Corners
from mocap.core.errors import MocapError
from mocap.synthetic import board_faults as faults
from mocap.synthetic.board_faults import BOARD, BoardRecording, random_rig, record

REFUSED = "refused"


@dataclass(frozen=True)
class Outcome:
    """What the user gets: a verdict or a refusal, the first sentence, all sentences."""

    verdict: str
    first: str
    everything: str


def judged(corners: Sequence[Corners], board: Board = BOARD) -> Outcome:
    """Calibrate and return what the user reads."""
    try:
        report = calibrate(corners, board).report
    except MocapError as error:
        return Outcome(REFUSED, str(error), str(error))
    texts = [finding.text for finding in report.findings]
    return Outcome(str(report.verdict), texts[0] if texts else "", " ".join(texts))


def fault_figures(seeds: Sequence[int]) -> list[Figure]:
    """Run every kind and return how many pass, and how many are named."""
    passed = named = total = 0
    for kind in KINDS:
        for seed in seeds:
            start = time.process_time()
            corners, board, pattern = kind.make(seed)
            outcome = judged(corners, board)
            good = re.search(pattern, outcome.first) is not None
            total += 1
            named += good
            passed += outcome.verdict == str(Verdict.PASS)
            mark = "ok " if good and outcome.verdict != str(Verdict.PASS) else "BAD"
            seconds = time.process_time() - start
            print(f"{mark} {kind.name:<32} seed {seed} {outcome.verdict:<8} {seconds:5.1f} s  "
                  f"{outcome.first[:110]}", flush=True)  # fmt: skip
    print(f"{len(KINDS)} kinds, {total} recordings")
    return [
        Figure("kinds of faults", len(KINDS), "", 30, ">="),
        Figure("wrong recordings that PASS", passed, "", 0),
        Figure("named first", 100.0 * named / total, "%", 95.0, ">="),
    ]


def healthy_figures(count: int) -> list[Figure]:
    """Return how many sound recordings fail: random rigs, and boards at two places."""
    failed = accused = two_failed = two_accused = 0
    for seed in range(count):
        rig = random_rig(seed)
        first = _healthy(record(rig, seed=seed))
        places = [faults.lying(-0.4, -0.2, 20.0), faults.lying(0.5, 0.3, 80.0)]
        second = _healthy(record(rig, seed=seed, places=places, bow_m=0.002))
        failed += first[0]
        accused += first[1]
        two_failed += second[0]
        two_accused += second[1]
    return [
        Figure(f"sound random rigs of {count} that FAIL", failed, "", 0),
        Figure("  in which a camera is accused of having moved", accused, "", 0),
        Figure(f"two-place recordings of {count} that FAIL", two_failed, "", 0),
        Figure("  in which a camera is accused of having moved", two_accused, "", 0),
    ]


def _healthy(recording: BoardRecording) -> tuple[bool, bool]:
    """Return whether a sound recording fails and whether it accuses a camera of having moved."""
    outcome = judged(recording.corners)
    failed = outcome.verdict in (REFUSED, str(Verdict.FAIL))
    if failed:
        print(f"BAD sound rig of {len(recording.corners)}: {outcome.first}", flush=True)
    return failed, "moved" in outcome.everything


def parts(quick: bool) -> dict[str, Callable[[], list[Figure]]]:
    """Return the parts of the benchmark by their names."""
    return {
        "kinds": lambda: fault_figures((0,) if quick else (0, 1, 2)),
        "healthy": lambda: healthy_figures(5 if quick else 20),
        "certainty": lambda: (
            certainty_figures(4 if quick else 12) + map_figures(2 if quick else 10)
        ),
        "cameras": moved_figures,
        "takes": lambda: cause_figures(*((10, 1) if quick else (50, 2))),
    }


def main() -> int:
    """Print the figures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--quick", action="store_true", help="one seed a kind, five sound rigs")
    parser.add_argument("--part", action="append", choices=sorted(parts(True)), help="only this")
    options = parser.parse_args()
    chosen = parts(options.quick)
    figures = [each for name in options.part or chosen for each in chosen[name]()]
    print_figures("Faults of board recordings", figures)
    return exit_code(figures, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
