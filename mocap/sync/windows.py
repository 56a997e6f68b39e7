"""Clocks of cameras that were started further apart than is looked for, where something says when.

A scan looks 30 s to either side of the recorded times. Sound, timecodes and the times at which
files were made tell where to look instead: to a frame, to a second, or not at all, when a clock
was never set. So they are tried only while a camera is not found, and only motion decides.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.clocks import Clocks, Verdict
from mocap.core.detections import Detections2D
from mocap.core.files.replay import Remember, anew
from mocap.core.shapes import Array, FloatArray
from mocap.sync.people import CameraPoses, PeopleSync, Told, sync_people

# Starts this near to the recorded ones lead to the same answer.
LEAST_SHIFT_S = 1.0
# Farther apart is no take: a clock that was never set.
LONGEST_SHIFT_S = 6.0 * 3600.0


@dataclass(frozen=True)
class Window:
    """Where to look.

    Attributes:
        method: what says so: "sound", "timecode", "creation time".
        start_s: by camera, when it started on a clock that all of them share.
    """

    method: str
    start_s: Mapping[str, float]


def sync_people_within(
    detections: Detections2D,
    calibration: Calibration,
    windows: Sequence[Window],
    *,
    image_maps: Mapping[str, Array] | None = None,
    reference: str | None = None,
    poses: CameraPoses | None = None,
    told: Told | None = None,
    remember: Remember = anew,
) -> PeopleSync:
    """Find the clocks as `sync_people`, then, while a camera is not sure, within windows in turn.

    A window is used when fewer cameras are refused in it than before, or as few and fewer unsure:
    a camera that was started out of reach may agree with the others by chance.
    """

    def found(seen: Detections2D) -> PeopleSync:
        return sync_people(
            seen, calibration, image_maps=image_maps, reference=reference, poses=poses, told=told,
            remember=remember,
        )  # fmt: skip

    best = first = found(detections)
    for window in windows:
        if _doubt(best) == (0, 0):
            break
        shift = _shift_s(window, detections.camera_names, first.clocks.reference)
        if not LEAST_SHIFT_S < np.abs(shift).max() < LONGEST_SHIFT_S:
            continue
        tried = found(replace(detections, times_s=detections.times_s + shift[:, None]))
        if _doubt(tried) < _doubt(best):
            best = _moved_back(tried, shift, window.method, first.recorded_agreement)
    return best


def _doubt(result: PeopleSync) -> tuple[int, int]:
    """Return how many cameras are refused, and how many are unsure."""
    said = [each.verdict for each in result.clocks.cameras]
    return said.count(Verdict.REFUSED), said.count(Verdict.UNSURE)


def _shift_s(window: Window, names: Sequence[str], reference: str) -> FloatArray:
    """Return how much later each camera (camera,) started than the reference; 0 where unsaid."""
    zero = window.start_s.get(reference)
    if zero is None:
        return np.zeros(len(names))
    return np.array([window.start_s.get(name, zero) - zero for name in names])


def _moved_back(
    result: PeopleSync, shift_s: FloatArray, method: str, recorded_agreement: FloatArray
) -> PeopleSync:
    """Return what was found with shifted times on the cameras' own clocks."""
    zero = shift_s[result.clocks.names.index(result.clocks.reference)]
    cameras = []
    for clock, shift in zip(result.clocks.cameras, shift_s, strict=True):
        moved = replace(clock, middle_s=clock.middle_s - shift)
        if clock.verdict not in (Verdict.REFUSED, Verdict.REFERENCE):
            offset = clock.offset_s + float(shift - zero)
            said = {**clock.said, "motion": offset, method: float(shift - zero)}
            moved = replace(moved, offset_s=offset, said=said)
        cameras.append(moved)
    step = float(result.lags_s[1] - result.lags_s[0])
    low, high = (shift_s - zero).min() // step, (shift_s - zero).max() // step
    reach = len(result.lags_s) // 2
    lags = np.arange(low - reach, high + reach + 1) * step
    curves = [
        np.interp(lags, result.lags_s + shift - zero, curve, left=0.0, right=0.0)
        for shift, curve in zip(shift_s, result.curves, strict=True)
    ]
    clocks = Clocks(
        result.clocks.reference, tuple(cameras), loop_residuals_s=result.clocks.loop_residuals_s
    )
    return replace(
        result,
        clocks=clocks,
        curves=np.stack(curves),
        lags_s=lags,
        recorded_agreement=recorded_agreement,
    )
