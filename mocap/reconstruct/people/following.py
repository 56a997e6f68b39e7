"""Tracks: people followed without a break, with left and right decided over time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import Array, BoolArray, FloatArray, IntArray
from mocap.reconstruct.people.following_kernels import follow_frames
from mocap.reconstruct.people.instant_kernels import NOBODY
from mocap.reconstruct.people.scene import Scene
from mocap.reconstruct.people.state import no_records, nobody_live

# Frames handed to the kernels at once: bounds the memory of the records.
_CHUNK_FRAMES = 256

Told = Callable[[str, int, int], None]
"""Hears what is counted, how many are done, and how many there are."""

# Detectors take left for right in bursts; the person, predicted from frame to frame, is followed
# through them. Views must contradict the side somebody is followed on for this long, two views
# more against it than for it, before the person is taken to be a mirror image there.
TURN_S = 1.0
TURN_VOTES = 2.0


@dataclass(frozen=True, eq=False)
class Track:
    """One person followed for a while.

    Attributes:
        frames: (n,) ascending.
        members: (n, camera) slot of the detection, -1 for none.
        swapped: (n, camera) whether left and right of the detection are exchanged.
        skeletons: (n, matched keypoint, 3) metres, the last known place where not solved.
        expected: (n,) cameras that should see the person.
    """

    frames: IntArray
    members: IntArray
    swapped: BoolArray
    skeletons: FloatArray
    expected: IntArray

    @property
    def views(self) -> IntArray:
        """Number of cameras (n,) that see the person."""
        return np.asarray(np.count_nonzero(self.members != NOBODY, axis=1))

    def part(self, kept: BoolArray) -> Track:
        """Return the instants marked (n,)."""
        return Track(
            self.frames[kept],
            self.members[kept],
            self.swapped[kept],
            self.skeletons[kept],
            self.expected[kept],
        )


def follow(scene: Scene, told: Told | None = None) -> list[Track]:
    """Return the tracks of everybody in a scene, in the order in which they began."""
    chunks = list(_chunks(scene, told))
    if told is not None:
        told("frames", scene.frame_count, scene.frame_count)
    track = np.concatenate([each[0] for each in chunks])
    whole = Track(
        *(np.concatenate(field) for field in zip(*(each[1:] for each in chunks), strict=True))
    )
    order = np.argsort(track, kind="stable")
    bounds = np.flatnonzero(np.diff(track[order])) + 1
    mirror, cost = scene.rig.orders[1], TURN_S * scene.fps * TURN_VOTES
    out = []
    for rows in np.split(order, bounds) if len(order) else []:
        one = _of_row(whole, rows)
        # A lost person found again in the same frame was written twice: the second counts.
        last = np.append(one.frames[1:] != one.frames[:-1], True)
        out.append(turned(one.part(last), mirror, cost))
    return out


def _of_row(whole: Track, rows: IntArray) -> Track:
    return Track(
        whole.frames[rows],
        whole.members[rows],
        whole.swapped[rows],
        whole.skeletons[rows],
        whole.expected[rows],
    )


def _chunks(scene: Scene, told: Told | None) -> Iterator[tuple[Array, ...]]:
    """Yield track, frame, members, swapped, skeleton, expected of successive frames."""
    cameras, keypoints = len(scene.rig.poses), len(scene.names)
    live = nobody_live(cameras, keypoints, len(scene.rig.bones))
    records = no_records(min(_CHUNK_FRAMES, scene.frame_count), cameras, keypoints)
    for start in range(0, scene.frame_count, _CHUNK_FRAMES):
        if told is not None:
            told("frames", start, scene.frame_count)
        part = scene.instants(slice(start, start + _CHUNK_FRAMES))
        records.filled[0] = 0
        follow_frames(scene.rig, part, scene.fps, start, live, records)
        n = records.filled[0]
        yield (
            records.track[:n].copy(),
            records.frame[:n].copy(),
            records.members[:n].copy(),
            records.swapped[:n].copy(),
            records.skeleton[:n].copy(),
            records.expected[:n].copy(),
        )


def turned(track: Track, mirror: IntArray, cost: float) -> Track:
    """Return the track with left and right as most of its views have them, over time.

    Detectors get left and right right more often than wrong, but when most views of an instant are
    wrong the person is followed on as a mirror image. Each instant is left or turned so that the
    views called swapped plus a cost of every change are least (Viterbi 1967).
    """
    votes = np.where(track.members != NOBODY, np.where(track.swapped, -1.0, 1.0), 0.0).sum(axis=1)
    turn = turns(votes, cost)
    if not turn.any():
        return track
    swapped = track.swapped ^ (turn[:, None] & (track.members != NOBODY))
    skeletons = np.where(turn[:, None, None], track.skeletons[:, mirror], track.skeletons)
    return Track(track.frames, track.members, swapped, skeletons, track.expected)


def turns(votes: FloatArray, cost: float) -> BoolArray:
    """Return which instants (n,) to turn round, given the votes (n,) for leaving them."""
    n = len(votes)
    stay, turn = 0.0, 0.0
    from_turn = np.zeros((n, 2), dtype=bool)
    for i, vote in enumerate(votes):
        from_turn[i, 0] = turn - cost > stay
        from_turn[i, 1] = turn >= stay - cost
        stay, turn = max(stay, turn - cost) + vote, max(turn, stay - cost) - vote
    out = np.zeros(n, dtype=bool)
    state = turn > stay
    for i in range(n - 1, -1, -1):
        out[i] = state
        state = bool(from_turn[i, int(state)])
    return out
