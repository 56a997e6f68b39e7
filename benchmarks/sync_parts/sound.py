"""Clocks of cameras from sound: claps in a room, recorders that drift, a silent camera."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from figures import Figure

from mocap.core.shapes import FloatArray
from mocap.sync.sound import sync_sound

RATE_HZ, LENGTH_S = 24000, 30.0
# Not the seeds on which thresholds were set (8300-8321), nor those of the tests.
SEEDS = range(8340, 8346)
DRIFT_PPM = 60.0


def room(seed: int, length_s: float) -> FloatArray:
    """Return bursts at irregular times over a quiet background of the room itself."""
    rng = np.random.default_rng(seed)
    sound = 0.003 * rng.normal(size=int(length_s * RATE_HZ))
    start_s = 0.4
    while start_s < length_s - 0.2:
        burst = rng.normal(size=RATE_HZ // 20) * np.exp(
            -np.arange(RATE_HZ // 20) / (0.006 * RATE_HZ)
        )
        at = int(start_s * RATE_HZ)
        sound[at : at + len(burst)] += rng.uniform(0.4, 1.0) * burst
        start_s += rng.uniform(0.6, 2.4)
    return sound


def sound_figures(seeds: Sequence[int] = SEEDS) -> list[Figure]:
    """Gate 7: offsets and drifts of three recorders, a silent one, and rooms of their own."""
    off_s, drift_off, unheard, wrong = [], [], 0, 0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        sound = room(seed, LENGTH_S + 14.0)
        start = rng.uniform(0.0, 12.0, 3)
        drift = np.array([0.0, *rng.uniform(-DRIFT_PPM, DRIFT_PPM, 2)]) * 1e-6
        own = np.arange(int(LENGTH_S * RATE_HZ)) / RATE_HZ
        time = np.arange(len(sound)) / RATE_HZ
        tracks: list[tuple[FloatArray, int] | None] = [
            (
                np.interp(start[c] + (1.0 + drift[c]) * own, time, sound)
                + 0.01 * rng.normal(size=len(own)),
                RATE_HZ,
            )
            for c in range(3)
        ]
        found = sync_sound([*tracks, None])
        if not np.isfinite(found.offset_s[:3]).all():
            unheard += 1
            continue
        zero = int(np.flatnonzero(found.offset_s == 0.0)[0])
        # In the middle of what a pair recorded together, where an offset and a drift part.
        for c in range(3):
            if c == zero:
                continue
            common = 0.5 * (max(start[c], start[zero]) + min(start[c], start[zero]) + LENGTH_S)
            local, base = ((common - start[k]) / (1.0 + drift[k]) for k in (c, zero))
            off_s.append(found.offset_s[c] - (base - local))
            true = (1.0 + drift[c]) / (1.0 + drift[zero]) - 1.0
            drift_off.append(1e6 * (found.drift[c] - true))
        other = sync_sound([tracks[0], (room(seed + 50, LENGTH_S), RATE_HZ)])
        wrong += int(np.isfinite(other.offset_s).any())
    return [
        Figure("recordings in which a camera was not heard", unheard, f"of {len(seeds)}"),
        Figure("rooms of their own: wrong answers", wrong, "", 0.0),
        Figure("claps: offset without drift, worst", 1e3 * _still(seeds), "ms", 0.2),
        Figure("claps: offset with drift, worst", 1e3 * float(np.abs(off_s).max()), "ms", 0.2),
        Figure("drift, worst", float(np.abs(drift_off).max()), "ppm", 2.0),
    ]


def _still(seeds: Sequence[int]) -> float:
    """Return the worst offset (s) of recorders with equal clocks, beside a silent one."""
    worst = 0.0
    for seed in seeds:
        rng = np.random.default_rng(seed)
        sound = room(seed, LENGTH_S + 14.0)
        first = rng.integers(0, 12 * RATE_HZ, 2)
        parts = [sound[at : at + int(LENGTH_S * RATE_HZ)] for at in first]
        noisy = [(part + 0.01 * rng.normal(size=len(part)), RATE_HZ) for part in parts]
        offset = sync_sound([noisy[0], None, noisy[1]]).offset_s
        true = (first[1] - first[0]) / RATE_HZ
        worst = max(worst, abs(float(offset[2] - offset[0]) - true))
    return worst
