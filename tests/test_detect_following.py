"""Following people from image to image: what is read, when the image is searched, who is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import numpy as np
import pytest

from mocap.core.errors import DetectionError, InputError
from mocap.core.shapes import Array, FloatArray
from mocap.detect.detect import detect
from mocap.detect.following.follow import Following
from mocap.detect.following.pace import BALANCED, CAREFUL, FAST, FEET_FRAMES, Pace, pace_named
from mocap.detect.people import Detection
from mocap.detect.threads import Threads, ahead, wait_for_all

FPS = 30.0
WIDTH, HEIGHT = 640, 480
BODY = np.random.default_rng(4).uniform([0, 0], [60, 180], (17, 2))
"""Keypoints (17, 2) of somebody about 180 px tall, from their upper left corner."""

Path = Callable[[int], tuple[float, float] | None]
"""Where somebody's upper left corner is in a frame; None where nobody can see them."""


def person_at(x: float, y: float, confidence: float = 0.8) -> Detection:
    pixels = BODY + np.array([x, y])
    box = np.concatenate([pixels.min(axis=0) - 10, pixels.max(axis=0) + 10])
    return Detection(pixels, np.full(17, confidence), box)


class Scene:
    """Sees the people of a scene; the first pixel of an image is the number of its frame.

    A reading describes whoever is nearest to where it is asked to look, hesitantly from afar.
    """

    keypoint_names = tuple(f"keypoint_{index}" for index in range(17))

    def __init__(self, *paths: Path, noise_px: float = 0.0) -> None:
        self.paths = paths
        self.noise_px = noise_px
        self.searched: list[int] = []
        self.looked: list[tuple[int, bool]] = []
        self.around: list[tuple[int, float]] = []
        self.glanced: list[int] = []
        self.unseen_at_a_glance: list[int] = []
        self.anew: list[int] = []
        self.room: list[bool] = []

    def people(self, frame: int) -> list[Detection]:
        places = [path(frame) for path in self.paths]
        return [person_at(*place) for place in places if place is not None]

    def find(self, image: Array) -> list[Detection]:
        self.searched.append(frame_of(image))
        return self.people(frame_of(image))

    def glance(self, image: Array) -> list[Detection]:
        frame = frame_of(image)
        self.glanced.append(frame)
        return [] if frame in self.unseen_at_a_glance else self.people(frame)

    def read(self, image: Array, guess: Detection) -> Detection:
        self.anew.append(frame_of(image))
        return guess

    def look(
        self, image: Array, around: Detection, *, mirrored: bool, room: bool = False
    ) -> Detection:
        frame = frame_of(image)
        self.looked.append((frame, mirrored))
        self.around.append((frame, float(around.pixels[:, 0].min())))

        def distance(person: Detection) -> float:
            return float(np.median(np.linalg.norm(person.pixels - around.pixels, axis=1)))

        near = min(self.people(frame), key=distance, default=None)
        if near is None or distance(near) > 120:
            return Detection(around.pixels, np.full(17, 0.05), around.box)
        noise = self.noise_px * np.random.default_rng(frame).normal(size=(17, 2))
        return Detection(near.pixels + noise, near.confidence, around.box)

    def with_feet(self, image: Array, person: Detection, *, read: bool) -> Detection:
        return person

    def __call__(self, image: Array) -> list[Detection]:
        return self.people(frame_of(image))


def frame_of(image: Array) -> int:
    return int(image[0, 0, 0])


def images(count: int) -> Iterator[tuple[int, Array]]:
    for frame in range(count):
        image = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
        image[0, 0] = frame
        yield frame, image


def follow(scene: Scene, count: int, pace: Pace = BALANCED) -> list[list[FloatArray]]:
    """Return the upper left keypoint corner of everybody, frame after frame."""
    following = Following(scene, pace, FPS)
    return [
        sorted((each.pixels.min(axis=0) for each in following(frame, image)), key=lambda at: at[0])
        for frame, image in images(count)
    ]


def walking(frame: int) -> tuple[float, float]:
    return 20.0 + 4.0 * frame, 200.0


def standing(frame: int) -> tuple[float, float]:
    return 400.0, 220.0


def test_people_are_read_once_an_image_and_searched_now_and_then() -> None:
    scene = Scene(walking, standing)
    found = follow(scene, 61)
    corner = BODY.min(axis=0)
    for frame, people in enumerate(found):
        np.testing.assert_allclose(people, [corner + walking(frame), corner + standing(frame)])
    assert scene.searched == [0, 45]  # whole; at half the size while everybody is large
    assert scene.glanced == [15, 30, 60]
    # One who begins to walk is not where they were predicted; afterwards both are.
    assert len(scene.looked) <= 2 * 60 + 1
    later = [mirrored for frame, mirrored in scene.looked if frame > 2]
    assert later.count(True) == later.count(False)


