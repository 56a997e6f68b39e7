"""Offsets of cameras from their sound: what starts proposes, the phase of events decides.

Found is when a sound reached each microphone: 2.9 ms for every metre of path difference stay in
the answer. Sound is a start and a check; motion gives the last milliseconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.ndimage import map_coordinates
from scipy.signal import butter, resample_poly, sosfiltfilt

from mocap.core.shapes import FloatArray
from mocap.sync.correlate import lag_curve
from mocap.sync.evidence import peaks
from mocap.sync.offsets import all_pairs, connected, consistent_offsets

RATE_HZ = 16000
HOP_S = 0.005
MAX_LAG_S, MIN_OVERLAP_S = 35.0, 5.0
BANDS_HZ = ((120.0, 400.0), (400.0, 1200.0), (1200.0, 3000.0), (3000.0, 7000.0))
CANDIDATES, APART_S = 4, 0.15
# What is louder than the background by this much is an event; whitening the rest would make noise
# the signal.
EVENT_DB, EVENT_RANGE_DB = 3.0, 6.0
PHAT_LOW_HZ, PHAT_HIGH_HZ, PHAT_POWER, PHAT_REACH_S = 200.0, 6000.0, 0.8, 0.05
# A peak of the phase transform this many times its noise, and above its rival, is an answer;
# speech repeats its rhythm, a waveform does not repeat.
CLEAR_PEAK, CLEAR_OF_RIVAL = 7.0, 1.4
SIGMA_S = 0.5e-3
# Drift: lags of pieces this long, of which there must be so many; a lag is read to this.
PIECE_S, MIN_PIECES, SAMPLE_S = 2.0, 6, 1.0 / (4 * RATE_HZ)
# So many confirm one transform over all; no clock is faster than this. Pieces this near to a line
# are of it; a line of so many times the pieces of the next is an answer.
CONFIRMING, FASTEST_CLOCK = 4, 5e-4
NEAR_LINE_S, PIECES_OF_RIVAL, LINE_ROUNDS = 3e-4, 2, 20
# One that lies beside the others by more than this is of an echo. The median of |x| of a normal x.
BESIDE_SIGMAS, MEDIAN_OF_NORMAL = 5.0, 0.6745
# The line is looked for anew with the drift taken out, until its slope stays; splines of this order
# keep 6 of 8 kHz.
ALIGNED_ROUNDS, SAME_SLOPE = 4, 2e-7
SPLINE: Final = 5


@dataclass(frozen=True, eq=False)
class SoundSync:
    """What the microphones say.

    Attributes:
        offset_s: (camera,) common minus the time of the sound's own clock, the first camera that
            hears at 0; NaN for those that hear nothing in common. With a drift that of the middle
            of what the two recorded together.
        residual_s: by accepted pair, its disagreement with the joint solution.
        drift: (camera,) common seconds per second of the sound's own clock, minus 1, against the
            camera at 0; NaN where too few pieces of sound tell it.
        sigma_drift: (camera,) its standard deviation.
    """

    offset_s: FloatArray
    residual_s: dict[tuple[int, int], float]
    drift: FloatArray
    sigma_drift: FloatArray


def sync_sound(tracks: Sequence[tuple[FloatArray, int] | None]) -> SoundSync:
    """Find offsets of (samples, rate) of every camera; None where a file has no sound.

    A silent camera is no error: it is NaN.
    """
    heard = [k for k, track in enumerate(tracks) if track is not None]
    sounds = [_resampled(*track) for track in tracks if track is not None]
    onsets = [_onsets(sound) for sound in sounds]
    events = [_events(sound) for sound in sounds]
    lags = {}
    for i, j in all_pairs(len(sounds)):
        if len(onsets[i]) and len(onsets[j]):
            lag = _pair_lag(onsets[i], onsets[j], events[i], events[j])
            if lag is not None:
                lags[i, j] = (-lag, SIGMA_S)
    offset = np.full(len(tracks), np.nan)
    drift, sigma_drift = np.full(len(tracks), np.nan), np.full(len(tracks), np.nan)
    if not lags:
        return SoundSync(offset, {}, drift, sigma_drift)
    root = max(range(len(sounds)), key=lambda c: (len(connected(lags, c)), -c))
    order = [root, *(c for c in range(len(sounds)) if c != root)]
    number = {camera: k for k, camera in enumerate(order)}
    renamed = {}
    for (i, j), (lag, sigma) in lags.items():
        a, b = number[i], number[j]
        renamed[min(a, b), max(a, b)] = (lag if a < b else -lag, sigma)
    solved, residual = consistent_offsets(renamed, len(sounds))
    offset[np.array(heard)[order]] = solved
    named = {(heard[order[a]], heard[order[b]]): value for (a, b), value in residual.items()}
    drift[heard[root]], sigma_drift[heard[root]] = 0.0, 0.0
    for camera in range(len(sounds)):
        if camera != root and np.isfinite(offset[heard[camera]]):
            line = _aligned(events[root], events[camera], -float(offset[heard[camera]]))
            # The lag grows when the camera's own clock runs faster than the root's.
            drift[heard[camera]] = -line.slope / (1.0 + line.slope)
            sigma_drift[heard[camera]] = line.sigma
            if np.isfinite(line.slope):
                middle_s = _middle_s(len(events[root]), len(events[camera]), line.lag_s)
                offset[heard[camera]] = -line.at(middle_s)
    return SoundSync(offset, named, drift, sigma_drift)


@dataclass(frozen=True)
class _Line:
    """Lags of pieces of sound over time: how many lie on one line, its middle and its slope."""

    pieces: int
    lag_s: float
    slope: float
    sigma: float
    middle_s: float = 0.0

    def at(self, time_s: float) -> float:
        """Return the lag at a time."""
        return self.lag_s + self.slope * (time_s - self.middle_s)


def _middle_s(count_a: int, count_b: int, lag_s: float) -> float:
    """Return the time of a in the middle of what a and b, `lag_s` ahead, recorded together."""
    return 0.5 * (max(0.0, -lag_s) + min(count_a / RATE_HZ, count_b / RATE_HZ - lag_s))


def _aligned(a: FloatArray, b: FloatArray, lag_s: float) -> _Line:
    """Return the line of lags of b near a lag, free of where in its piece each sound stands.

    A piece tells the lag of its loudest clap, which stands anywhere in it: at 100 ppm up to 0.1 ms
    off the middle. So b is brought to the clock of a by the line that was found, and what is left
    is looked for again.
    """
    line = _line(a, b, _Line(0, lag_s, 0.0, np.nan))
    for _ in range(ALIGNED_ROUNDS):
        if not np.isfinite(line.sigma):
            break
        before, line = line.slope, _line(a, b, line)
        if abs(line.slope - before) < SAME_SLOPE:
            break
    return line


def _line(a: FloatArray, b: FloatArray, near: _Line) -> _Line:
    """Return the line of lags of b near a line, by least absolute deviations.

    One transform over tracks that drift has no peak; a piece of two seconds has one. A piece may
    hold an echo or a voice beside one microphone: it lies beside the line.
    """
    times_s, lag_s = _piece_lags(a, b, near)
    nothing = _Line(0, near.lag_s, np.nan, np.nan)
    if len(times_s) < CONFIRMING:
        return nothing
    zero_s = float(np.mean(times_s))
    t = times_s - zero_s
    weight = np.ones(len(t))
    for _ in range(LINE_ROUNDS):
        rows = np.stack([np.ones(len(t)), t], axis=1) * weight[:, None]
        middle, slope = np.linalg.lstsq(rows, lag_s * weight, rcond=None)[0]
        off = np.abs(lag_s - middle - slope * t)
        weight = 1.0 / np.sqrt(np.maximum(off, SAMPLE_S))
    typical = float(np.median(off)) / MEDIAN_OF_NORMAL
    of_it = off < min(NEAR_LINE_S, max(BESIDE_SIGMAS * typical, 2.0 * SAMPLE_S))
    count = int(of_it.sum())
    if count < CONFIRMING or abs(slope) > FASTEST_CLOCK:
        return nothing
    if count < MIN_PIECES:
        return _Line(count, float(middle), np.nan, np.nan, zero_s)
    # All that are of the line count alike now.
    slope, middle = np.polyfit(t[of_it], lag_s[of_it], 1)
    off = lag_s - middle - slope * t
    spread = max(float(np.sqrt(np.mean(off[of_it] ** 2))), SAMPLE_S)
    there = t[of_it] - t[of_it].mean()
    # Pieces overlap by half: half of them count.
    sigma = spread / np.sqrt(np.sum(there**2) / 2.0)
    return _Line(count, float(middle), float(slope), float(sigma), zero_s)


def _piece_lags(a: FloatArray, b: FloatArray, line: _Line) -> tuple[FloatArray, FloatArray]:
    """Return the middle (s) and the lag (s) of every piece of a that b holds clearly."""
    margin, size = int(PHAT_REACH_S * RATE_HZ), int(PIECE_S * RATE_HZ)
    times, lags = [], []
    for start in range(0, len(a) - size, size // 2):
        middle_s = (start + 0.5 * size) / RATE_HZ
        expected_s = line.at(middle_s)
        # The whole samples of the lag, and what the drift is within the piece.
        at = start + round(expected_s * RATE_HZ) - margin
        wide = size + 2 * margin
        piece = a[start : start + size]
        if at < 0 or at + wide > len(b) or not piece.any():
            continue
        part = b[at : at + wide]
        if line.slope:
            since = np.arange(wide) - 0.5 * wide
            at_b = np.asarray([np.arange(wide) + line.slope * since], dtype=np.float64)
            part = map_coordinates(part, at_b, order=SPLINE, mode="nearest")
        found = _phase_lag(piece, part, PHAT_REACH_S)
        if found is not None and found[0] > CLEAR_PEAK:
            times.append(middle_s)
            lags.append((at - start) / RATE_HZ + found[1])
    return np.array(times), np.array(lags)


def _resampled(samples: FloatArray, rate_hz: int) -> FloatArray:
    divisor = int(np.gcd(int(rate_hz), RATE_HZ))
    sound = resample_poly(samples, RATE_HZ // divisor, int(rate_hz) // divisor)
    return np.asarray(sound - sound.mean()) if len(sound) else np.zeros(0)


def _onsets(sound: FloatArray) -> FloatArray:
    """Return what starts in four bands (time, 4) every 5 ms, whatever its loudness."""
    hop = round(HOP_S * RATE_HZ)
    count = len(sound) // hop
    if count < 100:
        return np.zeros((0, len(BANDS_HZ)))
    out = []
    for band in BANDS_HZ:
        passed = sosfiltfilt(butter(3, band, "band", fs=RATE_HZ, output="sos"), sound)
        energy = np.mean(passed[: count * hop].reshape(count, hop) ** 2, axis=1)
        level = np.log10(energy + 1e-10)
        level = np.maximum(level - np.percentile(level, 30), 0.0)
        out.append(np.maximum(np.convolve(level, [0.5, 0.5, -0.5, -0.5], "same"), 0.0))
    flux = np.stack(out, axis=1)
    return np.asarray(flux - flux.mean(axis=0))


def _events(sound: FloatArray) -> FloatArray:
    """Return the sound with all that does not stand out of the background silenced."""
    hop = round(HOP_S * RATE_HZ)
    count = len(sound) // hop
    if count < 100:
        return sound
    passed = sosfiltfilt(butter(2, 150.0, "high", fs=RATE_HZ, output="sos"), sound)
    energy = np.mean(passed[: count * hop].reshape(count, hop) ** 2, axis=1)
    level = 10.0 * np.log10(energy + 1e-12)
    over = np.clip((level - np.percentile(level, 40) - EVENT_DB) / EVENT_RANGE_DB, 0.0, 1.0)
    over = np.maximum(over, np.maximum(np.roll(over, 1), np.roll(over, -1)))
    gain = np.interp(np.arange(len(passed)), (np.arange(count) + 0.5) * hop, over)
    return np.asarray(passed * gain)


def _pair_lag(
    onsets_a: FloatArray, onsets_b: FloatArray, a: FloatArray, b: FloatArray
) -> float | None:
    """Return by how much b's clock is ahead when both hear the same; None without an answer."""
    lags, score = lag_curve(onsets_a, onsets_b, HOP_S, MAX_LAG_S, MIN_OVERLAP_S)
    tried = []
    for k in peaks(lags, score, APART_S, CANDIDATES):
        found = _phase_lag(a, b, float(lags[k]))
        if found is not None:
            tried.append(found)
    if not tried:
        return None
    tried.sort(reverse=True)
    sharp, lag = tried[0]
    rival = tried[1][0] if len(tried) > 1 else 0.0
    first = _line(a, b, _Line(0, lag, 0.0, np.nan))
    # A clap or two that overlap by chance are sharp too: several pieces must say the same.
    if first.pieces >= CONFIRMING and sharp > CLEAR_PEAK and sharp > CLEAR_OF_RIVAL * rival:
        return lag
    lines = sorted(
        [first, *(_line(a, b, _Line(0, each, 0.0, np.nan)) for _, each in tried[1:])],
        key=lambda line: -line.pieces,
    )
    second = lines[1].pieces if len(lines) > 1 else 0
    told = lines[0].pieces >= MIN_PIECES and lines[0].pieces > PIECES_OF_RIVAL * second
    return lines[0].lag_s if told else None


