"""Where a walker goes: the floor that may be a belt, the way along the path, and its turns."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.errors import InputError
from mocap.core.runs import runs
from mocap.core.shapes import BoolArray, FloatArray
from mocap.measure.filters import butterworth, derivative, possible_cutoff_hz
from mocap.measure.segments.segments import SIDES, Segments

BELT_M_S = 0.15
"""A standing foot that moves faster stands on a belt: on the floor, with keypoints 10 mm off, its
median speed stays below 0.03 m/s."""

TURN_DEG_S = 60.0
"""A heading that changes faster is a turn: a circle of 1.5 m radius at 1.4 m/s changes by 53."""

LEAST_WAY_M = 0.3
AGAINST_SHARE = 0.5

_CUTOFF_HZ = 6.0
# A heel this near to its lowest, and heel and toes rising slower than this: a foot that is flat.
_FLAT_M = 0.025
_LEVEL_M_S = 0.25
_TRIM_SHARE = 0.15
_LEAST_FLAT_S = 0.08
_LOW_PERCENT = 10.0
# The way over about one stride: the sway of the pelvis within it cancels.
_HALF_CHORD_S = 0.55
_HEADING_HZ = 1.0


@dataclass(frozen=True, eq=False)
class WalkingPath:
    """A walk as it would be on a floor that stands still.

    Attributes:
        person: the walker with the floor at rest.
        direction: (frame, 3) horizontal unit vectors along the path.
        turning: (frame,) True in turns.
        belt_m_s: speed of the belt, 0 on the floor.
        belt_estimated: whether the feet told it.
    """

    person: Segments
    direction: FloatArray
    turning: BoolArray
    belt_m_s: float
    belt_estimated: bool

    @property
    def progress_m(self) -> FloatArray:
        """How far (frame,) the pelvis has come along the path."""
        step = np.diff(self.person.position("pelvis"), axis=0)
        middle = 0.5 * (self.direction[1:] + self.direction[:-1])
        along = np.nan_to_num(np.sum(step * middle, axis=-1))
        return np.concatenate([[0.0], np.cumsum(along)])


def foot_point(segments: Segments, side: str, name: str) -> FloatArray:
    """Return heel or toe (frame, 3) of a foot; the ankle where it has none."""
    point = segments.position(f"{side}_{name}")
    return point if np.isfinite(point).any() else segments.position(f"{side}_ankle")


def floor_velocity(segments: Segments) -> FloatArray:
    """Return the velocity (3,) in m/s of what a flat foot stands on: zero on the floor.

    Straight lines through the way of each foot while its heel is near its lowest and neither heel
    nor toes rise or sink, without the ends of that time, in which it still lands or already
    leaves; the weighted median over all stances, long ones counting as much as they tell.
    """
    slopes, weights = [], []
    cutoff = possible_cutoff_hz(_CUTOFF_HZ, segments.fps)
    for side in SIDES:
        heel, toe = (foot_point(segments, side, name) for name in ("heel", "toe"))
        height = butterworth(heel[:, 2], segments.fps, cutoff)
        if not np.isfinite(height).any():
            continue
        lowest = np.nanpercentile(height, _LOW_PERCENT)
        flat = np.nan_to_num(height, nan=np.inf) < lowest + _FLAT_M
        for point in (heel, toe):
            rise = derivative(butterworth(point[:, 2], segments.fps, cutoff), segments.fps)
            flat &= np.abs(np.nan_to_num(rise, nan=np.inf)) < _LEVEL_M_S
        middle = 0.5 * (heel + toe)
        for start, end in runs(flat):
            trim = int(_TRIM_SHARE * (end - start))
            start, end = start + trim, end - trim
            if end - start < _LEAST_FLAT_S * segments.fps:
                continue
            time_s = np.arange(end - start) / segments.fps
            slopes.append(np.polyfit(time_s, middle[start:end, :2], 1)[0])
            weights.append(float(end - start) ** 3)  # a slope's variance falls with the cube
    if not slopes:
        return np.zeros(3)
    columns = np.stack(slopes).T
    return np.array([*(_middle(column, np.array(weights)) for column in columns), 0.0])


def _middle(values: FloatArray, weights: FloatArray) -> float:
    """Return the weighted mean of what lies near the weighted median."""
    order = np.argsort(values)
    total = np.cumsum(weights[order])
    median = values[order][int(np.searchsorted(total, 0.5 * total[-1]))]
    off = np.abs(values - median)
    near = off <= max(3.0 * float(np.median(off)), 1e-6)
    return float(np.average(values[near], weights=weights[near]))


def walking_path(
    segments: Segments, direction_deg: float | None = None, belt_m_s: float | None = None
) -> WalkingPath:
    """Return a walk on a floor at rest, with its direction in every frame.

    Args:
        segments: of the walker.
        direction_deg: of the walk from world X, seen from above; None: along the way of the
            pelvis, which may bend.
        belt_m_s: speed of the treadmill; None: from the standing feet.

    Raises:
        InputError: the person goes nowhere, or walks against the direction that was given.
    """
    floor = floor_velocity(segments)
    on_belt = bool(np.linalg.norm(floor) > BELT_M_S)
    given = None if direction_deg is None else heading_vector(direction_deg)
    if belt_m_s is not None:
        ahead = given if given is not None else _against(floor, on_belt)
        floor, on_belt = -belt_m_s * ahead, belt_m_s > 0.0
    moved = _on_still_floor(segments, floor) if on_belt else segments
    direction = _directions(moved) if given is None else np.tile(given, (moved.frame_count, 1))
    if given is not None:
        _check_direction(moved, given)
    turning = _turns(direction, moved.fps) if given is None else _facing_away(moved, direction)
    speed = float(np.linalg.norm(floor)) if on_belt else 0.0
    return WalkingPath(moved, direction, turning, speed, on_belt and belt_m_s is None)


def heading_vector(degrees: float) -> FloatArray:
    """Return the horizontal unit vector (3,) of a heading from world X."""
    return np.array([np.cos(np.deg2rad(degrees)), np.sin(np.deg2rad(degrees)), 0.0])


def _against(floor: FloatArray, on_belt: bool) -> FloatArray:
    if not on_belt:
        raise InputError(
            "a belt speed was given, but no standing foot moves: give --direction-deg too, or "
            "leave --belt-m-s away on the floor."
        )
    return -floor / np.linalg.norm(floor)


def _on_still_floor(segments: Segments, floor: FloatArray) -> Segments:
    time_s = np.arange(segments.frame_count) / segments.fps
    return replace(segments, positions=segments.positions - np.outer(time_s, floor)[:, None])


def _directions(segments: Segments) -> FloatArray:
    """Return the direction (frame, 3) of the pelvis' way over about a stride.

    Raises:
        InputError: the person goes nowhere.
    """
    pelvis = segments.position("pelvis")[:, :2]
    seen = np.isfinite(pelvis).all(axis=-1)
    frames = np.arange(len(pelvis))
    filled = np.stack([np.interp(frames, frames[seen], pelvis[seen, k]) for k in range(2)], -1)
    reach = max(1, round(_HALF_CHORD_S * segments.fps))
    way = (
        filled[np.minimum(frames + reach, len(frames) - 1)] - filled[np.maximum(frames - reach, 0)]
    )
    length = np.linalg.norm(way, axis=-1)
    if not np.nansum(np.linalg.norm(np.diff(filled[:: max(1, reach)], axis=0), axis=-1)) > (
        LEAST_WAY_M
    ):
        raise InputError(
            f"the person moves less than {LEAST_WAY_M:g} m over the take, and no standing foot "
            "moves with a belt: there is no walk to measure. Give --direction-deg if there is one."
        )
    safe = way / np.maximum(length, 1e-9)[:, None]
    return np.concatenate([safe, np.zeros((len(safe), 1))], axis=-1)


def _turns(direction: FloatArray, fps: float) -> BoolArray:
    """Return where (frame,) the heading changes too fast for a stride to have one direction."""
    heading = np.unwrap(np.arctan2(direction[:, 1], direction[:, 0]))
    cutoff = possible_cutoff_hz(_HEADING_HZ, fps)
    smooth = butterworth(heading, fps, cutoff) if len(heading) > 12 else heading
    return np.asarray(np.abs(np.rad2deg(derivative(smooth, fps))) > TURN_DEG_S)


def _facing(segments: Segments) -> FloatArray:
    """Return where (frame, 3) the person looks: along the feet, or square to the hips."""
    along = np.zeros((segments.frame_count, 3))
    for side in SIDES:
        foot = segments.position(f"{side}_toe") - segments.position(f"{side}_heel")
        along = along + np.nan_to_num(foot)
    if not along.any():
        hips = segments.position("left_hip") - segments.position("right_hip")
        along = np.nan_to_num(np.cross(hips, [0.0, 0.0, 1.0]))
    return along


def _facing_away(segments: Segments, direction: FloatArray) -> BoolArray:
    return np.asarray(np.sum(_facing(segments) * direction, axis=-1) < 0.0)


def _check_direction(segments: Segments, direction: FloatArray) -> None:
    """Refuse a direction in which heel strikes would be toe-offs."""
    against = float(_facing_away(segments, direction[None]).mean())
    if against > AGAINST_SHARE:
        raise InputError(
            f"the toes point against the direction that was given in {100.0 * against:.0f} % of "
            "the frames: heel strikes would come after toe-offs. Add 180 to --direction-deg."
        )
