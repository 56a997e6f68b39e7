"""Detections of cameras and takes: order, empty frames, workers, progress and what is refused."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from mocap.core.errors import DetectionError, InputError, ModelError
from mocap.core.points import Points3D
from mocap.core.shapes import Array
from mocap.core.store import Provenance
from mocap.detect.detect import detect, join_cameras
from mocap.detect.detectors import default_workers, open_detector, weight_hashes
from mocap.detect.people import Detection
from mocap.detect.registry import CACHE_VARIABLE
from mocap.synthetic.example import walker
from mocap.workflow.choices import DetectorChoice
from mocap.workflow.detect import LazyDetector
from mocap.workflow.pipeline import Made, Stage, artifact_stage, run_stages

NAMES = ("nose", "left_wrist", "right_wrist", "left_ankle", "right_ankle")


class FakeDetector:
    """Finds as many people as the image's first pixel says; they stand at its second pixel."""

    keypoint_names = NAMES

    def __init__(self) -> None:
        self.threads: set[int] = set()

    def __call__(self, image: Array) -> list[Detection]:
        self.threads.add(threading.get_ident())
        time.sleep(0.002)
        count, x = int(image[0, 0, 0]), float(image[0, 1, 0])
        return [
            Detection(
                np.column_stack([np.full(5, x), 10.0 * np.arange(5)]),
                np.full(5, 0.9 - 0.1 * each),
                np.array([x - 5 + 60 * each, 0, x + 5 + 60 * each, 40.0]),
            )
            for each in range(count)
        ]


def image(people: int, x: int, size: tuple[int, int] = (200, 100)) -> Array:
    made = np.zeros((size[1], size[0], 3), np.uint8)
    made[0, 0], made[0, 1] = people, x
    return made


def test_every_frame_keeps_its_place() -> None:
    frames = [(0, image(1, 20)), (1, image(0, 0)), (4, image(1, 30))]
    found = detect(frames, FakeDetector(), camera="left", fps=60.0, frame_count=7)
    assert found.camera_names == ("left",)
    assert found.keypoint_names == NAMES
    assert found.fps == 60.0
    assert found.pixels.shape == (1, 7, 1, 5, 2)
    assert found.pixels.dtype == np.float32
    np.testing.assert_array_equal(np.isfinite(found.boxes[0, :, 0, 0]), [1, 0, 0, 0, 1, 0, 0])
    assert found.pixels[0, 0, 0, 0, 0] == 20
    assert found.pixels[0, 4, 0, 0, 0] == 30
    np.testing.assert_array_equal(np.isnan(found.pixels[..., 0]), found.confidence == 0)


def test_the_same_person_found_twice_counts_once() -> None:
    found = detect([(0, image(3, 50))], FakeDetector())
    assert found.pixels.shape[2] == 1
    assert found.confidence[0, 0, 0, 0] == pytest.approx(0.9)


@pytest.mark.parametrize("workers", [2, 5])
def test_workers_change_nothing_but_the_time(workers: int) -> None:
    frames = [(index, image(index % 2, 10 + index)) for index in range(40)]
    alone, together = FakeDetector(), FakeDetector()
    one = detect(frames, alone, workers=1)
    many = detect(frames, together, workers=workers)
    assert len(alone.threads) == 1
    assert len(together.threads) > 1
    np.testing.assert_array_equal(one.pixels, many.pixels)
    np.testing.assert_array_equal(one.confidence, many.confidence)
    np.testing.assert_array_equal(one.boxes, many.boxes)


def test_frames_are_read_only_as_they_are_needed() -> None:
    ahead: list[int] = []
    finished = 0

    def frames() -> Iterator[tuple[int, Array]]:
        for index in range(50):
            ahead.append(index - finished)
            yield index, image(1, 20)

    def progress(camera: str, done: int, total: int | None) -> None:
        nonlocal finished
        finished = done

    detect(frames(), FakeDetector(), workers=2, progress=progress)
    assert max(ahead) <= 6


def test_progress_counts_every_frame() -> None:
    told: list[tuple[str, int, int | None]] = []

    def progress(camera: str, done: int, total: int | None) -> None:
        told.append((camera, done, total))

    frames = {"a": [(0, image(1, 20)), (1, image(1, 20))], "b": [(0, image(1, 20))]}
    for camera, count in (("a", 2), ("b", None)):
        detect(frames[camera], FakeDetector(), camera=camera, frame_count=count, progress=progress)
    assert told == [("a", 1, 2), ("a", 2, 2), ("b", 1, None)]


