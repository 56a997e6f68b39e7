"""The table of pitching metrics: what each is, when it is read, and how far it can be trusted.

Names are the column names of the OpenBiomechanics Project's points of interest, so that scripts
written for them run; the definitions here are our own implementation of the documented ones.
`fp` is foot plant, `mer` maximal external rotation, `br` ball release, `pkh` peak knee height.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import FloatArray
from mocap.measure.events import Event
from mocap.measure.pitching.curves import CHEST_CURVES, ThrowCurves
from mocap.measure.segments.segments import Segments

NAN = float("nan")

# Events nearer to a frame than this are read at it.
_ON_A_FRAME = 1e-6

EVENT_NAMES = {
    "pkh": "peak_knee_height",
    "fc": "foot_contact",
    "fp": "foot_plant",
    "mer": "max_external_rotation",
    "br": "ball_release",
    "mir": "max_internal_rotation",
}
"""Of events by the short names in columns."""

_WORDS = {
    "pkh": "peak knee height",
    "fc": "foot contact",
    "fp": "foot plant",
    "mer": "maximal external rotation",
    "br": "ball release",
    "mir": "maximal internal rotation",
}


@dataclass(frozen=True, eq=False)
class Throw:
    """One throw as the metrics see it.

    Attributes:
        thrower: canonical segments of the whole take.
        curves: of the whole take.
        events: of this throw.
        height_m: of the athlete; NaN when unknown.
    """

    thrower: Segments
    curves: ThrowCurves
    events: Mapping[str, Event]
    height_m: float

    def frame(self, short: str) -> float | None:
        """Return the frame of an event by its short name, with fractions; None without it."""
        event = self.events.get(EVENT_NAMES[short])
        if event is None:
            return None
        return float(np.clip(event.frame, 0, self.thrower.frame_count - 1))

    def window(self, start: str, end: str) -> tuple[int, int] | None:
        """Return the frames from one event to another (inclusive), None without both."""
        first, last = self.frame(start), self.frame(end)
        if first is None or last is None or last < first:
            return None
        return round(first), round(last) + 1


def at_frame(values: FloatArray, frame: float) -> FloatArray:
    """Return values (frame, ...) between two frames; NaN next to a gap."""
    before = int(frame)
    share = frame - before
    if share < _ON_A_FRAME or before + 1 >= len(values):
        return np.asarray(values[before])
    return np.asarray((1.0 - share) * values[before] + share * values[before + 1])


Rule = Callable[[Throw], float]


@dataclass(frozen=True)
class Definition:
    """A metric of the table.

    Attributes:
        name, label, unit: as in `Metric`.
        rule: how it is read.
        text: the definition in words.
        systematic: largest bias found against laboratory references, same unit.
        useful_sd: spread between throws of one pitcher; a metric less certain than that says
            nothing about a single throw.
        curve, window: which curve's largest value between which events it is, if it is one.
        events: short names of those it is read at or between.
        chest: needs the chest wall; keypoints alone do not give it.
        target: depends on where the target is.
        velocity: needs a fast camera.
        mass: needs the athlete's body mass.
    """

    name: str
    label: str
    unit: str
    rule: Rule
    text: str
    systematic: float = NAN
    useful_sd: float = NAN
    curve: str = ""
    window: tuple[str, str] | None = None
    events: tuple[str, ...] = ()
    chest: bool = False
    target: bool = False
    velocity: bool = False
    mass: bool = False


def _at(curve: str, event: str) -> Rule:
    def rule(throw: Throw) -> float:
        frame = throw.frame(event)
        return NAN if frame is None else float(at_frame(throw.curves[curve], frame))

    return rule


def _largest(curve: str, start: str, end: str) -> Rule:
    def rule(throw: Throw) -> float:
        if unseen_peak(throw, curve, (start, end)):
            return NAN
        window = throw.window(start, end)
        values = throw.curves[curve][slice(*window)] if window else np.zeros(0)
        return float(np.nanmax(values)) if np.isfinite(values).any() else NAN

    return rule


def unseen_peak(throw: Throw, curve: str, window: tuple[str, str]) -> bool:
    """Whether a curve may be largest, between two events, where it was not measured.

    So it may when its largest value lies next to a gap, and when a gap lies between values.
    """
    span = throw.window(*window)
    if span is None:
        return False
    whole = throw.curves[curve]
    known = np.isfinite(whole[slice(*span)])
    if known.all() or not known.any():
        return False
    seen = np.flatnonzero(known)
    peak = span[0] + int(np.nanargmax(whole[slice(*span)]))
    around = whole[max(peak - 1, 0) : peak + 2]
    return bool(np.isnan(around).any() or not known[seen[0] : seen[-1] + 1].all())


def peak_frame(throw: Throw, curve: str, start: str, end: str) -> int | None:
    """Return the frame of a curve's largest value between two events."""
    window = throw.window(start, end)
    if window is None:
        return None
    values: FloatArray = throw.curves[curve][slice(*window)]
    return window[0] + int(np.nanargmax(values)) if np.isfinite(values).any() else None


