"""Repetitions of an exercise: counted, with the incomplete ones apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from mocap.core.shapes import FloatArray
from mocap.measure.filters import butterworth, possible_cutoff_hz

CUTOFF_HZ = 6.0
LEAST_DEG = 20.0
"""Movements smaller than this are no repetition of anything."""

LEAST_SHARE = 0.3
"""Of the range of the whole take: smaller swings are unrest on the way."""

LEAST_PERIOD_S = 0.4
COMPLETE_SHARE = 0.6
"""Of the median range: repetitions with less are incomplete and counted separately."""


@dataclass(frozen=True)
class Repetition:
    """One movement out and back.

    Attributes:
        start, peak, end: frames.
        start_deg: least angle before the peak; peak_deg: largest angle.
        rom_deg: range of motion: from the start to the peak.
        complete: whether it reaches most of what the others do.
    """

    start: int
    peak: int
    end: int
    start_deg: float
    peak_deg: float
    rom_deg: float
    complete: bool


def repetitions(angle_deg: FloatArray, fps: float) -> tuple[Repetition, ...]:
    """Return the repetitions in an angle (frame,) that rises and falls.

    Peaks of the low-passed angle that stand out by at least 20 degrees and 30 % of the take's
    range; each reaches from the valley before to the valley after. A movement that the take cuts
    off before it turns back is not counted.
    """
    if np.isfinite(angle_deg).sum() < 4:
        return ()
    frames = np.arange(len(angle_deg))
    seen = np.isfinite(angle_deg)
    filled = np.interp(frames, frames[seen], np.asarray(angle_deg)[seen])
    smooth = butterworth(filled, fps, possible_cutoff_hz(CUTOFF_HZ, fps))
    # Percentiles: one wild frame must not decide how large the others have to be.
    take_range = float(np.subtract(*np.percentile(smooth, [99.0, 1.0])))
    peaks, _ = find_peaks(
        smooth,
        prominence=max(LEAST_DEG, LEAST_SHARE * take_range),
        distance=max(1, int(LEAST_PERIOD_S * fps)),
    )
    found = []
    for k, peak in enumerate(peaks):
        before = int(peaks[k - 1]) if k else 0
        after = int(peaks[k + 1]) if k + 1 < len(peaks) else len(smooth) - 1
        start = before + int(np.argmin(smooth[before : peak + 1]))
        end = int(peak) + int(np.argmin(smooth[peak : after + 1]))
        found.append((start, int(peak), end, float(smooth[peak] - smooth[start])))
    if not found:
        return ()
    # The median of the larger half: many incomplete ones must not become the measure.
    ranges = np.sort([each[3] for each in found])
    usual = float(np.median(ranges[len(ranges) // 2 :]))
    return tuple(
        Repetition(
            start, peak, end, float(smooth[start]), float(smooth[peak]), rom,
            complete=rom >= COMPLETE_SHARE * usual,
        )
        for start, peak, end, rom in found
    )  # fmt: skip


@dataclass(frozen=True)
class RangeOfMotion:
    """What repetitions of one movement say together; degrees.

    Attributes:
        count, incomplete: complete and incomplete repetitions.
        start_deg, peak_deg, rom_deg: means over the complete ones.
        sem_deg: standard error of measurement: spread of the range between repetitions.
        mdc_deg: minimal detectable change, 1.96 sqrt(2) SEM; a smaller one may be chance.
    """

    count: int
    incomplete: int
    start_deg: float
    peak_deg: float
    rom_deg: float
    sem_deg: float
    mdc_deg: float


def summarise(found: tuple[Repetition, ...]) -> RangeOfMotion:
    """Return the summary of repetitions; spreads need two complete ones."""
    full = [each for each in found if each.complete]
    nan = float("nan")
    if not full:
        return RangeOfMotion(0, len(found), nan, nan, nan, nan, nan)
    ranges = [each.rom_deg for each in full]
    sem = float(np.std(ranges, ddof=1)) if len(full) > 1 else nan
    return RangeOfMotion(
        count=len(full),
        incomplete=len(found) - len(full),
        start_deg=float(np.mean([each.start_deg for each in full])),
        peak_deg=float(np.mean([each.peak_deg for each in full])),
        rom_deg=float(np.mean(ranges)),
        sem_deg=sem,
        mdc_deg=1.96 * np.sqrt(2.0) * sem,
    )
