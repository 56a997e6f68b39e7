"""What a technician gets wrong with a board, and whether the calibration says so.

Every kind of fault is put into sound recordings of random rigs with known truth; the first sentence
the user reads must name the camera or the cause, and nothing that is wrong may PASS. Sound
recordings must not FAIL.

    python benchmarks/calibration_faults.py            three seeds a kind (about 15 minutes)
    python benchmarks/calibration_faults.py --quick    one seed a kind
    python benchmarks/calibration_faults.py --check    all lines must hold, else exit 1
"""

from __future__ import annotations

import argparse
import re
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from calibration_parts.kinds import KINDS
from figures import Figure, exit_code, print_figures

from mocap.calibrate.solve import CalibrationResult, calibrate
from mocap.calibrate.verdict.report import Verdict
from mocap.core.board import Board
from mocap.core.camera import Calibration
from mocap.core.detections import Corners
from mocap.core.errors import MocapError
from mocap.core.shapes import FloatArray
from mocap.core.transform import similarity
from mocap.synthetic import board_faults as faults
from mocap.synthetic.board_faults import BOARD, BoardRecording, random_rig, record
from mocap.synthetic.boards import observe_board

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


def certainty_figures(count: int) -> list[Figure]:
    """Return how well standard deviations and the error map agree with the truth."""
    center: list[float] = []
    focal: list[float] = []
    predicted: list[float] = []
    true: list[float] = []
    for seed in range(count):
        rig = random_rig(3000 + seed, most=10)
        result = calibrate(record(rig, seed=seed).corners, BOARD)
        _, rotation, shift = similarity(
            _centers(rig), _centers(result.calibration), with_scale=False
        )
        off = _centers(rig) @ rotation.T + shift - _centers(result.calibration)
        for values, value in zip((true, predicted), map_error(rig, result), strict=True):
            values.append(_rms(value))
        for index, told in enumerate(result.report.cameras):
            center.append(1000.0 * float(np.linalg.norm(off[index])) / told.center_sd_mm)
            ours, theirs = result.calibration.cameras[index], rig.cameras[index]
            focal.append(abs(ours.lens[:2].mean() - theirs.lens[:2].mean()) / told.focal_sd_px)
    within = 100.0 * float(np.mean(np.array([*center, *focal]) < 3.0))
    ratio = _rms(np.array(true)) / _rms(np.array(predicted))
    return [
        Figure(f"error map of {count} rigs: true over predicted rms", ratio, "", 1.25),
        Figure("  the same", ratio, "", 0.75, ">="),
        Figure("true within 3 sd (positions, focal lengths)", within, "%", 95, ">="),
        Figure(
            "positions within 1 sd", 100.0 * float(np.mean(np.array(center) < 1.0)), "%", 58, ">="
        ),
        Figure(
            "focal lengths within 1 sd",
            100.0 * float(np.mean(np.array(focal) < 1.0)),
            "%",
            58,
            ">=",
        ),
    ]


def map_figures(rigs: int, draws: int) -> list[Figure]:
    """Return on how many rigs the error map agrees with the truth of several noisy recordings.

    One recording is one draw of what the map predicts, and differs from it by chance. The rms of
    several recordings of the same board poses, in predicted deviations, should be one.
    """
    ratios = []
    for seed in range(rigs):
        rig = random_rig(4000 + seed, most=8)
        off = []
        for draw in range(draws):
            recording = record(rig, seed=seed)
            seen = observe_board(
                rig, BOARD, recording.poses, noise_px=0.3, seed=1000 * seed + draw + 17
            )
            true, predicted = map_error(rig, calibrate(seen, BOARD))
            off.append(true / predicted)
        ratios.append(_rms(np.concatenate(off)))
        print(f"error map of rig {seed}: true over predicted {ratios[-1]:.2f}", flush=True)
    good = float(np.mean([0.75 < ratio < 1.25 for ratio in ratios]))
    return [
        Figure(f"error maps within 25 % of {draws} recordings, of {rigs} rigs", 100 * good, "%", 90,
               ">="),
        Figure("  true over predicted, median of the rigs", float(np.median(ratios)), "", 1.15),
    ]  # fmt: skip


def map_error(rig: Calibration, result: CalibrationResult) -> tuple[FloatArray, FloatArray]:
    """Return the true and the predicted error (point,) of points in mm, all over the volume."""
    _, rotation, shift = similarity(_centers(rig), _centers(result.calibration), with_scale=False)
    found = result.report.error_map
    assert found is not None
    points = np.array(found.points_m)
    placed = triangulated(result.calibration, rig.project((points - shift) @ rotation), points)
    return 1000.0 * np.linalg.norm(placed - points, axis=1), np.array(found.sd_mm)


def _centers(rig: Calibration) -> FloatArray:
    return np.stack([camera.center for camera in rig.cameras])


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2)))


def triangulated(rig: Calibration, pixels: FloatArray, start: FloatArray) -> FloatArray:
    """Return points (n, 3) that fit pixels (camera, n, 2) best (Gauss-Newton from `start`)."""
    points = start.copy()
    for _ in range(5):
        normal, right = np.zeros((len(points), 3, 3)), np.zeros((len(points), 3))
        for camera, seen in zip(rig.cameras, pixels, strict=True):
            put, slope = camera.project_with_jacobian(points)
            with np.errstate(invalid="ignore"):
                inside = ((seen >= 0) & (seen < camera.image_size)).all(axis=1)
            inside &= np.isfinite(put).all(axis=1)
            slope = np.where(inside[:, None, None], slope, 0.0)
            normal += np.swapaxes(slope, 1, 2) @ slope
            right += np.einsum("nij,ni->nj", slope, np.where(inside[:, None], seen - put, 0.0))
        points += np.linalg.solve(normal + 1e-9 * np.eye(3), right[..., None])[..., 0]
    return points


def main() -> int:
    """Print the figures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--quick", action="store_true", help="one seed a kind, five sound rigs")
    options = parser.parse_args()
    figures = fault_figures((0,) if options.quick else (0, 1, 2))
    figures += healthy_figures(5 if options.quick else 20)
    figures += certainty_figures(4 if options.quick else 12)
    figures += map_figures(*((2, 4) if options.quick else (10, 8)))
    print_figures("Faults of board recordings", figures)
    return exit_code(figures, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
