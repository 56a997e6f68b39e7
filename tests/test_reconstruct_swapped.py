"""Videos under each other's names are found from the people in them, and nothing else is."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D
from mocap.core.keypoints import COCO_17_FEET
from mocap.reconstruct.swapped import LEAST_FRAMES, find_swap
from mocap.synthetic.example import walker
from mocap.synthetic.keypoint_session import walking_points
from mocap.synthetic.observations import observe_people
from mocap.synthetic.rigs import laboratory


def scene() -> tuple[Detections2D, Calibration]:
    seen = walker()
    tracks = seen.tracks
    shape = tracks.confidence.shape[:3]
    boxes = np.zeros((*shape, 4), np.float32)
    found = Detections2D(
        tracks.camera_names, tracks.keypoint_names, tracks.fps, tracks.pixels, tracks.confidence,
        boxes,
    )  # fmt: skip
    return found, seen.calibration


def renamed(detections: Detections2D, order: list[int]) -> Detections2D:
    """Return detections in which video i holds what camera order[i] recorded."""
    return replace(
        detections, pixels=detections.pixels[order], confidence=detections.confidence[order]
    )


def test_right_names_are_left_alone() -> None:
    detections, calibration = scene()
    assert find_swap(detections, calibration) is None


@pytest.mark.parametrize("pair", [(0, 1), (0, 2), (1, 2)])
def test_two_swapped_videos_are_found(pair: tuple[int, int]) -> None:
    detections, calibration = scene()
    order = list(range(len(detections.camera_names)))
    order[pair[0]], order[pair[1]] = order[pair[1]], order[pair[0]]
    found = find_swap(renamed(detections, order), calibration)
    names = detections.camera_names
    assert found is not None
    assert found.camera_of == {names[pair[0]]: names[pair[1]], names[pair[1]]: names[pair[0]]}
    # Rays of 1 px noise at some 4 m miss each other by millimetres.
    assert found.better_m < 0.03
    assert f"'{names[pair[0]]}' shows what '{names[pair[1]]}' sees" in found.sentence()


def test_a_second_person_and_missing_views_change_nothing() -> None:
    detections, calibration = scene()
    other = np.concatenate([detections.pixels, detections.pixels[:, ::-1] + 40.0], axis=2)
    sure = np.concatenate([detections.confidence, 0.9 * detections.confidence[:, ::-1]], axis=2)
    sure[0, ::3] = 0.0
    both = replace(
        detections, pixels=other, confidence=sure,
        boxes=np.zeros((*sure.shape[:3], 4), np.float32),
        view_ids=np.repeat(detections.view_ids, 2, axis=2),
    )  # fmt: skip
    assert find_swap(both, calibration) is None
    found = find_swap(renamed(both, [1, 0, *range(2, len(sure))]), calibration)
    assert found is not None
    assert set(found.camera_of) == set(detections.camera_names[:2])


def test_swapped_videos_of_a_crowd_are_found() -> None:
    rig, names = laboratory(count=4), COCO_17_FEET.keypoint_names
    at = np.arange(8)
    places = 0.9 * np.stack([at % 2 - 0.5, at // 2 - 1.5, np.zeros(8)], axis=-1)
    people = walking_points(LEAST_FRAMES, COCO_17_FEET)[:, None] + places[:, None]
    seen = observe_people(rig, people, names, noise_px=1.0)
    assert find_swap(seen, rig) is None
    found = find_swap(renamed(seen, [2, 1, 0, 3]), rig)
    assert found is not None and set(found.camera_of) == {"cam1", "cam3"}


def test_nothing_is_told_where_nobody_or_nothing_fits() -> None:
    detections, calibration = scene()
    nobody = replace(detections, confidence=np.zeros_like(detections.confidence))
    assert find_swap(nobody, calibration) is None
    chance = np.random.default_rng(0)
    noise = chance.uniform(0, 1000, detections.pixels.shape).astype(np.float32)
    assert find_swap(replace(detections, pixels=noise), calibration) is None


def test_an_image_map_is_applied_before_the_names_are_judged() -> None:
    detections, calibration = scene()
    half = replace(detections, pixels=detections.pixels / 2)
    maps = {name: np.array([[2.0, 0, 0], [0, 2.0, 0]]) for name in detections.camera_names}
    assert find_swap(half, calibration, image_maps=maps) is None