def test_careful_reads_everybody_plain_and_in_the_mirror() -> None:
    scene = Scene(walking, standing, noise_px=1.0)
    follow(scene, 31, CAREFUL)
    assert scene.searched == [0, 15, 30]
    # Two people, twice in each of the images after the first.
    ways = [mirrored for _, mirrored in scene.looked]
    assert ways.count(True) == ways.count(False) == 2 * 30


def test_a_box_keeps_the_width_that_a_search_gave_it() -> None:
    following = Following(Scene(walking), BALANCED, FPS)
    for frame, image in images(10):
        (person,) = following(frame, image)
        np.testing.assert_allclose(person.box, person_at(*walking(frame)).box, atol=1e-9)


def test_who_comes_in_is_found_by_the_next_search_and_who_leaves_is_gone_at_once() -> None:
    def comes_and_goes(frame: int) -> tuple[float, float] | None:
        return (100.0, 200.0) if 20 <= frame < 40 else None

    scene = Scene(comes_and_goes, standing)
    counts = [len(people) for people in follow(scene, 90)]
    assert counts[:20] == [1] * 20
    assert counts[30:40] == [2] * 10  # half a second: searched in frames 15 and 30
    assert counts[40:] == [1] * 50
    # Searched when the reading failed, 1 and 2 frames later, ten times a second for a second, then
    # after 6, 12 and 15 frames, as before.
    expected = [40, 41, 43, *range(46, 73, 3), 76, 88]
    assert [frame for frame in scene.searched if frame >= 40] == expected
    scene = Scene(comes_and_goes, standing)
    follow(scene, 90, CAREFUL)
    # 1, 2, 4, 8 frames later, then as before.
    assert [frame for frame in scene.searched if 40 <= frame < 60] == [40, 41, 43, 47, 55]


def test_whom_a_glance_misses_is_searched_for_at_once() -> None:
    scene = Scene(walking, standing)
    scene.unseen_at_a_glance = [15]
    assert [len(people) for people in follow(scene, 61)] == [2] * 61
    assert scene.searched == [0, 15, 60]
    assert scene.glanced == [15, 30, 45]


def test_small_people_are_searched_for_in_the_whole_image() -> None:
    scene = Scene(walking)
    following = Following(scene, BALANCED, FPS)
    for frame in range(31):
        image = np.zeros((HEIGHT, 2 * WIDTH, 3), np.uint8)  # 200 px of 1280: less than a fifth
        image[0, 0] = frame
        following(frame, image)
    assert (scene.searched, scene.glanced) == ([0, 15, 30], [])


class Waving(Scene):
    """Sees a wrist here and there, with some confidence."""

    confidence = 0.3

    def look(
        self, image: Array, around: Detection, *, mirrored: bool, room: bool = False
    ) -> Detection:
        seen = super().look(image, around, mirrored=mirrored, room=room)
        frame = frame_of(image)
        seen.pixels[9] += (0.0, 40.0 * (frame % 2))
        seen.confidence[9] = self.confidence
        self.room.append(room)
        return seen


def test_an_arm_that_is_nowhere_for_sure_is_read_as_in_a_first_image() -> None:
    scene = Waving(standing)
    follow(scene, 12)
    assert len(scene.anew) > 5  # while it has not been predicted there
    assert len(scene.searched) > 5
    sure = Waving(standing)
    sure.confidence = 0.7
    follow(sure, 12)
    assert sure.anew == [0]  # looked at again, but not anew
    assert len(sure.looked) > 20


def test_hands_get_room_where_nobody_else_is_near() -> None:
    scene = Waving(standing)
    follow(scene, 5)
    assert all(scene.room)
    scene = Waving(standing, lambda frame: (430.0, 220.0))
    follow(scene, 5)
    assert scene.room and not any(scene.room)


def test_many_images_a_second_are_looks_enough() -> None:
    def unsure(frame: int) -> tuple[float, float]:
        return 400.0, 220.0

    class Dim(Scene):
        def people(self, frame: int) -> list[Detection]:
            return [person_at(*standing(frame), confidence=0.5) for path in self.paths]

    looks = []
    for fps in (30.0, 60.0):
        scene = Dim(unsure)
        following = Following(scene, BALANCED, fps)
        for frame, image in images(20):
            following(frame, image)
        looks.append(len(scene.looked))
    assert looks == [2 * 19, 19]


class Leaning(Scene):
    """Reads 1 px to one side, and to the other in the mirror."""

    def look(
        self, image: Array, around: Detection, *, mirrored: bool, room: bool = False
    ) -> Detection:
        seen = super().look(image, around, mirrored=mirrored, room=room)
        return replace(seen, pixels=seen.pixels + ((-1.0, 0.0) if mirrored else (1.0, 0.0)))