def test_cameras_of_different_length_are_padded() -> None:
    frames = {"a": [(0, image(1, 20)), (1, image(1, 25))], "b": [(0, image(0, 0))]}
    found = join_cameras([detect(f, FakeDetector(), camera=c) for c, f in frames.items()])
    assert found.camera_names == ("a", "b")
    assert found.pixels.shape == (2, 2, 1, 5, 2)
    assert np.isnan(found.pixels[1]).all()
    assert not found.confidence[1].any()


def test_cameras_detected_differently_are_not_joined() -> None:
    slow = detect([(0, image(1, 20))], FakeDetector(), camera="a", fps=30.0)
    fast = detect([(0, image(1, 20))], FakeDetector(), camera="b", fps=60.0)
    with pytest.raises(DetectionError, match="'a' and 'b' have different"):
        join_cameras([slow, fast])


@pytest.mark.parametrize(
    ("frames", "message"),
    [
        ([], "no frame"),
        ([(3, image(1, 20)), (3, image(1, 20))], "frame 3 .* comes after frame 3"),
        ([(0, np.zeros((10, 10), np.uint8))], r"shape \(10, 10\)"),
        ([(0, np.zeros((10, 10, 3)))], "float64"),
        ([(0, np.zeros((0, 10, 3), np.uint8))], r"shape \(0, 10, 3\)"),
    ],
)
def test_frames_that_cannot_be_right_are_refused(
    frames: list[tuple[int, Array]], message: str
) -> None:
    with pytest.raises(DetectionError, match=message):
        detect(frames, FakeDetector())


def test_a_take_without_cameras_is_refused() -> None:
    with pytest.raises(DetectionError, match="at least one video"):
        join_cameras([])


def test_an_error_in_a_worker_reaches_the_caller() -> None:
    class Failing(FakeDetector):
        def __call__(self, image: Array) -> list[Detection]:
            raise ModelError("the network refused")

    with pytest.raises(ModelError, match="refused"):
        detect([(index, image(1, 20)) for index in range(20)], Failing(), workers=2)


def test_a_worker_that_hangs_is_told_and_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()

    class Hanging(FakeDetector):
        def __call__(self, image: Array) -> list[Detection]:
            released.wait(60)
            return []

    monkeypatch.setattr("mocap.detect.detect.STALLED_AFTER_S", 0.1)
    started = time.monotonic()
    with pytest.raises(DetectionError, match=r"frame 0 of camera 'left' .* Run the command again"):
        detect([(0, image(1, 20))], Hanging(), camera="left")
    assert time.monotonic() - started < 30
    released.set()  # a thread that hangs would end the whole test run with status 1


@pytest.mark.parametrize(
    ("name", "weights", "message"),
    [
        ("openpose", None, "known are movenet, blazepose"),
        ("hrnet", None, "needs a checkpoint"),
        ("movenet", "some.pth", "has its own weights"),
        ("hrnet", "nowhere.pth", "does not exist"),
    ],
)
def test_options_that_do_not_go_together_are_refused(
    name: str, weights: str | None, message: str
) -> None:
    path = None if weights is None else Path(weights)
    for function in (open_detector, weight_hashes):
        with pytest.raises(InputError, match=message):
            function(name, weights=path)


def test_a_fresh_machine_is_told_what_to_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path))
    with pytest.raises(ModelError, match="Run: mocap models fetch movenet"):
        open_detector()


def test_default_workers_are_reasonable() -> None:
    assert 1 <= default_workers() <= (os.cpu_count() or 1)


def test_detections_of_other_weights_are_made_again() -> None:
    detector = LazyDetector(DetectorChoice(name="movenet"))
    now = weight_hashes("movenet", here=False)
    assert {"movenet-thunder.bin", "movenet-multipose.bin"} <= set(now)

    def told(weights: object) -> str:
        return detector.other_weights(Provenance("detect", "0", notes={"weights": weights}))

    assert told(now) == ""
    # A file of a person's own beside them is an input, compared by its content.
    assert told({**now, "mine.pth": "1" * 64}) == ""
    assert "movenet-thunder.bin of the detector changed" in told(
        {**now, "movenet-thunder.bin": "0" * 64}
    )
    # Versions that kept no hashes: nothing can be said.
    assert detector.other_weights(Provenance("detect", "0")) == ""


def test_an_artifact_may_be_outdated_whatever_its_inputs(tmp_path: Path) -> None:
    made: list[str] = []

    def stage(weights: str) -> Stage:
        def make() -> Made:
            made.append(weights)
            return Made(walker().points, notes={"weights": weights})

        def outdated(found: Provenance) -> str:
            return "" if found.notes["weights"] == weights else "other weights"

        path = tmp_path / "points.npz"
        return artifact_stage(
            "points", path, Points3D, inputs={}, options={}, make=make, outdated=outdated
        )

    reasons = [run_stages([stage(each)], version="1")[0].reason for each in "aab"]
    assert made == ["a", "b"] and reasons[2] == "other weights"