def _knee_extension(throw: Throw) -> float:
    return _at("lead_knee_flexion", "fp")(throw) - _at("lead_knee_flexion", "br")(throw)


def _stride(throw: Throw) -> FloatArray:
    """Return the way (3,) from the rear ankle at peak knee height to the lead ankle at plant."""
    start, end = throw.frame("pkh"), throw.frame("fp")
    if start is None or end is None:
        return np.full(3, np.nan)
    lead, rear = (throw.thrower.position(f"{side}_ankle") for side in ("left", "right"))
    return at_frame(lead, end) - at_frame(rear, start)


def _stride_m(throw: Throw) -> float:
    return float(np.linalg.norm(_stride(throw)))


def _stride_share(throw: Throw) -> float:
    return 100.0 * _stride_m(throw) / throw.height_m


def _stride_angle(throw: Throw) -> float:
    x, y, _ = _stride(throw)
    return float(np.rad2deg(np.arctan2(-y, x)))


def _torso_after_pelvis(throw: Throw) -> float:
    torso = peak_frame(throw, "torso_rotation_velocity", "pkh", "mir")
    pelvis = peak_frame(throw, "pelvis_rotation_velocity", "pkh", "mir")
    if torso is None or pelvis is None:
        return NAN
    return 1000.0 * (torso - pelvis) / throw.thrower.fps


def _moment(
    name: str, label: str, curve: str, event: str, systematic: float, useful_sd: float,
    *, target: bool = False,
) -> Definition:  # fmt: skip
    return Definition(
        name, f"{label} at {_WORDS[event]}", "deg", _at(curve, event),
        f"{curve.replace('_', ' ')} at {_WORDS[event]}", systematic, useful_sd, events=(event,),
        chest=curve in CHEST_CURVES, target=target,
    )  # fmt: skip


def _maximum(
    name: str, label: str, unit: str, curve: str, window: tuple[str, str], systematic: float,
    useful_sd: float, *, velocity: bool = False, target: bool = False, mass: bool = False,
) -> Definition:  # fmt: skip
    start, end = window
    return Definition(
        name, label, unit, _largest(curve, start, end),
        f"largest {curve.replace('_', ' ')} from {_WORDS[start]} to {_WORDS[end]}", systematic,
        useful_sd, curve=curve, window=window, events=window, chest=curve in CHEST_CURVES,
        velocity=velocity, target=target, mass=mass,
    )  # fmt: skip


