"""Loads of the throwing arm: exact for a pendulum and a spinning arm; off without a mass."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from stick_person import person

from mocap.core.shapes import FloatArray
from mocap.measure.pitching.kinetics import BALL_KG, Load, arm_loads
from mocap.measure.pitching.pitching import PitchingOptions, measure_pitching
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.dynamics import GRAVITY
from mocap.measure.segments.segments import POINTS, SEGMENTS, Segments, frame_yz
from mocap.synthetic.motion.motion import pitchers_throw

FPS, MASS_KG = 1000.0, 80.0
UPPER_M, FORE_M, HAND_M = 0.30, 0.25, 0.08


def swung(direction: FloatArray, hinge: FloatArray) -> tuple[Segments, FloatArray]:
    """A straight right arm along `direction` (frame, 3); `hinge` (frame, 3) is the elbow's axis."""
    base = segments_from_skeleton(person(len(direction), FPS))
    positions = np.zeros_like(base.positions)
    for name, far in (("elbow", UPPER_M), ("wrist", UPPER_M + FORE_M)):
        positions[:, POINTS.index(f"right_{name}")] = far * direction
    rotations = base.rotations.copy()
    for name in ("right_humerus", "right_forearm"):
        rotations[:, SEGMENTS.index(name)] = frame_yz(-direction, hinge)
    hand = (UPPER_M + FORE_M + HAND_M) * direction
    return dataclasses.replace(base, positions=positions, rotations=rotations), hand


def masses() -> tuple[FloatArray, FloatArray, float]:
    """Masses, their distances from the shoulder, and the inertia across the bones about these."""
    mass = MASS_KG * np.array([0.0263, 0.0150, 0.0059, BALL_KG / MASS_KG])
    place = np.array(
        [0.576 * UPPER_M, UPPER_M + 0.457 * FORE_M, UPPER_M + FORE_M + 0.77 * HAND_M,
         UPPER_M + FORE_M + HAND_M]
    )  # fmt: skip
    own = mass[0] * (0.269 * UPPER_M) ** 2 + mass[1] * (0.263 * FORE_M) ** 2
    return mass, place, float(own)


def test_a_spinning_arm_pulls_at_its_shoulder() -> None:
    omega, time = 20.0, np.arange(400) / FPS
    direction = np.stack([np.cos(omega * time), np.sin(omega * time), 0 * time], axis=-1)
    up = np.tile([0.0, 0.0, 1.0], (400, 1))
    arm, hand = swung(direction, up)
    found = arm_loads(arm, hand, Load(MASS_KG), None)["shoulder_distraction_force"]
    mass, place, _ = masses()
    true = float(np.sum(mass * place) * omega**2)
    # Towards the shoulder; central differences of a circle lose (omega / fps)^2 / 3.
    np.testing.assert_allclose(found[10:-10], true, rtol=1e-3)


def test_a_pendulum_needs_its_torque() -> None:
    alpha, time = 40.0, np.arange(300) / FPS
    angle = 0.5 * alpha * time**2
    direction = np.stack([np.cos(angle), 0 * time, np.sin(angle)], axis=-1)
    # The arm swings in the vertical plane; its elbow's axis lies in that plane too, so that what
    # turns the arm is varus torque at the elbow.
    hinge = np.stack([-np.sin(angle), 0 * time, np.cos(angle)], axis=-1)
    arm, hand = swung(direction, hinge)
    found = arm_loads(arm, hand, Load(MASS_KG), None)["elbow_varus_torque"]
    mass, place, _ = masses()
    lever = place[1:] - UPPER_M
    own = mass[1] * (0.263 * FORE_M) ** 2
    # Every mass beyond the elbow moves with the whole arm: its acceleration has its own radius.
    speed_up = np.sum(mass[1:] * lever * place[1:]) * alpha + own * alpha
    weight = np.sum(mass[1:] * lever) * -GRAVITY[2] * np.cos(angle)
    np.testing.assert_allclose(np.abs(found[10:-10]), (speed_up + weight)[10:-10], rtol=1e-3)


def test_the_ball_counts_until_release() -> None:
    omega, time = 20.0, np.arange(400) / FPS
    direction = np.stack([np.cos(omega * time), np.sin(omega * time), 0 * time], axis=-1)
    arm, hand = swung(direction, np.tile([0.0, 0.0, 1.0], (400, 1)))
    force = arm_loads(arm, hand, Load(MASS_KG, releases=(200.0,)), None)
    pull = force["shoulder_distraction_force"]
    ball = BALL_KG * (UPPER_M + FORE_M + HAND_M) * omega**2
    assert pull[150] - pull[250] == pytest.approx(ball, rel=1e-3)


def test_loads_are_off_without_a_mass_and_scale_with_it() -> None:
    motion = pitchers_throw(2.8, 240.0, seed=1)
    segments = segments_from_skeleton(motion.skeleton)
    options = PitchingOptions(hand="right", target_deg=0.0, angle_cutoff_hz=20.0)
    found = {}
    for mass in (None, 70.0, 90.0):
        pitching = measure_pitching(segments, dataclasses.replace(options, mass_kg=mass))
        found[mass] = {each.name: each for each in pitching.throws[0].metrics}
    for name in ("max_elbow_varus_torque", "max_shoulder_distraction_force"):
        assert "--mass-kg" in found[None][name].reason
        assert found[90.0][name].value > found[70.0][name].value > 0.0
    # Adult pitchers: 50 to 120 Nm and 700 to 1300 N (Fleisig et al. 1999); a script jerks more.
    assert 40.0 < found[90.0]["max_elbow_varus_torque"].value < 250.0
    assert 400.0 < found[90.0]["max_shoulder_distraction_force"].value < 1800.0
