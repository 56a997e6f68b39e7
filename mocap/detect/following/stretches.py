"""What was found in a row of images is kept while a view is looked at: a killed run goes on there.

Every half minute what was found since goes into a file of its own, with what following has in mind
after its last image and with the place of that image in the video. Whoever goes on finds what
would have been found without a break, to the last bit.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from mocap.capture.decoding.playback import Place
from mocap.core.files.replay import KeepTimer
from mocap.core.shapes import Array, IntArray, check_shapes
from mocap.detect.following import memory
from mocap.detect.people import Detection


@dataclass(frozen=True, eq=False)
class Stretch:
    """What was found in images of one view that follow each other, and how to go on after them.

    Attributes:
        begin: index of the first frame that may be in it; the stretch before ends here.
        end: index after its last frame.
        looked_at: (frame,) indices of frames, ascending.
        frame: (person,) where each person was found.
        pixels: (person, keypoint, 2), NaN = not seen.
        confidence: (person, keypoint).
        boxes: (person, 4) x0 y0 x1 y1.
        memory: what following has in mind after the last frame, see `memory`.
        stamp, looks, left_out: of the last frame, see `Place`.
    """

    begin: int
    end: int
    looked_at: IntArray
    frame: IntArray
    pixels: Array
    confidence: Array
    boxes: Array
    memory: str
    stamp: int
    looks: tuple[int, ...]
    left_out: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        """Check that it can be gone on from."""
        check_shapes(
            self,
            looked_at="frame",
            frame="person",
            pixels="person keypoint 2",
            confidence="person keypoint",
            boxes="person 4",
        )
        if not len(self.looked_at) or self.looked_at[-1] != self.end - 1:
            raise ValueError("a stretch that does not end with its last frame")
        if self.looked_at[0] < self.begin or (np.diff(self.looked_at) <= 0).any():
            raise ValueError("frames of a stretch that do not ascend")
        if not np.isin(self.frame, self.looked_at).all():
            raise ValueError("people of a stretch in frames that are not in it")
        memory.read(self.memory)

    @property
    def place(self) -> Place:
        """The place of the last frame in the video."""
        return Place(self.end - 1, self.stamp, self.looks, self.left_out)

    def people(self) -> Iterator[tuple[int, list[Detection]]]:
        """Yield (frame index, people in their order) as they were found."""
        first = np.searchsorted(self.frame, self.looked_at)
        last = np.searchsorted(self.frame, self.looked_at, side="right")
        for index, begin, end in zip(self.looked_at, first, last, strict=True):
            yield (
                int(index),
                [
                    Detection(
                        self.pixels[k].astype(np.float64),
                        self.confidence[k].astype(np.float64),
                        self.boxes[k].astype(np.float64),
                    )
                    for k in range(begin, end)
                ],
            )


def in_a_row(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Return the stretches from the first frame on up to where one is missing."""
    row: list[Stretch] = []
    for each in sorted(stretches, key=lambda each: each.begin):
        if each.begin != (row[-1].end if row else 0):
            break
        row.append(each)
    return row


class Keeping:
    """Keeps what is found in a view, stretch by stretch, and tells what was kept before."""

    def __init__(
        self,
        before: Sequence[Stretch],
        place: Callable[[int], Place],
        save: Callable[[Stretch], None],
        *,
        every_s: float | None = None,
    ) -> None:
        """Go on.

        Args:
            before: stretches in a row from the first frame on.
            place: tells the place of a frame that was given lately.
            save: stores a stretch.
            every_s: seconds between two of them, see `KeepTimer`.
        """
        self._place, self._save = place, save
        self._timer = KeepTimer(every_s)
        self._before = before
        self._begin = before[-1].end if before else 0
        self._found: dict[int, list[Detection]] = {}

    def people(self) -> dict[int, list[Detection]]:
        """Return who was found before, by frame."""
        return {index: found for each in self._before for index, found in each.people()}

    def memory(self) -> object:
        """Return what following had in mind; None at the beginning."""
        return memory.read(self._before[-1].memory) if self._before else None

    def looked(self, index: int, found: list[Detection], mind: object) -> None:
        """Take in what was found in the next image, and what following has in mind after it."""
        self._found[index] = found
        if not self._timer.due():
            return
        stretch = _stretch(self._begin, self._found, memory.written(mind), self._place(index))
        self._save(stretch)
        self._begin, self._found = stretch.end, {}
        self._timer.kept()


def _stretch(begin: int, found: Mapping[int, list[Detection]], mind: str, place: Place) -> Stretch:
    people = [(index, each) for index, there in found.items() for each in there]
    # Detections keep single precision.
    stacked = [
        np.array([getattr(each, name) for _, each in people], dtype=np.float32)
        for name in ("pixels", "confidence", "box")
    ]
    empty = ((0, 0, 2), (0, 0), (0, 4))
    pixels, confidence, boxes = (
        array if people else array.reshape(shape)
        for array, shape in zip(stacked, empty, strict=True)
    )
    return Stretch(
        begin=begin,
        end=max(found) + 1,
        looked_at=np.array(list(found), dtype=np.int64),
        frame=np.array([index for index, _ in people], dtype=np.int64),
        pixels=pixels,
        confidence=confidence,
        boxes=boxes,
        memory=mind,
        stamp=place.stamp,
        looks=place.looks,
        left_out=place.left_out,
    )
