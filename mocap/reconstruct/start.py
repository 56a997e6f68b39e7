"""Where the smoother starts: the triangulated points that can be relied on, joined up."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import median_filter

from mocap.core.points import Points3D, Source
from mocap.core.shapes import BoolArray, FloatArray

# A triangulated point less certain than this (per axis) says little about where to start.
MAX_START_SIGMA_M = 0.1

# A point this far from the median of seven frames, and four times farther than the keypoint moves
# per frame around it, jumped there and back: views that are wrong together.
SPIKE_M = 0.15
SPIKE_STEPS = 4.0
_SPIKE_WINDOW = 7


def start_of_person(
    points: Points3D, person: int, seen_views: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """Return start positions (frame, keypoint, 3) and which of them were relied on.

    Args:
        points: triangulated keypoints.
        person: position in the person axis.
        seen_views: (frame, keypoint) cameras that saw the keypoint, whether they agree or not.

    More than half of the views must agree, so that two wrong ones among four do not pass; single
    jumps are left out. A keypoint that no frame can rely on starts from all that was triangulated;
    one that was never triangulated is NaN. Gaps are bridged by straight lines, ends are held.
    """
    xyz = points.xyz[:, person]
    measured = points.source[:, person] == Source.MEASURED
    sigma = points.sigma_m[:, person]
    reliable = measured & (2 * points.view_count[:, person] > seen_views)
    reliable &= np.nan_to_num(sigma, nan=np.inf) < MAX_START_SIGMA_M
    reliable = np.where(reliable.any(axis=0), reliable, measured)
    start = _joined(xyz, reliable)
    spikes = reliable & _spikes(start)
    touched = spikes.any(axis=0)
    reliable &= ~spikes
    start[:, touched] = _joined(xyz[:, touched], reliable[:, touched])
    return start, reliable


def _spikes(start: FloatArray) -> BoolArray:
    """Return which positions (frame, keypoint) jump away from their neighbours and back."""
    smooth = median_filter(start, size=(_SPIKE_WINDOW, 1, 1), mode="nearest")
    deviation = np.sqrt(np.sum((start - smooth) ** 2, axis=2))
    spikes = deviation > SPIKE_M
    for frame, keypoint in zip(*np.nonzero(spikes), strict=True):
        near = start[max(0, frame - _SPIKE_WINDOW) : frame + _SPIKE_WINDOW + 1, keypoint]
        step = np.median(np.linalg.norm(np.diff(near, axis=0), axis=1))
        spikes[frame, keypoint] = deviation[frame, keypoint] > SPIKE_STEPS * step
    return np.asarray(spikes)


def _joined(xyz: FloatArray, known: BoolArray) -> FloatArray:
    """Return positions (frame, keypoint, 3) with what is not known interpolated in time."""
    out = np.full_like(xyz, np.nan)
    frames = np.arange(len(xyz))
    for k in range(xyz.shape[1]):
        at = np.flatnonzero(known[:, k])
        if len(at) == 0:
            continue
        for axis in range(3):
            out[:, k, axis] = np.interp(frames, at, xyz[at, k, axis])
    return out
