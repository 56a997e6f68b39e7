"""How far a whole body has gone out of its rest pose, and the repetitions in that.

One joint's angle says little of an exercise that it does not carry: the first principal curve of
all joint centres does, whichever joints move. Repetitions are told from it with hysteresis, so
that unrest at the turn or in a pause is none.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter1d
from scipy.signal import find_peaks

from mocap.core.body.pose_frame import TRUNK_AND_LEGS, across_line, size_m, turn_onto_x
from mocap.core.shapes import FloatArray
from mocap.measure.segments.segments import SIDES, Segments

JOINTS = (
    "head",
    *(
        f"{side}_{name}"
        for name in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
        for side in SIDES
    ),
)

OUT, BACK = 0.5, 0.6
"""Of the usual way: what a repetition rises from the valley before it, and falls from its top."""

_AT_REST = 0.05  # of the way out: as good as at rest

_POSE_SMOOTH_S, _SMOOTH_S = 0.067, 0.1
_LAG_S = 0.5
_REST_S = 2.0 / 3.0  # at both ends of a take: a set begins and ends at rest
_PROMINENCE = 0.25
_LEAST_PERIOD_S = 0.4
_LEAST_WAY = 0.08
"""Way of all joints together in body sizes: less is standing about."""


def body_poses(person: Segments) -> FloatArray:
    """Return the joint centres (frame, joint, 3) seen from the pelvis, in body sizes.

    The pelvis faces one way over the take: turning about is no pose. Where a joint is not seen its
    column stays at its mean.
    """
    at = np.stack([person.position(name) for name in JOINTS], axis=1)
    pelvis = person.position("pelvis")
    hips, shoulders = (
        person.position(f"right_{name}") - person.position(f"left_{name}")
        for name in ("hip", "shoulder")
    )
    turn = turn_onto_x(np.nanmean(across_line(hips, shoulders), axis=0))
    size = size_m(person.position, TRUNK_AND_LEGS)
    local = (at - pelvis[:, None]) @ turn.T / size
    mean = np.nanmean(np.where(np.isfinite(local).any(axis=0), local, 0.0), axis=0)
    return np.where(np.isfinite(local), local, mean)


def pose_curve(person: Segments) -> FloatArray:
    """Return the first principal curve (frame,) of a body's poses, rest low.

    Principal among the changes over half a second; in body sizes, summed over joints. The pose at
    both ends of the take is rest.
    """
    poses = body_poses(person)
    smooth = gaussian_filter1d(
        poses.reshape(len(poses), -1), max(0.5, _POSE_SMOOTH_S * person.fps), axis=0
    )
    away = smooth - smooth.mean(axis=0)
    # The direction of what moves, not of where somebody stands from one repetition to the next.
    lag = min(max(1, round(_LAG_S * person.fps)), len(away) - 1)
    moved = away[lag:] - away[:-lag]
    first = np.linalg.svd(moved.T @ moved)[0][:, 0]
    curve = away @ first
    return curve if _rest_is_low(curve, person) else -curve


def _rest_is_low(curve: FloatArray, person: Segments) -> bool:
    """Whether the low end of a curve is rest: where the take begins and ends.

    A take that begins and ends in different poses tells by what costs effort: sinking hips and
    rising hands are no rest.
    """
    count = max(1, round(_REST_S * person.fps))
    low, high = np.percentile(curve, [2.0, 98.0])
    ends = [float(np.median(part)) < 0.5 * (low + high) for part in (curve[:count], curve[-count:])]
    if ends[0] == ends[1]:
        return ends[0]
    hands = np.fmax(person.position("left_wrist")[:, 2], person.position("right_wrist")[:, 2])
    hips = person.position("pelvis")[:, 2]
    effort = np.nan_to_num(hands - 2.0 * hips, nan=float(np.nanmean(hands - 2.0 * hips)))
    return float(np.sum((effort - effort.mean()) * curve)) >= 0.0


def excursions(curve: FloatArray, fps: float) -> list[tuple[int, int, int]]:
    """Return start, furthest frame and end of every way out of rest and back.

    The curve must rise by `OUT` of the usual way above its last valley, and then fall by `BACK` of
    it: hysteresis, so that unrest at the turn is no repetition, against the valley and not
    one level for the whole take, so that people may stand a little otherwise every time. The
    usual way is the median of the larger half of the peaks' prominences.
    """
    smooth = gaussian_filter1d(curve, _SMOOTH_S * fps)
    spread = float(np.subtract(*np.percentile(smooth, [98.0, 2.0])))
    if spread < _LEAST_WAY:
        return []
    # The ends of a take are valleys: a peak needs one on both sides.
    edged = np.concatenate([[smooth.min()], smooth, [smooth.min()]])
    peaks, found_peaks = find_peaks(
        edged, prominence=_PROMINENCE * spread, distance=max(1, round(_LEAST_PERIOD_S * fps))
    )
    if not len(peaks):
        return []
    ways = np.sort(found_peaks["prominences"])
    usual = float(np.median(ways[len(ways) // 2 :]))
    found: list[tuple[int, int, int]] = []
    valley, top, out = 0, 0, False
    for frame, value in enumerate(smooth):
        if not out:
            if value < smooth[valley]:
                valley = frame
            if value > smooth[valley] + OUT * usual:
                out, top = True, frame
        else:
            if value > smooth[top]:
                top = frame
            if value < smooth[top] - BACK * usual:
                found.append((valley, top, frame))
                out, valley = False, frame
    if out and smooth[-1] < smooth[top] - 0.5 * BACK * usual:
        found.append((valley, top, len(smooth) - 1))
    return [(_foot(smooth, b, -1, a), b, _foot(smooth, c, 1, len(smooth))) for a, b, c in found]


def _foot(curve: FloatArray, frame: int, step: int, last: int) -> int:
    """Walk down a curve from a frame to where it has come to rest: no lower within half a way.

    Backwards no further than the valley `last`.
    """
    if step < 0:
        low = float(curve[last : frame + 1].min())
        near = low + _AT_REST * float(curve[frame] - low)
        above = np.flatnonzero(curve[last : frame + 1] <= near)
        return last + int(above[-1])
    while frame + 1 < len(curve) and curve[frame + 1] < curve[frame]:
        frame += 1
    return frame
