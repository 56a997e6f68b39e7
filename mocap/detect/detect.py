"""Find people's keypoints in videos: one function for a camera, one for a whole take."""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import TimeoutError
from multiprocessing.pool import AsyncResult, ThreadPool
from typing import Protocol

import cv2
import numpy as np

from mocap.core.detections import Detections2D
from mocap.core.errors import DetectionError
from mocap.core.shapes import Array, FloatArray
from mocap.detect.people import Detection, seen_inside, without_duplicates
from mocap.detect.watchdog import watched

LEAST_KEYPOINT_CONFIDENCE = 0.1
"""Below this a network only repeats where such a keypoint usually is."""

_FRAMES_AHEAD = 2
"""Decoded frames waiting per worker: enough to keep the workers busy, little memory."""

STALLED_AFTER_S = 300.0
"""An image takes a fifth of a second, on the slowest machine some seconds: after this, it hangs."""

_FINISH_WITHIN_S = 1.5
"""For the images being looked at when the work is broken off; less than the answer to Ctrl-C may
take."""


class Detector(Protocol):
    """Anything that finds people in one image; called by several threads at once."""

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Names of the keypoints, in order."""
        ...

    def __call__(self, image: Array) -> list[Detection]:
        """Return the people of an (height, width, 3) uint8 RGB image."""
        ...


Advanced = Callable[[str, int, int | None], None]
"""Told after every frame how far a camera is: its name, frames done, and frames in all or None."""


def detect(
    frames: Iterable[tuple[int, Array]],
    detector: Detector,
    *,
    camera: str = "camera",
    fps: float = 30.0,
    workers: int = 1,
    frame_count: int | None = None,
    times_s: FloatArray | None = None,
    progress: Advanced | None = None,
) -> Detections2D:
    """Find people in the frames of one camera.

    Args:
        frames: (frame index, (height, width, 3) uint8 RGB) with ascending indices; skipped
            indices stay empty.
        detector: finds the people of one image.
        camera: name of the camera.
        fps: frames per second of the video.
        workers: images looked at simultaneously. The result does not depend on it.
        frame_count: length of the video; frames after the last one given stay empty. None = up to
            the last.
        times_s: (frame,) seconds since the first frame, see `VideoInfo`; frame / fps by default.
        progress: called after every frame.

    Raises:
        DetectionError: there is no frame, an image has a wrong shape, or frames repeat.

    A detector is anything with names that turns an image into people:

    >>> class Brightest:
    ...     keypoint_names = ("lamp",)
    ...     def __call__(self, image):
    ...         row, column = np.unravel_index(image.sum(axis=2).argmax(), image.shape[:2])
    ...         at = np.array([[float(column), float(row)]])
    ...         return [Detection(at, np.ones(1), np.array([column, row, column + 1.0, row + 1.0]))]
    >>> image = np.zeros((48, 64, 3), np.uint8)
    >>> image[10, 20] = 255
    >>> detect([(0, image)], Brightest(), camera="left").pixels[0, 0, 0]
    array([[20., 10.]], dtype=float32)
    """
    people: dict[int, list[Detection]] = {}
    for index, found in _found(_checked(frames, camera), detector, workers, camera):
        people[index] = found
        if progress is not None:
            progress(camera, len(people), frame_count)
    if not people:
        raise DetectionError(f"camera {camera!r} has no frame. Is its video empty or damaged?")
    length = max(max(people) + 1, frame_count or 0)
    packed = _packed(camera, people, detector.keypoint_names, fps, length)
    if times_s is None:
        return packed
    known = times_s[:length]
    times = np.pad(known, (0, length - len(known)), constant_values=np.nan)
    return replace(packed, times_s=times[None])


def join_cameras(parts: Sequence[Detections2D]) -> Detections2D:
    """Put the detections of several cameras together; shorter recordings are padded with empty
    frames.

    Raises:
        DetectionError: there is nothing to join, or keypoints or frame rates differ.
    """
    if not parts:
        raise DetectionError("there is no camera to look at; the take needs at least one video.")
    first = parts[0]
    for part in parts[1:]:
        if part.keypoint_names != first.keypoint_names or part.fps != first.fps:
            raise DetectionError(
                f"cameras {first.camera_names[0]!r} and {part.camera_names[0]!r} have different "
                f"keypoints or frame rates ({first.fps:g} and {part.fps:g} per second); "
                "detect both the same way."
            )
    frame_count = max(part.pixels.shape[1] for part in parts)
    slots = max(part.pixels.shape[2] for part in parts)

    def joined(field: str, fill: float) -> Array:
        return np.concatenate(
            [_grown(getattr(part, field), frame_count, slots, fill) for part in parts]
        )

    return Detections2D(
        camera_names=tuple(name for part in parts for name in part.camera_names),
        keypoint_names=first.keypoint_names,
        fps=first.fps,
        pixels=joined("pixels", np.nan),
        confidence=joined("confidence", 0.0),
        boxes=joined("boxes", np.nan),
        times_s=np.concatenate(
            [
                np.pad(
                    part.times_s,
                    ((0, 0), (0, frame_count - part.times_s.shape[1])),
                    constant_values=np.nan,
                )
                for part in parts
            ]
        ),
    )


def _grown(array: Array, frame_count: int, slots: int, fill: float) -> Array:
    missing = [(0, 0), (0, frame_count - array.shape[1]), (0, slots - array.shape[2])]
    return np.pad(array, missing + [(0, 0)] * (array.ndim - 3), constant_values=fill)


def _checked(frames: Iterable[tuple[int, Array]], camera: str) -> Iterator[tuple[int, Array]]:
    previous = -1
    for index, image in frames:
        if index <= previous:
            raise DetectionError(
                f"frame {index} of camera {camera!r} comes after frame {previous}."
            )
        if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8 or 0 in image.shape:
            raise DetectionError(
                f"frame {index} of camera {camera!r} has shape {image.shape} and type "
                f"{image.dtype}; expected (height, width, 3) of uint8."
            )
        previous = index
        yield index, image


def _found(
    frames: Iterable[tuple[int, Array]], detector: Detector, workers: int, camera: str
) -> Iterator[tuple[int, list[Detection]]]:
    """Yield (frame index, people) in order, looking at `workers` images at once."""
    # Unlike an executor, this pool does not wait at exit for a thread that never returns.
    with watched(), _one_opencv_thread(), ThreadPool(workers) as pool:
        waiting: deque[tuple[int, AsyncResult[list[Detection]]]] = deque()
        worker = _Worker(detector)
        try:
            for index, image in frames:
                waiting.append((index, pool.apply_async(worker, (image,))))
                if len(waiting) > workers * _FRAMES_AHEAD:
                    yield _finished(*waiting.popleft(), camera)
            for index, result in waiting:
                yield _finished(index, result, camera)
        finally:
            worker.leave()


def _finished(
    index: int, result: AsyncResult[list[Detection]], camera: str
) -> tuple[int, list[Detection]]:
    try:
        return index, result.get(STALLED_AFTER_S)
    except TimeoutError as error:
        raise DetectionError(
            f"frame {index} of camera {camera!r} is not finished after {STALLED_AFTER_S:g} s. "
            "Run the command again; cameras that were finished are kept."
        ) from error


class _Worker:
    """What the threads do: look at images until the work is broken off."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._over = False
        self._looking: set[int] = set()  # threads that are in native code now

    def __call__(self, image: Array) -> list[Detection]:
        thread = threading.get_ident()
        self._looking.add(thread)
        try:
            return [] if self._over else _people(image, self._detector)
        finally:
            self._looking.discard(thread)

    def leave(self) -> None:
        """Let the images that are being looked at finish, after an error or Ctrl-C.

        A thread that is still in native code when the interpreter ends takes the whole process
        down with SIGABRT. Where one hangs, the process will end without asking it.
        """
        self._over = True
        deadline = time.monotonic() + _FINISH_WITHIN_S
        while self._looking and time.monotonic() < deadline:
            time.sleep(0.01)
        if self._looking:
            atexit.register(self._end_the_process)

    def _end_the_process(self) -> None:
        if self._looking:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(1)


@contextmanager
def _one_opencv_thread() -> Iterator[None]:
    """Keep OpenCV from starting threads of its own inside every worker."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


def _people(image: Array, detector: Detector) -> list[Detection]:
    size = (image.shape[1], image.shape[0])
    people = [seen_inside(each, size, LEAST_KEYPOINT_CONFIDENCE) for each in detector(image)]
    return without_duplicates(each for each in people if each.confidence.any())


def _packed(
    camera: str,
    people: Mapping[int, list[Detection]],
    names: tuple[str, ...],
    fps: float,
    frame_count: int,
) -> Detections2D:
    slots = max(1, *(len(each) for each in people.values()))
    pixels = np.full((1, frame_count, slots, len(names), 2), np.nan, np.float32)
    confidence = np.zeros(pixels.shape[:-1], np.float32)
    boxes = np.full((1, frame_count, slots, 4), np.nan, np.float32)
    for index, found in people.items():
        for slot, person in enumerate(found):
            pixels[0, index, slot] = person.pixels
            confidence[0, index, slot] = person.confidence
            boxes[0, index, slot] = person.box
    return Detections2D((camera,), names, fps, pixels, confidence, boxes)
