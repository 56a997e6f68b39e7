"""Read videos and image folders: what they are, and their frames in order.

Frames are decoded forward from the first one: seeking by key frame loses frames near the end of
clips that have no key frame there. Only `mocap.capture.decoding` goes on from a place it knows.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mocap.capture.decoding.order import ShownOrder
from mocap.capture.decoding.times import frame_times, rate_of
from mocap.capture.decoding.turn import quarter_turns
from mocap.capture.toml_tables import load_toml, number
from mocap.core.errors import InputError
from mocap.core.files.outside import printable
from mocap.core.shapes import Array, FloatArray
from mocap.core.store import HIGHEST_FPS

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

VIDEO_SUFFIXES = (".mp4", ".mov", ".m4v", ".avi", ".mkv", ".webm", ".mts", ".mpg")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
# A folder of images cannot say how fast they were taken; this file in it does (`fps = 60.0`).
IMAGE_FOLDER_FILE = "frames.toml"

KEYPOINTS_ONLY = "keypoints"
"""Codec of a camera whose keypoints were imported: it has no images."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video is, without its pixels.

    Attributes:
        path: the file, or the folder of images.
        camera: camera name; the name of the file unless given.
        image_size: (width, height) in pixels as `read_frames` gives them, i.e. after rotation.
        fps: mean frames per second; NaN for a folder of images that does not say.
        frame_count: frames that will be read.
        codec: name of the codec, or "images".
        rotation_deg: turn counter-clockwise that the file asks for: 0, 90, 180 or 270.
        variable_frame_rate: some frames follow each other clearly faster or slower than the rest.
        times_s: (frame,) seconds since the first frame, from the container's timestamps; an even
            clock where it has none (images, raw streams).
        start_s: the first frame's time on the container's clock, which its sound shares.
        timecode: "HH:MM:SS:FF" of the first frame, where the file says it.
        creation_time: when the recording was made, ISO 8601 as the file says it: whole seconds
            mostly, lost or new after an edit.
    """

    path: Path
    camera: str
    image_size: tuple[int, int]
    fps: float
    frame_count: int
    codec: str
    rotation_deg: int
    variable_frame_rate: bool
    times_s: FloatArray = field(compare=False)
    start_s: float = 0.0
    timecode: str | None = None
    creation_time: str | None = None

    @property
    def has_images(self) -> bool:
        """Whether there are images: a camera may be known by its keypoints alone."""
        return self.codec != KEYPOINTS_ONLY


def probe(path: Path, camera: str | None = None) -> VideoInfo:
    """Return what the video at `path` is; reads the whole file but decodes one frame only.

    Raises:
        InputError: missing, unreadable, empty or cut short; the message says what to do.
    """
    name = camera if camera is not None else path.stem
    if path.is_dir():
        return _probe_images(path, name)
    import av

    try:
        with _opened(path) as container:
            stream = _video_stream(container, path)
            times = _packet_times(container, stream, path)
            rate, unit = stream.average_rate, stream.time_base
            codec = _codec(stream, path)
            timecode = _said(container, stream, "timecode")
            created = _said(container, stream, "creation_time")
        size, rotation = _first_frame(path)
    except av.FFmpegError as error:
        raise _unreadable(path, error) from error
    fps, steady = rate_of(times, float(unit or 0), rate)
    start_s = float(times[0]) if np.isfinite(times).all() else 0.0
    return VideoInfo(
        path=path,
        camera=name,
        image_size=size,
        fps=fps,
        frame_count=len(times),
        codec=codec,
        rotation_deg=rotation,
        variable_frame_rate=not steady,
        times_s=frame_times(times, fps),
        start_s=start_s,
        timecode=timecode,
        creation_time=created,
    )


def read_frames(
    path: Path,
    *,
    gray: bool = False,
    step: int = 1,
    left_out: list[int] | None = None,
    only: Set[int] | None = None,
) -> Iterator[tuple[int, Array]]:
    """Yield (frame index, uint8 image) of every `step`-th frame from the first.

    With `only` of those among them alone, as far as the last: the others are decoded, since images
    build on one another, but not converted.

    Images are RGB (height, width, 3), or (height, width) with `gray`, turned as the file asks.
    Frames that do not come out of the decoder are missing, later ones keep their indices; those
    of damaged places are added to `left_out` when all has been read, see `ShownOrder`.

    Raises:
        InputError: unreadable, empty or cut short; frames before the damage are yielded first.
    """
    if step < 1:
        raise InputError(f"frames are read in steps of at least 1, not {step}.")
    last = math.inf if only is None else max(only, default=-1)
    order = ShownOrder()
    frames = read_images(path, gray=gray, step=step) if path.is_dir() else decoded(path, order)
    for index, frame in frames:
        if index % step == 0 and (only is None or index in only):
            yield index, frame if isinstance(frame, np.ndarray) else shown(frame, gray=gray)
        if index >= last:
            return
    if left_out is not None:
        left_out += order.left_out


Seek = Callable[["InputContainer", "VideoStream", "Iterator[VideoFrame]"], None]
"""Takes an open file, and the order of its frames, to the frame after some place in it."""


def decoded(
    path: Path, order: ShownOrder, seek: Seek | None = None
) -> Iterator[tuple[int, VideoFrame]]:
    """Yield (frame index, frame) of a video file: from the first, or from where `seek` leads.

    `order` numbers the frames; it is new.

    Raises:
        InputError: as `read_frames`.
    """
    import av

    try:
        with _opened(path) as container:
            stream = _video_stream(container, path)
            stream.thread_type = "AUTO"
            frames = _in_order(container, stream, order)
            if seek is not None:
                seek(container, stream, frames)
            for frame in frames:
                index = order.number(frame.pts)
                if index is not None:
                    yield index, frame
            order.end()
            declared = stream.frames
    except av.FFmpegError as error:
        raise _unreadable(path, error, order.next) from error
    if not order.came:
        raise _unreadable(path, "no frames")
    if order.next < declared:
        # Only a closer look tells a cut file from frames the file itself marks as not shown.
        probe(path)


def _in_order(
    container: InputContainer, stream: VideoStream, order: ShownOrder
) -> Iterator[VideoFrame]:
    for packet in container.demux(stream):
        order.read(packet)
        yield from packet.decode()


def shown(frame: VideoFrame, *, gray: bool = False) -> Array:
    """Return the image of a frame, RGB or grey, turned as the file asks."""
    return _turned(frame.to_ndarray(format="gray" if gray else "rgb24"), frame.rotation)


def read_key_frames(path: Path) -> Iterator[tuple[float, Array]]:
    """Yield (seconds since the first frame, grey image) of the frames that are coded whole.

    Some in a minute, decoded without those in between: for pictures of what stands still, where
    it does not matter which frame it is. Nothing for a folder of images.

    Raises:
        InputError: unreadable.
    """
    if path.is_dir():
        return
    import av

    first: float | None = None
    try:
        with _opened(path) as container:
            stream = _video_stream(container, path)
            stream.codec_context.skip_frame = "NONKEY"
            for frame in container.decode(stream):
                at = 0.0 if frame.time is None else float(frame.time)
                first = at if first is None else first
                yield at - first, shown(frame, gray=True)
    except av.FFmpegError as error:
        raise _unreadable(path, error) from error


def _opened(path: Path) -> InputContainer:
    import av

    if not path.is_file():
        raise InputError(f"the video {path} does not exist. Copy it there, or correct the name.")
    try:
        # A title or a place in another encoding is no reason to refuse a recording.
        return av.open(str(path), metadata_errors="replace")
    except UnicodeEncodeError as error:
        raise InputError(
            f"the name of the video {printable(path)} is no UTF-8 text. Rename the file."
        ) from error


def _video_stream(container: InputContainer, path: Path) -> VideoStream:
    if not container.streams.video:
        raise InputError(f"{path} holds no video. Copy the camera's recording there.")
    return container.streams.video[0]


def _codec(stream: VideoStream, path: Path) -> str:
    """Return the name of the codec; PyAV gives no decoder for one it does not know."""
    name: str | None = getattr(stream.codec_context, "name", None)
    if name is None:
        raise _unreadable(path, "an unknown codec")
    return name


def _packet_times(container: InputContainer, stream: VideoStream, path: Path) -> FloatArray:
    """Return the times (s) of all frames that will be shown, sorted; check that all are there."""
    declared = stream.frames
    times: list[float] = []
    found = 0
    unit = float(stream.time_base or 0)
    for packet in container.demux(stream):
        if packet.size == 0:
            continue
        if packet.is_corrupt:
            raise _cut_short(path, found, declared)
        found += 1
        if not packet.is_discard:
            stamp = packet.pts if packet.pts is not None else packet.dts
            times.append(math.nan if stamp is None else stamp * unit)
    if found < declared and _packets_without_edits(path) < declared:
        raise _cut_short(path, found, declared)
    if not times:
        raise _unreadable(path, "no frames")
    return np.sort(np.array(times))


def _packets_without_edits(path: Path) -> int:
    """Return how many packets a file holds that an edit list may have trimmed: whole groups of
    pictures before the part that is shown are not even handed out."""
    import av

    with av.open(str(path), options={"ignore_editlist": "1"}, metadata_errors="replace") as whole:
        return sum(packet.size > 0 for packet in whole.demux(video=0))


def _said(container: InputContainer, stream: VideoStream, key: str) -> str | None:
    """Return what the video stream, the container or a stream of data says under `key`."""
    places = [stream.metadata, container.metadata, *(s.metadata for s in container.streams)]
    return next((place[key] for place in places if place.get(key)), None)


def _first_frame(path: Path) -> tuple[tuple[int, int], int]:
    """Return size after rotation and the rotation of the first frame."""
    with _opened(path) as container:
        for frame in container.decode(_video_stream(container, path)):
            rotation = quarter_turns(frame, path) * 90
            size = (frame.width, frame.height)
            return (size if rotation % 180 == 0 else size[::-1]), rotation
    raise _unreadable(path, "no frames")


def _turned(image: Array, rotation_deg: float) -> Array:
    turns = round(rotation_deg / 90.0) % 4
    return np.ascontiguousarray(np.rot90(image, turns)) if turns else image


def _unreadable(path: Path, reason: object, frames: int = 0) -> InputError:
    text = getattr(reason, "strerror", None) or reason
    after = f" after frame {frames - 1}" if frames else ""
    return InputError(
        f"the video {path} cannot be read{after} ({text}). Copy it from the camera again; "
        "if it plays elsewhere, convert it to H.264 in an .mp4 file."
    )


def _cut_short(path: Path, found: int, declared: int) -> InputError:
    of = f" of {declared}" if declared else ""
    return InputError(
        f"the video {path} is cut short: {found}{of} frames are in the file. Copy it from the "
        "camera again."
    )


def image_files(folder: Path) -> list[Path]:
    """Return the images of a folder, img_2 before img_10."""

    def order(path: Path) -> list[tuple[int, str]]:
        parts = re.split(r"(\d+)", path.name)
        return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]

    return sorted((p for p in folder.iterdir() if p.suffix.lower() in IMAGE_SUFFIXES), key=order)


def _probe_images(folder: Path, camera: str) -> VideoInfo:
    files = image_files(folder)
    if not files:
        raise InputError(f"the folder {folder} holds no images. Copy the camera's frames there.")
    height, width = _image(files[0], gray=True).shape[:2]
    fps = _image_folder_fps(folder)
    return VideoInfo(
        path=folder,
        camera=camera,
        image_size=(width, height),
        fps=fps,
        frame_count=len(files),
        codec="images",
        rotation_deg=0,
        variable_frame_rate=False,
        times_s=frame_times(np.full(len(files), math.nan), fps),
    )


def _image_folder_fps(folder: Path) -> float:
    path = folder / IMAGE_FOLDER_FILE
    if not path.is_file():
        return math.nan
    fps = number(load_toml(path), "fps", path)
    if fps > HIGHEST_FPS:
        raise InputError(f"{path}: 'fps' is {fps:g}; at most {HIGHEST_FPS:g} are possible.")
    return fps


def read_images(
    folder: Path, *, gray: bool = False, step: int = 1, begin: int = 0
) -> Iterator[tuple[int, Array]]:
    """Yield (index, image) of a folder of images, see `read_frames`, from the image `begin`.

    Raises:
        InputError: as `read_frames`.
    """
    files = image_files(folder)
    if not files:
        raise InputError(f"the folder {folder} holds no images. Copy the camera's frames there.")
    shape = _image(files[0], gray).shape if begin else None
    for index in range(begin, len(files), step):
        image = _image(files[index], gray)
        if shape is not None and image.shape != shape:
            raise InputError(
                f"{files[index]} has {image.shape[1]} x {image.shape[0]} pixels, the first image "
                f"of the folder {shape[1]} x {shape[0]}. All must have one size."
            )
        shape = image.shape
        yield index, image


def _image(path: Path, gray: bool) -> Array:
    import cv2

    image = cv2.imread(str(path), cv2.IMREAD_GRAYSCALE if gray else cv2.IMREAD_COLOR_RGB)
    if image is None:
        raise InputError(f"the image {path} cannot be read. Copy it again.")
    return np.asarray(image)
