"""Scripted walks seen as noisy keypoints: events of both rules against the scripted contacts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from figures import Figure

from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.events import Event
from mocap.measure.exercises.gait import measure_gait
from mocap.measure.exercises.gait_events import foot_velocity_events, gait_events, walking_direction
from mocap.measure.segments.points import segments_from_points
from mocap.synthetic.motion.gait import TOE_OFF, walk_events
from mocap.synthetic.motion.motion import body_keypoints, walk
from mocap.synthetic.motion.random_motion import measured_points

FPS = 60.0
SECONDS = 7.0
NOISE_M = 0.008
WALKS = ((301, 0.8), (302, 1.0), (303, 1.2), (304, 1.5))
"""Seeds and speeds in m/s."""

# Zeni et al. 2008: 98 % of events of healthy walks lie within two frames at 60 Hz.
TWO_FRAMES_MS = 34.0
# A contact this near to an end of the clip has no peak in it.
_END_S = 0.2


def walk_points(seed: int, speed_m_s: float) -> Points3D:
    """Return the keypoints of a walk, each off by 8 mm in every frame."""
    xyz = body_keypoints(walk(SECONDS, FPS, seed=seed, speed_m_s=speed_m_s))
    names = COCO_17_FEET.keypoint_names
    return measured_points(xyz, names, FPS, sigma_m=NOISE_M, seed=seed)


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


def gait_figures() -> list[Figure]:
    """Return how late both rules are, and how far stance and speed are off."""
    late: dict[tuple[str, str], list[float]] = {}
    stance, speed = [], []
    for seed, speed_m_s in WALKS:
        points = walk_points(seed, speed_m_s)
        person = segments_from_points(points)
        true_s = walk_events(SECONDS, seed=seed, speed_m_s=speed_m_s)
        rules = {
            "Zeni": gait_events(person, walking_direction(person)),
            "O'Connor": foot_velocity_events(person),
        }
        for rule, found in rules.items():
            for event in ("heel_strike", "toe_off"):
                late.setdefault((rule, event), []).extend(late_ms(found, true_s, event))
        metrics = {m.name: m.value for m in measure_gait(person).metrics}
        stance.append(abs(metrics["stance"] - 100.0 * TOE_OFF))
        speed.append(abs(metrics["speed"] / speed_m_s - 1.0) * 100.0)
    figures = []
    for (rule, event), each in late.items():
        label = f"{event.replace('_', ' ')}, {rule}"
        line = TWO_FRAMES_MS if rule == "Zeni" else None
        figures.append(Figure(f"{label}, mean late", float(np.mean(each)), "ms"))
        share = float(np.percentile(np.abs(each), 95.0))
        figures.append(Figure(f"{label}, 95 % within", share, "ms", line))
    figures.append(Figure("stance, worst walk", max(stance), "% stride", 5.0))
    figures.append(Figure("speed, worst walk", max(speed), "%", 2.0))
    return figures
