"""How a file asks its pictures to be turned, by the display matrix that phones write."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mocap.core.errors import InputError

if TYPE_CHECKING:
    from av.video.frame import VideoFrame

_ONE = 1 << 16
"""The matrix has its numbers in 1/65,536."""

_OFF_DEG, _OFF_SIZE = 1.0, 0.02
"""What rounding may do to a quarter turn; nobody writes others that are meant."""


def quarter_turns(frame: VideoFrame, path: Path) -> int:
    """Return how many quarter turns, counter-clockwise, the first frame of a file asks for.

    Raises:
        InputError: it asks for something else: another angle, a mirror image, another size, or for
            nothing that can be done. Turned by the nearest quarter it would be a wrong picture.
    """
    stored = frame.side_data.get("DISPLAYMATRIX")
    if stored is None:
        return 0
    numbers = np.frombuffer(bytes(stored), np.int32)  # type: ignore[call-overload]
    if len(numbers) != 9:
        raise _cannot(path, "has a turn of the picture that is damaged")
    # (x, y) of the picture, y down, becomes (a x + c y, b x + d y).
    (a, b), (c, d) = numbers.reshape(3, 3)[:2, :2] / _ONE
    if not 1.0 - _OFF_SIZE < math.hypot(a, b) < 1.0 + _OFF_SIZE:
        raise _cannot(path, "asks to be shown in another size")
    if a * d - b * c < 0.0:
        raise _cannot(path, "asks to be shown as its mirror image")
    if math.hypot(c + b, d - a) > _OFF_SIZE:
        raise _cannot(path, "asks to be shown askew")
    degrees = -math.degrees(math.atan2(b, a))
    turns = round(degrees / 90.0)
    if abs(degrees - 90.0 * turns) > _OFF_DEG:
        raise _cannot(path, f"asks to be turned by {degrees:.0f} degrees")
    return turns % 4


def _cannot(path: Path, what: str) -> InputError:
    return InputError(
        f"the video {path} {what}; pictures are turned by 90, 180 or 270 degrees only. Copy it "
        "from the camera again; if it was recorded so, convert it without its rotation mark."
    )
