"""Normalised correlation of signals with gaps, over all lags (FFT)."""

from __future__ import annotations

import numpy as np

from mocap.core.shapes import FloatArray


def _correlation(a: FloatArray, b: FloatArray, size: int) -> FloatArray:
    """Return sum over t of a(t) b(t + lag), summed over channels; a, b (time, channel)."""
    fa, fb = np.fft.rfft(a, size, axis=0), np.fft.rfft(b, size, axis=0)
    return np.asarray(np.fft.irfft((np.conj(fa) * fb).sum(axis=1), size))


def _size(first: FloatArray, second: FloatArray, reach: int) -> int:
    return 1 << int(np.ceil(np.log2(max(len(first) + len(second), 2 * reach + 2))))


def lag_curve(
    a: FloatArray, b: FloatArray, step_s: float, max_lag_s: float, min_overlap_s: float
) -> tuple[FloatArray, FloatArray]:
    """Return lags (s) and the correlation (lag,) of b(t + lag) with a(t); NaN: short overlap.

    a, b are (time, channel) on one clock step; NaN = unknown. Each lag is normalised by the
    energy of the samples that overlap there.
    """
    known_a, known_b = np.isfinite(a).astype(float), np.isfinite(b).astype(float)
    a, b = np.nan_to_num(a), np.nan_to_num(b)
    reach = round(max_lag_s / step_s)
    size = _size(a, b, reach)
    lags: FloatArray = np.arange(-reach, reach + 1, dtype=np.float64)
    at = lags.astype(np.int64)
    product = _correlation(a, b, size)[at]
    energy = np.maximum(_correlation(a * a, known_b, size)[at], 0.0)
    energy = energy * np.maximum(_correlation(known_a, b * b, size)[at], 0.0)
    overlap_s = _correlation(known_a, known_b, size)[at] / a.shape[1] * step_s
    score = product / np.sqrt(np.maximum(energy, 1e-300))
    return lags * step_s, np.where(overlap_s < min_overlap_s, np.nan, score)


def turned_curve(
    a: FloatArray, b: FloatArray, step_s: float, max_lag_s: float, min_overlap_s: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """As `lag_curve` for vectors (time, 3) that differ by an unknown constant rotation.

    The best rotation at a lag is that of the 3 x 3 cross-correlation (Kabsch 1976): its signed
    singular values sum to the correlation after that rotation. Also returns the overlap (lag,) s.
    """
    known_a = np.isfinite(a).all(axis=1).astype(float)[:, None]
    known_b = np.isfinite(b).all(axis=1).astype(float)[:, None]
    a, b = np.nan_to_num(a) * known_a, np.nan_to_num(b) * known_b
    reach = round(max_lag_s / step_s)
    size = _size(a, b, reach)
    lags: FloatArray = np.arange(-reach, reach + 1, dtype=np.float64)
    at = lags.astype(np.int64)
    fa, fb = np.conj(np.fft.rfft(a, size, axis=0)), np.fft.rfft(b, size, axis=0)
    cross = np.fft.irfft(fa[:, :, None] * fb[:, None, :], size, axis=0)[at]
    singular = np.linalg.svd(cross, compute_uv=False)
    signed = np.sign(np.linalg.det(cross)) * singular[:, 2]
    product = singular[:, 0] + singular[:, 1] + signed
    energy = np.maximum(_correlation((a * a).sum(1)[:, None], known_b, size)[at], 0.0)
    energy = energy * np.maximum(_correlation(known_a, (b * b).sum(1)[:, None], size)[at], 0.0)
    overlap_s = np.maximum(_correlation(known_a, known_b, size)[at], 0.0) * step_s
    score = product / np.sqrt(np.maximum(energy, 1e-300))
    return lags * step_s, np.where(overlap_s < min_overlap_s, np.nan, score), overlap_s
