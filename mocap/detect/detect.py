"""Find people's keypoints in videos: one function for a camera, one for a whole take."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from multiprocessing import TimeoutError
from multiprocessing.pool import AsyncResult
from typing import Protocol

import numpy as np

from mocap.core.detections import NOT_FOLLOWED, Detections2D
from mocap.core.errors import DetectionError
from mocap.core.shapes import Array, FloatArray
from mocap.detect.following.follow import Eyes, Following
from mocap.detect.following.in_view import ids_in_view
from mocap.detect.following.pace import THOROUGH, Pace
from mocap.detect.following.stretches import Keeping
from mocap.detect.people import Detection, seen_inside, without_duplicates
from mocap.detect.threads import Threads, ahead

LEAST_KEYPOINT_CONFIDENCE = 0.1
"""Below this a network only repeats where such a keypoint usually is."""

_FRAMES_AHEAD = 2
"""Decoded frames waiting per worker: enough to keep the workers busy, little memory."""

STALLED_AFTER_S = 300.0
"""An image takes a fifth of a second, on the slowest machine some seconds: after this, it hangs."""

_DECODED_AHEAD = 3
"""Images decoded ahead of a view that is followed: decoding never has to be waited for."""


class Detector(Protocol):
    """Anything that finds people in one image; called by several threads at once."""

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Names of the keypoints, in order."""
        ...

    def __call__(self, image: Array) -> list[Detection]:
        """Return the people of an (height, width, 3) uint8 RGB image."""
        ...


Found = tuple[int, list[Detection], object]
"""Index of a frame, the people in it, and what following had in mind after it."""

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
    pace: Pace = THOROUGH,
    mirrored_first: bool = False,
    progress: Advanced | None = None,
    keeping: Keeping | None = None,
) -> Detections2D:
    """Find people in the frames of one camera.

    Args:
        frames: (frame index, (height, width, 3) uint8 RGB) with ascending indices; skipped
            indices stay empty, and so do those that the pace leaves out.
        detector: finds the people of one image.
        camera: name of the camera.
        fps: frames per second of the video.
        workers: images looked at simultaneously. The result does not depend on it. Where people
            are followed, images come one after another: look at several cameras at once instead.
        frame_count: length of the video; frames after the last one given stay empty. None = up to
            the last.
        times_s: (frame,) seconds since the first frame, see `VideoInfo`; frame / fps by default.
        pace: how thoroughly, see `mocap.detect.following.pace`; only a detector that can read
            somebody where they are known to be (`Eyes`) can follow.
        mirrored_first: see `mocap.detect.following.follow.Following`.
        progress: called after every frame.
        keeping: keeps what is found, for who goes on after a killed run; `frames` are those after
            what it kept before.

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
    people = {} if keeping is None else keeping.people()
    checked = (each for each in _checked(frames, camera) if pace.looks_at(each[0]))
    if pace.every_image or not isinstance(detector, Eyes):
        all_found = _found(checked, detector, workers, camera)
    else:
        following = Following(detector, pace, fps, mirrored_first=mirrored_first)
        if people and keeping is not None:
            _recall(following, keeping, camera)
        all_found = _followed(checked, detector, following, camera)
    for index, found, mind in all_found:
        people[index] = found
        if keeping is not None:
            keeping.looked(index, found, mind)
        if progress is not None:
            progress(camera, index + 1, frame_count)
    if not people:
        raise DetectionError(f"camera {camera!r} has no frame. Is its video empty or damaged?")
    length = max(max(people) + 1, frame_count or 0)
    packed = _packed(camera, people, detector.keypoint_names, fps, length)
    times = packed.times_s
    if times_s is not None:
        known = times_s[:length]
        times = np.pad(known, (0, length - len(known)), constant_values=np.nan)[None]
    looked_at = [pace.looks_at(index) for index in range(length)]
    packed = replace(packed, times_s=np.where(looked_at, times, np.nan))
    return numbered(packed)


def numbered(detections: Detections2D) -> Detections2D:
    """Return detections with a number for everybody, kept within each view."""
    views = zip(
        detections.pixels,
        detections.confidence,
        detections.boxes,
        detections.times_s,
        strict=True,
    )
    ids = [ids_in_view(*view) for view in views]
    return replace(detections, view_ids=np.stack(ids)) if ids else detections


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
        view_ids=joined("view_ids", NOT_FOLLOWED),
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
) -> Iterator[Found]:
    """Yield what is found in order, looking at `workers` images at once."""
    with Threads(workers) as threads:
        waiting: deque[tuple[int, AsyncResult[list[Detection] | None]]] = deque()
        for index, image in frames:
            waiting.append((index, threads.start(_people, image, detector)))
            if len(waiting) > workers * _FRAMES_AHEAD:
                index, result = waiting.popleft()
                yield index, _finished(index, result, camera), None
        for index, result in waiting:
            yield index, _finished(index, result, camera), None


def _followed(
    frames: Iterable[tuple[int, Array]], eyes: Eyes, following: Following, camera: str
) -> Iterator[Found]:
    """Yield what is found in order, following people.

    Three threads work on one view: one decodes ahead, one follows, one reads feet.
    """
    with Threads(2) as threads, ahead(frames, _DECODED_AHEAD) as images:
        waiting: deque[tuple[int, AsyncResult[list[Detection] | None], object]] = deque()
        for index, image in images:
            people = _finished(index, threads.start(following, index, image), camera)
            feet = following.reads_feet(index)
            completed = threads.start(_with_feet, image, people, eyes, feet)
            waiting.append((index, completed, following.memory()))
            if len(waiting) > 1:
                index, result, mind = waiting.popleft()
                yield index, _finished(index, result, camera), mind
        for index, result, mind in waiting:
            yield index, _finished(index, result, camera), mind


def _recall(following: Following, keeping: Keeping, camera: str) -> None:
    try:
        following.recall(keeping.memory())
    except ValueError as error:
        raise DetectionError(
            f"what an interrupted run kept of camera {camera!r} cannot be gone on from ({error}). "
            "Detect it anew: add --force."
        ) from error


def _finished(
    index: int, result: AsyncResult[list[Detection] | None], camera: str
) -> list[Detection]:
    try:
        people = result.get(STALLED_AFTER_S)
    except TimeoutError as error:
        raise DetectionError(
            f"frame {index} of camera {camera!r} is not finished after {STALLED_AFTER_S:g} s. "
            "Run the command again; it goes on where this one ended."
        ) from error
    if people is None:
        raise DetectionError(f"frame {index} of camera {camera!r} was broken off.")
    return people


def _with_feet(image: Array, people: list[Detection], eyes: Eyes, read: bool) -> list[Detection]:
    return _kept((eyes.with_feet(image, each, read=read) for each in people), image)


def _people(image: Array, detector: Detector) -> list[Detection]:
    return _kept(detector(image), image)


def _kept(people: Iterable[Detection], image: Array) -> list[Detection]:
    """Return what is inside the image and certain enough, everybody once."""
    size = (image.shape[1], image.shape[0])
    seen = [seen_inside(each, size, LEAST_KEYPOINT_CONFIDENCE) for each in people]
    return without_duplicates(each for each in seen if each.confidence.any())


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
