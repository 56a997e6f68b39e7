"""The sound of a video, on the clock of its frames."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mocap.capture.video import VideoInfo
from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray


@dataclass(frozen=True, eq=False)
class Sound:
    """What a camera heard.

    Attributes:
        samples: (n,) all channels mixed, about -1..1.
        rate_hz: samples per second.
        start_s: time of the first sample since the camera's first frame.
    """

    samples: FloatArray
    rate_hz: int
    start_s: float


def read_sound(info: VideoInfo) -> Sound | None:
    """Return the sound of a video; None for images, keypoints and files without a track of it.

    Raises:
        InputError: the track is there and cannot be read.
    """
    if info.path.is_dir() or not info.has_images:
        return None
    import av

    try:
        with av.open(str(info.path)) as container:
            if not container.streams.audio:
                return None
            return _decoded(container, info)
    except av.FFmpegError as error:
        raise InputError(
            f"the sound of {info.path} cannot be read ({error.strerror or error}). Copy the video "
            "from the camera again, or remove its sound."
        ) from error


def _decoded(container: Any, info: VideoInfo) -> Sound | None:
    import av

    stream = container.streams.audio[0]
    rate = int(stream.rate)
    resampler = av.AudioResampler(format="flt", layout="mono", rate=rate)
    parts: list[FloatArray] = []
    start: float | None = None
    for frame in container.decode(stream):
        if start is None:
            start = 0.0 if frame.time is None else float(frame.time)
        for mono in resampler.resample(frame):
            parts.append(mono.to_ndarray().ravel().astype(np.float64))
    if not parts or start is None:
        return None
    # Sound and pictures of a file share its clock: the first frame may not stand at its zero.
    return Sound(np.concatenate(parts), rate, start - info.start_s)
