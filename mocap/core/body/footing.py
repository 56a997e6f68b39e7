"""When feet stand, and what keeps them where they stand: the same for every skeleton.

A contact begins below low thresholds and ends above high ones, so that noise between them does not
switch it on and off; a part that comes down or rolls off does not carry yet, or any more. While a
part of a foot stands it is held at its median place, between its own height and the floor's, a flat
foot as it is turned in the mean; a foot that rolls over one part turns about its ankle. The hold
fades in and out, so that nothing jumps.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mocap.core.body.legs import LegPair
from mocap.core.rotation import matrix_from_rotvec, rotation_between, rotvec_from_matrix
from mocap.core.runs import runs
from mocap.core.shapes import Array, BoolArray, FloatArray, IntArray, check_shapes

SIDES = ("left", "right")
PARTS = ("heel", "ball")

# Height above where the part is when the foot stands flat. Fitted feet are right to 1-2 cm.
BEGIN_HEIGHT_M, END_HEIGHT_M = 0.035, 0.06
# A stance foot of a fit slides at up to 0.2 m/s; a swinging one moves at 1 to 4 m/s.
BEGIN_SPEED_M_S, END_SPEED_M_S = 0.30, 0.60
# Speed is taken over about this time: below it noise is faster than feet.
SPEED_SIGMA_S = 0.025
# A part carries only while it is no farther above where it mostly is, and does not rise or sink
# faster: a heel that rolls off does both at once, while a fitted foot that stands sways by less.
ROLLED_OFF_M, ROLLING_M_S = 0.010, 0.10
# A shorter stance is a graze.
LEAST_CONTACT_S = 0.06
# The floor is first taken to be where the lowest of the feet's contact points is in its lowest
# moments. Noise makes that too low by a centimetre: then it is where the parts that stand are.
_FLOOR_PERCENTILE = 3.0

# How high a part stands is told by the floor of the whole take and by the stance itself. The one
# takes the floor for flat and the sole for that of the model, the other is of a fitted foot: each
# is right to some 5 mm, so that they count alike. Nobody sees a foot that far above the floor; more
# is not left.
OWN_SHARE, MOST_ABOVE_M = 0.5, 0.005

# A hold fades in and out over this time at both ends of a stance: shorter is seen as a jerk.
FADE_S = 0.10
# Lifts of soles and bends of toes are spread over about this time: some millimetres jerk nothing,
# and spread farther they would lift a foot before it lands and bend its knee.
LIFT_SPREAD_S = 0.02


@dataclass(frozen=True, eq=False)
class FootContacts:
    """Which part of which foot stands when; sides are left, right, parts are heel, ball.

    Attributes:
        standing: (frame, side, part).
        confidence: (frame, side, part) in [0, 1]; 1 for a part at rest on the floor.
        positions: (frame, side, part, 3) of the parts, metres.
        clearance_m: (side, part) height of the part above the floor when the foot stands flat.
        floor_m: height of the floor in the world.
    """

    standing: BoolArray
    confidence: FloatArray
    positions: FloatArray
    clearance_m: FloatArray
    floor_m: float

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(
            self,
            standing="frame 2 2",
            confidence="frame 2 2",
            positions="frame 2 2 3",
            clearance_m="2 2",
        )


def contacts_of(
    positions: FloatArray,
    clearance_m: FloatArray,
    fps: float,
    *,
    floor_m: float | None = None,
    least_confidence: float = 0.0,
) -> FootContacts:
    """Return when heels and balls of the feet stand.

    Args:
        positions: (frame, side, part, 3) of heels and balls, metres, Z up.
        clearance_m: (side, part) their height above the floor when the foot stands flat.
        fps: frames per second.
        floor_m: height of the floor; estimated from the feet when not given.
        least_confidence: stances that never reach it are dropped.
    """
    height = positions[..., 2] - clearance_m
    velocity = _velocity(positions, fps)
    speed, rising = np.linalg.norm(velocity, axis=-1), velocity[..., 2]
    least_frames = max(2, round(LEAST_CONTACT_S * fps))
    if floor_m is None:
        floor_m = float(np.percentile(height.min(axis=(1, 2)), _FLOOR_PERCENTILE))
        standing, _ = _standing(height - floor_m, speed, rising, least_confidence, least_frames)
        # A foot that rolls is known less well than one that stands flat.
        flat = standing & standing.all(axis=-1, keepdims=True)
        if standing.any():
            floor_m = float(np.median(height[flat if flat.any() else standing]))
    height = height - floor_m
    standing, confidence = _standing(height, speed, rising, least_confidence, least_frames)
    return FootContacts(standing, confidence, positions, clearance_m, floor_m)


def _standing(
    height: FloatArray,
    speed: FloatArray,
    rising: FloatArray,
    least_confidence: float,
    least_frames: int,
) -> tuple[BoolArray, FloatArray]:
    """Return which parts stand (frame, side, part), by height above the floor, and how surely."""
    confidence = np.exp(
        -np.log(2.0)
        * ((np.maximum(height, 0.0) / END_HEIGHT_M) ** 2 + (speed / END_SPEED_M_S) ** 2)
    )
    standing = np.zeros(height.shape, dtype=bool)
    for side, part in np.ndindex(height.shape[1:]):
        standing[:, side, part] = _hysteresis(
            height[:, side, part],
            speed[:, side, part],
            np.abs(rising[:, side, part]) < ROLLING_M_S,
            confidence[:, side, part],
            least_confidence,
            least_frames,
        )
    return standing, confidence


def slide_mm(positions: FloatArray, standing: BoolArray) -> float:
    """Return how far a point (frame, 3) slides while it stands (frame,): NaN when it never does.

    For each stance the largest horizontal distance from its mean place; their median.
    """
    found = []
    for first, end in runs(standing):
        place = positions[first:end, :2]
        found.append(float(np.linalg.norm(place - place.mean(axis=0), axis=-1).max()))
    return 1000.0 * float(np.median(found)) if found else float("nan")


def _velocity(positions: FloatArray, fps: float) -> FloatArray:
    """Return the velocity (frame, ..., 3) of positions in m/s."""
    if len(positions) < 2:
        return np.zeros(positions.shape)
    smooth = gaussian_filter1d(positions, SPEED_SIGMA_S * fps, axis=0, mode="nearest")
    return np.asarray(np.gradient(smooth, axis=0) * fps)


def _hysteresis(
    height: FloatArray,
    speed: FloatArray,
    level: BoolArray,
    confidence: FloatArray,
    least_confidence: float,
    least_frames: int,
) -> BoolArray:
    """Return the stances (frame,): from below the low thresholds until below them the last time.

    Between, a stance goes on while it is below the high ones.
    """
    possible = (height < END_HEIGHT_M) & (speed < END_SPEED_M_S)
    certain = (height < BEGIN_HEIGHT_M) & (speed < BEGIN_SPEED_M_S)
    standing = np.zeros(len(height), dtype=bool)
    for first, end in runs(possible):
        begun = np.flatnonzero(certain[first:end])
        sure = confidence[first:end].max() >= least_confidence
        if not (len(begun) and sure):
            continue
        low, high = _supporting(height, level, first + begun[0], first + begun[-1] + 1)
        standing[low:high] = high - low >= least_frames
    return standing


def _supporting(height: FloatArray, level: BoolArray, first: int, end: int) -> tuple[int, int]:
    """Return the part of a stance in which a part of a foot carries: from when it has come down
    until it rolls off; all of one that is never level."""
    low = height[first:end] < np.median(height[first:end]) + ROLLED_OFF_M
    inside = np.flatnonzero(low & level[first:end])
    if not len(inside):
        return first, end
    return first + int(inside[0]), first + int(inside[-1]) + 1


def hold_foot(
    legs: LegPair,
    contacts: FootContacts,
    index: int,
    *,
    horizontal: bool = True,
    exact: bool = False,
) -> None:
    """Ask one foot's ankle and sole to stay where they stand.

    Args:
        legs: `ankle_change` and `foot_turn` of the side are filled in.
        contacts: of these legs.
        index: side, 0 left, 1 right.
        horizontal: False holds feet in height only.
        exact: the motion has no noise (a rig): heel and ball get their places from the frames in
            which the foot is flat, so that they are as far apart as the foot is long, and while
            one of them stands alone the other has no say. With noise the mean over the whole
            stance is nearer to the truth (by a tenth on a walk with 1 cm of sway).
    """
    standing = contacts.standing[:, index]
    flat = np.asarray(standing.all(axis=-1))
    weight = [faded(standing[:, part], legs.fps) for part in range(2)]
    places, ankle = contacts.positions[:, index], legs.ankle[:, index]
    heights = contacts.floor_m + contacts.clearance_m[index]
    moves = [
        _to_place(
            places[:, part],
            standing[:, part],
            flat & exact,
            heights[part],
            horizontal,
            0.0 if exact else OWN_SHARE,
        )
        for part in range(2)
    ]
    foot = places[:, 1] - places[:, 0]
    turn = np.tile(np.eye(3), (len(foot), 1, 1))
    if horizontal:
        turn = _to_mean_turn(legs.ankle_turn[:, index], flat)
    turned = np.einsum("fab,fb->fa", turn, foot)
    turn = rotation_between(turned, foot + moves[1] - moves[0]) @ turn
    both = weight[0] * weight[1]
    turn = matrix_from_rotvec(both[:, None] * rotvec_from_matrix(turn[_nearest_standing(flat)]))
    if not exact:
        # A foot with its toes up stands on the round of the heel, lower than when it is flat: how
        # high that is `ground` tells.
        moves[0][:, 2] *= faded(flat, legs.fps)
        turn = _rolled(turn, weight, places, moves, ankle)
    change = np.zeros_like(ankle)
    if exact:
        alone = standing[:, 0] != standing[:, 1]
        weight = [np.where(alone & ~standing[:, part], 0.0, weight[part]) for part in range(2)]
    for part in range(2):
        off = places[:, part] - ankle
        # The part goes to its place, less what the turn about the ankle does already.
        move = moves[part] + off - np.einsum("fab,fb->fa", turn, off)
        change += weight[part][:, None] * move
    legs.foot_turn[:, index] = turn
    legs.ankle_change[:, index] = change / np.maximum(weight[0] + weight[1], 1.0)[:, None]


def _rolled(
    turn: FloatArray,
    weight: list[FloatArray],
    places: FloatArray,
    moves: list[FloatArray],
    ankle: FloatArray,
) -> FloatArray:
    """Return turns (frame, 3, 3) that also bring a part that stands alone to its place.

    How a rolling foot is pitched is known less well than where its ankle is: the foot turns about
    the ankle as far as that helps, and the ankle gives way for the rest only.
    """
    for part in range(2):
        alone = weight[part] * (1.0 - weight[1 - part])
        off = np.einsum("fab,fb->fa", turn, places[:, part] - ankle)
        to_place = rotation_between(off, places[:, part] + moves[part] - ankle)
        turn = matrix_from_rotvec(alone[:, None] * rotvec_from_matrix(to_place)) @ turn
    return turn


def faded(standing: BoolArray, fps: float) -> FloatArray:
    """Return weights (frame,): 1 while standing, fading to 0 outside within `FADE_S`."""
    reach = max(1, round(FADE_S * fps))
    weight = np.zeros(len(standing))
    ramp = 0.5 + 0.5 * np.cos(np.pi * np.arange(1, reach + 1) / (reach + 1))
    for first, end in runs(standing):
        weight[first:end] = 1.0
        before, after = min(reach, first), min(reach, len(standing) - end)
        weight[first - before : first] = np.maximum(
            weight[first - before : first], ramp[:before][::-1]
        )
        weight[end : end + after] = np.maximum(weight[end : end + after], ramp[:after])
    return weight


def _to_place(
    positions: FloatArray,
    standing: BoolArray,
    flat: BoolArray,
    height_m: float,
    horizontal: bool,
    own_share: float,
) -> FloatArray:
    """Return what moves a part to its place (frame, 3).

    Between stances it is that of the nearest moment of one: the foot is on its way then.
    """
    move = np.zeros_like(positions)
    for first, end in runs(standing):
        stance = positions[first:end]
        own_m = own_share * (float(np.median(stance[:, 2])) - height_m)
        height = height_m + float(np.clip(own_m, -MOST_ABOVE_M, MOST_ABOVE_M))
        move[first:end, 2] = height - stance[:, 2]
        if horizontal:
            whole = flat[first:end]
            chosen = whole if whole.any() else slice(None)
            place = np.median(stance[chosen, :2], axis=0)
            move[first:end, :2] = place - stance[:, :2]
    return move[_nearest_standing(standing)]


def _to_mean_turn(turns: FloatArray, flat: BoolArray) -> FloatArray:
    """Return what turns a foot (frame, 3, 3) as it is in the mean of its flat stance."""
    change = np.tile(np.eye(3), (len(turns), 1, 1))
    for first, end in runs(flat):
        left, _, right = np.linalg.svd(turns[first:end].mean(axis=0))
        change[first:end] = left @ right @ np.swapaxes(turns[first:end], -1, -2)
    return change


def _nearest_standing(standing: BoolArray) -> IntArray:
    """Return the nearest frame (frame,) in which something stands; its own where it never does."""
    frames = np.arange(len(standing))
    found = np.flatnonzero(standing)
    if not len(found):
        return frames
    after = np.searchsorted(found, frames).clip(0, len(found) - 1)
    before = (after - 1).clip(0)
    nearer = np.abs(found[before] - frames) <= np.abs(found[after] - frames)
    return np.asarray(np.where(nearer, found[before], found[after]))


def at_least(values: Array, fps: float) -> FloatArray:
    """Return values (frame, ...) smoothed over about `LIFT_SPREAD_S` and nowhere less."""
    # What has to be done in a frame is not done in its neighbours too: a landing foot would be
    # lifted before it is down, and its knee bent for nothing.
    sigma = LIFT_SPREAD_S * fps
    smooth = gaussian_filter1d(values, sigma, axis=0, mode="nearest", truncate=2.0)
    return np.asarray(np.maximum(values, smooth))
