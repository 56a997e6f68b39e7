"""Two networks in a row: one finds people, another reads the keypoints of each from a crop."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, runtime_checkable

import numpy as np

from mocap.core.keypoints import COCO_17, COCO_17_FEET, KeypointSet
from mocap.core.shapes import Array
from mocap.detect.blazepose import FeetFinder
from mocap.detect.people import Detection, jumped, roomy_box, without_duplicates

_COCO = len(COCO_17.keypoint_names)


class Finder(Protocol):
    """Finds people in a whole image."""

    def find(self, image: Array) -> list[Detection]:
        """Return boxes and rough COCO keypoints of the people."""


@runtime_checkable
class Glancing(Protocol):
    """A finder that can search for less."""

    def glance(self, image: Array) -> list[Detection]:
        """Return those people of an image who are large and plain enough to be seen at a glance."""


class Reader(Protocol):
    """Reads the keypoints of one person; a network that works on crops is one."""

    @property
    def keypoint_set(self) -> KeypointSet:
        """What it finds; COCO's 17 come first."""

    def __call__(self, image: Array, guess: Detection) -> Detection:
        """Return the person in the box of a guess."""

    def look(self, image: Array, guess: Detection, *, mirrored: bool) -> Detection:
        """Return the person in the box of a guess from one pass of the network, over the crop or
        its mirror image."""


@dataclass(frozen=True, eq=False)
class TopDown:
    """A detector of a finder and a reader; `feet` adds heels and toes to a reader of COCO's 17."""

    finder: Finder
    reader: Reader
    feet: FeetFinder | None = None

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Names of the keypoints, in order."""
        added = self._feet is not None
        return (COCO_17_FEET if added else self.reader.keypoint_set).keypoint_names

    @property
    def _feet(self) -> FeetFinder | None:
        """Who finds the feet that the reader does not."""
        return self.feet if self.reader.keypoint_set is COCO_17 else None

    def __call__(self, image: Array) -> list[Detection]:
        """Return the people of an (height, width, 3) uint8 RGB image, each once."""
        people = without_duplicates(self.read(image, guess) for guess in self.finder.find(image))
        return [self.with_feet(image, each, read=True) for each in people]

    def find(self, image: Array) -> list[Detection]:
        """Return boxes and rough keypoints of the people."""
        return self.finder.find(image)

    def glance(self, image: Array) -> list[Detection]:
        """Return whom a search finds that costs less, where the finder has one."""
        finder = self.finder
        return finder.glance(image) if isinstance(finder, Glancing) else finder.find(image)

    def look(
        self, image: Array, around: Detection, *, mirrored: bool, room: bool = False
    ) -> Detection:
        """Return the person in a box, read once."""
        guess = replace(around, box=roomy_box(around)) if room else around
        return replace(self.reader.look(image, guess, mirrored=mirrored), box=around.box)

    def with_feet(self, image: Array, person: Detection, *, read: bool) -> Detection:
        """Add heels and toes, where the reader does not find them and they are wanted."""
        feet = self._feet
        return person if feet is None else feet(image, person, read=read)

    def read(self, image: Array, guess: Detection) -> Detection:
        """Return the person of a guess."""
        person = self.reader(image, guess)
        body = Detection(person.pixels[:_COCO], person.confidence[:_COCO], person.box)
        if not jumped(body, guess):
            return person
        # Someone else stands in this box: keep what the finder saw of the right person.
        pixels, confidence = np.full_like(person.pixels, np.nan), np.zeros_like(person.confidence)
        pixels[:_COCO], confidence[:_COCO] = guess.pixels, guess.confidence
        return Detection(pixels, confidence, guess.box)