@pytest.mark.parametrize("path", [standing, walking])
def test_what_a_mirror_shifts_is_learnt_and_taken_away(path: Path) -> None:
    """1 px to one side in plain readings and to the other in mirrored ones, half a percent of a
    person: what the mean of both would not show."""

    scene = Leaning(path)
    following = Following(scene, BALANCED, FPS)
    off = []
    for frame, image in images(40):
        (person,) = following(frame, image)
        off.append(np.abs(person.pixels - person_at(*path(frame) or (0, 0)).pixels).max())
    assert len(scene.looked) <= 41  # by one reading of each image
    assert max(off[1:4]) > 0.5
    assert max(off[20:]) < 0.1


def test_who_is_hidden_for_a_moment_is_found_again_soon() -> None:
    def hidden(frame: int) -> tuple[float, float] | None:
        return None if 17 <= frame < 19 else (100.0, 200.0)

    counts = [len(people) for people in follow(Scene(hidden), 40)]
    assert counts[:17] == [1] * 17 and counts[17:19] == [0, 0]
    assert counts[20:] == [1] * 20


def test_two_who_cross_are_two_again_soon_after() -> None:
    def coming(frame: int) -> tuple[float, float]:
        return 260.0 - 4.0 * frame, 200.0

    found = follow(Scene(walking, coming), 60)
    corner = BODY.min(axis=0)
    # They stand within 8 % of a body of one another in three frames; all else tells them apart.
    missed = [frame for frame, people in enumerate(found) if len(people) != 2]
    assert len(missed) <= 8
    for frame in set(range(60)) - set(missed):
        truth = sorted([walking(frame), coming(frame)])
        np.testing.assert_allclose(found[frame], corner + truth)


def test_a_jump_is_looked_at_again_both_ways_around_what_was_seen() -> None:
    def jumping(frame: int) -> tuple[float, float]:
        return (100.0, 200.0) if frame < 10 else (114.0, 200.0)

    scene = Scene(jumping)
    follow(scene, 14)
    frames = [frame for frame, _ in scene.looked]
    assert frames.count(10) == 3  # 14 px of 180: 8 %, more than the 6 % that surprise
    assert frames.count(9) == 1
    x = BODY[:, 0].min()
    assert [round(at - x) for frame, at in scene.around if frame == 10] == [100, 114, 114]


def test_who_stands_before_another_is_read_both_ways() -> None:
    def passing(frame: int) -> tuple[float, float]:
        return 20.0 + 12.0 * frame, 180.0

    scene = Scene(passing, standing)
    follow(scene, 50)
    looks = np.bincount([frame for frame, _ in scene.looked], minlength=50)
    # Boxes are 80 px wide: the second covers a twentieth of the first while they are less than
    # 76 px apart: from frame 26 to 37.
    assert (looks[27:37] == 4).all()
    assert (looks[5:25] == 2).all()
    assert (looks[40:] == 2).all()
    # There every image is searched, as it is twice a second anyway.
    searched = {*scene.searched, *scene.glanced}
    assert set(range(27, 37)) <= searched
    assert len(searched - set(range(26, 38))) <= 4


@pytest.mark.parametrize(
    ("fps", "expected"),
    [(10, "1111"), (24, "110110"), (30, "11010001101000"), (60, "11010000010001101"),
     (120, "1101000010001000001000000000000110")],
)  # fmt: skip
def test_feet_are_read_now_and_then_at_least_every_eighth_of_a_second(
    fps: float, expected: str
) -> None:
    found = "".join(str(int(BALANCED.reads_feet(frame, fps))) for frame in range(len(expected)))
    assert found == expected
    assert all(CAREFUL.reads_feet(frame, fps) for frame in range(12))


@pytest.mark.parametrize("period", FEET_FRAMES)
def test_cameras_started_by_hand_read_feet_at_the_same_moment(period: int) -> None:
    frames, gap = FEET_FRAMES[period]
    for late in range(period):  # whatever their clocks differ by
        assert any((frame + late) % period in frames for frame in frames)
    assert max(np.diff([*frames, period + frames[0]])) == gap


def test_feet_that_are_not_read_are_not_seen() -> None:
    class WithToe(Scene):
        keypoint_names = (*Scene.keypoint_names, "toe")

        def with_feet(self, image: Array, person: Detection, *, read: bool) -> Detection:
            toe = person.pixels[:1] if read else np.full((1, 2), np.nan)
            return Detection(
                np.vstack([person.pixels, toe]), np.append(person.confidence, float(read)),
                person.box,
            )  # fmt: skip

    found = detect(images(14), WithToe(standing), fps=FPS, pace=BALANCED)
    seen = np.isfinite(found.pixels[0, :, 0, -1, 0])
    np.testing.assert_array_equal(seen, [True, True, False, True, False, False, False] * 2)
    np.testing.assert_array_equal(found.confidence[0, :, 0, -1] > 0, seen)
    assert np.isfinite(found.pixels[0, :, 0, :-1]).all()


