"""One row per stride: where it belongs, how long it is, and how both feet share it."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np

from mocap.core.shapes import FloatArray
from mocap.measure.events import Event, EventDraw
from mocap.measure.exercises.gait_path import WalkingPath, foot_point
from mocap.measure.segments.segments import SIDES

MERGED = 1.4
"""A stride this many times the median is two of which an event was missed, or a stop."""

# A heel rests on the floor in this part of the stride after its strike; it rises from 30 % on.
_HEEL_STANDS = (0.05, 0.22)

NAN = float("nan")
Row = dict[str, float | str]


def strides_of(
    path: WalkingPath, events: Mapping[str, Sequence[Event]], draw: EventDraw
) -> list[Row]:
    """Return one row per stride of each foot, left strides first.

    `kind` is "walk", "turn", or "odd" (longer than `MERGED` medians, or with a hidden foot);
    only walks are `used` for means.
    """
    fps = path.person.fps
    times = {name: [draw.frame(event, fps) for event in each] for name, each in events.items()}
    rows = [row for side in SIDES for row in _strides(path, times, side)]
    usual = float(np.median([float(row["stride_time"]) for row in rows])) if rows else NAN
    for row in rows:
        if row["kind"] == "walk" and float(row["stride_time"]) > MERGED * usual:
            row["kind"] = "odd"
        row["used"] = "yes" if row["kind"] == "walk" else "no"
    return rows


def _strides(path: WalkingPath, times: Mapping[str, Sequence[float]], side: str) -> list[Row]:
    """Return the strides of a foot."""
    other = "right" if side == "left" else "left"
    person = path.person
    progress = path.progress_m
    heel, far_heel = (foot_point(person, each, "heel") for each in (side, other))
    ankle, far = (person.position(f"{each}_ankle") for each in (side, other))
    rows: list[Row] = []
    for start, end in itertools.pairwise(times[f"{side}_heel_strike"]):
        frames = slice(int(start), int(np.ceil(end)) + 1)
        length = float(np.interp(end, np.arange(len(progress)), progress)
                       - np.interp(start, np.arange(len(progress)), progress))  # fmt: skip
        ahead = _at(path.direction, end)
        across = np.array([-ahead[1], ahead[0], 0.0])
        # The step that ends this stride: from the other heel's strike to this one's.
        before = [each for each in times[f"{other}_heel_strike"] if start < each < end]
        strike = before[-1] if before else NAN
        step = NAN
        if before:
            stood = _stands(heel, end, end - start) - _stands(far_heel, strike, end - start)
            step = float(stood @ ahead)
        hidden = np.isnan(heel[frames]).any() or np.isnan(ankle[frames]).any()
        turned = bool(path.turning[frames].any())
        rows.append(
            {
                "side": side,
                "kind": "turn" if turned else "odd" if hidden else "walk",
                "used": "",
                "start_time": start / person.fps,
                "stride_time": (end - start) / person.fps,
                "stride_length": length,
                "speed": length / ((end - start) / person.fps),
                "step_length": step,
                "step_time": (end - strike) / person.fps,
                "step_width": float(abs((_at(ankle, start) - _at(far, start)) @ across)),
                **_supports(times, side, other, (start, end)),
            }
        )
    return rows


def _stands(heel: FloatArray, strike: float, stride: float) -> FloatArray:
    """Return where (3,) a heel stands after its strike: the mean while it carries."""
    first, last = (round(strike + share * stride) for share in _HEEL_STANDS)
    held = heel[max(first, 0) : max(last, first + 1)]
    known = held[np.isfinite(held).all(axis=-1)]
    return np.asarray(known.mean(axis=0)) if len(known) else np.full(3, NAN)


def _supports(
    times: Mapping[str, Sequence[float]], side: str, other: str, span: tuple[float, float]
) -> dict[str, float]:
    """Return stance, double and single support in per cent of a stride; NaN without an event."""
    start, end = span

    def within(name: str) -> float:
        found = [each for each in times[name] if start < each < end]
        return found[0] if found else NAN

    off, far_off = within(f"{side}_toe_off"), within(f"{other}_toe_off")
    far_strike = within(f"{other}_heel_strike")
    share = 100.0 / (end - start)
    # Both carry from this strike to the other toe-off, and from the other strike to this toe-off.
    double = (far_off - start) + (off - far_strike)
    return {
        "stance": share * (off - start),
        "double_support": share * double,
        "single_support": share * (far_strike - far_off),
    }


def _at(path: FloatArray, frame: float) -> FloatArray:
    """Return a point (3,) of a path (frame, 3) between two frames."""
    before = int(np.clip(int(frame), 0, len(path) - 2))
    share = float(np.clip(frame - before, 0.0, 1.0))
    return np.asarray((1.0 - share) * path[before] + share * path[before + 1])
