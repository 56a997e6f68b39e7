"""Which frame of a video an image is, by its time: a decoder may leave frames out.

A decoder begins at the first key frame: pictures that are shown before it and refer to what was cut
away do not come out. Where a file is damaged some decoders leave out frames without a word. Whoever
counts images then gives all later ones the time of another. So the frames that the container shows
are counted as they are read, and an image has the number of the frame whose time it carries.
"""

from __future__ import annotations

import heapq
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from mocap.core.shapes import FloatArray

if TYPE_CHECKING:
    from av.packet import Packet

_PLACES = 4
"""Places that are named one by one."""


class ShownOrder:
    """Numbers the frames of a video as they come out of the decoder.

    Where times are of no use (none, twice another way round) images are simply counted.

    Attributes:
        next: number of the frame after the last one that came or should have come.
        left_out: numbers of the frames that did not come, but for those shown before the first key
            frame: nobody can decode what was cut off.
        came: whether any frame came.
    """

    def __init__(self) -> None:
        """Begin at the first frame."""
        self.next, self.came = 0, False
        self.left_out: list[int] = []
        self._waiting: list[int] = []
        self._last: int | None = None
        self._first_key: int | None = None
        self._counting = False

    def read(self, packet: Packet[Any]) -> None:
        """Take in what goes to the decoder next."""
        if packet.size == 0 or packet.is_discard:
            return
        stamp = packet.pts if packet.pts is not None else packet.dts
        if stamp is None or (self._last is not None and stamp < self._last):
            self._counting = True
            return
        if self._first_key is None and packet.is_keyframe:
            self._first_key = stamp
        heapq.heappush(self._waiting, stamp)

    def number(self, stamp: int | None) -> int | None:
        """Return the number of the image that came out; None where it came too late."""
        self.came = True
        if stamp is not None and self._last is not None and stamp < self._last:
            return None
        if not self._counting and (stamp is None or stamp not in self._waiting):
            self._counting = True
        if self._counting or stamp is None:
            self.next += 1
            return self.next - 1
        while self._waiting[0] < stamp:
            self._leave_out()
        heapq.heappop(self._waiting)
        self._last = stamp
        self.next += 1
        return self.next - 1

    def go_on(self, stamp: int, number: int, left_out: tuple[int, ...]) -> None:
        """Go on after the frame with a stamp, which came out, with a number."""
        self._waiting = [each for each in self._waiting if each > stamp]
        heapq.heapify(self._waiting)
        self.next, self.came, self.left_out = number, True, list(left_out)
        self._last = self._first_key = stamp

    def end(self) -> None:
        """Hear that nothing more comes out."""
        while self._waiting and not self._counting:
            self._leave_out()

    def _leave_out(self) -> None:
        stamp = heapq.heappop(self._waiting)
        if self._first_key is not None and stamp >= self._first_key:
            self.left_out.append(self.next)
        self.next += 1


def left_out_words(camera: str, left_out: Sequence[int], times_s: FloatArray) -> list[str]:
    """Return what to say of frames that did not come out of a decoder; nothing where all came.

    Args:
        camera: its name.
        left_out: numbers of the frames, ascending.
        times_s: (frame,) seconds since the first frame.
    """
    if not left_out:
        return []
    runs: list[list[int]] = []
    for number in left_out:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    places = [_place([float(times_s[each]) for each in run]) for run in runs[:_PLACES]]
    more = f" and {len(runs) - _PLACES} more places" if len(runs) > _PLACES else ""
    return [
        f"camera '{camera}': {len(left_out)} of {len(times_s)} frames cannot be decoded, at "
        f"{', '.join(places)}{more}. The video is damaged there, or was cut beside a key frame; "
        "the other frames keep their times. Copy it from the camera again."
    ]


def _place(times_s: list[float]) -> str:
    first, last = times_s[0], times_s[-1]
    return f"{first:.2f} s" if first == last else f"{first:.2f} to {last:.2f} s"
