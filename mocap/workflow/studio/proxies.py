"""Videos as browsers can play them: as they are, or as a proxy that is made once and kept."""

from __future__ import annotations

import hashlib
import shutil
import threading
from pathlib import Path

import numpy as np

from mocap.capture.session import Take
from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray
from mocap.workflow.studio.encoded import write_encoded

# What Chromium and Firefox of Debian, and Safari, decode, and in what.
_PLAYED = {
    "h264": ("yuv420p", "yuvj420p"),
    "vp8": ("yuv420p",),
    "vp9": ("yuv420p",),
    "av1": ("yuv420p",),
}
_CONTAINERS = (".mp4", ".m4v", ".mov", ".webm")
PROXY_FOLDER = ".studio"
LARGEST_PX, SMALL_PX = 1280, 480
# Containers round times to milliseconds: a tenth of a step at 120 images per second.
_UNEVEN = 0.2

# Two windows that ask for the same video wait for one proxy.
_making = threading.Lock()


def is_played(path: Path, times_s: FloatArray) -> bool:
    """Tell whether browsers play a recording as it is, to the image.

    With B-frames the durations that a file declares are those of the order of decoding; images at
    uneven times then overlap, and browsers that seek by duration end at a neighbour.
    """
    if path.is_dir() or path.suffix.lower() not in _CONTAINERS:
        return False
    import av

    try:
        with av.open(str(path)) as container:
            stream = container.streams.video[0]
            layout = stream.codec_context.pix_fmt or ""
            known = layout in _PLAYED.get(stream.codec_context.name, ())
            steps = np.diff(times_s)
            even = len(steps) == 0 or float(np.ptp(steps)) < _UNEVEN * float(np.median(steps))
            return known and (even or not stream.codec_context.has_b_frames)
    except (av.FFmpegError, IndexError) as error:
        raise InputError(f"{path} cannot be read ({error}). Copy the video again.") from error


def playable(take: Take, camera: str, path: Path, times_s: FloatArray) -> Path:
    """Return a file that browsers play: the recording, or its proxy, made when it is not there.

    A proxy has every image of the recording at its own time, no larger than `LARGEST_PX`.

    Raises:
        InputError: the recording cannot be read.
    """
    return path if is_played(path, times_s) else _proxy(take, camera, path, times_s, LARGEST_PX)


def small_copy(take: Take, camera: str, path: Path, times_s: FloatArray) -> Path:
    """Return a copy of a recording for a report: no larger than `SMALL_PX`, every image of it.

    Raises:
        InputError: the recording cannot be read.
    """
    return _proxy(take, camera, path, times_s, SMALL_PX)


def _proxy(take: Take, camera: str, path: Path, times_s: FloatArray, largest_px: int) -> Path:
    import av

    folder = take.root / ".partial" / PROXY_FOLDER
    size = path.stat().st_size if path.is_file() else len(list(path.iterdir()))
    key = hashlib.sha256(f"{path.name} {size} {len(times_s)} {times_s[-1]}".encode()).hexdigest()
    start = f"{camera}_{largest_px}_"
    proxy = folder / f"{start}{key[:12]}.mp4"
    folder.mkdir(parents=True, exist_ok=True)
    with _making:
        if not proxy.is_file():
            for old in folder.glob(f"{start}*"):
                if old.is_dir() and old.name != proxy.stem:
                    shutil.rmtree(old, ignore_errors=True)  # parts of another recording
                elif old.suffix == ".mp4":
                    old.unlink()
            try:
                write_encoded(path, proxy, times_s, largest_px)
            except av.FFmpegError as error:
                raise InputError(f"no proxy of {path} can be made ({error}).") from error
    return proxy