# Systematic limits and spreads within a pitcher: measured against marker-based references on
# five throws (chest wall frame) and from 411 throws; see docs/measure.md.
DEFINITIONS: tuple[Definition, ...] = (
    _moment("elbow_flexion_fp", "Elbow flexion", "elbow_flexion", "fp", 2.0, 2.3),
    _moment("elbow_flexion_mer", "Elbow flexion", "elbow_flexion", "mer", 2.0, 2.1),
    _maximum("max_elbow_flexion", "Largest elbow flexion", "deg", "elbow_flexion", ("fp", "br"),
             2.0, 1.5),
    _moment("elbow_pronation_fp", "Forearm pronation", "elbow_pronation", "fp", NAN, 5.0),
    _maximum("max_elbow_extension_velo", "Fastest elbow extension", "deg/s",
             "elbow_extension_velocity", ("fp", "mir"), 75.0, 48.0, velocity=True),
    _moment("shoulder_abduction_fp", "Shoulder abduction", "shoulder_abduction", "fp", 3.0, 2.1),
    _moment("shoulder_horizontal_abduction_fp", "Shoulder horizontal abduction",
            "shoulder_horizontal_abduction", "fp", 8.0, 2.6),
    _maximum("max_shoulder_horizontal_abduction", "Largest shoulder horizontal abduction", "deg",
             "shoulder_horizontal_abduction", ("fp", "br"), 5.0, 2.1),
    _moment("shoulder_external_rotation_fp", "Shoulder external rotation",
            "shoulder_external_rotation", "fp", 10.0, 7.6),
    _maximum("max_shoulder_external_rotation", "Largest shoulder external rotation", "deg",
             "shoulder_external_rotation", ("fp", "br"), 6.0, 1.5),
    _maximum("max_shoulder_internal_rotational_velo", "Fastest shoulder internal rotation",
             "deg/s", "shoulder_internal_rotation_velocity", ("mer", "mir"), 1100.0, 117.0,
             velocity=True),
    _moment("glove_shoulder_abduction_fp", "Glove arm abduction", "glove_shoulder_abduction",
            "fp", 3.0, 4.0),
    _moment("glove_shoulder_abduction_mer", "Glove arm abduction", "glove_shoulder_abduction",
            "mer", 3.0, 4.0),
    _moment("glove_shoulder_horizontal_abduction_fp", "Glove arm horizontal abduction",
            "glove_shoulder_horizontal_abduction", "fp", 8.0, 5.0),
    _moment("glove_shoulder_external_rotation_fp", "Glove arm external rotation",
            "glove_shoulder_external_rotation", "fp", 10.0, 7.6),
    _moment("torso_rotation_fp", "Trunk rotation", "torso_rotation", "fp", 5.0, 5.6,
            target=True),
    _moment("torso_rotation_mer", "Trunk rotation", "torso_rotation", "mer", 15.0, 1.6,
            target=True),
    _moment("torso_rotation_br", "Trunk rotation", "torso_rotation", "br", 12.0, 1.6,
            target=True),
    _moment("torso_anterior_tilt_fp", "Trunk forward tilt", "torso_anterior_tilt", "fp", 3.0, 3.3,
            target=True),
    _moment("torso_anterior_tilt_mer", "Trunk forward tilt", "torso_anterior_tilt", "mer", 8.0,
            1.7, target=True),
    _moment("torso_anterior_tilt_br", "Trunk forward tilt", "torso_anterior_tilt", "br", 4.0, 1.6,
            target=True),
    _moment("torso_lateral_tilt_fp", "Trunk lateral tilt to the glove side", "torso_lateral_tilt",
            "fp", 3.0, 2.2, target=True),
    _moment("torso_lateral_tilt_mer", "Trunk lateral tilt to the glove side",
            "torso_lateral_tilt", "mer", 7.0, 1.8, target=True),
    _moment("torso_lateral_tilt_br", "Trunk lateral tilt to the glove side", "torso_lateral_tilt",
            "br", 9.0, 1.7, target=True),
    _maximum("max_torso_rotational_velo", "Fastest trunk rotation", "deg/s",
             "torso_rotation_velocity", ("pkh", "mir"), 100.0, 22.0, velocity=True),
    _moment("pelvis_rotation_fp", "Pelvis rotation", "pelvis_rotation", "fp", 2.0, 4.9,
            target=True),
    _moment("pelvis_lateral_tilt_fp", "Pelvis lateral tilt to the glove side",
            "pelvis_lateral_tilt", "fp", 1.0, 1.3, target=True),
    _moment("pelvis_anterior_tilt_fp", "Pelvis forward tilt", "pelvis_anterior_tilt", "fp", 11.0,
            1.6, target=True),
    _maximum("max_pelvis_rotational_velo", "Fastest pelvis rotation", "deg/s",
             "pelvis_rotation_velocity", ("pkh", "mir"), 170.0, 30.0, velocity=True),
    _moment("rotation_hip_shoulder_separation_fp", "Hip-shoulder separation",
            "hip_shoulder_separation", "fp", 7.0, 1.8),
    _maximum("max_rotation_hip_shoulder_separation", "Largest hip-shoulder separation", "deg",
             "hip_shoulder_separation", ("pkh", "br"), 12.0, 1.3),
    Definition("timing_peak_torso_to_peak_pelvis_rot_velo", "Trunk peak after pelvis peak", "ms",
               _torso_after_pelvis, "time of the fastest trunk rotation less that of the pelvis",
               NAN, 10.0, events=("pkh", "mir"), chest=True, velocity=True),
    _moment("shoulder_line_rotation_fp", "Rotation of the shoulder line (not the chest)",
            "shoulder_line_rotation", "fp", 3.0, 5.6, target=True),
    _moment("shoulder_line_rotation_br", "Rotation of the shoulder line (not the chest)",
            "shoulder_line_rotation", "br", 3.0, 1.6, target=True),
    _moment("lead_knee_flexion_fp", "Lead knee flexion", "lead_knee_flexion", "fp", 2.0, 3.6),
    Definition("lead_knee_extension_from_fp_to_br", "Lead knee extension, plant to release",
               "deg", _knee_extension, "lead knee flexion at foot plant less that at release",
               3.0, 3.6, events=("fp", "br")),
    Definition("lead_knee_extension_angular_velo_fp", "Lead knee extension velocity at plant",
               "deg/s", _at("lead_knee_extension_velocity", "fp"),
               "lead knee extension velocity at foot plant", 50.0, 97.0, events=("fp",),
               velocity=True),
    Definition("lead_knee_extension_angular_velo_br", "Lead knee extension velocity at release",
               "deg/s", _at("lead_knee_extension_velocity", "br"),
               "lead knee extension velocity at ball release", 20.0, 52.0, events=("br",),
               velocity=True),
    _maximum("lead_knee_extension_angular_velo_max", "Fastest lead knee extension", "deg/s",
             "lead_knee_extension_velocity", ("fp", "br"), 20.0, 52.0, velocity=True),
    _moment("arm_slot", "Arm slot (forearm above the level)", "arm_slot", "br", 4.0, 2.1),
    Definition("stride_length", "Stride length", "% height", _stride_share,
               "rear ankle at peak knee height to lead ankle at foot plant, of body height",
               0.5, 1.0, events=("pkh", "fp")),
    Definition("stride_length_m", "Stride length", "m", _stride_m,
               "rear ankle at peak knee height to lead ankle at foot plant", 0.01, 0.02,
               events=("pkh", "fp")),
    Definition("stride_angle", "Stride direction to the open side", "deg", _stride_angle,
               "direction of the stride from the target, positive to the throwing side", 2.0, 1.6,
               events=("pkh", "fp"), target=True),
    _maximum("max_cog_velo_x", "Fastest centre of mass towards the target", "m/s",
             "cog_velocity_x", ("pkh", "br"), 0.30, 0.06, velocity=True, target=True),
    Definition("cog_velo_pkh", "Centre of mass towards the target at knee height", "m/s",
               _at("cog_velocity_x", "pkh"),
               "velocity of the centre of mass towards the target at peak knee height", 0.01,
               0.06, events=("pkh",), velocity=True, target=True),
    _maximum("max_elbow_varus_torque", "Largest elbow varus torque", "Nm", "elbow_varus_torque",
             ("fp", "mir"), 20.0, 8.0, velocity=True, mass=True),
    _maximum("max_shoulder_internal_rotation_torque", "Largest shoulder internal rotation torque",
             "Nm", "shoulder_internal_rotation_torque", ("fp", "mir"), 20.0, 8.0, velocity=True,
             mass=True),
    _maximum("max_shoulder_distraction_force", "Largest shoulder distraction force", "N",
             "shoulder_distraction_force", ("fp", "mir"), 150.0, 60.0, velocity=True, mass=True),
)  # fmt: skip
