"""A small H.264 copy of a recording, encoded part by part: a killed run goes on after the last.

Each part is encoded by itself, whether a run was killed or not, so that both end in the same bytes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from fractions import Fraction
from functools import partial
from io import BytesIO
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np

from mocap.capture.decoding.playback import NO_STAMP, Place, Playback
from mocap.core.shapes import Array, FloatArray
from mocap.core.store import Provenance
from mocap.workflow.unfinished import Unfinished
from mocap.workflow.version import installed_version

PART_IMAGES = 600
"""Some seconds of work, and less than a megabyte."""

# Proxies are for looking at: a key frame twelve images apart makes any of them quick to reach.
_KEY_EVERY, _QUALITY = 12, "21"
_CLOCK = 90000


def write_encoded(path: Path, target: Path, times_s: FloatArray, largest_px: int) -> None:
    """Write an MP4 with every image of a recording at its own time, no larger than said.

    Raises:
        InputError: as `read_frames`.
        StorageError: as `save_artifact`.
        FFmpegError: the images cannot be encoded.
    """
    import av

    options = {"largest_px": largest_px, "quality": _QUALITY, "images": PART_IMAGES}
    kept = Unfinished(target.with_suffix(""), Provenance("proxy", installed_version(), options))
    remember, source = kept.replay(), _Source(path, times_s, largest_px)
    unfinished = target.with_suffix(".part")
    with av.open(str(unfinished), "w", format="mp4", options={"movflags": "faststart"}) as whole:
        stream: Any = None
        for begin in range(0, len(times_s), PART_IMAGES):
            data, first, *place = remember(partial(source.part, begin))
            source.after = Place(*place)
            if not len(data):
                continue  # nothing came out of the decoder
            with av.open(BytesIO(data.tobytes())) as part:
                if stream is None:
                    stream = whole.add_stream_from_template(part.streams.video[0])
                    stream.time_base = Fraction(1, _CLOCK)
                _append(part, first, whole, stream)
    unfinished.replace(target)
    shutil.rmtree(kept.folder, ignore_errors=True)


def _append(part: Any, first: int, whole: Any, stream: Any) -> None:
    """Add the images of a part, the first of which is shown at `first`."""
    for packet in part.demux(video=0):
        if packet.size:
            packet.pts, packet.dts = packet.pts + first, packet.dts + first
            packet.stream = stream
            whole.mux(packet)


class _Source:
    """The images of a recording, made small and encoded.

    Attributes:
        after: the place after which the next part begins.
    """

    def __init__(self, path: Path, times_s: FloatArray, largest_px: int) -> None:
        """Prepare; nothing is read before a part is asked for."""
        self._path, self._largest_px = path, largest_px
        self._ticks = [round(float(each) * _CLOCK) for each in times_s]
        self.after: Place | None = None
        self._playback: Playback | None = None
        self._images: Iterator[tuple[int, Array]] = iter(())
        self._next: tuple[int, Array] | None = None

    def part(self, begin: int) -> tuple[Any, ...]:
        """Return the images from `begin` on, and where the next part goes on.

        That is an MP4 (byte,), whose times count from the first image, the time of that on the
        whole's clock, and what a `Place` is made of.
        """
        if self._playback is None:
            self._playback = Playback(self._path, self.after)
            self._images = iter(self._playback)
        images = self._until(min(begin + PART_IMAGES, len(self._ticks)))
        start = next(images, None)
        if start is None:
            place = self.after or Place(-1, NO_STAMP, ())
            return np.zeros(0, np.uint8), 0, *_said(place)
        data, last = _encoded(chain([start], images), self._ticks, self._largest_px)
        return data, self._ticks[start[0]], *_said(self._playback.place(last))

    def _until(self, end: int) -> Iterator[tuple[int, Array]]:
        """Yield the images before `end`; the one after them stays for the next part."""
        while (image := self._next or next(self._images, None)) is not None:
            self._next = image if image[0] >= end else None
            if self._next is not None:
                return
            yield image


def _said(place: Place) -> tuple[Any, ...]:
    return place.frame, place.stamp, place.looks, place.left_out


def _encoded(
    images: Iterator[tuple[int, Array]], ticks: list[int], largest_px: int
) -> tuple[Array, int]:
    """Return images as an MP4 (byte,), and the index of the last."""
    import av

    memory = BytesIO()
    with av.open(memory, "w", format="mp4") as container:
        stream: Any = container.add_stream("libx264", rate=30)
        stream.pix_fmt = "yuv420p"
        # The encoder rounds times to its own unit, one frame unless told otherwise.
        stream.time_base = stream.codec_context.time_base = Fraction(1, _CLOCK)
        stream.options = {"crf": _QUALITY, "preset": "veryfast", "g": str(_KEY_EVERY), "bf": "0"}
        first = last = -1
        for last, image in images:
            if first < 0:
                first = last
                # H.264 needs even sides.
                scale = min(1.0, largest_px / max(image.shape[:2]))
                height, width = (max(2, 2 * round(scale * side / 2)) for side in image.shape[:2])
                stream.width, stream.height = width, height
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame = frame.reformat(stream.width, stream.height, "yuv420p")
            frame.pts, frame.time_base = ticks[last] - ticks[first], stream.time_base
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return np.frombuffer(memory.getvalue(), np.uint8), last
