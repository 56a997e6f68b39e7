"""People of single instants linked over time into tracks, by where they are in space."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mocap.core.shapes import BoolArray, FloatArray, IntArray

# A person may be this far from where the last seconds predict, plus what a sprinter can add
# while unseen; a track unseen for longer than the longest gap has ended.
LINK_DISTANCE_M = 0.4
LINK_SPEED_M_S = 2.0
MAX_LINK_DISTANCE_M = 1.5
MAX_GAP_S = 2.0

# The mirrored skeleton must be this much nearer to the predicted one to be taken for a swap.
_MIRROR_FACTOR = 0.5


@dataclass(frozen=True, eq=False)
class Person:
    """One person at one instant.

    Attributes:
        members: (camera,) slot of the detection, -1 for none.
        swapped: (camera,) whether left and right of the detection are exchanged.
        skeleton: (keypoint, 3) metres, NaN = unknown.
    """

    members: IntArray
    swapped: BoolArray
    skeleton: FloatArray

    def mirrored(self, mirror: IntArray) -> Person:
        """Return the person with left and right exchanged in all views."""
        return Person(self.members, ~self.swapped, self.skeleton[mirror])


@dataclass(eq=False)
class Track:
    """The instants of one person by frame."""

    people: dict[int, Person] = field(default_factory=dict)

    @property
    def last_frame(self) -> int:
        """The frame in which the person was last seen."""
        return next(reversed(self.people))

    def predicted(self, frame: int, fps: float) -> FloatArray:
        """Return the skeleton (keypoint, 3) moved on at the velocity of its middle."""
        last = self.last_frame
        skeleton = self.people[last].skeleton
        earlier = [f for f in list(self.people)[-6:-1] if last - f <= 0.25 * fps]
        if not earlier:
            return skeleton
        step = (skeleton - self.people[earlier[0]].skeleton) / (last - earlier[0])
        # An unseen person slows down or turns: no further than a third of a second ahead.
        ahead = min(frame - last, round(fps / 3.0))
        common = ~np.isnan(step[:, 0])
        return skeleton + ahead * np.median(step[common], axis=0) if common.any() else skeleton


def link(people: list[list[Person]], mirror: IntArray, fps: float) -> list[Track]:
    """Link the people of all frames into tracks; left and right stay consistent within a track.

    Nearest first: the pair of a track's prediction and a person with the least median keypoint
    distance is linked, as long as the distance is humanly possible.
    """
    tracks: list[Track] = []
    for frame, present in enumerate(people):
        alive = [track for track in tracks if frame - track.last_frame <= MAX_GAP_S * fps]
        unlinked = dict(enumerate(present))
        for _, track, index, flip in _candidates(alive, present, mirror, frame, fps):
            if index in unlinked and frame not in track.people:
                person = unlinked.pop(index)
                track.people[frame] = person.mirrored(mirror) if flip else person
        tracks.extend(Track({frame: person}) for person in unlinked.values())
    return [_least_swapped(track, mirror) for track in tracks]


def absorb(main: Track, others: list[Track]) -> Track:
    """Return the main track with the tracks in which the person came back later, or was earlier.

    A track belongs to the same person when it never overlaps the main one and begins or ends no
    farther than `MAX_LINK_DISTANCE_M` from where the person was last or next seen.
    """
    people = dict(main.people)
    for track in sorted(others, key=lambda each: -len(each.people)):
        if track is main or not people.keys().isdisjoint(track.people.keys()):
            continue
        first, last = min(track.people), max(track.people)
        before = max((frame for frame in people if frame < first), default=None)
        after = min((frame for frame in people if frame > last), default=None)
        ends = [(before, first), (after, last)]
        gaps = [
            _middle_distance(people[mine].skeleton, track.people[theirs].skeleton)
            for mine, theirs in ends
            if mine is not None
        ]
        if gaps and min(gaps) < MAX_LINK_DISTANCE_M:
            people.update(track.people)
    return Track(dict(sorted(people.items())))


def _middle_distance(first: FloatArray, second: FloatArray) -> float:
    """Return the distance between the middles of two skeletons."""
    gap = np.nanmedian(first, axis=0) - np.nanmedian(second, axis=0)
    return float(np.linalg.norm(gap))


def _candidates(
    alive: list[Track], present: list[Person], mirror: IntArray, frame: int, fps: float
) -> list[tuple[float, Track, int, bool]]:
    """Return the possible links (distance, track, person, mirrored), nearest first."""
    out = []
    for track in alive:
        predicted = track.predicted(frame, fps)
        unseen_s = (frame - track.last_frame) / fps
        reach = min(LINK_DISTANCE_M + LINK_SPEED_M_S * unseen_s, MAX_LINK_DISTANCE_M)
        for index, person in enumerate(present):
            plain = _distance(predicted, person.skeleton)
            flipped = _distance(predicted, person.skeleton[mirror])
            flip = flipped < _MIRROR_FACTOR * plain
            distance = flipped if flip else plain
            if distance < reach:
                out.append((distance, track, index, flip))
    return sorted(out, key=lambda each: each[0])


def _distance(first: FloatArray, second: FloatArray) -> float:
    """Return the median distance of the keypoints both skeletons have; infinite if none."""
    distance = np.linalg.norm(first - second, axis=1)
    known = distance[~np.isnan(distance)]
    return float(np.median(known)) if len(known) else float("inf")


def _least_swapped(track: Track, mirror: IntArray) -> Track:
    """Return the track or its mirror image, whichever calls fewer views swapped.

    A detector gets left and right right more often than wrong.
    """
    swapped = sum(int(np.sum(p.swapped & (p.members >= 0))) for p in track.people.values())
    views = sum(int(np.sum(p.members >= 0)) for p in track.people.values())
    if 2 * swapped <= views:
        return track
    return Track({frame: person.mirrored(mirror) for frame, person in track.people.items()})
