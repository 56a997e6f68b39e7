"""Recorded rehabilitation exercises of ten people (UI-PRMD): recognised, and counted.

The recordings are public domain and not part of the project: `MOCAP_REAL_DATA` says where they
are; without it there are no figures.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from figures import Figure

from mocap.core.shapes import FloatArray
from mocap.measure.exercises.pose_curve import excursions, pose_curve
from mocap.measure.exercises.recognise import (
    LUNGE,
    SHOULDER_RAISE,
    SIDE_LUNGE,
    SIT_TO_STAND,
    SQUAT,
    attempts,
)
from mocap.measure.exercises.squat import measure_squat
from mocap.measure.overbent import overbent
from mocap.measure.segments.points import segments_from_points
from mocap.measure.segments.segments import Segments
from mocap.synthetic.motion.random_motion import points_of

FPS = 30.0
NOISE_M = 0.008
_LABEL_OF = {1: SQUAT, 3: LUNGE, 4: SIDE_LUNGE, 5: SIT_TO_STAND, 7: SHOULDER_RAISE,
             10: SHOULDER_RAISE}  # fmt: skip
_NAMED = {SQUAT: (1,), "lunge, forwards or sideways": (3, 4), SIT_TO_STAND: (5,),
          SHOULDER_RAISE: (7, 10)}  # fmt: skip
_OTHERS = (2, 6, 9)
_SQUATS = range(1, 11, 2)
_JOINTS = tuple(
    f"{side}_{name}"
    for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    for side in ("left", "right")
)
_HEAD = ("nose", "left_ear", "right_ear")
_PEOPLE = range(1, 11)
_BLEND = 8  # frames from the end of one recording to the begin of the next


class Recordings:
    """The recordings, one repetition each."""

    def __init__(self, folder: Path) -> None:
        """Open the file."""
        self.data = np.load(folder / "uiprmd" / "uiprmd_kinect_positions.npz", allow_pickle=False)
        names = [str(name) for name in self.data["joint_names"]]
        self.columns = [names.index(name) for name in (*_JOINTS, "head")]

    def joints(self, movement: int, person: int, number: int, done: str = "correct") -> FloatArray:
        """Return joints (frame, joint, 3), Z up, metres."""
        xyz = self.data[f"{done}__m{movement:02d}_s{person:02d}_e{number:02d}"].astype(np.float64)
        return np.stack([xyz[..., 0], -xyz[..., 2], xyz[..., 1]], axis=-1)[:, self.columns]


def _segments(xyz: FloatArray, rng: np.random.Generator) -> Segments:
    noisy = xyz + rng.normal(0.0, NOISE_M, xyz.shape)
    head = np.repeat(noisy[:, -1:], len(_HEAD), axis=1)
    points = np.concatenate([noisy[:, :-1], head], axis=1)
    return segments_from_points(points_of(points, (*_JOINTS, *_HEAD), FPS, NOISE_M))


def recordings() -> Recordings | None:
    """Return the recordings, None where `MOCAP_REAL_DATA` is not set."""
    folder = os.environ.get("MOCAP_REAL_DATA")
    return Recordings(Path(folder)) if folder else None


def recognition_figures(data: Recordings) -> list[Figure]:
    """Return the share of good repetitions that get their name and are counted as one."""
    rng = np.random.default_rng(1)
    named: Counter[int] = Counter()
    labels: Counter[int] = Counter()
    one, files = 0, 0
    for movement in (*_LABEL_OF, *_OTHERS):
        for person in _PEOPLE:
            for number in range(1, 11):
                found = attempts(_segments(data.joints(movement, person, number), rng))
                most = Counter(each.label for each in found).most_common(1)
                label = most[0][0] if most else ""
                if movement in (3, 4):
                    named[movement] += label in (LUNGE, SIDE_LUNGE)
                else:
                    named[movement] += label == _LABEL_OF.get(movement, "none")
                labels[movement] += 1
                if movement in _LABEL_OF:
                    one += len(found) == 1
                    files += 1

    def share(movements: Sequence[int]) -> float:
        return 100.0 * sum(named[m] for m in movements) / sum(labels[m] for m in movements)

    figures = [
        Figure(f"{name}: recognised", share(movements), "%", 95.0, ">=")
        for name, movements in _NAMED.items()
    ]
    figures.append(Figure("other exercises called none", share(_OTHERS), "%", 95.0, ">="))
    figures.append(Figure("repetitions counted as one", 100.0 * one / files, "%", 97.0, ">="))
    return figures


def form_figures(data: Recordings) -> list[Figure]:
    """Return how often something is said of the form of good deep squats, and of doubtful ones.

    Many of these recordings bend knees by more than any knee can, which is said too: what is read
    from such a leg is grey and says nothing of the form.
    """
    rng = np.random.default_rng(2)
    out = []
    for done in ("correct", "incorrect"):
        said, impossible, files = 0, 0, 0
        for person in _PEOPLE:
            for number in _SQUATS:
                xyz = data.joints(1, person, number, done)
                rest = round(FPS)
                held = [np.repeat(xyz[:1], rest, axis=0), xyz, np.repeat(xyz[-1:], rest, axis=0)]
                seen = _segments(np.concatenate(held), rng)
                said += bool(measure_squat(seen).feedback)
                impossible += bool(overbent(seen).bent_deg)
                files += 1
        told = 100.0 * said / files
        out.append(Figure(f"{files} {done} squats: something is said of the form", told, "%"))
        bent = 100.0 * impossible / files
        out.append(Figure(f"{files} {done} squats: knees bend as none can", bent, "%"))
    return out


def counting_figures(data: Recordings, rounds: int = 2) -> list[Figure]:
    """Return how often sets of 3 to 10 repetitions with pauses are counted exactly."""
    rng = np.random.default_rng(0)
    out = []
    for done, line in (("correct", 97.0), ("incorrect", None)):
        errors = []
        for _ in range(rounds):
            for person in _PEOPLE:
                for movement in range(1, 11):
                    count = int(rng.integers(3, 11))
                    first = int(rng.integers(1, 12 - count))
                    parts = [
                        data.joints(movement, person, number, done)
                        for number in range(first, first + count)
                    ]
                    seen = _segments(_joined(parts, rng), rng)
                    errors.append(len(excursions(pose_curve(seen), FPS)) - count)
        exact = 100.0 * float(np.mean(np.array(errors) == 0))
        label = f"{len(errors)} {done} sets: counted exactly"
        out.append(Figure(label, exact, "%", line, ">="))
    return out


def _joined(parts: Sequence[FloatArray], rng: np.random.Generator) -> FloatArray:
    """Return repetitions one after another: a pause of up to 3 s, then a blend to the next."""
    hips = [_JOINTS.index("left_hip"), _JOINTS.index("right_hip")]
    out = [np.repeat(parts[0][:1], round(FPS), axis=0), parts[0]]
    for part in parts[1:]:
        last = out[-1][-1]
        shift = (last[hips].mean(axis=0) - part[0, hips].mean(axis=0)) * [1.0, 1.0, 0.0]
        moved = part + shift
        pause = np.repeat(last[None], int(rng.integers(0, 90)) + 1, axis=0)
        share = (0.5 - 0.5 * np.cos(np.pi * np.arange(1, _BLEND) / _BLEND))[:, None, None]
        out += [pause, (1.0 - share) * last + share * moved[0], moved]
    out.append(np.repeat(out[-1][-1:], round(FPS), axis=0))
    return np.concatenate(out)
