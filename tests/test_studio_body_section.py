"""The report tells how well a body was fitted, and which of its joints nobody can know."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from fitted import motion_of

from mocap.body.model import load_free_body
from mocap.core.body_motion import BodyMotion
from mocap.studio.take.body_section import BodyFigures, ShapeFigures, body_section


def body(person_id: int = 0) -> BodyMotion:
    """A still body whose left shoulder is uncertain and not told by keypoints."""
    model = load_free_body()
    frames = 5
    turns = np.tile(np.eye(3), (frames, model.joint_count, 1, 1))
    motion = motion_of(model, turns, np.zeros(model.shape_count), np.zeros((frames, 3)))
    sigma = np.full((frames, model.joint_count), 2.0)
    sigma[:, model.joint("left_shoulder")] = 17.5
    observable = np.ones(model.joint_count, dtype=bool)
    observable[model.joint("left_shoulder")] = False
    return replace(
        motion,
        person_id=person_id,
        fit_error_mm=np.array([8.0, 9.0, np.nan, 9.0, 9.0]),
        rotation_sigma_deg=sigma,
        observable=observable,
    )


def test_no_body_no_section() -> None:
    assert body_section(()) == ""


def test_error_certainty_and_slide_are_told() -> None:
    page = body_section([BodyFigures(body(), {"heel": 31.24, "toe": None}, {"heel": 4.0})])
    assert "<td>9.0</td>" in page
    assert "<th>left shoulder</th><td>17.5</td><td>17.5</td><td>no</td>" in page.replace("\n", "")
    assert "<th>right shoulder</th><td>2.0</td><td>2.0</td><td>yes</td>" in page.replace("\n", "")
    assert "<th>heel</th><td>31.2</td><td>4.0</td>" in page
    # Where nothing stood there is no figure, and no zero in its place.
    assert "<th>toe</th><td>0.0" not in page


def test_people_are_told_apart() -> None:
    page = body_section([BodyFigures(body(0)), BodyFigures(body(3))])
    assert "person 0: left knee" in page
    assert "person 3: left knee" in page


def test_shape_and_what_was_said_of_it_are_told() -> None:
    shape = ShapeFigures(1.782, 74.3, 1.78, None, "male", "Bob", ("dance", "throw"))
    page = body_section([BodyFigures(body(), shape=shape)]).replace("\n", "")
    assert "<th>height (m)</th><td>1.78</td><td>1.78</td>" in page
    # girth that nobody measured is not called measured
    assert "<th>mass (kg, a guess)</th><td>74</td><td>not given</td>" in page
    assert "<th>subject</th><td></td><td>Bob</td>" in page
    assert "<th>told by the takes</th><td>dance, throw</td>" in page
    alone = body_section([BodyFigures(body(), shape=ShapeFigures(1.7, 60.0, given_mass_kg=61.5))])
    assert "<th>mass (kg)</th><td>60</td><td>61.5</td>" in alone.replace("\n", "")
    assert "this one alone" in alone
    assert "told by the takes" not in body_section([BodyFigures(body())])
