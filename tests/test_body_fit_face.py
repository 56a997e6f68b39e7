"""Jaw and expression: derivatives, truth recovered, honest uncertainty, from points to a skin."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest
from faces import FACE_68, Face, posed_face, talking_face, with_correctives

from mocap.body.fit import face as solver
from mocap.body.fit.face import FaceFit, FaceProblem, fit_face
from mocap.body.fit.face_points import FacePoints, face_points, right_jacobian
from mocap.body.fit.fit import fit
from mocap.body.landmarks import face_keypoints, landmark_of
from mocap.body.mesh import posed_skins
from mocap.body.model import BodyModel, load_free_body
from mocap.body.smplx_file import load_body
from mocap.body.smplx_write import write_smplx_npz
from mocap.core.keypoints import WHOLEBODY_133
from mocap.core.points import Points3D, Source
from mocap.core.rotation import matrix_from_rotvec, rotvec_from_matrix
from mocap.core.shapes import FloatArray
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.random_motion import measured_points, random_motion, true_points

FRAMES, FPS = 120, 60.0
NOISE_M = 0.003


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_free_body()


@pytest.fixture(scope="module")
def motion() -> SyntheticMotion:
    return random_motion(FRAMES, FPS, seed=71)


@pytest.fixture(scope="module")
def face(body: BodyModel, motion: SyntheticMotion) -> Face:
    return talking_face(body, motion, seed=71)


def measured(xyz: FloatArray, sigma_m: float = NOISE_M, **options: float) -> Points3D:
    return measured_points(xyz, FACE_68, FPS, sigma_m=sigma_m, seed=7, **options)


def fitted(body: BodyModel, motion: SyntheticMotion, points: Points3D) -> FaceFit | None:
    root = motion.transl + body.joints(motion.betas)[0]
    return fit_face(body, points, 0, motion.rotations, root, motion.betas)


@pytest.fixture(scope="module")
def found(body: BodyModel, motion: SyntheticMotion, face: Face) -> FaceFit:
    result = fitted(body, motion, measured(face.xyz))
    assert result is not None
    return result


def random_values(points: FacePoints, frames: int, seed: int) -> FloatArray:
    rng = np.random.default_rng(seed)
    jaw = rng.normal(0.0, 0.2, (frames, 3))
    return np.concatenate([jaw, rng.normal(0.0, 0.5, (frames, points.expressions))], axis=1)


def test_points_are_those_of_the_skin_in_the_frame_of_the_head(body: BodyModel) -> None:
    """With and without pose correctives of the jaw, on a body that stands in its zero pose."""
    betas = np.random.default_rng(3).normal(0.0, 1.0, body.shape_count)
    for model in (body, with_correctives(body, seed=4)):
        points = face_points(model, FACE_68, betas)
        values = random_values(points, 4, seed=5)
        still = random_motion(4, FPS, seed=1)
        rotations = np.tile(np.eye(3), (4, model.joint_count, 1, 1))
        at_rest = replace(still, rotations=rotations, transl=np.zeros((4, 3)), betas=betas)
        expected = posed_face(model, at_rest, values[:, :3], values[:, 3:]).xyz
        head = model.joints(betas)[model.joint("head")]
        np.testing.assert_allclose(points.positions(values) + head, expected, atol=1e-9)


def test_derivatives_match_finite_differences(body: BodyModel) -> None:
    model = with_correctives(body, seed=4)
    points = face_points(model, FACE_68, np.zeros(model.shape_count))
    values = random_values(points, 3, seed=6)
    analytic, h = points.jacobian(values), 1e-6
    for unknown in range(values.shape[1]):
        step = h * np.eye(values.shape[1])[unknown]
        numeric = (points.positions(values + step) - points.positions(values - step)) / (2 * h)
        # rounding: 1e-16 of a metre / 1e-6; curvature: 1e-12
        np.testing.assert_allclose(analytic[..., unknown], numeric, atol=1e-9)
    for size in (1e-6, 0.5, 2.0):
        vector = size * np.array([[0.6, 0.0, 0.8]])
        step = np.array([[1e-6, -2e-6, 1.5e-6]])
        exact = matrix_from_rotvec(vector).swapaxes(1, 2) @ matrix_from_rotvec(vector + step)
        linear = np.einsum("fab,fb->fa", right_jacobian(vector), step)
        np.testing.assert_allclose(rotvec_from_matrix(exact), linear, atol=1e-11)


def test_gradient_and_band_match_the_cost(body: BodyModel) -> None:
    """The band is the Hessian where residuals are small: then Gauss-Newton is exact."""
    points = face_points(body, FACE_68, np.zeros(body.shape_count))
    values = random_values(points, 5, seed=8)
    values[0, 0] = -0.2  # the jaw's stop is at work
    rng = np.random.default_rng(9)
    shape = rng.normal(0.0, 20.0, (5, len(FACE_68), 3, 3))
    problem = FaceProblem(
        points=points,
        fps=FPS,
        targets=points.positions(values) + rng.normal(0.0, 0.02, (5, len(FACE_68), 3)),
        information=shape @ shape.swapaxes(-1, -2),
        smoothness=rng.uniform(1.0, 9.0, values.shape),
        displacement=rng.normal(0.0, 0.002, (len(FACE_68), 3)),
    )
    band, gradient = solver.normal_equations(problem, values)
    h = 1e-5
    for unknown in rng.choice(values.size, 20, replace=False):
        step = h * np.eye(values.size)[unknown].reshape(values.shape)
        numeric = (solver.cost(problem, values + step) - solver.cost(problem, values - step)) / h
        # gradient is half of the cost's; the cost is about 1e4, its rounding 1e-12 / 1e-5
        assert 4.0 * gradient[unknown] == pytest.approx(numeric, rel=1e-5, abs=1e-4)
    exact = replace(problem, targets=points.positions(values) + problem.displacement)
    band, there = solver.normal_equations(exact, values)
    step = 1e-5 * rng.normal(0.0, 1.0, values.shape)
    change = (solver.normal_equations(exact, values + step)[1] - there).reshape(values.shape)
    dense = np.zeros((values.size, values.size))
    for distance in range(band.shape[1]):
        rows = np.arange(values.size - distance)
        dense[rows + distance, rows] = dense[rows, rows + distance] = band[rows, distance]
    expected = (dense @ step.ravel()).reshape(values.shape)
    # second order: curvature of the points times 1e-5
    np.testing.assert_allclose(change, expected, atol=1e-3 * np.abs(expected).max())


def test_jaw_and_expression_are_recovered(face: Face, found: FaceFit) -> None:
    """Noise of 3 mm per axis.

    Jaw: about ten points 8 cm from the joint give 3 mm / (8 cm sqrt(10)) = 0.7 deg a frame; the
    smoothness of speech averages a few frames: below that about each axis. Expressions: a whole
    one moves some ten points by 4 to 8 mm, so that a frame tells it to 3 / (6 sqrt(10)) = 0.16;
    those that look alike (stretch and smile, pucker and cheek puff) are told apart half as well.
    """
    jaw = rotvec_from_matrix(found.jaw)
    assert np.rad2deg(np.sqrt(np.mean((jaw - face.jaw) ** 2, axis=0))).max() < 0.7
    rms = np.sqrt(np.mean((found.expression - face.expression) ** 2, axis=0))
    assert rms.mean() < 0.16 and rms.max() < 0.32
    # far less than what there was to be found
    assert rms.mean() < 0.5 * face.expression.std(axis=0).mean()


def test_the_uncertainty_is_honest(face: Face, found: FaceFit) -> None:
    """Errors in their standard deviations: near 1 for what noise decides, over some 20 000 values.

    Neighbouring frames share their errors, so that a take of 2 s holds about ten independent ones
    for each of ten expressions: the root mean square of a hundred is 1 +- 0.07; that smoothness
    is not Gaussian (splines) and priors are no truth may double or halve the variance.
    """
    off = (found.expression - face.expression) / found.expression_sigma
    assert 0.6 < np.sqrt(np.mean(off**2)) < 1.5
    jaw = np.rad2deg(np.linalg.norm(rotvec_from_matrix(found.jaw) - face.jaw, axis=1))
    # the standard deviation is that about the worst of three axes
    assert 0.3 < np.sqrt(np.mean((jaw / found.jaw_sigma_deg) ** 2)) < 1.7


def test_wrong_and_missing_points_do_little_harm(
    body: BodyModel, motion: SyntheticMotion, face: Face, found: FaceFit
) -> None:
    """5 % of the points wrong by 15 cm and 20 % missing: a quarter less is known, no more."""
    points = measured(face.xyz, outliers=0.05, missing=0.2)
    points.source[40:70] = Source.MISSING  # a hand before the face for longer than a syllable
    wild = fitted(body, motion, points)
    assert wild is not None
    clean = np.sqrt(np.mean((found.expression - face.expression) ** 2))
    kept = np.r_[0:40, 70:FRAMES]
    rms = np.sqrt(np.mean((wild.expression - face.expression)[kept] ** 2))
    assert rms < 1.5 * clean
    # where nothing was seen, this is said
    assert wild.jaw_sigma_deg[55] > 2.0 * np.median(wild.jaw_sigma_deg[kept])


def test_a_face_that_is_not_the_models_does_not_move_it(
    body: BodyModel, motion: SyntheticMotion
) -> None:
    """Landmarks displaced by 4 mm each, still: what is found stays the same in every frame."""
    rest = posed_face(body, motion, np.zeros((FRAMES, 3)), np.zeros((FRAMES, 10)))
    turn = body.forward_kinematics(motion.rotations, motion.betas)[1][:, body.joint("head")]
    own = np.random.default_rng(2).normal(0.0, 0.004, (len(FACE_68), 3))
    result = fitted(body, motion, measured(rest.xyz + np.einsum("fab,kb->fka", turn, own), 0.001))
    assert result is not None
    # noise of 1 mm tells an expression to 0.05 a frame (3 mm: 0.16)
    assert result.expression.std(axis=0).max() < 0.05
    assert np.rad2deg(rotvec_from_matrix(result.jaw).std(axis=0)).max() < 0.3


def test_a_blink_in_a_still_face_is_not_smoothed_away(
    body: BodyModel, motion: SyntheticMotion
) -> None:
    """0.12 s long at 60 fps, noise of 2 mm.

    Four lid points that move by 8 mm tell a frame's blink to 2 / (8 sqrt(4)) = 0.13. The estimate
    of the smoothness, which sees seven frames at a time, may shave off as much again.
    """
    expression = np.zeros((FRAMES, 10))
    blink = np.exp(-(((np.arange(FRAMES) / FPS - 1.0) / 0.05) ** 2))
    lids = [body.expression_names.index(f"{side}_blink") for side in ("left", "right")]
    expression[:, lids] = blink[:, None]
    closing = posed_face(body, motion, np.zeros((FRAMES, 3)), expression)
    result = fitted(body, motion, measured(closing.xyz, 0.002))
    assert result is not None
    for lid in lids:
        assert result.expression[57:64, lid].max() > 1.0 - 2 * 0.13
        # and the still eye stays still: half a second of frames tells it to 0.13 / sqrt(30)
        assert result.expression[:40, lid].std() < 0.06


def test_no_face_no_expression(body: BodyModel, motion: SyntheticMotion, face: Face) -> None:
    points = measured(face.xyz)
    points.source[:] = Source.MISSING
    assert fitted(body, motion, points) is None
    bridge = face_keypoints(FACE_68, rigid=True)
    kept = [FACE_68.index(name) for name in bridge]
    assert (
        fitted(
            body, motion, measured_points(face.xyz[:, kept], bridge, FPS, sigma_m=NOISE_M, seed=1)
        )
        is None
    )
    faceless = replace(
        body,
        face_landmark_vertices=np.zeros((0, 3), dtype=np.int64),
        face_landmark_weights=np.zeros((0, 3)),
        jaw_line_vertices=np.zeros((0, 3), dtype=np.int64),
        jaw_line_weights=np.zeros((0, 3)),
    )
    assert fitted(faceless, motion, measured(face.xyz)) is None


def test_a_body_without_expressions_still_moves_its_jaw(
    body: BodyModel, motion: SyntheticMotion
) -> None:
    """A file with 10 shape components and nothing else; noise as above."""
    mute = replace(body, expression_names=(), expression_components=body.expression_components[:0])
    turning = np.deg2rad([10.0, 0.0, 0.0]) * np.sin(np.arange(FRAMES) / 6.0)[:, None] ** 2
    result = fitted(
        mute, motion, measured(posed_face(mute, motion, turning, np.zeros((FRAMES, 0))).xyz)
    )
    assert result is not None and result.expression.shape == (FRAMES, 0)
    error = rotvec_from_matrix(result.jaw) - turning
    assert np.rad2deg(np.sqrt(np.mean(error**2, axis=0))).max() < 0.7


def test_short_takes_are_fitted(body: BodyModel, motion: SyntheticMotion, face: Face) -> None:
    for frames in (1, 2, 3):
        short = replace(motion, rotations=motion.rotations[:frames], transl=motion.transl[:frames])
        result = fitted(body, short, measured(face.xyz[:frames]))
        assert result is not None and result.expression.shape == (frames, 10)


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, body: BodyModel) -> Iterator[BodyModel]:
    path = tmp_path_factory.mktemp("body") / "SMPLX_NEUTRAL.npz"
    write_smplx_npz(body, path)
    yield load_body(path)


def test_a_body_from_a_file_has_the_same_face(
    written: BodyModel, motion: SyntheticMotion, face: Face, found: FaceFit
) -> None:
    assert len(written.expression_components) == 10
    np.testing.assert_array_equal(written.jaw_line_vertices, load_free_body().jaw_line_vertices)
    again = fitted(written, motion, measured(face.xyz))
    assert again is not None
    # the file rounds to float32: micrometres where millimetres tell
    np.testing.assert_allclose(again.expression, found.expression, atol=1e-3)
    np.testing.assert_allclose(again.jaw, found.jaw, atol=1e-4)


def test_a_take_with_a_face_gives_a_skin_that_talks(
    body: BodyModel, motion: SyntheticMotion, face: Face
) -> None:
    """From 133 keypoints through the whole fit.

    Now the head is fitted too: from 13 rigid points with 3 mm of noise it is known to about
    0.3 deg, which is 0.5 mm at the chin: little beside the noise. A take of one second holds half
    as much as that of the fixture: the limits are those above times the root of two.
    """
    names, frames = WHOLEBODY_133.keypoint_names, 60
    xyz = true_points(motion, names)[:frames]
    for name, where in zip(FACE_68, np.moveaxis(face.xyz, 1, 0), strict=True):
        xyz[:, names.index(name)] = where[:frames]
    result = fit(measured_points(xyz, names, FPS, sigma_m=NOISE_M, seed=3), body).motion
    assert result.observable[body.joint("jaw")]
    jaw, expression = face.jaw[:frames], face.expression[:frames]
    assert np.rad2deg(np.sqrt(np.mean((result.jaw_pose - jaw) ** 2, axis=0))).max() < 1.0
    assert np.sqrt(np.mean((result.expression - expression) ** 2, axis=0)).mean() < 0.23
    widest = int(np.argmax(jaw[:, 0]))
    ((_, skin),) = posed_skins(body, result, [widest])
    none = np.zeros((frames, 0))
    closed = replace(result, expression=none, jaw_pose=np.zeros((frames, 3)))
    ((_, still),) = posed_skins(body, closed, [widest])
    moved = 1000.0 * np.linalg.norm(skin - still, axis=1)
    corners = body.face_landmark_vertices[FACE_68.index("lower_lip") - 17]
    # 15 degrees at 8 cm
    assert moved[corners].max() > 10.0
    assert moved[body.landmark("left_heel")] == 0.0


def test_jaw_and_face_are_not_observable_without_a_face(
    body: BodyModel, motion: SyntheticMotion
) -> None:
    names = WHOLEBODY_133.keypoint_names[:23]
    points = measured_points(true_points(motion, names)[:30], names, FPS, sigma_m=0.01, seed=3)
    result = fit(points, body).motion
    assert result.expression.shape == (30, 0)
    assert not result.observable[body.joint("jaw")]
    np.testing.assert_array_equal(result.jaw_pose, 0.0)


def test_face_landmarks_lie_where_their_names_say(body: BodyModel) -> None:
    """Zero pose: x left, y up, z front; millimetres of an adult's face."""
    corners = np.concatenate([body.jaw_line_vertices, body.face_landmark_vertices])
    shares = np.concatenate([body.jaw_line_weights, body.face_landmark_weights])
    xyz = 1000.0 * np.einsum("lck,lc->lk", body.template[corners], shares)
    at = dict(zip(FACE_68, xyz, strict=True))
    for name in FACE_68:
        other = name.replace("left_", "?").replace("right_", "left_").replace("?", "right_")
        np.testing.assert_allclose(at[other], at[name] * [-1, 1, 1], atol=1e-3)
        assert landmark_of(name) is not None
    # from the top down on the middle line, and the brows above the eyes
    middle = ("nose_ridge_1", "nose_ridge_4", "nose_base", "upper_lip", "lower_lip", "chin")
    assert (np.diff([at[name][1] for name in middle]) < -5.0).all()
    assert at["left_eyebrow_3"][1] > at["left_upper_lid_outer"][1] + 10.0
    assert at["left_upper_lid_outer"][1] > at["left_lower_lid_outer"][1] + 3.0
    # the tip of the nose is foremost; the jaw line runs down and forward to the chin
    assert max(at.values(), key=lambda p: float(p[2])) is at["nose_ridge_4"]
    left = np.array([at[f"left_jaw_line_{k}"] for k in range(1, 9)] + [at["chin"]])
    assert (np.diff(left[:, 0]) < 0).all() and (np.diff(left[:, 1]) < 0).all()
    assert (np.diff(left[:, 2]) > 0).all() and 130.0 < 2 * left[0, 0] < 155.0
    # eyes are 28 to 36 mm wide, their inner corners 28 to 38 mm apart, a mouth 45 to 55 mm wide
    assert 25.0 < at["left_eye_outer_corner"][0] - at["left_eye_inner_corner"][0] < 36.0
    assert 28.0 < 2 * at["left_eye_inner_corner"][0] < 38.0
    assert 44.0 < 2 * at["left_mouth_corner"][0] < 55.0
