"""One trim and one clock for all files of a call: keypoints and what belongs to them.

Characters have their own way (`retime`), on the same frames: the first frame kept is time 0 of
every file, and frames of another rate lie at the same moments.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, FloatArray
from mocap.export.c3d import C3dExtras
from mocap.export.retime import resampled, trimmed

# A moment this near to a frame is that frame: rounding of times.
_SAME_FRAME = 1e-6


@dataclass(frozen=True)
class Clip:
    """Part and frame rate of a take; None keeps the take's.

    Attributes:
        start_s, end_s: both included.
        fps: frames per second.
    """

    start_s: float | None = None
    end_s: float | None = None
    fps: float | None = None

    @property
    def whole(self) -> bool:
        """Whether it is the take as it is."""
        return self == Clip()

    def moments(self, frame_count: int, fps: float) -> FloatArray:
        """Return the (fractional) frames of a take at which the clip has its frames.

        Raises:
            ExportError: none, or an impossible rate.
        """
        half = 0.5 / fps
        times = np.arange(frame_count) / fps
        chosen = np.ones(frame_count, dtype=np.bool_)
        if self.start_s is not None:
            chosen &= times > self.start_s - half
        if self.end_s is not None:
            chosen &= times < self.end_s + half
        frames = np.flatnonzero(chosen)
        if not len(frames):
            raise ExportError(
                f"no frame lies between {self.start_s or 0.0:g} s and {self.end_s} s; the take "
                f"lasts {max(frame_count - 1, 0) / fps:.3f} s. Correct start and end."
            )
        if self.fps is None or self.fps == fps:
            return frames.astype(np.float64)
        if not (np.isfinite(self.fps) and self.fps > 0):
            raise ExportError(f"a frame rate of {self.fps} frames per second is impossible.")
        last = (len(frames) - 1) * self.fps / fps
        steps = np.arange(int(last + _SAME_FRAME) + 1) * (fps / self.fps)
        return np.asarray(frames[0] + np.minimum(steps, len(frames) - 1.0))


def clipped_points(points: Points3D, clip: Clip) -> Points3D:
    """Return the keypoints of a clip.

    Between two frames a value is interpolated linearly, and its source says so; it is missing
    where either of them is. The covariance is that of the nearer frame's kind: interpolated too.

    Raises:
        ExportError: no frame is left, or an impossible rate.
    """
    if clip.whole:
        return points
    at = clip.moments(len(points.xyz), points.fps)
    before, after, share = _neighbours(at, len(points.xyz))
    exact = share == 0.0
    source = points.source[before].copy()
    between = ~exact
    unknown = (source == Source.MISSING) | (points.source[after] == Source.MISSING)
    source[between] = np.where(unknown[between], Source.MISSING, Source.INTERPOLATED)
    return replace(
        points,
        fps=clip.fps or points.fps,
        xyz=_mixed(points.xyz, before, after, share),
        covariance=_mixed(points.covariance, before, after, share),
        reprojection_error_px=_mixed(points.reprojection_error_px, before, after, share),
        view_count=np.minimum(points.view_count[before], points.view_count[after]),
        source=source,
    )


def clipped_extras(
    extras: Mapping[int, C3dExtras], clip: Clip, frame_count: int, fps: float
) -> dict[int, C3dExtras]:
    """Return what C3D holds beside the keypoints, of a clip; events outside are left out."""
    if clip.whole:
        return dict(extras)
    at = clip.moments(frame_count, fps)
    before, after, share = _neighbours(at, frame_count)
    first_s, last_s = at[0] / fps, at[-1] / fps
    out = {}
    for person, extra in extras.items():
        markers = {
            name: _mixed(values, before, after, share)
            for name, values in extra.virtual_markers.items()
        }
        segments = extra.segments
        if segments is not None:
            segments = trimmed(segments, clip.start_s, clip.end_s)
            segments = segments if clip.fps is None else resampled(segments, clip.fps)
        seen = extra.cameras_seen
        out[person] = C3dExtras(
            virtual_markers=markers,
            events=[
                replace(event, time_s=event.time_s - first_s)
                for event in extra.events
                if first_s - 0.5 / fps <= event.time_s <= last_s + 0.5 / fps
            ],
            segments=segments,
            cameras_seen=None if seen is None else seen[before] & seen[after],
        )
    return out


def _neighbours(at: FloatArray, count: int) -> tuple[Array, Array, FloatArray]:
    """Return the frames before and after moments, and how far between; 0 where on a frame."""
    nearest = np.round(at)
    at = np.where(np.abs(at - nearest) < _SAME_FRAME, nearest, at)
    before = np.minimum(at.astype(np.int64), count - 1)
    share = at - before
    return before, np.where(share > 0.0, np.minimum(before + 1, count - 1), before), share


def _mixed(values: Array, before: Array, after: Array, share: FloatArray) -> FloatArray:
    weight = share.reshape(-1, *[1] * (values.ndim - 1))
    return np.asarray((1.0 - weight) * values[before] + weight * values[after], dtype=np.float64)
