"""Use the true time of every image without touching the solvers.

A solver knows one instant per frame. An image taken `lateness` later than its frame, or a row that
a rolling shutter read later than the image, shows the point where it was then,
pi(X(t + lateness)). It is handed in moved by the difference that the current trajectory predicts,

    u' = u - [pi(X(t + lateness)) - pi(X(t))],

and the solver runs again. At the fixed point every residual is that of the exact time; one extra
round is enough (measured). Noise and wrong detections are not mixed between images, as they are
when pixels are resampled; gaps stay gaps.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.interpolate import CubicSpline
from scipy.ndimage import gaussian_filter1d, median_filter

from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.reconstruct.exact_time_kernels import move_to_frames

# Less than this moves no keypoint by a tenth of a millimetre, however fast: a pitcher's hand.
NOTICEABLE_S = 5e-6
# A curve needs so many frames; the ends of a spline through fewer mean nothing.
MIN_FRAMES = 6
# Raw triangulated points are smoothed over this before their velocity is believed.
RAW_SMOOTH_S = 0.04


def has_lateness(tracks: Tracks2D) -> bool:
    """Tell whether some image, or some row of one, was taken at another time than its frame's."""
    late = np.abs(tracks.lateness_s)
    return bool(tracks.row_lateness.any() or np.nanmax(late, initial=0.0) > NOTICEABLE_S)


def at_frame_times(
    tracks: Tracks2D, points: Points3D, calibration: Calibration, *, raw: bool = False
) -> Tracks2D:
    """Return the tracks with pixels as if every image had been taken at its frame's instant.

    Args:
        tracks: with the times of their images.
        points: where the keypoints are, frame by frame; before the first and after the last frame
            in which one is known its pixels stay, between them a curve leads from one to the next.
        calibration: holds at least the cameras of the tracks.
        raw: the points are triangulated ones, whose noise must not become velocity.
    """
    if not has_lateness(tracks):
        return tracks
    nodes = np.arange(points.xyz.shape[0]) / tracks.fps
    late = tracks.lateness_s
    moved = np.array(tracks.pixels, dtype=np.float64)
    cameras = [calibration[name] for name in tracks.camera_names]
    placed = [(camera.camera_from_world[:3].copy(), camera.lens) for camera in cameras]
    for person in range(points.xyz.shape[1]):
        for keypoint in range(points.xyz.shape[2]):
            path = _path(nodes, points.xyz[:, person, keypoint], tracks.fps, raw)
            if path is None:
                continue
            cubic = np.ascontiguousarray(path.c)
            for c, (pose, lens) in enumerate(placed):
                move_to_frames(
                    pose, lens, path.x, cubic, tracks.fps, late[c], tracks.row_lateness[c],
                    moved[c, :, person, keypoint],
                )  # fmt: skip
    even = np.where(np.isfinite(tracks.times_s), nodes, np.nan)
    no_rows = np.zeros_like(tracks.row_lateness)
    return replace(tracks, pixels=moved, times_s=even, row_lateness=no_rows)


def _path(nodes: FloatArray, xyz: FloatArray, fps: float, raw: bool) -> CubicSpline | None:
    """Return the curve through the known points (frame, 3), None when there are too few."""
    known = np.isfinite(xyz[:, 0])
    if known.sum() < MIN_FRAMES:
        return None
    if not raw:
        return CubicSpline(nodes[known], xyz[known])
    filled = np.stack([np.interp(nodes, nodes[known], axis[known]) for axis in xyz.T])
    calm = gaussian_filter1d(median_filter(filled, (1, 3)), max(RAW_SMOOTH_S * fps, 0.6), axis=1)
    inside = (nodes >= nodes[known][0]) & (nodes <= nodes[known][-1])
    return CubicSpline(nodes[inside], calm[:, inside].T)
