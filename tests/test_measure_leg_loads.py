"""Torques of the legs without force plates: statics, balance, and when they are refused."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from mocap.body.anatomical_markers import bony_landmarks
from mocap.body.model import load_free_body
from mocap.measure.exercises.gait import measure_gait
from mocap.measure.exercises.kinds import measure_exercise
from mocap.measure.exercises.leg_loads import leg_loads
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.mass import centre_of_mass
from mocap.measure.segments.segments import POINTS, Segments
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.exercises import squat
from mocap.synthetic.motion.motion import walk

FPS, MASS_KG, G = 100.0, 80.0, 9.80665


@pytest.fixture(scope="module")
def squatter() -> Segments:
    """Somebody who squats twice and a half."""
    return segments_of(squat(6.0, FPS, seed=3))


def segments_of(motion: SyntheticMotion) -> Segments:
    landmarks = bony_landmarks(load_free_body(), motion.betas)
    return segments_from_skeleton(motion.skeleton, landmarks)


def held(person: Segments, frame: int, frames: int = 40) -> Segments:
    """The person, still in the pose of one frame."""
    return dataclasses.replace(
        person,
        rotations=np.repeat(person.rotations[frame : frame + 1], frames, axis=0),
        axial_known=np.repeat(person.axial_known[frame : frame + 1], frames, axis=0),
        positions=np.repeat(person.positions[frame : frame + 1], frames, axis=0),
    )


def moved(person: Segments, way: np.ndarray) -> Segments:
    """The person carried along a way (frame, 3)."""
    return dataclasses.replace(person, positions=person.positions + way[:, None])


def test_a_held_squat_is_held_by_what_lies_above_the_knees(squatter: Segments) -> None:
    """Both knees together hold the moment of the weight above them: no rule of sharing in it."""
    lowest = int(np.argmin(squatter.position("pelvis")[:, 2]))
    still = held(squatter, lowest)
    found = leg_loads(still, MASS_KG)
    together = sum(found.torques[f"{side}_knee_extension_moment"][20] for side in ("left", "right"))
    # Above the knees: all but shanks and feet, whose places the pose tells.
    at = {name: still.position(name)[20] for name in POINTS}
    below_kg, below = 0.0, np.zeros(3)
    for side in ("left", "right"):
        knee, ankle, toe = (at[f"{side}_{name}"] for name in ("knee", "ankle", "toe"))
        for share, place in ((0.0457, knee + 0.444 * (ankle - knee)), (0.0133, (ankle + toe) / 2)):
            below_kg += share * MASS_KG
            below += share * MASS_KG * place
    # centre_of_mass has the feet at the ankles: two feet of 1.33 % half a foot away, below 3 mm.
    whole = centre_of_mass(still)[20]
    above_kg = MASS_KG - below_kg
    above = (MASS_KG * whole - below) / above_kg
    knee = 0.5 * (at["left_knee"] + at["right_knee"])
    right = still.rotation("pelvis")[20][:, 2]
    moment = np.cross(above - knee, [0.0, 0.0, -above_kg * G])
    # What the weight turns, the knees turn back; 3 mm of 80 kg are 2.4 Nm, knees that are not quite
    # level with each other as much again.
    assert together == pytest.approx(float(moment @ right), abs=5.0)
    assert 1.2 < together / MASS_KG < 2.6  # both together: about 1 Nm/kg each at the bottom


def test_the_hip_and_the_ankle_of_a_held_squat_extend(squatter: Segments) -> None:
    still = held(squatter, int(np.argmin(squatter.position("pelvis")[:, 2])))
    found = leg_loads(still, MASS_KG)
    for side in ("left", "right"):
        assert found.torques[f"{side}_hip_extension_moment"][20] > 0.4 * MASS_KG
        assert 0.0 < found.torques[f"{side}_ankle_plantarflexion_moment"][20] < 1.0 * MASS_KG
    assert found.reasons == {}


def test_who_leans_over_a_foot_loads_it(squatter: Segments) -> None:
    """The trunk moved 40 mm to the left moves the centre of pressure by about half of that."""
    still = held(squatter, 0)
    left = still.rotation("pelvis")[0][:, 2] * -0.04
    positions = still.positions.copy()
    for name in ("left_shoulder", "right_shoulder", "head"):
        positions[:, POINTS.index(name)] += left
    leaning = leg_loads(dataclasses.replace(still, positions=positions), MASS_KG)
    upright = leg_loads(still, MASS_KG)
    name = "knee_extension_moment"
    size = [
        {side: abs(each.torques[f"{side}_{name}"][20]) for side in ("left", "right")}
        for each in (upright, leaning)
    ]
    assert size[1]["left"] > size[0]["left"]
    assert size[1]["right"] < size[0]["right"]


def test_nobody_stands_who_falls(squatter: Segments) -> None:
    still = held(squatter, 0, 60)
    time = np.arange(60) / FPS
    falling = moved(still, np.stack([0 * time, 0 * time, 5.0 - 0.5 * G * time**2], axis=1))
    middle = leg_loads(falling, MASS_KG).torques["left_knee_extension_moment"][15:45]
    assert np.isnan(middle).all()


def test_a_scripted_walk_that_its_feet_could_not_carry_is_refused() -> None:
    """The script knows no dynamics: at 1.6 m/s its trunk would need a floor beyond the soles."""
    person = segments_of(walk(5.0, FPS, seed=3, speed_m_s=1.6))
    told = [m for m in measure_gait(person, mass_kg=MASS_KG).metrics if "moment" in m.name]
    assert len(told) == 6
    assert all("beyond the soles" in metric.reason for metric in told)


def test_squats_have_torques_only_where_the_mass_is_known(squatter: Segments) -> None:
    with_mass = {m.name: m for m in measure_exercise("squat", squatter, mass_kg=MASS_KG).metrics}
    knee = with_mass["left_knee_extension_moment"]
    assert knee.unit == "Nm"
    assert 0.6 < knee.value / MASS_KG < 1.4
    without = measure_exercise("squat", squatter).metrics
    assert not any("moment" in metric.name for metric in without)
