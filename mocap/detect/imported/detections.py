"""Make detections of what the files of all cameras hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.detections import Detections2D
from mocap.core.errors import InputError
from mocap.core.shapes import Array, FloatArray
from mocap.detect.detect import join_cameras, numbered
from mocap.detect.imported.keypoints import FileKeypoints
from mocap.detect.imported.layouts import Layout, layout_of

MOST_OUTSIDE = 0.2
"""Share of the keypoints outside the image at which its size is wrong: networks guess hidden feet
below it, but hardly a fifth of a person."""

SPARSEST = 100
"""Frame numbers reach as far as this many times the frames there are; beyond, they are none."""


@dataclass(frozen=True, eq=False)
class CameraFrame:
    """What is known of a camera's images.

    Attributes:
        image_size: (width, height) in pixels; None where nothing tells.
        frame_count: of the video; None without one.
        times_s: (frame,) of the video; None without one.
        assumed: where the size comes from, when it is not the camera's own images.
    """

    image_size: tuple[int, int] | None
    frame_count: int | None = None
    times_s: FloatArray | None = None
    assumed: str = ""


@dataclass(frozen=True, eq=False)
class ImportedDetections:
    """Detections made of files.

    Attributes:
        detections: of the cameras that have files.
        image_sizes: (width, height) by camera.
        layout: what the points are.
        format: of the files, for people.
        said: what a person should know.
    """

    detections: Detections2D
    image_sizes: Mapping[str, tuple[int, int]]
    layout: Layout
    format: str
    said: tuple[str, ...]


def detections_of(
    cameras: Mapping[str, FileKeypoints],
    frames: Mapping[str, CameraFrame],
    fps: float,
    *,
    keypoints: str | None = None,
    names: Mapping[str, str] | None = None,
) -> ImportedDetections:
    """Bring the people of files to detections.

    Args:
        cameras: what was read, by camera.
        frames: what is known of each of these cameras' images.
        fps: frames per second of the take.
        keypoints: name of the keypoint set; None to tell it from the files.
        names: names of the file and ours.

    Raises:
        InputError: nobody is in the files, or points, sizes and frame numbers do not fit together.
    """
    if not any(each.count for each in cameras.values()):
        raise InputError(
            f"there is nobody in the keypoints of cameras {', '.join(cameras)}: every frame is "
            "empty. Are these the right files?"
        )
    for camera, found in cameras.items():
        _check_counts(camera, found)
    layout = layout_of(cameras, keypoints, names or {})
    first, note = _first_frame(cameras, frames)
    sizes, said = {}, [*dict.fromkeys(one for each in cameras.values() for one in each.said)]
    said += [*layout.said, *note]
    parts = []
    for camera, found in cameras.items():
        size, words = _size(camera, found, frames[camera])
        part, outside = _one_camera(camera, found, layout, first, fps, frames[camera], size)
        sizes[camera] = size
        parts.append(part)
        said += words
        if outside:
            said.append(
                f"camera '{camera}': {outside:.1%} of the keypoints lie outside its image of "
                f"{size[0]} x {size[1]} px and are left out"
            )
    formats = " and ".join(dict.fromkeys(each.format for each in cameras.values()))
    return ImportedDetections(join_cameras(parts), sizes, layout, formats, tuple(said))


def _check_counts(camera: str, found: FileKeypoints) -> None:
    """Raise InputError where people of one frame have other keypoints than those of another, or
    than the file names."""
    if found.count and found.names and len(found.names) != found.count:
        raise InputError(
            f"camera '{camera}': people have {found.count} keypoints, and the file names "
            f"{len(found.names)}. Is it damaged?"
        )
    for number, people in found.frames.items():
        if len(people) and people.shape[1] != found.count:
            raise InputError(
                f"camera '{camera}': people have {people.shape[1]} keypoints in frame {number} "
                f"and {found.count} in another. Were two files of keypoints mixed?"
            )


def _first_frame(
    cameras: Mapping[str, FileKeypoints], frames: Mapping[str, CameraFrame]
) -> tuple[int, list[str]]:
    """Return the number that the first frame of the take has in the files, and what to say of it.

    Raises:
        InputError: the numbers go beyond a video, or are none of frames.
    """
    for camera, found in cameras.items():
        span = max(found.frames, default=0) - min(found.frames, default=0) + 1
        if span > SPARSEST * max(len(found.frames), 1) + SPARSEST:
            raise InputError(
                f"camera '{camera}' has {len(found.frames)} frames whose numbers go from "
                f"{min(found.frames)} to {max(found.frames)}: these are no frame numbers."
            )
    lowest = min(min(each.frames) for each in cameras.values() if each.frames)
    beyond = [
        (camera, max(cameras[camera].frames), count)
        for camera, count in ((name, frames[name].frame_count) for name in cameras)
        if count is not None and cameras[camera].frames and max(cameras[camera].frames) >= count
    ]
    filmed = any(frames[name].frame_count is not None for name in cameras)
    first = 0 if filmed and not beyond else lowest
    for camera, last, count in beyond:
        if last - first >= count:
            raise InputError(
                f"camera '{camera}' has keypoints of frame {last}, but its video has {count} "
                "frames. Are they of another recording?"
            )
    return first, [f"frames are numbered from {first} on: {first} is the first"] if first else []


def _size(
    camera: str, found: FileKeypoints, frame: CameraFrame
) -> tuple[tuple[int, int], list[str]]:
    """Return the size of a camera's images and what to say of it."""
    known, said = frame.image_size, found.image_size
    if known is not None and not frame.assumed:
        if said is not None and said != known:
            raise InputError(
                f"camera '{camera}': the keypoints are of images of {said[0]} x {said[1]} px, the "
                f"recording has {known[0]} x {known[1]}. Are they of another recording?"
            )
        return known, []
    if said is not None:
        return said, []
    if known is None:
        raise InputError(
            f"nothing says how large the images of camera '{camera}' were. Give --image-size "
            f"{camera}=WIDTHxHEIGHT."
        )
    return known, [
        f"camera '{camera}': images of {known[0]} x {known[1]} px are assumed, {frame.assumed}; "
        f"--image-size {camera}=WIDTHxHEIGHT if they were not"
    ]