def test_nobody_costs_a_search_twice_a_second_only() -> None:
    scene = Scene(lambda frame: None)
    assert not any(follow(scene, 60))
    assert scene.searched == [0, 15, 30, 45]


@pytest.mark.parametrize("noise_px", [0.0, 1.5])
def test_threads_change_nothing(noise_px: float) -> None:
    def run() -> Array:
        return detect(images(40), Scene(walking, standing, noise_px=noise_px), fps=FPS,
                      pace=BALANCED).pixels  # fmt: skip

    one = run()
    with Threads(3) as threads:
        many = [threads.start(run) for _ in range(3)]
        wait_for_all(many)
        for each in many:
            np.testing.assert_array_equal(each.get(), one)


def test_what_threads_hold_is_given_up_before_their_block_ends() -> None:
    # As the requests of networks are, in native code: in a process that ends it would abort.
    held, given_up = threading.local(), []

    class Request:
        def __del__(self) -> None:
            time.sleep(0.1)
            given_up.append(self)

    def look() -> None:
        held.request = Request()
        time.sleep(0.05)

    with Threads(2) as threads:
        wait_for_all([threads.start(look) for _ in range(2)])
    assert len(given_up) == 2


def test_fast_looks_at_every_second_image_plain_and_mirrored_by_turns() -> None:
    scene = Scene(walking, standing)
    found = detect(images(60), scene, fps=FPS, pace=FAST)
    at = np.isfinite(found.times_s[0])
    np.testing.assert_array_equal(np.flatnonzero(at), range(0, 60, 2))
    np.testing.assert_allclose(found.times_s[0, at], np.arange(0, 60, 2) / FPS)
    assert (np.isfinite(found.pixels[0]).all(axis=(1, 2, 3)) == at).all()
    first = [mirrored for frame, mirrored in scene.looked if frame > 8]
    assert first == [way for frame in range(10, 60, 2) for way in 2 * [frame // 2 % 2 == 1]]
    assert {frame % 2 for frame, _ in scene.looked} == {0}


def test_fast_learns_what_a_mirror_shifts_from_the_images_it_looks_at() -> None:
    found = detect(images(80), Leaning(walking), fps=FPS, pace=FAST)
    true = np.stack([person_at(*walking(frame)).pixels for frame in range(80)])
    off = np.abs(found.pixels[0, ::2, 0] - true[::2]).max(axis=(1, 2))
    assert off[1:4].max() > 0.5 and off[20:].max() < 0.1


def test_what_cannot_follow_is_asked_about_every_image() -> None:
    class WholeImages:
        keypoint_names = Scene.keypoint_names

        def __call__(self, image: Array) -> list[Detection]:
            return [person_at(*walking(frame_of(image)))]

    found = detect(images(7), WholeImages(), fps=FPS, pace=BALANCED)
    assert np.isfinite(found.pixels).all()
    found = detect(images(7), WholeImages(), fps=FPS, pace=FAST)
    seen = np.isfinite(found.pixels).all(axis=(0, 2, 3, 4))
    np.testing.assert_array_equal(seen, [True, False] * 3 + [True])


def test_an_unknown_pace_is_refused() -> None:
    with pytest.raises(InputError, match="known are thorough, careful, balanced, fast"):
        pace_named("sloppy")


def test_an_error_ends_the_work_of_all_threads_within_an_image() -> None:
    given = [0]

    def endless() -> Iterator[tuple[int, Array]]:
        for frame in range(10**6):
            given[0] = frame
            yield frame, np.zeros((48, 64, 3), np.uint8)

    def fail() -> None:
        time.sleep(0.05)
        raise DetectionError("the other camera failed")

    with pytest.raises(DetectionError, match="the other camera"), Threads(2) as threads:
        scene = Scene(lambda frame: None)
        threads.start(lambda: detect(endless(), scene, fps=FPS, pace=BALANCED))
        failing = threads.start(fail)
        wait_for_all([failing])
    last = given[0]
    time.sleep(0.05)
    assert given[0] == last


def test_what_reading_ahead_raises_comes_in_its_place() -> None:
    def failing() -> Iterator[int]:
        yield 1
        raise DetectionError("cut short")

    with ahead(failing(), 2) as items:
        assert next(items) == 1
        with pytest.raises(DetectionError, match="cut short"):
            next(items)
