"""The body fit: derivatives, truth recovered, hostile inputs, honest uncertainty."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap.body.body_skeleton import skeleton_of
from mocap.body.fit.fit import FitResult, fit
from mocap.body.fit.kernels import Shape, keypoints_of
from mocap.body.fit.layout import make_layout
from mocap.body.fit.observed.held import packed
from mocap.body.fit.rotation_kernels import (
    inverse_right_jacobian,
    relative_rotvec,
    swing_twist,
    turn_right,
)
from mocap.body.fit.selected_inverse import invert_band
from mocap.body.fit.solver import (
    Problem,
    State,
    Step,
    applied,
    cost_of,
    factor,
    normals_of,
)
from mocap.body.landmarks import bind_landmarks, landmark_of, offsets_of
from mocap.body.model import BodyModel, load_free_body
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import BodyError, InputError
from mocap.core.points import Points3D, Source
from mocap.core.rotation import angle_between_deg, matrix_from_rotvec
from mocap.core.store import Provenance, load_artifact, save_artifact
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.random_motion import (
    BODY_23,
    BODY_AND_HANDS_63,
    LIMBS,
    measured_points,
    random_motion,
    true_points,
)

FRAMES, FPS = 90, 60.0


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_free_body()


@pytest.fixture(scope="module")
def truth() -> SyntheticMotion:
    return random_motion(FRAMES, FPS, seed=41)


@pytest.fixture(scope="module")
def fitted(body: BodyModel, truth: SyntheticMotion) -> FitResult:
    return fit(noisy(truth, 0.01), body)


def noisy(motion: SyntheticMotion, sigma_m: float, **options: float) -> Points3D:
    return measured_points(
        true_points(motion, BODY_23), BODY_23, FPS, sigma_m=sigma_m, seed=5, **options
    )


def joint_error_mm(body: BodyModel, motion: BodyMotion, truth: SyntheticMotion) -> float:
    found = skeleton_of(motion, body).forward_kinematics()[0]
    there = truth.skeleton.forward_kinematics()[0]
    return 1000 * float(np.linalg.norm(found - there, axis=-1)[:, :22].mean())


def small_problem(body: BodyModel) -> tuple[Problem, State]:
    motion = random_motion(5, FPS, seed=3)
    landmarks = bind_landmarks(body, BODY_23)
    layout = make_layout(body, landmarks)
    rng = np.random.default_rng(0)
    groups = len(layout.groups)
    turns = np.zeros((5, groups, 3, 3))
    for index, group in enumerate(layout.groups):
        turns[:, index] = motion.rotations[:, body.joint(group.joints[0])]
    joints = body.joints(motion.betas)
    state = State(turns, motion.transl + joints[0], motion.betas, np.array([0.1, -0.2]))
    shape = rng.normal(0, 20.0, (5, len(BODY_23), 3, 3))
    problem = Problem(
        layout=layout,
        anatomy=layout.anatomy(FPS),
        targets=true_points(motion, BODY_23) + rng.normal(0, 0.05, (5, len(BODY_23), 3)),
        information=packed(shape @ np.swapaxes(shape, -1, -2) + 100.0 * np.eye(3)),
        turn_weight=rng.uniform(1.0, 9.0, (5, groups, 3)),
        root_weight=rng.uniform(1.0, 9.0, 5),
        ridge=2.0,
    )
    return problem, state


def test_rotation_kernels_agree_with_their_definitions() -> None:
    rng = np.random.default_rng(1)
    out, jacobian, quaternion = np.zeros(3), np.zeros((3, 3)), np.zeros(4)
    for size in (1e-6, 0.3, 1.5, 2.8):
        first = matrix_from_rotvec(rng.normal(0, 1, 3))
        step = rng.normal(0, 1, 3)
        step *= size / np.linalg.norm(step)
        relative_rotvec(first, first @ matrix_from_rotvec(step), out)
        np.testing.assert_allclose(out, step, atol=1e-9)
        for axis in range(3):
            rotation = matrix_from_rotvec(step)
            swing_twist(rotation, axis, quaternion, out, jacobian)
            twist = np.eye(3)[axis] * out[axis]
            swing = np.where(np.eye(3)[axis] == 1, 0.0, out)
            rebuilt = matrix_from_rotvec(swing) @ matrix_from_rotvec(twist)
            np.testing.assert_allclose(rebuilt, rotation, atol=1e-9)


def test_rotation_jacobians_match_finite_differences() -> None:
    rng = np.random.default_rng(2)
    h = 1e-6
    plus, minus, scratch = np.zeros(3), np.zeros(3), np.zeros((3, 3))
    quaternion, turned = np.zeros(4), np.zeros((3, 3))
    for size in (1e-5, 0.4, 1.2, 2.5):
        v = rng.normal(0, 1, 3)
        v *= size / np.linalg.norm(v)
        rotation = matrix_from_rotvec(v)
        for which in ("log", "x", "y", "z"):
            analytic, numeric = np.zeros((3, 3)), np.zeros((3, 3))
            for i in range(3):
                for out, sign in ((plus, h), (minus, -h)):
                    turn_right(rotation, *(sign * np.eye(3)[i]), turned)
                    if which == "log":
                        relative_rotvec(np.eye(3), turned, out)
                    else:
                        swing_twist(turned, "xyz".index(which), quaternion, out, scratch)
                numeric[:, i] = (plus - minus) / (2 * h)
            if which == "log":
                inverse_right_jacobian(v, analytic)
            else:
                swing_twist(rotation, "xyz".index(which), quaternion, plus, analytic)
            # central differences: rounding 1e-16 / 1e-6 and curvature 1e-12
            np.testing.assert_allclose(analytic, numeric, atol=2e-8, err_msg=f"{which} {size}")


def test_gradient_matches_finite_differences(body: BodyModel) -> None:
    problem, state = small_problem(body)
    normals = normals_of(problem, state)
    assert normals.cost == pytest.approx(cost_of(problem, state), rel=1e-12)
    rng = np.random.default_rng(4)
    h = 1e-5
    for _ in range(6):
        change = rng.normal(0, 1, len(normals.gradient))
        person = rng.normal(0, 1, len(state.betas) + 2)
        ahead = cost_of(problem, applied(problem, state, Step(h * change, h * person, None)))
        behind = cost_of(problem, applied(problem, state, Step(-h * change, -h * person, None)))
        slope = 2.0 * (normals.gradient @ change + normals.person_gradient @ person)
        assert slope == pytest.approx((ahead - behind) / (2 * h), rel=1e-5)


def test_band_is_the_gauss_newton_matrix(body: BodyModel) -> None:
    # With a loss that is nearly quadratic and no residual the matrix is the second derivative.
    problem, state = small_problem(body)
    truth = problem
    anatomy = truth.anatomy._replace(
        weight=0 * truth.anatomy.weight,
        limit_weight=0 * truth.anatomy.limit_weight,
        constant_weight=0 * truth.anatomy.constant_weight,
    )
    truth = replace(truth, anatomy=anatomy, turn_weight=0 * truth.turn_weight)
    truth = replace(truth, root_weight=0 * truth.root_weight, ridge=None)
    truth = replace(truth, targets=keypoints_of(truth.layout.tree, *shape_and_pose(truth, state)))
    band = normals_of(truth, state).band
    size = len(band)
    dense = np.zeros((size, size))
    for column in range(size):
        length = min(band.shape[1], size - column)
        dense[column : column + length, column] = band[column, :length]
    dense += np.tril(dense, -1).T
    rng = np.random.default_rng(6)
    change = 1e-5 * rng.normal(0, 1, size)
    raised = cost_of(truth, applied(truth, state, Step(change, np.zeros(2), None)))
    assert raised == pytest.approx(float(change @ dense @ change), rel=1e-3)


def shape_and_pose(problem: Problem, state: State) -> tuple[Shape, np.ndarray, np.ndarray]:
    return problem.layout.shape(state.betas, fixed=True), state.turns, state.root


def test_diagonal_blocks_are_those_of_the_inverse(body: BodyModel) -> None:
    problem, state = small_problem(body)
    band = normals_of(problem, state).band
    lower = factor(band, 0.0)
    assert lower is not None
    size, n = len(band), problem.layout.tree.unknowns
    dense = np.zeros((size, size))
    for column in range(size):
        length = min(band.shape[1], size - column)
        dense[column : column + length, column] = band[column, :length]
    inverse = np.linalg.inv(dense + np.tril(dense, -1).T + 1e-6 * np.eye(size))
    found = invert_band(lower, n)
    for frame, block in enumerate(found.blocks):
        at = slice(frame * n, (frame + 1) * n)
        np.testing.assert_allclose(block, inverse[at, at], rtol=1e-6, atol=1e-9)
    for lag, diagonals in ((1, found.one_later), (2, found.two_later)):
        away = np.diagonal(inverse, offset=lag * n)
        np.testing.assert_allclose(diagonals[:-lag].ravel(), away, rtol=1e-6, atol=1e-9)


def test_exact_keypoints_give_the_truth_back(body: BodyModel, truth: SyntheticMotion) -> None:
    motion = fit(noisy(truth, 0.0005), body).motion
    found = skeleton_of(motion, body).forward_kinematics()[0]
    error = np.linalg.norm(found - truth.skeleton.forward_kinematics()[0], axis=-1).mean(axis=0)
    shown = [body.joint(name) for name in LIMBS]
    # Smoothing of 0.9 mm noise costs less than it brings; the hidden vertebrae and shapes that no
    # keypoint shows are off by centimetres, the mean stays below one.
    assert 1000 * error[shown].max() < 1.6
    assert joint_error_mm(body, motion, truth) < 8.0
    assert np.median(motion.fit_error_mm) < 1.5


def test_noise_is_averaged(body: BodyModel, truth: SyntheticMotion, fitted: FitResult) -> None:
    # 10 mm per axis are 16 mm in space; in a take as short as this two thirds must go at the joints
    # that are seen, while hidden vertebrae stay off by a centimetre or two.
    assert joint_error_mm(body, fitted.motion, truth) < 10.0
    assert fitted.status.converged
    assert fitted.motion.fit_error_mm.shape == (FRAMES,)
    assert 8.0 < np.median(fitted.motion.fit_error_mm) < 18.0


def test_outliers_hardly_matter(body: BodyModel, truth: SyntheticMotion, fitted: FitResult) -> None:
    clean = joint_error_mm(body, fitted.motion, truth)
    wild = fit(noisy(truth, 0.01, outliers=0.05), body).motion
    assert joint_error_mm(body, wild, truth) < clean + 1.0


def test_uncertainty_is_honest(body: BodyModel, truth: SyntheticMotion, fitted: FitResult) -> None:
    # The angle of an error with standard deviation s about its worst axis is below 2 s in most
    # frames, and an estimate that is twice too careful is of no use either.
    found = matrix_from_rotvec(fitted.motion.rotation_vectors())
    for joint in ("left_elbow", "right_knee", "left_hip", "right_shoulder"):
        k = body.joint(joint)
        error = angle_between_deg(found[:, k], truth.rotations[:, k])
        ratio = error / fitted.motion.rotation_sigma_deg[:, k]
        assert 0.2 < np.median(ratio) < 2.5, joint


def test_says_what_no_keypoint_shows(body: BodyModel, fitted: FitResult) -> None:
    observable = dict(zip(body.joint_names, fitted.motion.observable, strict=True))
    assert observable["left_knee"] and observable["pelvis"]
    assert not observable["left_wrist"] and not observable["left_index2"]
    assert not observable["jaw"]


def test_hands(body: BodyModel) -> None:
    motion = random_motion(60, FPS, seed=8, hands=True)
    points = measured_points(
        true_points(motion, BODY_AND_HANDS_63), BODY_AND_HANDS_63, FPS, sigma_m=0.005, seed=1
    )
    found = fit(points, body).motion
    there = motion.skeleton.forward_kinematics()[0]
    error = np.linalg.norm(skeleton_of(found, body).forward_kinematics()[0] - there, axis=-1).mean(
        axis=0
    )
    # 5 mm per axis are 8 mm in space; knuckles and the two joints beyond them
    assert 1000 * error[25:].mean() < 6.0
    assert found.observable[body.joint("left_wrist")]


def test_skeleton_has_the_joints_of_the_body(body: BodyModel, fitted: FitResult) -> None:
    motion = fitted.motion
    positions, _ = body.forward_kinematics(motion.rotation_vectors(), motion.betas, motion.transl)
    skeleton = skeleton_of(motion, body)
    np.testing.assert_allclose(skeleton.forward_kinematics()[0], positions, atol=1e-5)
    # the root is the pelvis joint, not transl
    np.testing.assert_allclose(skeleton.root_positions, positions[:, 0], atol=1e-5)


def test_motion_survives_the_disk(tmp_path: Path, fitted: FitResult) -> None:
    path = tmp_path / "body_0.npz"
    save_artifact(fitted.motion, path, Provenance("fit", "0"))
    back = load_artifact(path, BodyMotion)
    np.testing.assert_array_equal(back.body_pose, fitted.motion.body_pose)
    assert back.flat_hand_mean is True and back.joint_names == fitted.motion.joint_names


@pytest.mark.parametrize("frames", [1, 2, 3, 7])
def test_few_frames(body: BodyModel, frames: int) -> None:
    motion = random_motion(frames, FPS, seed=12)
    result = fit(noisy(motion, 0.003), body)
    assert result.motion.frame_count == frames
    assert np.isfinite(result.motion.body_pose).all()
    # too few frames for bone lengths: the mean body's may be off by some centimetres
    assert joint_error_mm(body, result.motion, motion) < 40.0


def test_gaps_are_bridged(body: BodyModel, truth: SyntheticMotion) -> None:
    points = noisy(truth, 0.005, missing=0.2)
    xyz = points.xyz.copy()
    xyz[36:56] = np.nan  # nothing at all for a third of a second
    motion = fit(replace(points, xyz=xyz), body).motion
    assert joint_error_mm(body, motion, truth) < 25.0
    assert np.isnan(motion.fit_error_mm[36:56]).all()
    # the pose is less sure inside the gap than it is with keypoints there
    pelvis = body.joint("pelvis")
    seen = fit(points, body).motion
    assert motion.rotation_sigma_deg[46, pelvis] > 1.1 * seen.rotation_sigma_deg[46, pelvis]


def test_missing_limb_stays_usual(body: BodyModel, truth: SyntheticMotion) -> None:
    points = noisy(truth, 0.005)
    source = points.source.copy()
    for name in ("left_elbow", "left_wrist"):
        source[:, :, BODY_23.index(name)] = Source.MISSING
    motion = fit(replace(points, source=source), body).motion
    assert not motion.observable[body.joint("left_shoulder")]
    assert motion.observable[body.joint("right_knee")]


def test_refuses_what_cannot_be_fitted(body: BodyModel, truth: SyntheticMotion) -> None:
    points = noisy(truth, 0.005)
    xyz = points.xyz.copy()
    xyz[:, :, BODY_23.index("left_hip")] = np.nan
    with pytest.raises(BodyError, match="left_hip never seen"):
        fit(replace(points, xyz=xyz), body)
    with pytest.raises(InputError, match="no person 7"):
        fit(points, body, person_id=7)
    with pytest.raises(BodyError, match="99 betas"):
        fit(points, body, betas=np.zeros(99))
    with pytest.raises(BodyError, match="no keypoint offsets"):
        offsets_of("crystal_ball")


def test_known_shape_is_kept(body: BodyModel, truth: SyntheticMotion) -> None:
    kept = fit(noisy(truth, 0.01), body, betas=truth.betas).motion
    np.testing.assert_array_equal(kept.betas, truth.betas)


def test_detector_offsets_are_mirrored() -> None:
    offsets = offsets_of("movenet_blazepose")
    left, right = offsets.offset_m["left_hip"], offsets.offset_m["right_hip"]
    assert left[0] == -right[0] and left[1:] == right[1:]
    assert all(0.0 < sigma < 0.05 for sigma in offsets.sigma_m.values())


def test_every_landmark_is_on_the_body(body: BodyModel) -> None:
    names = (*BODY_AND_HANDS_63, "neck", "mid_hip", "head_top")
    landmarks = bind_landmarks(body, (*names, "third_arm"))
    assert landmarks.names == names
    assert landmark_of("third_arm") is None
    rest = dict(zip(names, landmarks.rest_points(np.zeros(body.shape_count)), strict=True))
    np.testing.assert_allclose(rest["left_knee"] * [-1, 1, 1], rest["right_knee"], atol=1e-3)
    assert rest["head_top"][1] > rest["nose"][1] > rest["neck"][1] > rest["mid_hip"][1]
