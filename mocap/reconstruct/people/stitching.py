"""Tracks joined into people over gaps: by where they could have walked and by their bodies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import FloatArray, IntArray
from mocap.reconstruct.people.following import Track
from mocap.reconstruct.people.scene import Scene

# Shorter tracks are noise.
MIN_TRACK_S = 0.4
# Cameras that saw somebody, of those that should have, over a whole track with its gaps: detectors
# that invent people in the same place stay below, for they do so now and then.
EVIDENCE = 0.52

# Where a track begins and ends is told by so many instants: the last before somebody is lost is
# often wrong.
_END_VIEWS = 5

# A gap in which one camera at least saw the person is bridged by its views.
MAX_BRIDGE_S = 1.0

# How far a person may be after a gap, and the longest gap over which walking says anything.
REACH_M = 0.35
WALK_M_S = 1.6
MAX_GAP_S = 8.0
# The longest gap over which a body alone tells, when nobody else fits.
MAX_LONG_GAP_S = 30.0

# Bones of one person agree to 2-3 % between two parts of a take; people who differ by 8 % in
# height must never be joined.
SIZE_SHARE = 0.05
# Joins by size alone, and joins said to be certain, agree better than this.
SURE_SIZE_SHARE = 0.03
SURE_GAP_S = 3.0


@dataclass(frozen=True)
class Join:
    """Two tracks taken for one person.

    Attributes:
        before, after: last frame of the first and first frame of the second.
        distance_m: between them.
        size_share: by how much the second body is larger, 0.02 for 2 %.
        sure: whether gap and bodies leave little doubt.
    """

    before: int
    after: int
    distance_m: float
    size_share: float
    sure: bool


@dataclass(frozen=True, eq=False)
class Person:
    """Everything that was found of one person.

    Attributes:
        track: their instants, gaps left out.
        joins: over which gaps they were joined.
    """

    track: Track
    joins: tuple[Join, ...] = ()


@dataclass(frozen=True, eq=False)
class _Piece:
    track: Track
    first: int
    last: int
    start: FloatArray
    end: FloatArray
    bones: FloatArray


def people_of(tracks: Sequence[Track], scene: Scene) -> list[Person]:
    """Return the people whose tracks these are; tracks that nobody vouches for are left out."""
    kept = (_bridged(track, scene.fps) for track in tracks)
    least = min(MIN_TRACK_S * scene.fps, 0.5 * scene.frame_count)
    pieces = [_piece(track, scene) for track in kept if _is_somebody(track, least)]
    pieces.sort(key=lambda piece: piece.first)
    following: dict[int, tuple[int, Join]] = {}
    preceded: set[int] = set()
    for _, i, j, join in sorted(_possible_joins(pieces, scene.fps), key=lambda each: each[:3]):
        if i not in following and j not in preceded:
            following[i] = (j, join)
            preceded.add(j)
    out = []
    for first in range(len(pieces)):
        if first in preceded:
            continue
        chain, joins = [first], []
        while chain[-1] in following:
            after, join = following[chain[-1]]
            chain.append(after)
            joins.append(join)
        out.append(Person(joined([pieces[k].track for k in chain]), tuple(joins)))
    return out


def joined(tracks: Sequence[Track]) -> Track:
    """Return tracks that follow one another as one."""
    return Track(
        *(
            np.concatenate([getattr(track, field) for track in tracks])
            for field in ("frames", "members", "swapped", "skeletons", "expected")
        )
    )


def _bridged(track: Track, fps: float) -> Track:
    """Return the track from its first to its last two views, without long stretches of one view."""
    sure = np.flatnonzero(track.views >= 2)
    if len(sure) == 0:
        return track.part(np.zeros(len(track.frames), dtype=bool))
    frames = track.frames[sure]
    after = np.searchsorted(frames, track.frames)
    inside = (after > 0) & (after < len(frames))
    gap = np.zeros(len(track.frames))
    gap[inside] = frames[after[inside]] - frames[after[inside] - 1]
    return track.part((track.views >= 2) | (inside & (gap <= MAX_BRIDGE_S * fps)))


def _is_somebody(track: Track, least_frames: float) -> bool:
    """Return whether a track is long enough and seen by enough of the cameras that should."""
    if np.count_nonzero(track.views >= 2) < max(least_frames, 1.0):
        return False
    length = track.frames[-1] - track.frames[0] + 1
    return bool(track.views.sum() >= EVIDENCE * track.expected.mean() * length)


def _piece(track: Track, scene: Scene) -> _Piece:
    """Return what joining needs to know of a track."""
    skeletons = track.skeletons[track.views >= 2]
    ends = scene.rig.bones[:, :2].astype(np.int64)
    lengths = np.linalg.norm(skeletons[:, ends[:, 0]] - skeletons[:, ends[:, 1]], axis=-1)
    return _Piece(
        track=track,
        first=int(track.frames[0]),
        last=int(track.frames[-1]),
        start=_middle(skeletons[:_END_VIEWS]),
        end=_middle(skeletons[-_END_VIEWS:]),
        bones=median_over_time(lengths),
    )


def _middle(skeletons: FloatArray) -> FloatArray:
    """Return where somebody was (3,) over some instants (n, keypoint, 3)."""
    return median_over_time(np.stack([median_over_time(each) for each in skeletons]))


def median_over_time(values: FloatArray) -> FloatArray:
    """Return medians (column,) of values (row, column), NaN where a column has none."""
    out = np.full(values.shape[1], np.nan)
    for column in range(values.shape[1]):
        known = values[~np.isnan(values[:, column]), column]
        if len(known):
            out[column] = np.median(known)
    return out


def size_difference(first: FloatArray, second: FloatArray) -> float:
    """Return by how much the second body is larger, from bone lengths (bone,); NaN if unknown."""
    both = ~np.isnan(first) & ~np.isnan(second)
    if np.count_nonzero(both) < 3:
        return float("nan")
    return float(np.exp(np.median(np.log(second[both] / first[both])))) - 1.0


def _possible_joins(pieces: list[_Piece], fps: float) -> list[tuple[float, int, int, Join]]:
    """Return what could be joined: cost, first, second, how."""
    near: list[tuple[float, int, int, Join]] = []
    far: list[tuple[float, int, int, Join]] = []
    for i, before in enumerate(pieces):
        for j, after in enumerate(pieces):
            gap_s = (after.first - before.last) / fps
            if i == j or not 0.0 < gap_s <= MAX_LONG_GAP_S:
                continue
            distance = float(np.linalg.norm(after.start - before.end))
            size = size_difference(before.bones, after.bones)
            reach = REACH_M + WALK_M_S * gap_s
            told = len(before.bones) > 0
            if distance > reach or (told and not abs(size) <= SIZE_SHARE):
                continue
            size = size if told else 0.0
            sure = told and gap_s <= SURE_GAP_S and abs(size) <= SURE_SIZE_SHARE
            join = Join(before.last, after.first, distance, size, sure)
            cost = distance / reach + 10.0 * abs(size) + 0.5 * gap_s
            (near if gap_s <= MAX_GAP_S else far).append((cost, i, j, join))
    return near + _alone(far, near)


def _alone(
    far: list[tuple[float, int, int, Join]], near: list[tuple[float, int, int, Join]]
) -> list[tuple[float, int, int, Join]]:
    """Return the long joins of bodies that agree well and have no other possible partner."""
    starts = [i for _, i, _, _ in near + far]
    ends = [j for _, _, j, _ in near + far]
    return [
        each
        for each in far
        if starts.count(each[1]) == 1
        and ends.count(each[2]) == 1
        and abs(each[3].size_share) <= SURE_SIZE_SHARE
    ]


def frames_seen(people: Sequence[Person], frame_count: int) -> IntArray:
    """Return how many people (frame,) are seen."""
    seen = np.zeros(frame_count, dtype=np.int64)
    for person in people:
        seen[person.track.frames] += 1
    return seen
