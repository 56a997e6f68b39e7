"""What one camera reports of people over its own time, before anybody is known by name."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.clocks import mapped_rows
from mocap.core.detections import MIN_CONFIDENCE, Detections2D
from mocap.core.lens import undistort_points
from mocap.core.shapes import Array, BoolArray, FloatArray

# More people than this per image only cost time: two cameras agree on the nearest ones.
MAX_PEOPLE = 4
# Keypoints that move less in so many images in a row are of one image that was repeated.
FROZEN_PX, LEAST_FROZEN = 0.02, 5


@dataclass(frozen=True, eq=False)
class Stream:
    """The people one camera saw.

    Attributes:
        times_s: (frame,) ascending, on the camera's own clock.
        pixels: (frame, person, keypoint, 2) in pixels of the calibration; NaN = not seen. The
            person axis is the detector's slots, largest first: no identity.
        rays: (frame, person, keypoint, 2) undistorted x/z, y/z.
        rows: (3,) how much later than its image a pixel was taken, see `core.clocks`.
        frozen_s: for how long the camera showed images it had shown before; they are left out.
    """

    times_s: FloatArray
    pixels: FloatArray
    rays: FloatArray
    rows: FloatArray = field(default_factory=lambda: np.zeros(3))
    frozen_s: float = 0.0

    @cached_property
    def frame_s(self) -> float:
        """Median time between frames."""
        return float(np.median(np.diff(self.times_s))) if len(self.times_s) > 1 else 1.0

    @property
    def middle_s(self) -> float:
        """Half-way between the first and the last frame."""
        return 0.5 * float(self.times_s[0] + self.times_s[-1])

    @property
    def length_s(self) -> float:
        """From the first to the last frame."""
        return float(self.times_s[-1] - self.times_s[0])

    def nearest(self, times_s: FloatArray) -> FloatArray:
        """Return the rays (time, person, keypoint, 2) of the frames nearest to local times."""
        after = np.clip(np.searchsorted(self.times_s, times_s), 1, len(self.times_s) - 1)
        closer = times_s - self.times_s[after - 1] < self.times_s[after] - times_s
        return np.ascontiguousarray(self.rays[after - closer])


def stream_of(times_s: FloatArray, pixels: FloatArray, vector: FloatArray) -> Stream:
    """Return a stream of pixels (frame, person, keypoint, 2); `vector` is the camera (15,)."""
    flat = np.ascontiguousarray(pixels.reshape(1, -1, 2))
    rays = np.full_like(flat, np.nan)
    undistort_points(vector[None].copy(), flat, rays)
    return Stream(times_s, pixels, rays.reshape(pixels.shape))


def streams_of(
    detections: Detections2D, calibration: Calibration, image_maps: Mapping[str, Array] | None
) -> list[Stream]:
    """Return the stream of every camera of the detections, in their order.

    `image_maps`: per camera (2, 3) calibration_from_video where videos are in other pixels.
    """
    streams = []
    for index, name in enumerate(detections.camera_names):
        times = detections.times_s[index]
        real = np.isfinite(times)
        pixels = np.array(detections.pixels[index, real], dtype=np.float64)
        pixels[np.asarray(detections.confidence[index, real]) < MIN_CONFIDENCE] = np.nan
        rows = detections.row_lateness[index]
        if image_maps and name in image_maps:
            matrix = np.asarray(image_maps[name], dtype=np.float64)
            pixels = pixels @ matrix[:, :2].T + matrix[:, 2]
            rows = mapped_rows(rows, matrix)
        still = frozen(pixels)
        pixels[still] = np.nan
        people = _largest_first(pixels)[:, :MAX_PEOPLE]
        stream = stream_of(times[real], people, calibration[name].vector())
        frozen_s = float(still.sum()) * stream.frame_s
        streams.append(replace(stream, rows=rows, frozen_s=frozen_s))
    return streams


def frozen(pixels: FloatArray) -> BoolArray:
    """Return which frames (frame,) show the image before them again, as stills and pauses do.

    A camera's noise moves every keypoint of a person at rest; only repeated images give the same
    (frame, person, keypoint, 2). They tell nothing of time and would be taken for evidence.
    """
    seen = np.isfinite(pixels)
    same = (np.abs(np.diff(pixels, axis=0)) < FROZEN_PX) | ~(seen[1:] | seen[:-1])
    still = same.all(axis=(1, 2, 3)) & seen[1:].any(axis=(1, 2, 3))
    # Some files repeat single images to keep a rate; those stand where they were taken.
    run = np.concatenate([[0], np.where(still, 1, 0), [0]])
    edges = np.flatnonzero(np.diff(run))
    out = np.zeros(len(pixels), dtype=bool)
    for start, end in zip(edges[::2], edges[1::2], strict=True):
        if end - start >= LEAST_FROZEN:
            out[start + 1 : end + 1] = True
    return out


def sizes_px(pixels: FloatArray) -> FloatArray:
    """Return how large people (..., keypoint, 2) are in the image (...,): 0 where not seen."""
    seen = np.isfinite(pixels)
    high = np.where(seen, pixels, -np.inf).max(axis=-2)
    low = np.where(seen, pixels, np.inf).min(axis=-2)
    size = np.max(high - low, axis=-1)
    return np.where(np.isfinite(size), size, 0.0)


def _largest_first(pixels: FloatArray) -> FloatArray:
    order = np.argsort(-sizes_px(pixels), axis=1, kind="stable")
    return np.take_along_axis(pixels, order[..., None, None], axis=1)


def median_size_px(streams: Sequence[Stream]) -> float:
    """Return the median size of people in all images; 0 when nobody was seen."""
    sizes = np.concatenate([sizes_px(each.pixels).ravel() for each in streams])
    return float(np.median(sizes[sizes > 0])) if (sizes > 0).any() else 0.0
