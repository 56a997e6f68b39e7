"""Follow the people of one view: read each where they must be by now, and search now and then.

A search of the whole image costs three times as much as a reading of one person, and three
readings differ little from one at 30 images a second: most of a thorough detection only confirms
what the image before has told. So a person is read once where the last two images predict them, in
plain and mirrored crops by turns: the network errs a little to one side. Half of the views begin
with a mirrored crop, so that the errors of an instant cancel in space as those of a view do in
time. Whatever does not look as predicted is read again, and when that does not help the whole
image is searched. Only the images themselves decide, in their order: the result does not depend on
how many threads there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol, runtime_checkable

import numpy as np

from mocap.core.shapes import Array, BoolArray
from mocap.detect.following.pace import Pace
from mocap.detect.following.track import Track
from mocap.detect.people import (
    ROOM_CONFIDENCE,
    SURE_CONFIDENCE,
    Detection,
    averaged,
    covered,
    jumped,
    median_distance,
    overlap,
    without_duplicates,
)

FACE = 5
"""Keypoints of COCO, the first: a face that is turned away jumps in every image, and another look
does not help."""

UNSURE_CONFIDENCE = 0.62
UNSURE_SHARE = 0.2
"""Somebody of whom this share of the keypoints is less certain is looked at again.

Measured on rendered and on real views: where the confidence of the lowest fifth is above, two
looks differ by 0.5-0.6 % of a person size in the median; below, by 0.7-1 %, and single keypoints by
2-3 %. A second look costs half of all that an image costs, so it goes where it helps."""

LOST_SHARE = 0.5
"""Of the usual confidence: below, the person is hidden, or gone."""

FEWEST_SURE = 4
"""Keypoints: fewer are nobody."""

SAME_PERSON_DISTANCE = 0.2
"""Share of the person size by which a search and a reading of one person may differ. A search errs
by some 3 %; arms and legs of a neighbour are farther away."""

SAME_PERSON_OVERLAP = 0.5
"""Of two boxes, for people of whom too few keypoints are sure."""

UNCONFIRMED = 2
"""Searches in a row that may miss a person who is still read with confidence."""

SMALL_PX = 100.0
"""People below this are read in both ways in every image: the noise of a reading, some 3 % of a
crop, is as large as their hands."""

OFTEN_FPS = 45.0
"""From here on, two images one after another are two looks at a person within a 30th of a second:
what a second look at each would add."""

SOON_S, SEARCH_SOON_S = 1.0, 0.1
"""Who was lost behind somebody comes out again within a second, and is seen at once when searched
for so often."""

LARGE_SHARE = 0.2
"""Of the image: who is larger has some 50 pixels in a search at half the size, as many as somebody
of a tenth has in a whole one."""

CROWDED_SHARE = 0.05
"""Of a person's box: where the box of another who is followed covers more, one look may take their
limbs, and the person is read in both ways."""

_SETTINGS = ("_eyes", "_pace", "_fps", "_mirrored_first", "_interval", "_seldom")
"""Of `Following`: given when it begins. Everything else is what it has in mind."""


@runtime_checkable
class Eyes(Protocol):
    """What it takes to follow people in images; a detector of two networks has it."""

    def find(self, image: Array) -> list[Detection]:
        """Search the image: boxes and rough COCO keypoints of the people."""

    def glance(self, image: Array) -> list[Detection]:
        """Search the image for less: large people are found as well as by a whole search."""

    def read(self, image: Array, guess: Detection) -> Detection:
        """Read somebody whom a search found, in all ways there are."""

    def look(
        self, image: Array, around: Detection, *, mirrored: bool, room: bool = False
    ) -> Detection:
        """Read somebody once, where they are known to be, with `room` for hands and ankles that
        are not sure; left and right as in the image."""

    def with_feet(self, image: Array, person: Detection, *, read: bool) -> Detection:
        """Add heels and toes, unseen when they are not to be read in this image; nothing where they
        were read already or are not wanted."""


class Following:
    """The people of one view, image after image."""

    def __init__(self, eyes: Eyes, pace: Pace, fps: float, *, mirrored_first: bool = False) -> None:
        """Follow with `eyes` at a pace; nobody is known yet. The first look is into a mirror when
        that is asked for: of several views, half should begin so."""
        self._eyes, self._pace, self._fps = eyes, pace, fps
        self._mirrored_first = mirrored_first
        self._seldom = pace.unsure_twice and fps <= OFTEN_FPS
        self._interval = max(1, round(pace.search_every_s * fps)) if fps > 0 else 1
        self._tracks: list[Track] = []
        self._next_search = 0
        self._next_whole = 0
        self._missing = 0
        self._lost_at = 0
        self._wait = 1  # images until the next search for somebody who is missing

    def __call__(self, frame: int, image: Array) -> list[Detection]:
        """Return the people of the next image; frames ascend."""
        expected = [each.predicted(frame) for each in self._tracks]
        readings = []
        for number, track in enumerate(self._tracks):
            others = expected[:number] + expected[number + 1 :]
            self._tracks[number], person = self._look(image, frame, track, others)
            readings.append(person)
        lost = any(each is None for each in readings)
        crowded = self._pace.search_crowds and _crowded(expected)
        if frame >= self._next_search or (lost and not self._missing) or crowded:
            self._search(frame, image, readings)
        else:
            self._tracks = [
                track.stopped() if person is None else track.read(person, frame)
                for track, person in zip(self._tracks, readings, strict=True)
            ]
        self._drop_duplicates(frame)
        return [each.boxed(each.person) for each in self._tracks if each.frame == frame]

    def reads_feet(self, frame: int) -> bool:
        """Tell whether heels and toes are to be read in a frame."""
        return self._pace.reads_feet(frame, self._fps)

    def memory(self) -> dict[str, object]:
        """Return what is known of the people after the last image: all that the next depends on."""
        known = {name: each for name, each in vars(self).items() if name not in _SETTINGS}
        return known | {"_tracks": tuple(self._tracks)}

    def recall(self, memory: Any) -> None:
        """Go on with what was known after some image.

        Raises:
            ValueError: it is no memory of following.
        """
        now = self.memory()
        alike = isinstance(memory, Mapping) and {n: type(each) for n, each in memory.items()} == {
            n: type(each) for n, each in now.items()
        }
        if not alike or not all(isinstance(each, Track) for each in memory["_tracks"]):
            raise ValueError("no memory of following people")
        vars(self).update(dict(memory) | {"_tracks": list(memory["_tracks"])})

    def _miss(self, frame: int, fewer: int) -> None:
        """Plan the next search after one that found so many fewer people than before.

        Somebody who is missing is searched in the next image, then less and less often: who has
        left must not cause a search in every image from now on.
        """
        self._wait = 1 if fewer > 0 else 2 * self._wait
        self._lost_at = frame if fewer > 0 else self._lost_at
        if self._pace.search_crowds and frame - self._lost_at < SOON_S * self._fps:
            self._wait = min(self._wait, max(1, round(SEARCH_SOON_S * self._fps)))
        self._missing = max(self._missing + fewer, 0) if self._wait < self._interval else 0
        wait = self._wait if self._missing else self._interval
        self._next_search = frame + min(wait, self._interval)

    def _look(
        self, image: Array, frame: int, track: Track, others: Sequence[Detection]
    ) -> tuple[Track, Detection | None]:
        """Return a track with what was learnt, and its person in this image; None when they are
        lost."""
        predicted = track.predicted(frame)
        mirrored = (frame // self._pace.stride % 2 == 1) != self._mirrored_first
        alone = not _among(predicted, others)
        look = self._eyes.look(image, predicted, mirrored=mirrored, room=alone)
        track = track.seen_once(look, frame, mirrored=mirrored)
        person = track.between(look, mirrored=mirrored)
        if not self._pace.both_ways and self._far(person, predicted).any():
            seen = predicted if jumped(person, predicted) else look
            ways = [self._eyes.look(image, seen, mirrored=way, room=alone) for way in (False, True)]
            track, person = track.seen_twice(*ways), averaged(*ways)
            if alone and self._wild(person, predicted):
                person = self._look_anew(image, person)
        elif not alone or self._twice(person, predicted) or _lost(person, predicted, track):
            again = self._eyes.look(image, predicted, mirrored=not mirrored, room=alone)
            ways = [again, look] if mirrored else [look, again]
            track, person = track.seen_twice(*ways), averaged(look, again)
        return track, None if _lost(person, predicted, track) else person

    def _look_anew(self, image: Array, person: Detection) -> Detection:
        """Read somebody of whom an arm or a leg is seen nowhere with certainty as in a video that
        has only just begun."""
        guess = _matching(person, self._eyes.find(image))
        return person if guess is None else replace(self._eyes.read(image, guess), box=person.box)

    def _far(self, person: Detection, predicted: Detection) -> BoolArray:
        """Return which keypoints (keypoint,) but those of the face are seen, and not where they
        were predicted."""
        sure = (person.confidence > SURE_CONFIDENCE) & (predicted.confidence > SURE_CONFIDENCE)
        off = np.linalg.norm(person.pixels - predicted.pixels, axis=1)
        far = off > self._pace.surprise * predicted.size_px
        return np.asarray(far & sure & (np.arange(len(sure)) >= FACE))

    def _wild(self, person: Detection, predicted: Detection) -> bool:
        """Tell whether an arm or a leg is not where it was predicted, nor anywhere else for
        sure."""
        unsure = person.confidence < ROOM_CONFIDENCE
        return bool((self._far(person, predicted) & unsure).any())

    def _twice(self, person: Detection, predicted: Detection) -> bool:
        """Tell whether one reading of somebody whom nobody hides is not enough."""
        unsure = predicted.size_px < SMALL_PX or _unsure(person)
        return self._pace.both_ways or (self._seldom and unsure)

    def _search(self, frame: int, image: Array, readings: Sequence[Detection | None]) -> None:
        """Search the image; confirm, mend, end and begin tracks."""
        guesses = self._guesses(frame, image, readings)
        goes_on: list[Track] = []
        for track, person in zip(self._tracks, readings, strict=True):
            seen = person if person is not None else track.predicted(frame)
            guess = _matching(seen, guesses)
            if guess is not None:
                guesses = [each for each in guesses if each is not guess]
                goes_on.append(self._confirmed(frame, image, track, person, guess))
            elif person is not None and self._believed(track, person):
                unsure = replace(track, unconfirmed=track.unconfirmed + 1)
                goes_on.append(unsure.read(person, frame))
        for guess in guesses:
            read = self._eyes.read(image, guess)
            goes_on.append(Track.born(read, frame, guess.box))
        self._miss(frame, len(self._tracks) - len(goes_on))
        self._tracks = goes_on

    def _guesses(
        self, frame: int, image: Array, readings: Sequence[Detection | None]
    ) -> list[Detection]:
        """Search the image: at a glance where that finds everybody who is followed, whole now and
        then, and where somebody is missing, or small."""
        least = LARGE_SHARE * max(image.shape[:2])
        large = [each for each in readings if each is not None and each.size_px > least]
        plain = bool(large) and len(large) == len(readings) and not self._missing
        if plain and frame < self._next_whole:
            guesses = self._eyes.glance(image)
            if all(_matching(person, guesses) is not None for person in large):
                return guesses
        self._next_whole = frame + max(1, round(self._pace.search_whole_every_s * self._fps))
        return self._eyes.find(image)

    def _confirmed(
        self, frame: int, image: Array, track: Track, person: Detection | None, guess: Detection
    ) -> Track:
        if person is None or jumped(person, guess):
            return Track.born(self._eyes.read(image, guess), frame, guess.box)
        return track.read(person, frame).confirmed(guess.box)

    @staticmethod
    def _believed(track: Track, person: Detection) -> bool:
        """Tell whether somebody whom a search missed is still there."""
        return track.unconfirmed + 1 < UNCONFIRMED and person.mean_confidence > SURE_CONFIDENCE

    def _drop_duplicates(self, frame: int) -> None:
        """End the tracks that read somebody who is followed already."""
        current = [each.person for each in self._tracks if each.frame == frame]
        kept = {id(each) for each in without_duplicates(current)}
        left = [each for each in self._tracks if each.frame < frame or id(each.person) in kept]
        if len(left) < len(self._tracks):
            self._miss(frame, len(self._tracks) - len(left))
        self._tracks = left


def _among(person: Detection, others: Sequence[Detection]) -> bool:
    """Tell whether somebody else is in the box of a person."""
    return any(covered(person, other) > CROWDED_SHARE for other in others)


def _crowded(people: Sequence[Detection]) -> bool:
    """Tell whether anybody is in the box of another."""
    return any(
        _among(each, [*people[:number], *people[number + 1 :]])
        for number, each in enumerate(people)
    )


def _unsure(person: Detection) -> bool:
    """Tell whether a reading is not certain enough to stand alone."""
    return float(np.quantile(person.confidence, UNSURE_SHARE)) < UNSURE_CONFIDENCE


def _lost(person: Detection, predicted: Detection, track: Track) -> bool:
    """Tell whether a reading is of somebody else, or of nobody."""
    return (
        jumped(person, predicted)
        or person.mean_confidence < LOST_SHARE * track.usual_confidence
        or int((person.confidence > SURE_CONFIDENCE).sum()) < FEWEST_SURE
    )


def _matching(person: Detection, guesses: Sequence[Detection]) -> Detection | None:
    """Return the guess of a search that means this person."""
    best, least = None, np.inf
    for guess in guesses:
        distance = median_distance(person, guess) / max(person.size_px, guess.size_px, 1.0)
        if not np.isfinite(distance):
            near = overlap(person, guess) > SAME_PERSON_OVERLAP
            distance = SAME_PERSON_DISTANCE if near else np.inf
        if distance <= SAME_PERSON_DISTANCE and distance < least:
            best, least = guess, distance
    return best
