"""What the following kernels work on: tuples of arrays, which numba passes as they are."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.reconstruct.people.instant_kernels import NOBODY

# People followed at the same time, the lost included; beyond this nobody new is taken up.
MAX_LIVE = 24


class Rig(NamedTuple):
    """The cameras and the bodies they look for.

    poses (camera, 3, 4); essentials (camera, camera, 3, 3); orders (2, keypoint): as is, and left
    and right exchanged; images (camera, 4) x0 y0 x1 y1 of the picture in units of the rays; floor
    (camera,) least tolerance; bones (bone, 4): keypoint, keypoint, shortest and longest in metres;
    tolerance_of_size: how far a keypoint may be off, as a share of the person's size in the image.
    """

    poses: FloatArray
    essentials: FloatArray
    orders: IntArray
    images: FloatArray
    floor: FloatArray
    bones: FloatArray
    tolerance_of_size: float


class Instants(NamedTuple):
    """Detections of successive frames, undistorted.

    rays (frame, camera, slot, keypoint, 2), NaN = not seen; confidence (..., keypoint); boxes
    (frame, camera, slot, 4) x0 y0 x1 y1 of the rays; tolerance (frame, camera, slot), NaN for an
    empty slot; view_ids (frame, camera, slot), who it is within the view, -1 unknown.
    """

    rays: FloatArray
    confidence: FloatArray
    boxes: FloatArray
    tolerance: FloatArray
    view_ids: IntArray


class Live(NamedTuple):
    """The people being followed; only the first `counts[0]` rows mean something.

    counts (2,): people now, tracks begun so far. By person: track, its number; position and
    predicted (keypoint, 3) m; velocity (3,) m/s of the body's middle; unseen, frames since two
    views agreed; hits, frames in which they did; doubled, frames in
    succession in which somebody older was in the same place; build (bone,), mean log of
    the bone lengths; slack, by how much the tolerance is widened;
    members (camera,) slot or -1; swapped (camera,); support (camera,) in [0, 1]; projected
    (camera, keypoint, 2); outline (camera, 4); depth (camera,), 0 where not in front; view_id
    (camera,), who they were within the view when it saw them last, -1 never.
    """

    counts: IntArray
    track: IntArray
    position: FloatArray
    predicted: FloatArray
    velocity: FloatArray
    unseen: IntArray
    hits: IntArray
    doubled: IntArray
    build: FloatArray
    slack: FloatArray
    members: IntArray
    swapped: BoolArray
    support: FloatArray
    projected: FloatArray
    outline: FloatArray
    depth: FloatArray
    view_id: IntArray


class Records(NamedTuple):
    """What was found, one row for a person and frame; the first `filled[0]` rows are filled.

    frame, track; members (camera,) slot or -1; swapped (camera,); skeleton (keypoint, 3) m;
    expected, cameras that should see the person.
    """

    filled: IntArray
    frame: IntArray
    track: IntArray
    members: IntArray
    swapped: BoolArray
    skeleton: FloatArray
    expected: IntArray


def nobody_live(cameras: int, keypoints: int, bones: int) -> Live:
    """Return the state before the first frame."""
    return Live(
        counts=np.zeros(2, np.int64),
        track=np.zeros(MAX_LIVE, np.int64),
        position=np.full((MAX_LIVE, keypoints, 3), np.nan),
        predicted=np.full((MAX_LIVE, keypoints, 3), np.nan),
        velocity=np.zeros((MAX_LIVE, 3)),
        unseen=np.zeros(MAX_LIVE, np.int64),
        hits=np.zeros(MAX_LIVE, np.int64),
        doubled=np.zeros(MAX_LIVE, np.int64),
        build=np.full((MAX_LIVE, bones), np.nan),
        slack=np.ones(MAX_LIVE),
        members=np.full((MAX_LIVE, cameras), NOBODY),
        swapped=np.zeros((MAX_LIVE, cameras), dtype=np.bool_),
        support=np.zeros((MAX_LIVE, cameras)),
        projected=np.full((MAX_LIVE, cameras, keypoints, 2), np.nan),
        outline=np.zeros((MAX_LIVE, cameras, 4)),
        depth=np.zeros((MAX_LIVE, cameras)),
        view_id=np.full((MAX_LIVE, cameras), NOBODY),
    )


def no_records(frames: int, cameras: int, keypoints: int) -> Records:
    """Return room for everybody in `frames` frames."""
    rows = frames * MAX_LIVE
    return Records(
        filled=np.zeros(1, np.int64),
        frame=np.zeros(rows, np.int64),
        track=np.zeros(rows, np.int64),
        members=np.full((rows, cameras), NOBODY),
        swapped=np.zeros((rows, cameras), dtype=np.bool_),
        skeleton=np.zeros((rows, keypoints, 3)),
        expected=np.zeros(rows, np.int64),
    )
