"""Takes of one person get one body, and it is no worse than that of a single take."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.body.body_skeleton import skeleton_of
from mocap.body.fit import subject
from mocap.body.fit.fit import fit
from mocap.body.fit.subject import fit_with_shape, own_shape, subject_of, take_evidence
from mocap.body.model import BodyModel, load_free_body
from mocap.body.shape_prior import BodyFacts, body_height, body_mass_kg
from mocap.core.errors import BodyError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.synthetic.motion.random_motion import (
    BODY_23,
    measured_points,
    random_motion,
    true_points,
)

FPS = 60.0


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_free_body()


@pytest.fixture(scope="module")
def betas() -> FloatArray:
    return np.asarray(np.random.default_rng(70).normal(size=16))


@pytest.fixture(scope="module")
def takes(body: BodyModel, betas: FloatArray) -> list[Points3D]:
    """A short and a longer take of one person."""
    found = []
    for frames, seed in ((60, 71), (150, 72)):
        motion = replace(random_motion(frames, FPS, seed=seed), betas=betas)
        points = true_points(motion, BODY_23)
        found.append(measured_points(points, BODY_23, FPS, sigma_m=0.01, seed=seed + 10))
    return found


def bones(body: BodyModel, betas: FloatArray) -> FloatArray:
    """Lengths of the bones of trunk and limbs (21,), metres."""
    joints = body.joints(betas)
    return np.asarray(np.linalg.norm(joints[1:22] - joints[list(body.parents[1:22])], axis=-1))


def test_two_takes_get_one_body(body: BodyModel, takes: list[Points3D], betas: FloatArray) -> None:
    single = [fit(points, body).motion for points in takes]
    evidence = [each for points in takes for each in take_evidence(points, body)]
    person = subject_of(body, evidence)
    assert set(person.constants) == {"left_elbow z", "right_elbow z"}
    both = [
        fit(points, body, betas=person.betas, constants=person.constants).motion for points in takes
    ]
    lengths = [np.linalg.norm(skeleton_of(motion, body).rest_offsets, axis=-1) for motion in both]
    np.testing.assert_array_equal(lengths[0], lengths[1])
    truth = bones(body, betas)
    error = [np.abs(bones(body, motion.betas) - truth).mean() for motion in (*single, both[0])]
    # What two takes know together is not less than what one knows; noise may favour one by chance.
    assert error[2] < 1.1 * min(error[:2])
    assert error[2] < max(error[:2])


def test_the_evidence_of_one_take_is_its_fit(body: BodyModel, takes: list[Points3D]) -> None:
    alone = fit(takes[0], body).motion.betas
    again = subject_of(body, take_evidence(takes[0], body)).betas
    # the iteration ends before the last hundredth of a deviation
    np.testing.assert_allclose(again, alone, atol=0.05)


def test_a_take_that_shows_little_says_little(body: BodyModel, takes: list[Points3D]) -> None:
    blind = replace(takes[1], source=takes[1].source.copy())
    shown = [
        BODY_23.index(f"{side}_{name}")
        for side in ("left", "right")
        for name in ("hip", "shoulder")
    ]
    hidden = np.setdiff1d(np.arange(len(BODY_23)), shown)
    blind.source[:, :, hidden] = Source.MISSING
    good = take_evidence(takes[0], body)
    with_blind = subject_of(body, [*good, *take_evidence(blind, body)]).betas
    change = np.abs(bones(body, with_blind) - bones(body, subject_of(body, good).betas))
    limbs = [
        body.joint(f"{side}_{name}") - 1 for side in ("left", "right") for name in ("knee", "elbow")
    ]
    # the trunk may move the limbs along with it by what people of one stature differ
    assert change[limbs].max() < 0.01


def test_facts_hold_for_the_subject(body: BodyModel, takes: list[Points3D]) -> None:
    facts = BodyFacts(height_m=1.75, mass_kg=82.0, sex="male")
    evidence = [each for points in takes for each in take_evidence(points, body, facts=facts)]
    found = subject_of(body, evidence, facts).betas
    assert body_height(body, found)[0] == pytest.approx(1.75, abs=0.01)
    assert body_mass_kg(body, found) == pytest.approx(82.0, rel=0.04)


def test_a_fit_with_the_shape_of_all_goes_on_where_the_own_ended(
    body: BodyModel, takes: list[Points3D]
) -> None:
    own = [own_shape(points, body) for points in takes]
    shape = subject_of(body, [each.evidence for each in own])
    found = fit_with_shape(takes[0], body, own[0], shape)
    whole = fit(takes[0], body, betas=shape.betas, constants=shape.constants)
    assert found.status.iterations <= 4 < whole.status.iterations
    there, here = (
        skeleton_of(each.motion, body).forward_kinematics()[0] for each in (whole, found)
    )
    # Keypoints are 10 mm off: what the two smoothnesses differ by is far below what is known.
    assert 1000.0 * np.linalg.norm(there - here, axis=-1).mean() < 0.5
    with pytest.raises(BodyError, match="told by 60 frames"):
        fit_with_shape(takes[1], body, own[0], shape)


def test_how_sure_a_shape_is_is_how_far_other_takes_lead(
    body: BodyModel, takes: list[Points3D], betas: FloatArray
) -> None:
    shape = subject_of(body, take_evidence(takes[0], body))
    # The truth is within what chance makes of sixteen directions, another person is not.
    assert 0.2 < shape.sigmas_from(betas) < 2.0
    assert shape.sigmas_from(shape.betas) == 0.0
    assert shape.sigmas_from(betas + 6.0 * np.eye(16)[0]) > 2.0


def test_a_long_take_counts_for_no_more_than_some_frames(
    monkeypatch: pytest.MonkeyPatch, body: BodyModel, takes: list[Points3D]
) -> None:
    (whole,) = take_evidence(takes[1], body)
    monkeypatch.setattr(subject, "TAKE_FRAMES", 50)
    (less,) = take_evidence(takes[1], body)
    np.testing.assert_allclose(less.precision, whole.precision / 3.0)
    np.testing.assert_allclose(less.information, whole.information / 3.0)
    assert less.ridge - 1.0 == pytest.approx((whole.ridge - 1.0) / 3.0)


def test_says_when_nobody_was_seen(body: BodyModel, takes: list[Points3D]) -> None:
    xyz = np.full_like(takes[0].xyz, np.nan)
    with pytest.raises(BodyError, match="never seen"):
        take_evidence(replace(takes[0], xyz=xyz), body)
    with pytest.raises(BodyError, match="no take says anything"):
        subject_of(body, [])
