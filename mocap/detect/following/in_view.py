"""Who is who within one view: a number for everybody, kept from image to image.

As ByteTrack does (Zhang et al. 2022, "ByteTrack: Multi-Object Tracking by Associating Every
Detection Box"): sure detections are matched first, to everybody who is known, lost people
included; unsure ones then to those who were just there and have found none. Alike are two that
overlap and whose keypoints lie alike. Nothing but the one view is looked at: these numbers help to
tell people apart across views and time, and decide nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from scipy.optimize import linear_sum_assignment

from mocap.core.detections import NOT_FOLLOWED
from mocap.core.shapes import Array, FloatArray, IntArray

SURE_SCORE = 0.4
"""Mean confidence of the keypoints: people half hidden behind others are below."""

LEAST_ALIKE, LEAST_ALIKE_UNSURE = 0.1, 0.4
"""Of [0, 1]; an unsure detection must be where somebody was expected."""

LOST_AFTER_S = 1.0
"""Somebody unseen for longer is somebody new when they come back."""

KEYPOINT_REACH = 0.1
"""Share of a person's size by which a keypoint may be off: half as alike at 1.2 of it."""

FOLLOWS_PLACE, FOLLOWS_VELOCITY = 0.7, 0.1
"""How far a detection draws the place and the velocity of a person (alpha-beta filter)."""

COASTS_S = 0.3
"""The velocity of somebody unseen fades in this time."""

_FEWEST_IN_COMMON = 4


@dataclass
class _Known:
    """The people of one view; rows are people.

    Attributes:
        number: (n,) of each.
        box: (n, 4) x0 y0 x1 y1 in pixels.
        pose: (n, keypoint, 2) as seen last, NaN unseen.
        velocity: (n, 4) pixels a second of the box.
        seen_s: (n,) when each was seen last.
    """

    number: IntArray
    box: FloatArray
    pose: FloatArray
    velocity: FloatArray
    seen_s: FloatArray
    begun: int = field(default=0)

    @classmethod
    def nobody(cls, keypoints: int) -> _Known:
        """Return nobody."""
        return cls(
            np.zeros(0, np.int64),
            np.zeros((0, 4)),
            np.zeros((0, keypoints, 2)),
            np.zeros((0, 4)),
            np.zeros(0),
        )

    def move(self, step_s: float, now_s: float) -> None:
        """Predict everybody; forget those who are lost for too long."""
        kept = now_s - self.seen_s <= LOST_AFTER_S
        for name in ("number", "box", "pose", "velocity", "seen_s"):
            setattr(self, name, getattr(self, name)[kept])
        moved = self.velocity * step_s
        self.box = self.box + moved
        self.pose = self.pose + 0.5 * (moved[:, None, :2] + moved[:, None, 2:])
        unseen = now_s - self.seen_s > 1.5 * step_s
        self.velocity[unseen] *= np.exp(-step_s / COASTS_S)

    def see(self, row: int, box: FloatArray, pose: FloatArray, step_s: float, now_s: float) -> None:
        """Take in where somebody is."""
        off = box - self.box[row]
        self.box[row] += FOLLOWS_PLACE * off
        self.velocity[row] += FOLLOWS_VELOCITY * off / step_s
        self.pose[row] = np.where(np.isfinite(pose), pose, self.pose[row])
        self.seen_s[row] = now_s

    def add(self, box: FloatArray, pose: FloatArray, now_s: float) -> int:
        """Take up somebody new; return their number."""
        number, self.begun = self.begun, self.begun + 1
        self.number = np.append(self.number, number)
        self.box = np.vstack([self.box, box])
        self.pose = np.concatenate([self.pose, pose[None]])
        self.velocity = np.vstack([self.velocity, np.zeros(4)])
        self.seen_s = np.append(self.seen_s, now_s)
        return number


