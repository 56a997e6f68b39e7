"""Why a metric of a throw cannot be trusted, whatever its value and its spread."""

from __future__ import annotations

import numpy as np

from mocap.measure.pitching.metrics import EVENT_NAMES, Definition, Throw, unseen_peak

GOOD_FPS = 200.0
"""Below this the arm's fastest 30 ms hold too few frames for single throws."""

LEAST_VELOCITY_FPS = 100.0
"""Below this peak velocities of the arm are not measured, only guessed."""

TARGET_GUESS_DEG = 30.0
"""How far the hand's own direction at release may lie from the target: on laboratory throws it
was -9 to 29 deg off. What depends on the target is grey until it is told."""


_LOSS_AT_120 = {"deg/s": 0.15, "Nm": 0.30, "N": 0.30}
"""Share of a velocity and of a load that may be lost at 120 frames per second: through the whole
chain their peaks come out too low, loads, which are accelerations, twice as much as velocities.
`benchmarks/measure.py` prints what random throws lose (at 120 up to 11 and 25 %)."""


_ANGLES_FROM_FPS = 120.0
"""Slower cameras miss the extremes of an arm's angles: their limits grow as 1 / fps below it."""


def limit_at(systematic: float, value: float, unit: str, fps: float) -> float:
    """Return the method limit of a value at a frame rate, from that of fast cameras."""
    if unit == "deg":
        return systematic * max(1.0, _ANGLES_FROM_FPS / fps)
    lost = _LOSS_AT_120.get(unit, 0.0) * 120.0 / fps * abs(value)
    return float(np.hypot(systematic, lost)) if np.isfinite(lost) else systematic


def why_not(definition: Definition, throw: Throw, guessed: bool) -> str:
    """Return why a metric cannot be trusted whatever its value, or an empty text."""
    if definition.chest and not throw.thrower.has_chest:
        return (
            "the chest wall was not measured: keypoints show the line of the shoulders, which "
            "turns up to 30 deg away from it (see shoulder_line_rotation)"
        )
    if definition.name == "pelvis_anterior_tilt_fp" and throw.thrower.from_keypoints:
        return "two hip points do not show the tilt of the pelvis; fit a body"
    if definition.mass and not np.isfinite(throw.curves[definition.curve]).any():
        return "the athlete's mass is not known: give --mass-kg or mass_kg in session.toml"
    if definition.velocity and throw.thrower.fps < LEAST_VELOCITY_FPS:
        return (
            f"{throw.thrower.fps:g} frames per second are too few for peak velocities; "
            f"{GOOD_FPS:g} or more are needed"
        )
    if definition.name == "stride_length" and not np.isfinite(throw.height_m):
        return "the athlete's height is not known: give --height-m or height_m in session.toml"
    if definition.target and guessed:
        return (
            "the direction of the target is not known, and the hand's own may lie "
            f"{TARGET_GUESS_DEG:g} deg beside it: give --target-deg"
        )
    names = [EVENT_NAMES[short] for short in definition.events]
    missing = [name.replace("_", " ") for name in names if name not in throw.events]
    if missing:
        return f"{' and '.join(missing)} not found: outside of the take, or hidden in it"
    if definition.window and unseen_peak(throw, definition.curve, definition.window):
        return (
            "the curve has a gap where it may be largest: with a nearly straight limb, or one "
            "that was not seen, it is not measured"
        )
    return ""
