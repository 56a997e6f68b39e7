"""Scripted walks seen as noisy keypoints: floor, treadmill, there and back, circles, a limp."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from figures import Figure

from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.events import Event
from mocap.measure.exercises.gait import measure_gait
from mocap.measure.exercises.gait_events import foot_velocity_events, gait_events
from mocap.measure.exercises.gait_path import walking_path
from mocap.measure.segments.points import segments_from_points
from mocap.synthetic.motion.gait import TOE_OFF, walk_events
from mocap.synthetic.motion.motion import body_keypoints, walk
from mocap.synthetic.motion.random_motion import measured_points

FPS = 60.0
SECONDS = 9.0
NOISE_M = 0.008
SPEEDS_M_S = (0.6, 0.8, 1.0, 1.2, 1.5, 1.8)
KINDS = ("overground", "treadmill", "there and back", "circle")
LIMP = 0.10
_CIRCLE_M, _TURN_M = 2.5, 0.7

# Zeni et al. 2008: 98 % of events of healthy walks lie within two frames at 60 Hz.
TWO_FRAMES_MS = 34.0
# A contact this near to an end of the clip has no peak in it.
_END_S = 0.25


@dataclass(frozen=True)
class Walk:
    """A scripted walk."""

    kind: str
    speed_m_s: float
    seed: int
    limp: float = 0.0

    def points(self) -> Points3D:
        """Return the keypoints, each off by 8 mm in every frame."""
        radius = {"circle": _CIRCLE_M, "there and back": _TURN_M}.get(self.kind)
        leg = 0.4 * self.speed_m_s * SECONDS if self.kind == "there and back" else None
        motion = walk(
            SECONDS, FPS, seed=self.seed, speed_m_s=self.speed_m_s, limp=self.limp,
            radius_m=radius, turn_after_m=leg,
        )  # fmt: skip
        xyz = body_keypoints(motion)
        if self.kind == "treadmill":
            time_s = np.arange(len(xyz)) / FPS
            xyz = xyz - (self.speed_m_s * time_s)[:, None, None] * np.array([1.0, 0.0, 0.0])
        names = COCO_17_FEET.keypoint_names
        return measured_points(xyz, names, FPS, sigma_m=NOISE_M, seed=self.seed)

    def measured(self) -> dict[str, float]:
        """Return the metrics by name."""
        found = measure_gait(segments_from_points(self.points()))
        return {metric.name: metric.value for metric in found.metrics}

    def step_length_m(self) -> float:
        """Return the scripted mean step length."""
        strikes = walk_events(SECONDS, seed=self.seed, speed_m_s=self.speed_m_s)["left_heel_strike"]
        return 0.5 * self.speed_m_s * float(np.mean(np.diff(strikes)))


def late_ms(
    found: Mapping[str, Sequence[Event]], true_s: Mapping[str, FloatArray], event: str
) -> list[float]:
    """Return by how much each scripted event of both feet was found late."""
    out = []
    for side in ("left", "right"):
        times = np.array([each.time_s(FPS) for each in found[f"{side}_{event}"]])
        for time in true_s[f"{side}_{event}"]:
            if _END_S < time < SECONDS - _END_S:
                out.append(1000.0 * float(times[np.argmin(np.abs(times - time))] - time))
    return out


def _event_figures() -> list[Figure]:
    """Return how late both rules are on straight walks."""
    late: dict[tuple[str, str], list[float]] = {}
    for k, speed_m_s in enumerate(SPEEDS_M_S):
        each = Walk("overground", speed_m_s, 301 + k)
        person = segments_from_points(each.points())
        true_s = walk_events(SECONDS, seed=each.seed, speed_m_s=speed_m_s)
        rules = {
            "Zeni": gait_events(walking_path(person)),
            "O'Connor": foot_velocity_events(person),
        }
        for rule, found in rules.items():
            for event in ("heel_strike", "toe_off"):
                late.setdefault((rule, event), []).extend(late_ms(found, true_s, event))
    figures = []
    for (rule, event), values in late.items():
        label = f"{event.replace('_', ' ')}, {rule}"
        line = TWO_FRAMES_MS if rule == "Zeni" else None
        figures.append(Figure(f"{label}, mean late", float(np.mean(values)), "ms"))
        share = float(np.percentile(np.abs(values), 95.0))
        figures.append(Figure(f"{label}, 95 % within", share, "ms", line))
    return figures


def _swapped_refused() -> float:
    """Return the share of walks with the opposite direction that are refused, per cent."""
    refused = 0
    for k, speed_m_s in enumerate(SPEEDS_M_S):
        for kind in ("overground", "treadmill"):
            try:
                measure_gait(
                    segments_from_points(Walk(kind, speed_m_s, 501 + k).points()),
                    direction_deg=180.0,
                )
            except InputError:
                refused += 1
    return 100.0 * refused / (2 * len(SPEEDS_M_S))


def _hidden_foot() -> list[Figure]:
    """Return what a foot that is hidden for half a second does to the strides."""
    each = Walk("overground", 1.2, 601)
    points = each.points()
    xyz = points.xyz.copy()
    foot = [k for k, name in enumerate(points.keypoint_names)
            if name.startswith("left_") and name.split("_", 1)[1] in
            ("ankle", "heel", "big_toe", "small_toe")]  # fmt: skip
    start = round(4.0 * FPS)
    xyz[start : start + round(0.5 * FPS), :, foot] = np.nan
    found = measure_gait(segments_from_points(replace(points, xyz=xyz)))
    values = {metric.name: metric.value for metric in found.metrics}
    error = abs(values["stride_time"] / (2.0 * each.step_length_m() / 1.2) - 1.0)
    return [
        Figure("foot hidden for 0.5 s: strides left out", values["odd_strides"], "", 1.0, ">="),
        Figure("foot hidden for 0.5 s: stride time", 100.0 * error, "%", 2.0),
    ]


def gait_figures() -> list[Figure]:
    """Return how far events, speeds, steps, stance and symmetry are off."""
    figures = _event_figures()
    for n, kind in enumerate(KINDS):
        speed, step, stance, double = [], [], [], []
        for k, speed_m_s in enumerate(SPEEDS_M_S):
            each = Walk(kind, speed_m_s, 400 + 10 * n + k)
            found = each.measured()
            speed.append(100.0 * abs(found["speed"] / speed_m_s - 1.0))
            step.append(1000.0 * abs(found["step_length"] - each.step_length_m()))
            stance.append(abs(found["stance"] - 100.0 * TOE_OFF))
            double.append(abs(found["double_support"] - 100.0 * (2.0 * TOE_OFF - 1.0)))
        figures += [
            Figure(f"{kind}: speed, worst", max(speed), "%", 2.0),
            Figure(f"{kind}: step length, worst", max(step), "mm", 10.0),
            Figure(f"{kind}: stance, worst", max(stance), "% stride", 3.0),
            Figure(f"{kind}: double support, worst", max(double), "% stride", 6.0),
        ]
    figures.append(Figure("opposite directions refused", _swapped_refused(), "%", 100.0, ">="))
    figures += _hidden_foot()
    for name in ("step_length", "step_time"):
        errors = [
            abs(Walk("overground", v, 701 + k, LIMP).measured()[f"{name}_asymmetry"] - 100.0 * LIMP)
            for k, v in enumerate(SPEEDS_M_S)
        ]
        label = f"limp of 10 %: {name.replace('_', ' ')} asymmetry, worst"
        figures.append(Figure(label, max(errors), "%", 2.0))
    return figures
