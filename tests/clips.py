"""Small videos with known content, made with PyAV, for the tests of capture and command line."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

TICKS = 1000
"""Time units per frame interval: timestamps may be moved by fractions of a frame."""

# Display matrices of the MP4 track header for a picture to be shown turned clockwise.
CLOCKWISE = {90: (0, 1, -1, 0), 180: (-1, 0, 0, -1), 270: (0, -1, 1, 0)}


def quadrants(width: int, height: int, frame: int) -> np.ndarray:
    """Return an RGB picture: red top left, green top right, blue bottom left, grey rising."""
    image = np.zeros((height, width, 3), np.uint8)
    image[: height // 2, : width // 2, 0] = 200
    image[: height // 2, width // 2 :, 1] = 200
    image[height // 2 :, : width // 2, 2] = 200
    image[height // 2 :, width // 2 :] = min(20 + 10 * frame, 250)
    return image


def write_clip(
    path: Path,
    *,
    frames: int = 12,
    size: tuple[int, int] = (64, 48),
    fps: int = 30,
    times: Sequence[float] | None = None,
    images: Sequence[np.ndarray] | None = None,
    fast_start: bool = False,
    codec: Mapping[str, str] | None = None,
) -> Path:
    """Write an H.264 clip; `times` are frame intervals, `images` replace the quadrants, `codec` are
    options of the encoder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    options = {"movflags": "faststart"} if fast_start else {}
    with av.open(str(path), "w", options=options) as container:
        # Recordings of two cameras are never equal to the last byte: such files are refused.
        container.metadata["comment"] = path.stem
        stream = container.add_stream("libx264", rate=fps, options=dict(codec or {}))
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        # The encoder rounds timestamps to its own unit, one frame unless told otherwise.
        unit = stream.time_base = stream.codec_context.time_base = Fraction(1, fps * TICKS)
        for index in range(frames):
            image = quadrants(*size, index) if images is None else images[index]
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.time_base = unit  # the stream's is another once the file has begun
            frame.pts = round((index if times is None else times[index]) * TICKS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def ask_for_turn(path: Path, clockwise_deg: int) -> None:
    """Write into an MP4 file that players must turn the picture, as phones do."""
    a, b, c, d = (value << 16 for value in CLOCKWISE[clockwise_deg])
    ask_for_matrix(path, (a, b, c, d))


def ask_for_matrix(path: Path, matrix: tuple[int, int, int, int]) -> None:
    """Write the display matrix (a, b, c, d) of an MP4 file, in 1/65,536."""
    data = bytearray(path.read_bytes())
    # Track header, version 0: type, flags, two times, id, reserved, duration, 16 bytes, matrix.
    start = data.index(b"tkhd") + 4 + 4 + 4 * 5 + 16
    a, b, c, d = matrix
    data[start : start + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(bytes(data))


def trim(path: Path, begin: int, end: int, fps: int) -> None:
    """Trim frames at the beginning and the end of an MP4 file by its edit list, as phones do."""
    data = bytearray(path.read_bytes())
    per_s = [struct.unpack(">I", data[(at := data.index(box)) + 16 : at + 20])[0]
             for box in (b"mvhd", b"mdhd")]  # fmt: skip
    at = data.index(b"elst") + 12
    shown, first = struct.unpack(">Ii", data[at : at + 8])
    shown -= round((begin + end) / fps * per_s[0])
    data[at : at + 8] = struct.pack(">Ii", shown, first + round(begin / fps * per_s[1]))
    path.write_bytes(bytes(data))


def cut_at_key_frame(path: Path, out: Path, number: int) -> None:
    """Copy a clip from a key frame on without encoding it anew, as editors cut."""
    with av.open(str(path)) as source, av.open(str(out), "w") as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        keys = -1
        for packet in source.demux(stream):
            keys += packet.size > 0 and packet.is_keyframe
            if keys >= number and packet.size > 0:
                packet.stream = copied
                target.mux(packet)


def cut(path: Path, share: float) -> None:
    """Keep the first `share` of a file's bytes, as an interrupted copy does."""
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
