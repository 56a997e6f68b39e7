"""Height, mass and sex of a person shape the body where keypoints cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.body.fit.fit import fit
from mocap.body.fit.shape import shape_from_bones
from mocap.body.landmarks import bind_landmarks
from mocap.body.model import BodyModel, load_free_body
from mocap.body.shape_prior import (
    BodyFacts,
    body_height,
    body_mass_kg,
    body_volume,
    prior_terms,
    shape_prior,
    usual_shape,
)
from mocap.core.errors import BodyError
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.synthetic.motion.random_motion import (
    BODY_23,
    measured_points,
    random_motion,
    true_points,
)


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_free_body()


@pytest.fixture(scope="module")
def points() -> Points3D:
    motion = random_motion(60, 60.0, seed=41)
    return measured_points(true_points(motion, BODY_23), BODY_23, 60.0, sigma_m=0.01, seed=5)


def standing_height(body: BodyModel, betas: FloatArray) -> float:
    return float(np.ptp(body.rest_vertices(betas)[:, 1]))


def test_volume_is_that_of_a_person(body: BodyModel) -> None:
    # a body scaled by s has s³ of the volume, and one turned inside out the negative
    volume, _ = body_volume(body, np.zeros(body.shape_count))
    scaled = replace(body, template=1.1 * body.template)
    assert body_volume(scaled, np.zeros(16))[0] == pytest.approx(1.331 * volume, rel=1e-12)
    turned = replace(body, faces=body.faces[:, ::-1])
    assert body_volume(turned, np.zeros(16))[0] == pytest.approx(-volume, rel=1e-12)
    # 1.70 m and a body mass index between 20 and 23
    assert 58.0 < body_mass_kg(body, np.zeros(16)) < 66.0


def test_volume_and_height_change_with_the_shape_as_they_say(body: BodyModel) -> None:
    betas = np.random.default_rng(3).normal(size=body.shape_count)
    h = 1e-4
    for measure in (body_volume, body_height):
        _, slope = measure(body, betas)
        for k in range(body.shape_count):
            step = h * np.eye(body.shape_count)[k]
            change = measure(body, betas + step)[0] - measure(body, betas - step)[0]
            # components are stored in single precision; the volume is a cubic, its third
            # derivative tiny
            assert slope[k] == pytest.approx(change / (2 * h), rel=1e-5, abs=1e-8)


def test_prior_terms_are_those_of_a_gaussian(body: BodyModel) -> None:
    rng = np.random.default_rng(4)
    betas = rng.normal(size=body.shape_count)
    prior = shape_prior(body, BodyFacts(1.8, 80.0, "male"), betas)
    cost, pull, matrix = prior_terms(prior, betas)
    h, step = 1e-5, rng.normal(size=body.shape_count)
    ahead, behind = (prior_terms(prior, betas + sign * h * step)[0] for sign in (1, -1))
    assert 2.0 * pull @ step == pytest.approx((ahead - behind) / (2 * h), rel=1e-6)
    assert step @ matrix @ step == pytest.approx((ahead + behind - 2 * cost) / (2 * h**2), rel=1e-3)
    # nothing known: the cost is |betas|² to the last digit
    plain = prior_terms(shape_prior(body, BodyFacts(), betas), betas)
    for found, expected in zip(plain, prior_terms(None, betas), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("off_m", [-0.05, 0.0, 0.05])
def test_given_height_holds(body: BodyModel, points: Points3D, off_m: float) -> None:
    free = standing_height(body, fit(points, body).motion.betas)
    told = fit(points, body, facts=BodyFacts(height_m=free + off_m)).motion
    # keypoints that tell another height pull, but less than a person's own word is wrong
    assert standing_height(body, told.betas) == pytest.approx(free + off_m, abs=0.01)


@pytest.mark.parametrize("share", [0.8, 1.25])
def test_given_mass_changes_the_girth_and_not_the_bones(
    body: BodyModel, points: Points3D, share: float
) -> None:
    free = fit(points, body).motion.betas
    mass_kg = share * body_mass_kg(body, free)
    told = fit(points, body, facts=BodyFacts(mass_kg=mass_kg)).motion.betas
    # 2 % is how well the density is known
    assert body_mass_kg(body, told) == pytest.approx(mass_kg, rel=0.04)
    assert standing_height(body, told) == pytest.approx(standing_height(body, free), abs=0.01)
    limbs = bind_landmarks(body, ("left_hip", "left_knee", "left_ankle", "left_elbow"))
    moved = limbs.rest_points(told) - limbs.rest_points(free)
    spread = moved - moved.mean(axis=0)
    assert np.linalg.norm(spread, axis=1).max() < 0.02


def test_sex_is_where_the_shape_starts(body: BodyModel, points: Points3D) -> None:
    nothing = np.full((10, len(BODY_23), 3), np.nan)
    landmarks = bind_landmarks(body, BODY_23)
    for sex in ("female", "male"):
        blind = shape_from_bones(body, landmarks, nothing, nothing[..., 0], BodyFacts(sex=sex))
        np.testing.assert_allclose(blind, body.sex_shape(sex), atol=1e-9)
    female, male = (
        fit(points, body, facts=BodyFacts(sex=sex)).motion.betas for sex in ("female", "male")
    )
    apart = body.sex_shape("male") - body.sex_shape("female")
    assert (male - female) @ apart > 0.0
    # The bones are seen; they decide.
    assert standing_height(body, female) == pytest.approx(standing_height(body, male), abs=0.01)


def test_sex_and_the_users_own_file(body: BodyModel) -> None:
    nameless = replace(body, sex_names=(), sex_betas=np.zeros((0, 16)))
    own = replace(nameless, name="smplx_female")
    np.testing.assert_array_equal(usual_shape(own, BodyFacts(sex="female")), np.zeros(16))
    with pytest.raises(BodyError, match="made for the other sex"):
        usual_shape(own, BodyFacts(sex="male"))
    with pytest.raises(BodyError, match="say female or male"):
        usual_shape(body, BodyFacts(sex="other"))