def _phase_lag(a: FloatArray, b: FloatArray, around_s: float) -> tuple[float, float] | None:
    """Return peak over noise and lag of b near a lag (Knapp & Carter 1976, phase transform)."""
    shift = round(around_s * RATE_HZ)
    first, second = (a, b[shift:]) if shift >= 0 else (a[-shift:], b)
    count = min(len(first), len(second))
    if count < RATE_HZ:
        return None
    size = 1 << int(np.ceil(np.log2(2 * count)))
    cross = np.conj(np.fft.rfft(first[:count], size)) * np.fft.rfft(second[:count], size)
    hertz = np.fft.rfftfreq(size, 1.0 / RATE_HZ)
    inside = (hertz > PHAT_LOW_HZ) & (hertz < PHAT_HIGH_HZ)
    weight = np.where(inside, 1.0 / (np.abs(cross) ** PHAT_POWER + 1e-12), 0.0)
    finer = 4
    curve = np.fft.irfft(cross * weight, size * finer)
    reach = round(PHAT_REACH_S * RATE_HZ * finer)
    steps = np.arange(-reach, reach + 1)
    near = curve[steps]
    k = int(np.argmax(near))
    noise = float(np.median(np.abs(near))) / 0.6745
    if noise <= 0.0:
        return None
    at = float(steps[k])
    if 0 < k < len(near) - 1:
        before, here, after = near[k - 1 : k + 2]
        at += 0.5 * float(before - after) / min(float(before - 2.0 * here + after), -1e-300)
    return float(near[k]) / noise, at / (RATE_HZ * finer) + shift / RATE_HZ
