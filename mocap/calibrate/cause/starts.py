"""How many frames apart two cameras started: at which shift do they agree on where they stand.

Every frame in which two cameras see the board tells how they stand to each other. Compared at the
right instant nearly all frames tell the same; at a wrong one the board has moved meanwhile.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np

from mocap.calibrate import graph
from mocap.calibrate.cause.movement import Trial
from mocap.core.shapes import FloatArray, IntArray

# Starts further apart than this are found by the sound or by a person; a board waved for a minute
# repeats itself.
MAX_SHIFT_LOOKS = 75
# Frames of a pair compared at one shift, and the least that tell.
MAX_FRAMES, MIN_FRAMES = 40, 8
# At the right shift so many frames of a pair agree, and so many more than without a shift.
AGREE_SHARE, MORE_THAN_NOW = 0.6, 0.2


@dataclass(frozen=True)
class PairShift:
    """The shift of the second camera's frames against the first's at which most frames agree."""

    first: int
    second: int
    frames: int
    share: float
    share_now: float
    compared: int

    @property
    def believed(self) -> bool:
        """Whether the shift is better than none by more than chance."""
        return self.share >= AGREE_SHARE and self.share - self.share_now > MORE_THAN_NOW


def pair_shift(trial: Trial, first: int, second: int) -> PairShift | None:
    """Return the best shift of a pair; None when hardly any frames could be compared."""
    best = trial.poses.best()
    camera = trial.views.arrays.view_camera[best.view]
    number = trial.views.frames[trial.views.view_frame[best.view]]
    a, b = np.flatnonzero(camera == first), np.flatnonzero(camera == second)
    if min(len(a), len(b)) < MIN_FRAMES:
        return None
    step = max(int(np.gcd.reduce(np.diff(np.unique(trial.views.frames)))), 1)
    shares: dict[int, tuple[float, int]] = {}
    for looks in range(-MAX_SHIFT_LOOKS, MAX_SHIFT_LOOKS + 1):
        _, in_a, in_b = np.intersect1d(number[a] + looks * step, number[b], return_indices=True)
        if len(in_a) >= MIN_FRAMES:
            share = _agreeing_share(best.camera_from_board, a[in_a], b[in_b])
            shares[looks * step] = share, len(in_a)
    if not shares:
        return None
    # Of shifts that agree alike, the one that compares most frames, then the smallest.
    top = max(share for share, _ in shares.values())
    good = [k for k, (share, _) in shares.items() if share > top - 0.05]
    chosen = max(good, key=lambda k: (shares[k][1] * shares[k][0] ** 2, -abs(k)))
    return PairShift(
        first, second, chosen, shares[chosen][0], shares.get(0, (0.0, 0))[0], shares[chosen][1]
    )


def _agreeing_share(poses: FloatArray, a: IntArray, b: IntArray) -> float:
    """Return the share of frames that agree on how two cameras stand to each other."""
    if len(a) > MAX_FRAMES:
        chosen = np.linspace(0, len(a) - 1, MAX_FRAMES).astype(np.int64)
        a, b = a[chosen], b[chosen]
    return graph.consensus(0, 1, poses[a], poses[b]).support / len(a)


def start_shifts(trial: Trial) -> FloatArray:
    """Return per camera (camera,) how many frames it is late against most; NaN if unknown."""
    count = len(trial.lens)
    pairs = [pair_shift(trial, i, j) for i in range(count) for j in range(i + 1, count)]
    measured = sorted(
        (p for p in pairs if p is not None and p.share >= AGREE_SHARE),
        key=lambda p: -p.compared * p.share,
    )
    late = np.full(count, np.nan)
    if not measured:
        return late
    late[measured[0].first] = 0.0
    grown = True
    while grown:
        grown = False
        for pair in measured:
            known = np.isfinite(late[[pair.first, pair.second]])
            if known.all() or not known.any():
                continue
            shift = pair.frames if pair.believed else 0
            if known[0]:
                late[pair.second] = late[pair.first] + shift
            else:
                late[pair.first] = late[pair.second] - shift
            grown = True
            break
    usual = Counter(late[np.isfinite(late)].tolist()).most_common(1)[0][0]
    return late - usual
