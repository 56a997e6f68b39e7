"""Numbers of people within one view: kept through crossings and gaps, new for who is new."""

from __future__ import annotations

import numpy as np

from mocap.core.clocks import CameraClock, Clocks
from mocap.core.detections import NOT_FOLLOWED, Detections2D
from mocap.core.shapes import Array, FloatArray, IntArray
from mocap.detect.detect import join_cameras, numbered
from mocap.detect.following.in_view import LOST_AFTER_S, ids_in_view
from mocap.reconstruct.common_clock import on_common_clock

FPS = 30.0
BODY = np.random.default_rng(5).uniform([0, 0], [60, 180], (17, 2))


def view(*paths: FloatArray, seed: int = 1) -> tuple[Array, Array, Array]:
    """Return pixels, confidence and boxes of people whose upper left corners are at `paths`
    (frame, 2), NaN where unseen, in slots that are shuffled."""
    rng = np.random.default_rng(seed)
    places = np.stack(paths, axis=1)
    pixels = places[:, :, None] + BODY + rng.normal(0.0, 2.0, (*places.shape[:2], 17, 2))
    for frame in pixels:
        rng.shuffle(frame)
    boxes = np.concatenate([pixels.min(axis=2), pixels.max(axis=2)], axis=-1)
    confidence = np.where(np.isfinite(pixels[..., 0]), 0.8, 0.0)
    return pixels, confidence, boxes


def times(frames: int) -> FloatArray:
    return np.arange(frames) / FPS


def numbers_along(ids: IntArray, pixels: Array, path: FloatArray) -> list[int]:
    """Return the number of whoever is nearest to a path, in the frames in which it is known."""
    out = []
    for frame, place in enumerate(path):
        if np.isfinite(place).all():
            gap = np.linalg.norm(pixels[frame].mean(axis=1) - place - BODY.mean(axis=0), axis=-1)
            out.append(int(ids[frame, np.nanargmin(gap)]))
    return out


def straight(start: tuple[float, float], end: tuple[float, float], frames: int) -> FloatArray:
    return np.linspace(start, end, frames)


def test_two_who_cross_keep_their_numbers() -> None:
    # One passes before the other, 40 px lower: boxes overlap by two thirds.
    right, left = straight((50, 100), (650, 100), 90), straight((650, 140), (50, 140), 90)
    pixels, confidence, boxes = view(right, left)
    ids = ids_in_view(pixels, confidence, boxes, times(90))
    assert len(set(numbers_along(ids, pixels, right))) == 1
    assert set(ids.ravel()) == {0, 1}


def test_who_was_hidden_is_known_again_and_who_was_away_is_new() -> None:
    path = straight((100, 100), (160, 100), 120)
    for gone_s, people in ((0.6 * LOST_AFTER_S, 1), (1.5 * LOST_AFTER_S, 2)):
        seen = path.copy()
        seen[20 : 20 + round(gone_s * FPS)] = np.nan
        ids = ids_in_view(*view(seen), times(120))
        assert len(set(ids[ids != NOT_FOLLOWED])) == people


def test_unsure_detections_are_followed_and_begin_nobody() -> None:
    pixels, confidence, boxes = view(straight((100, 100), (200, 100), 40))
    confidence[10:30] = 0.2
    ids = ids_in_view(pixels, confidence, boxes, times(40))
    assert set(ids.ravel()) == {0}
    unsure = ids_in_view(pixels, np.full_like(confidence, 0.2), boxes, times(40))
    assert set(unsure.ravel()) == {NOT_FOLLOWED}


def test_numbers_travel_with_the_detections() -> None:
    pixels, confidence, boxes = view(straight((50, 100), (650, 100), 40))
    names = tuple(f"keypoint_{k}" for k in range(17))
    seen = [
        Detections2D((camera,), names, FPS, pixels[None], confidence[None], boxes[None])
        for camera in ("left", "right")
    ]
    assert (seen[0].view_ids == NOT_FOLLOWED).all()
    both = join_cameras([numbered(each) for each in seen])
    assert both.view_ids.shape == (2, 40, 1) and (both.view_ids == 0).all()
    assert (both.part(slice(5, 9)).view_ids == 0).all()
    clocks = Clocks("left", (CameraClock("left", 0.0), CameraClock("right", 0.5)))
    moved, frames = on_common_clock(both, clocks)
    np.testing.assert_array_equal(moved.view_ids[..., 0] == NOT_FOLLOWED, frames.image < 0)
