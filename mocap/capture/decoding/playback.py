"""Frames of a video from the first, or from a place that was kept before a run was killed.

Whoever goes on at a key frame may get other images than whoever decoded from the first frame: open
groups of pictures, references far back, damage. So a place knows how the frames up to it looked. A
decoder is started well before it, and believed when it has given these frames again: sixteen are
all that H.264 and HEVC let a frame refer to. Otherwise everything is decoded from the first frame.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING

from mocap.capture.decoding.order import ShownOrder
from mocap.capture.video import Seek, decoded, read_images, shown
from mocap.core.shapes import Array

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.video.frame import VideoFrame
    from av.video.stream import VideoStream

LOOKS = 16
"""Frames that are compared: as many as a decoder of H.264 or HEVC keeps to refer to."""

EARLIER_S = 20.0
"""A decoder is started so long before a place: key frames are 1 to 10 s apart, and between the
first it finds and the place there should be another. Takes some seconds to decode."""

NO_STAMP = -(2**63)
"""Of frames without a time on the container's clock."""

_REMEMBERED = 4096
"""Frames of which it is known how they looked: more than are ever decoded ahead."""

_EVERY = 4
"""Rows and columns of an image that are compared: one of every block that is coded by itself."""


@dataclass(frozen=True)
class Place:
    """A place in a video: a frame.

    Attributes:
        frame: its index.
        stamp: its time in the container's unit, or `NO_STAMP`.
        looks: checksums of it and of those before it, itself last.
        left_out: indices of frames up to it that did not come out of the decoder.
    """

    frame: int
    stamp: int
    looks: tuple[int, ...]
    left_out: tuple[int, ...] = ()


class Playback:
    """The frames of one video in order, (frame index, RGB image) as `read_frames` gives them."""

    def __init__(self, path: Path, after: Place | None = None, *, every: int = 1) -> None:
        """Play a file or a folder of images from its first frame, or from the one after a place.

        One of `every` frames is given; those between cost less than half.
        """
        self._path, self._after, self._every = path, after, every
        self._lock = Lock()
        self._order = ShownOrder()
        self._seen: deque[tuple[int, int, int]] = deque(maxlen=_REMEMBERED)
        if after is not None:
            first = after.frame - every * (len(after.looks) - 1)
            self._seen.extend(
                (first + every * k, NO_STAMP, look) for k, look in enumerate(after.looks)
            )

    def __iter__(self) -> Iterator[tuple[int, Array]]:
        """Yield the frames.

        Raises:
            InputError: as `read_frames`.
        """
        if self._path.is_dir():
            begin = 0 if self._after is None else self._after.frame + 1
            images = read_images(self._path, begin=begin)
            yield from (each for each in images if each[0] % self._every == 0)
            return
        for index, frame in self._frames():
            if index % self._every:
                continue
            image = shown(frame)
            stamp = NO_STAMP if frame.pts is None else int(frame.pts)
            with self._lock:
                self._seen.append((index, stamp, look_of(image)))
            yield index, image

    @property
    def left_out(self) -> list[int]:
        """Indices of the frames that did not come out of the decoder so far."""
        return self._order.left_out

    def place(self, frame: int) -> Place:
        """Return the place of a frame that was given lately; another thread may be reading on."""
        with self._lock:
            seen = list(self._seen)
        upto = [each for each in seen if each[0] <= frame][-LOOKS:]
        stamp = upto[-1][1] if upto and upto[-1][0] == frame else NO_STAMP
        left_out = tuple(each for each in list(self.left_out) if each <= frame)
        return Place(frame, stamp, tuple(look for _, _, look in upto), left_out)

    def _frames(self) -> Iterator[tuple[int, VideoFrame]]:
        after = self._after
        if after is not None and after.stamp != NO_STAMP:
            try:
                yield from decoded(
                    self._path, self._order, _seek_to(after, self._order, self._every)
                )
                return
            except _OtherImagesError:
                self._order = ShownOrder()  # nothing was yielded yet
        for index, frame in decoded(self._path, self._order):
            if after is None or index > after.frame:
                yield index, frame


def look_of(image: Array) -> int:
    """Return a checksum of an image by which two decodings are told apart."""
    return zlib.crc32(image[::_EVERY, ::_EVERY].tobytes())


class _OtherImagesError(Exception):
    """Starting there, the decoder gives other images than before."""


def _seek_to(place: Place, order: ShownOrder, every: int) -> Seek:
    """Return what takes an open file, and the order of its frames, to the frame after a place.

    The looks of the place are of one of `every` frames. It raises `_OtherImagesError` when these
    do not look as they did.
    """

    def seek(container: InputContainer, stream: VideoStream, frames: Iterator[VideoFrame]) -> None:
        import av

        last: deque[VideoFrame] = deque(maxlen=every * (len(place.looks) - 1) + 1)
        try:
            earlier = int(EARLIER_S / float(stream.time_base or 1))
            container.seek(place.stamp - earlier, stream=stream)
            for frame in frames:
                if frame.pts is None or frame.pts > place.stamp:
                    break
                last.append(frame)
                if frame.pts == place.stamp:
                    compared = list(last)[::-every][::-1]
                    if tuple(look_of(shown(each)) for each in compared) == place.looks:
                        return order.go_on(place.stamp, place.frame + 1, place.left_out)
                    break
        except av.FFmpegError as error:
            raise _OtherImagesError from error
        raise _OtherImagesError

    return seek