def ids_in_view(pixels: Array, confidence: Array, boxes: Array, times_s: FloatArray) -> IntArray:
    """Return a number (frame, detection) for whoever each detection of one view shows.

    Args:
        pixels: (frame, detection, keypoint, 2), NaN = not seen.
        confidence: (frame, detection, keypoint) in [0, 1].
        boxes: (frame, detection, 4) x0 y0 x1 y1, NaN = empty slot.
        times_s: (frame,) when each image was taken; NaN where there is none.

    Numbers count up from 0 as people come; -1 stands for empty slots and for detections too unsure
    to begin somebody with.
    """
    ids = np.full(boxes.shape[:2], NOT_FOLLOWED, dtype=np.int64)
    known, before_s = _Known.nobody(pixels.shape[2]), np.nan
    for frame in np.flatnonzero(np.isfinite(times_s)):
        here = np.flatnonzero(np.isfinite(boxes[frame]).all(axis=-1))
        now_s = float(times_s[frame])
        step_s = max(now_s - before_s, 1e-6) if np.isfinite(before_s) else 1.0
        known.move(step_s, now_s)
        found = (
            np.asarray(boxes[frame, here], dtype=np.float64),
            np.asarray(pixels[frame, here], dtype=np.float64),
        )
        sure = confidence[frame, here].mean(axis=-1) >= SURE_SCORE
        ids[frame, here] = _matched(known, *found, sure, step_s, now_s, before_s)
        before_s = now_s
    return ids


def _matched(
    known: _Known,
    boxes: FloatArray,
    poses: FloatArray,
    sure: Array,
    step_s: float,
    now_s: float,
    before_s: float,
) -> IntArray:
    """Match the detections of an image, sure ones first; return their numbers (detection,)."""
    numbers = np.full(len(boxes), NOT_FOLLOWED, dtype=np.int64)
    alike = _alikeness(known, boxes, poses)
    free = np.ones(len(known.number), dtype=bool)
    just_there = known.seen_s >= before_s if np.isfinite(before_s) else ~free
    for chosen, people, least in (
        (np.flatnonzero(sure), free, LEAST_ALIKE),
        (np.flatnonzero(~sure), just_there, LEAST_ALIKE_UNSURE),
    ):
        rows = np.flatnonzero(free & people)
        if not (len(rows) and len(chosen)):
            continue
        part = alike[np.ix_(rows, chosen)]
        for row, column in zip(*linear_sum_assignment(part, maximize=True), strict=True):
            if part[row, column] >= least:
                person, detection = rows[row], chosen[column]
                known.see(person, boxes[detection], poses[detection], step_s, now_s)
                numbers[detection] = known.number[person]
                free[person] = False
    for detection in np.flatnonzero(sure & (numbers == NOT_FOLLOWED)):
        numbers[detection] = known.add(boxes[detection], poses[detection], now_s)
    return numbers


def _alikeness(known: _Known, boxes: FloatArray, poses: FloatArray) -> FloatArray:
    """Return how alike (person, detection) in [0, 1] people and detections are."""
    low = np.maximum(known.box[:, None, :2], boxes[None, :, :2])
    high = np.minimum(known.box[:, None, 2:], boxes[None, :, 2:])
    shared = np.prod(np.clip(high - low, 0.0, None), axis=-1)
    areas = [np.prod(each[:, 2:] - each[:, :2], axis=-1) for each in (known.box, boxes)]
    overlap = shared / np.maximum(areas[0][:, None] + areas[1][None] - shared, 1e-9)
    size = np.maximum((known.box[:, 2:] - known.box[:, :2]).max(axis=-1), 1.0)
    gap = known.pose[:, None] - poses[None]
    squared = np.sum(gap**2, axis=-1) / (KEYPOINT_REACH * size[:, None, None]) ** 2
    common = np.isfinite(squared)
    count = common.sum(axis=-1)
    fits = np.where(common, np.exp(-0.5 * np.where(common, squared, 0.0)), 0.0).sum(axis=-1)
    told = count >= _FEWEST_IN_COMMON
    return np.asarray(np.where(told, 0.5 * (overlap + fits / np.maximum(count, 1)), overlap))
