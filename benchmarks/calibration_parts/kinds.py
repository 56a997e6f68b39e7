"""The kinds of faults: what a technician gets wrong, put into sound recordings of random rigs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.board import Board
from mocap.core.detections import Corners
from mocap.synthetic import board_faults as faults
from mocap.synthetic.board_faults import BOARD, BoardRecording, random_rig, record, with_camera

# Rigs of the faults; healthy ones have up to 16 cameras.
MOST_CAMERAS = 8


@dataclass(frozen=True)
class Kind:
    """A fault.

    Attributes:
        name: what it is.
        make: seed -> corners, board, and a pattern that the first sentence must match.
    """

    name: str
    make: Callable[[int], tuple[Sequence[Corners], Board, str]]


def sound(seed: int) -> BoardRecording:
    """Return a sound recording for a fault to be put into."""
    return record(random_rig(1000 + seed, most=MOST_CAMERAS), seed=seed)


def _pick(seed: int, recording: BoardRecording) -> tuple[int, str]:
    """Return a camera and its name."""
    index = int(np.random.default_rng([seed, 5]).integers(len(recording.corners)))
    return index, recording.corners[index].camera


def moved(
    turn_deg: float, shift_mm: float
) -> Callable[[int], tuple[Sequence[Corners], Board, str]]:
    """Return a kind: one camera is moved between a third and two thirds of the recording."""

    def make(seed: int) -> tuple[Sequence[Corners], Board, str]:
        recording = sound(seed)
        index, name = _pick(seed, recording)
        share = float(np.random.default_rng([seed, 6]).uniform(0.33, 0.67))
        frame = round(share * len(recording.poses))
        corners = faults.moved_half_way(recording, index, frame, turn_deg, shift_mm, seed)
        return corners, BOARD, rf"^camera '{name}' was moved"

    return make


def one(
    change: Callable[[Corners], Corners], pattern: str
) -> Callable[[int], tuple[Sequence[Corners], Board, str]]:
    """Return a kind: the corners of one camera are changed; NAME in the pattern is its name."""

    def make(seed: int) -> tuple[Sequence[Corners], Board, str]:
        recording = sound(seed)
        index, name = _pick(seed, recording)
        corners = with_camera(recording.corners, index, change(recording.corners[index]))
        return corners, BOARD, pattern.replace("NAME", name)

    return make


def whole(
    change: Callable[[BoardRecording], tuple[Sequence[Corners], Board]], pattern: str
) -> Callable[[int], tuple[Sequence[Corners], Board, str]]:
    """Return a kind: the whole recording is changed."""

    def make(seed: int) -> tuple[Sequence[Corners], Board, str]:
        return (*change(sound(seed)), pattern)

    return make


def _by_hand(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    starts = [0, 20, 36, 11]
    return [faults.late(c, starts[i % 4]) for i, c in enumerate(recording.corners)], BOARD


def _copy(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    last = recording.corners[-1].camera
    return (*recording.corners[:-1], faults.copied(recording.corners[0], last)), BOARD


def _exact_copy(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    last = recording.corners[-1].camera
    return (*recording.corners[:-1], replace(recording.corners[0], camera=last)), BOARD


def _all_mirrored(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    return [faults.mirrored(c) for c in recording.corners], BOARD


def _planar(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    """The board is carried about without ever being tilted: it lies or is slid on the floor."""
    random = np.random.default_rng(len(recording.poses))
    count = 300
    places = random.uniform(-1.2, 1.2, (count, 2))
    poses = np.stack([faults.lying(x, y, float(random.uniform(0, 360))) for x, y in places])
    rig = faults.high_rig(len(recording.corners))
    return faults.observe(rig, poses), BOARD


def _unmoved(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    """The board is held in the hand at one place."""
    random = np.random.default_rng(len(recording.poses))
    poses = np.stack([faults.lying(*random.normal(0, 0.02, 2)) for _ in range(300)])
    turn = random.normal(0.0, 0.03, (300, 3))
    return faults.observe(
        faults.high_rig(len(recording.corners)), faults.turned(poses, turn)
    ), BOARD


def _stretched(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    return faults.observe(recording.rig, recording.poses, stretch=0.01), BOARD


def _swapped_board(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    return recording.corners, replace(BOARD, columns=BOARD.rows, rows=BOARD.columns)


def _other_board(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    return recording.corners, replace(BOARD, columns=6, rows=5)


def _never_seen(corners: Corners) -> Corners:
    return faults.keep(corners, np.zeros(len(corners.frame), dtype=bool))


def _few(corners: Corners) -> Corners:
    return faults.keep(corners, np.isin(corners.frame, np.unique(corners.frame)[:7]))


def _two_groups(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    half = len(recording.corners) // 2
    return [
        faults.keep(c, (c.frame % 2 == 0) == (i < half)) for i, c in enumerate(recording.corners)
    ], BOARD


def _weak_link(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    half = max(len(recording.corners) // 2, 1)
    left, right = recording.corners[:half], recording.corners[half:]
    both = np.intersect1d(
        np.concatenate([c.frame for c in left]), np.concatenate([c.frame for c in right])
    )
    bridge = both[np.linspace(0, len(both) - 1, 7).astype(int)]
    return [
        faults.keep(c, np.isin(c.frame, bridge) | ((c.frame % 2 == 0) == (i < half)))
        for i, c in enumerate(recording.corners)
    ], BOARD


def _lost_frames(corners: Corners) -> Corners:
    """Return the corners of a camera that lost twelve frames in the middle of the recording."""
    middle = corners.frame_count // 2
    stays = faults.keep(corners, (corners.frame < middle) | (corners.frame >= middle + 12))
    return replace(stays, frame=np.where(stays.frame >= middle, stays.frame - 12, stays.frame))


def _blurred(corners: Corners) -> Corners:
    noise = np.random.default_rng(1).normal(0.0, 4.0, corners.pixels.shape)
    return replace(corners, pixels=corners.pixels + noise)


def _zoomed(corners: Corners) -> Corners:
    """Return the corners of a camera whose zoom was touched: 4 % from the middle on."""
    centre = (np.array(corners.image_size) - 1.0) / 2.0
    late = corners.frame[:, None] >= corners.frame_count // 2
    return replace(corners, pixels=centre + np.where(late, 1.04, 1.0) * (corners.pixels - centre))


def _stabilised(corners: Corners) -> Corners:
    """Return the corners of a camera with image stabilisation: every frame is shifted."""
    random = np.random.default_rng(2)
    walk = np.cumsum(random.normal(0.0, 2.0, (corners.frame_count + 1, 2)), axis=0)
    walk -= walk.mean(axis=0)
    return replace(corners, pixels=corners.pixels + walk[corners.frame])


def _cropped_half_way(corners: Corners) -> Corners:
    """Return the corners of a camera that switched its crop (a 1.25 times narrower mode)."""
    centre = (np.array(corners.image_size) - 1.0) / 2.0
    late = corners.frame[:, None] >= corners.frame_count // 3
    return replace(corners, pixels=centre + np.where(late, 1.25, 1.0) * (corners.pixels - centre))


def _frozen(corners: Corners) -> Corners:
    """Return the corners of a camera whose picture froze from the middle on."""
    middle = int(corners.frame[np.searchsorted(corners.frame, corners.frame_count // 2)])
    picture = faults.keep(corners, corners.frame == middle)
    parts = [faults.keep(corners, corners.frame < middle)]
    for frame in range(middle, corners.frame_count):
        parts.append(replace(picture, frame=np.full(len(picture.frame), frame)))
    joined = parts[0]
    for part in parts[1:]:
        joined = faults.joined(joined, part)
    return joined


def _name_twice(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    again = replace(recording.corners[1], camera=recording.corners[0].camera)
    return (recording.corners[0], again, *recording.corners[2:]), BOARD


def _nothing(recording: BoardRecording) -> tuple[Sequence[Corners], Board]:
    return [_never_seen(c) for c in recording.corners], BOARD


def _other_recording(corners: Corners) -> Corners:
    """Return the corners of the same camera from another recording of the board."""
    order = np.random.default_rng(4).permutation(corners.frame_count)
    frame = order[corners.frame]
    sort = np.argsort(frame, kind="stable")
    return replace(
        corners,
        frame=frame[sort],
        corner_id=corners.corner_id[sort],
        pixels=corners.pixels[sort],
    )


UNSYNCHRONISED = r"unsynchronised"
KINDS = (
    Kind("moved by 0.3 deg", moved(0.3, 0.0)),
    Kind("moved by 1 deg", moved(1.0, 0.0)),
    Kind("moved by 3 deg", moved(3.0, 0.0)),
    Kind("moved by 10 deg", moved(10.0, 0.0)),
    Kind("moved by 20 mm", moved(0.0, 20.0)),
    Kind("moved by 50 mm", moved(0.0, 50.0)),
    Kind("moved by 100 mm", moved(0.0, 100.0)),
    Kind("one frame late", one(lambda c: faults.late(c, 1), r"unsynchronised.*'NAME'")),
    Kind("five frames late", one(lambda c: faults.late(c, 5), r"unsynchronised.*'NAME'")),
    Kind("thirty frames late", one(lambda c: faults.late(c, 30), r"unsynchronised.*'NAME'")),
    Kind("started by hand", whole(_by_hand, UNSYNCHRONISED)),
    Kind("half the frame rate", one(lambda c: faults.other_rate(c, 0.5), UNSYNCHRONISED)),
    Kind("29.97 as 30", one(lambda c: faults.other_rate(c, 0.96), UNSYNCHRONISED)),
    Kind("lost frames", one(_lost_frames, UNSYNCHRONISED)),
    Kind("video of another recording", one(_other_recording, UNSYNCHRONISED)),
    Kind("frozen picture", one(_frozen, r"'NAME'|unsynchronised")),
    Kind("copied and encoded again", whole(_copy, r"copied under two names")),
    Kind("copied", whole(_exact_copy, r"copied under two names")),
    Kind("one camera mirrored", one(faults.mirrored, r"camera 'NAME' is mirrored")),
    Kind("all cameras mirrored", whole(_all_mirrored, r"every camera sees the board mirrored")),
    Kind("board slid on the floor only", whole(_planar, r"kept its direction")),
    Kind("board hardly moved", whole(_unmoved, r"hardly moved")),
    Kind("print stretched by 1 %", whole(_stretched, r"stretched by (0\.9|1\.0|1\.1) %")),
    Kind("rows and columns swapped", whole(_swapped_board, r"swapped")),
    Kind("another board", whole(_other_board, r"corner id")),
    Kind("a camera never sees the board", one(_never_seen, r"'NAME' never saw the board")),
    Kind("a camera sees it in 7 frames", one(_few, r"'NAME' saw the board in \d usable")),
    Kind("two groups", whole(_two_groups, r"two groups")),
    Kind("weak link", whole(_weak_link, r"hold two parts|hold the rig|rig falls into two")),
    Kind("blurred by 4 px", one(_blurred, r"camera 'NAME'")),
    Kind("zoom touched half-way", one(_zoomed, r"camera 'NAME' was moved|do not agree")),
    Kind("crop changed half-way", one(_cropped_half_way, r"camera 'NAME' was moved|do not agree")),
    Kind("stabilised video", one(_stabilised, r"camera 'NAME'|do not agree")),
    Kind("one name twice", whole(_name_twice, r"is given 2 times")),
    Kind("no board anywhere", whole(_nothing, r"no camera found a corner")),
)
