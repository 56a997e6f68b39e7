"""Find videos that lie under the names of each other's cameras.

Every keypoint of a person is a ray of its camera; the rays of two cameras to the same keypoint meet
when both cameras are where the calibration says. With two names swapped they miss each other by the
size of a person, and they meet again in the right order. An order is judged by how far the rays of
all pairs of videos miss each other, in metres.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations, permutations

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.detections import MIN_CONFIDENCE, Detections2D
from mocap.core.shapes import FloatArray, IntArray

SUSPICIOUS_M = 0.03
"""Rays of the right cameras miss each other by one or two centimetres (the sample session: 1.1),
those of swapped ones by six to sixty: a person in the middle of a ring is in the middle of every
image."""

CLEARLY_BETTER = 0.4
"""The misses of the other order as a share of those of the names as they are. Cameras out of step
miss by some ten centimetres, but in every order."""

BELIEVED_M = 0.10
"""An order is no good where rays miss each other by more."""

LEAST_FRAMES = 10
_FRAMES = 30
_PEOPLE = 8
"""Of an image, the surest. With two of eight, every camera looks at others: their rays miss each
other with the right names too, and swapped ones are not found."""

_ALL_ORDERS = 6
"""Up to so many cameras all 720 orders are tried; of more those that swaps of two lead to."""

_MISSED_M = 10.0
"""Of rays that come together behind a camera: no person is there."""


@dataclass(frozen=True)
class Swap:
    """A better order of the videos.

    Attributes:
        camera_of: name of a video -> camera that it is of, for those that are named wrongly.
        miss_m: distance of rays of the video that fits worst, with the names as they are.
        better_m: the same in the better order.
    """

    camera_of: Mapping[str, str]
    miss_m: float
    better_m: float

    def sentence(self) -> str:
        """Return what was found and what to do."""
        renamed = ", ".join(
            f"'{video}' shows what '{c}' sees" for video, c in self.camera_of.items()
        )
        return (
            f"the videos seem to lie under each other's names: {renamed} (taken so, the cameras "
            f"see people at one place within {100 * self.better_m:.0f} cm, as named within "
            f"{100 * self.miss_m:.0f} cm). Rename the videos; if the cameras themselves changed "
            "places, calibrate again."
        )


def find_swap(
    detections: Detections2D,
    calibration: Calibration,
    *,
    image_maps: Mapping[str, FloatArray] | None = None,
) -> Swap | None:
    """Return the order of the videos that people agree with, None where the names are right.

    None also where nothing can be told: nobody is seen by two cameras, or no order is good.

    Args:
        detections: people in every camera, in pixels of the videos.
        calibration: holds at least the cameras of the detections.
        image_maps: (2, 3) calibration_from_video by camera, for videos of another size.
    """
    misses = _Misses(detections, calibration, image_maps or {})
    order = list(range(len(detections.camera_names)))
    as_named = misses.worst(order)
    if not as_named > SUSPICIOUS_M:
        return None
    order = _best_order(misses, order)
    better = misses.worst(order)
    if better > min(BELIEVED_M, CLEARLY_BETTER * as_named):
        return None
    names = detections.camera_names
    wrong = {names[video]: names[camera] for video, camera in enumerate(order) if video != camera}
    return Swap(wrong, as_named, better)


def _best_order(misses: _Misses, order: list[int]) -> list[int]:
    """Return the order with the least misses: of all, or for many cameras by swapping two."""
    if len(order) <= _ALL_ORDERS:
        return list(min(permutations(order), key=lambda each: misses.mean(list(each))))
    best, improved = misses.mean(order), True
    while improved:
        improved = False
        for first, second in combinations(range(len(order)), 2):
            other = order.copy()
            other[first], other[second] = other[second], other[first]
            if (value := misses.mean(other)) < best:
                order, best, improved = other, value, True
    return order


class _Misses:
    """How far the rays of two videos miss each other when they are taken as of two cameras."""

    def __init__(
        self,
        detections: Detections2D,
        calibration: Calibration,
        image_maps: Mapping[str, FloatArray],
    ) -> None:
        names = detections.camera_names
        self._cameras = [calibration[name] for name in names]
        frames = _chosen_frames(detections)
        # The surest people of each image first.
        sure = detections.confidence[:, frames].sum(axis=-1)
        slots = np.argsort(-sure, axis=-1, kind="stable")[:, :, :_PEOPLE]
        views, rows = np.arange(len(names))[:, None, None], frames[None, :, None]
        pixels = detections.pixels[views, rows, slots].astype(np.float64)
        seen = detections.confidence[views, rows, slots] >= MIN_CONFIDENCE
        pixels[~seen] = np.nan
        for view, name in enumerate(names):
            if name in image_maps:
                matrix = image_maps[name]
                pixels[view] = pixels[view] @ matrix[:, :2].T + matrix[:, 2]
        self._pixels = pixels
        self._rays: dict[tuple[int, int], FloatArray] = {}
        self._known: dict[tuple[int, int, int, int], float] = {}

    def mean(self, order: list[int]) -> float:
        """Return the mean over all pairs, video v taken as of camera order[v]."""
        return float(np.nanmean(self._table(order)))

    def worst(self, order: list[int]) -> float:
        """Return the median miss of the video that fits the others worst; NaN when no two videos
        see somebody together."""
        found = _nanmedian(self._table(order))
        return float(np.nanmax(found)) if np.isfinite(found).any() else float("nan")

    def _table(self, order: list[int]) -> FloatArray:
        """Return the misses (video, video), NaN where two see nobody together."""
        table = np.full((len(order), len(order)), np.nan)
        for a, b in combinations(range(len(order)), 2):
            table[a, b] = table[b, a] = self._pair(a, b, order[a], order[b])
        return table

    def _pair(self, a: int, b: int, camera_a: int, camera_b: int) -> float:
        key = (a, b, camera_a, camera_b)
        if key not in self._known:
            self._known[key] = self._measured(*key)
        return self._known[key]

    def _measured(self, a: int, b: int, camera_a: int, camera_b: int) -> float:
        if self._pixels.shape[1] < LEAST_FRAMES:
            return float("nan")
        u = self._directions(a, camera_a)[:, :, None]
        v = self._directions(b, camera_b)[:, None, :]
        base = self._cameras[camera_b].center - self._cameras[camera_a].center
        distance = _distance_of_rays(u, v, base)
        # Per frame and pair of people the median keypoint; the two that fit best are one person.
        known = np.isfinite(distance).sum(axis=-1) >= 3
        people = np.where(known, _nanmedian(distance), np.nan).reshape(len(distance), -1)
        frames = people[np.isfinite(people).any(axis=1)]
        if len(frames) < LEAST_FRAMES:
            return float("nan")
        return float(np.median(np.nanmin(frames, axis=1)))

    def _directions(self, video: int, camera: int) -> FloatArray:
        """Return unit rays (frame, person, keypoint, 3) in the world."""
        key = (video, camera)
        if key not in self._rays:
            normal = self._cameras[camera].undistort(self._pixels[video])
            rays = np.concatenate([normal, np.ones((*normal.shape[:-1], 1))], axis=-1)
            rays = rays @ self._cameras[camera].camera_from_world[:3, :3]
            self._rays[key] = rays / np.linalg.norm(rays, axis=-1, keepdims=True)
        return self._rays[key]


def _chosen_frames(detections: Detections2D) -> IntArray:
    """Return some frames in which two cameras see somebody, spread over the take."""
    seen = (detections.confidence >= MIN_CONFIDENCE).any(axis=(2, 3)).sum(axis=0)
    frames = np.flatnonzero(seen >= 2)
    if not len(frames):
        return np.zeros(0, np.int64)
    return frames[np.unique(np.linspace(0, len(frames) - 1, _FRAMES).astype(np.int64))]


def _distance_of_rays(u: FloatArray, v: FloatArray, base: FloatArray) -> FloatArray:
    """Return how far rays (…, 3) along u and, from `base` away, along v miss each other.

    With w = base, b = u·v and d = 1 - b² the nearest points lie at s = (w·u - b w·v) / d on the
    first ray and t = (b w·u - w·v) / d on the second; behind a camera (s or t below zero) nobody
    stands.
    """
    b = (u * v).sum(axis=-1)
    along_u, along_v = u @ base, v @ base
    d = np.maximum(1.0 - b * b, 1e-9)
    s = (along_u - b * along_v) / d
    t = (b * along_u - along_v) / d
    apart = np.linalg.norm(s[..., None] * u - t[..., None] * v - base, axis=-1)
    return np.where((s < 0) | (t < 0), _MISSED_M, np.minimum(apart, _MISSED_M)) + 0.0 * b


def _nanmedian(values: FloatArray) -> FloatArray:
    """Return the median of the known values of the last axis, NaN where there are none."""
    ordered = np.sort(values, axis=-1)  # NaN last
    count = np.isfinite(values).sum(axis=-1)
    low, high = np.maximum(count - 1, 0) // 2, count // 2
    picked = [
        np.take_along_axis(ordered, np.minimum(each, values.shape[-1] - 1)[..., None], axis=-1)
        for each in (low, high)
    ]
    return np.asarray((picked[0] + picked[1])[..., 0] / 2)
