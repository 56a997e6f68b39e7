"""Write H.264 videos, the same bytes on every run."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

from mocap.core.errors import InputError
from mocap.core.shapes import Array

# x264's default quality: visually close to lossless, and what phones and action cameras resemble.
CRF = 23
# With B-frames the lookahead of x264 reads memory it never wrote: the bytes then differ from run to
# run (libx264 of PyAV 18, found with glibc's M_PERTURB). Noisy footage is no larger without them.
X264_PARAMETERS = "bframes=0"


class VideoWriter:
    """An open video file; use it in a `with` and call `write` once per frame.

    One thread and no time stamps in the file: the bytes depend only on the frames, the options
    and the version of the encoder.
    """

    def __init__(
        self, path: Path, image_size: tuple[int, int], fps: float, *, crf: int = CRF
    ) -> None:
        """Open `path` (.mp4) for frames of even (width, height)."""
        import av

        if image_size[0] % 2 or image_size[1] % 2:
            raise InputError(
                f"cannot write {path.name}: H.264 stores colours in 2 x 2 blocks, so width and "
                f"height must be even, not {image_size[0]} x {image_size[1]}."
            )
        self._container: Any = av.open(str(path), "w", options={"movflags": "+faststart"})
        stream: Any = self._container.add_stream(
            "libx264",
            rate=Fraction(fps).limit_denominator(1001),
            options={
                "crf": str(crf),
                "preset": "medium",
                "threads": "1",
                "x264-params": X264_PARAMETERS,
            },
        )
        stream.width, stream.height = image_size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.thread_count = 1
        self._stream = stream
        self._new_frame = av.VideoFrame.from_ndarray

    def __enter__(self) -> VideoWriter:
        """Return itself."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Write what the encoder still holds and close the file."""
        if error is None:
            self._container.mux(self._stream.encode())
        self._container.close()

    def write(self, image: Array) -> None:
        """Append one frame (h, w, 3) uint8 RGB."""
        self._container.mux(self._stream.encode(self._new_frame(image, format="rgb24")))