def _one_camera(
    camera: str,
    found: FileKeypoints,
    layout: Layout,
    first: int,
    fps: float,
    frame: CameraFrame,
    size: tuple[int, int],
) -> tuple[Detections2D, float]:
    """Return the detections of a camera and the share of keypoints that lay outside its image."""
    count = frame.frame_count or max(found.frames, default=first) - first + 1
    slots = max(1, *(len(each) for each in found.frames.values())) if found.frames else 1
    shape = (1, count, slots, len(layout.places))
    pixels = np.full((*shape, 2), np.nan, np.float32)
    confidence = np.zeros(shape, np.float32)
    for number, people in found.frames.items():
        if people.size:
            placed = _placed(people, layout)
            at = pixels[0, number - first], confidence[0, number - first]
            at[0][: len(placed)] = placed[..., :2]
            at[1][: len(placed)] = placed[..., 2]
    if found.fractions:
        # Shares count from the edge of the image, pixels from the centre of the first one.
        pixels = (pixels * np.array(size) - 0.5).astype(np.float32)
    outside = _blank_outside(camera, pixels, confidence, size)
    part = Detections2D(
        (camera,), layout.keypoint_set.keypoint_names, fps, pixels, confidence, _boxes(pixels)
    )
    if frame.times_s is not None:
        part = replace(part, times_s=np.asarray(frame.times_s, dtype=np.float64)[None])
    return numbered(part), outside


def _placed(people: FloatArray, layout: Layout) -> FloatArray:
    """Return people (person, keypoint, 3) in the order of the set; NaN where the file has none."""
    absent = np.full((len(people), 1, 3), np.nan)
    return np.concatenate([people, absent], axis=1)[:, layout.places]


def _blank_outside(camera: str, pixels: Array, confidence: Array, size: tuple[int, int]) -> float:
    """Blank keypoints outside the image; return their share.

    Raises:
        InputError: they are so many that the image has another size.
    """
    with np.errstate(invalid="ignore"):
        seen = np.isfinite(pixels).all(axis=-1) & (confidence > 0.0)
        inside = ((pixels >= -0.5) & (pixels <= np.array(size) - 0.5)).all(axis=-1)
    share = float((seen & ~inside).sum() / max(seen.sum(), 1))
    if share > MOST_OUTSIDE:
        low, high = (f(pixels[seen], axis=0) for f in (np.min, np.max))
        raise InputError(
            f"camera '{camera}': {share:.0%} of the keypoints lie outside its image of {size[0]} x "
            f"{size[1]} px; they reach from ({low[0]:.0f}, {low[1]:.0f}) to ({high[0]:.0f}, "
            f"{high[1]:.0f}). Are they of this camera, and of images of this size?"
        )
    keep = seen & inside
    pixels[~keep] = np.nan
    confidence[~keep] = 0.0
    return share


def _boxes(pixels: Array) -> Array:
    """Return the box around the keypoints of each person (…, 4); NaN where there is nobody."""
    there = np.isfinite(pixels).all(axis=-1, keepdims=True)
    low = np.where(there, pixels, np.inf).min(axis=-2)
    high = np.where(there, pixels, -np.inf).max(axis=-2)
    boxes = np.concatenate([low, high], axis=-1)
    return np.where(np.isfinite(boxes).all(axis=-1, keepdims=True), boxes, np.nan).astype(
        np.float32
    )
