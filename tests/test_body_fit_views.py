"""The body fit on the images of all cameras: derivatives, noise, wrong views, hostile inputs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.body.body_skeleton import skeleton_of
from mocap.body.fit.fit import fit
from mocap.body.fit.kernels import keypoints_of
from mocap.body.fit.layout import make_layout
from mocap.body.fit.solver import Problem, State, Step, applied, cost_of, normals_of
from mocap.body.fit.view_kernels import VIEW_SCALE, view_terms
from mocap.body.fit.views import CameraTracks, SeenLandmarks, seen_landmarks, with_noise
from mocap.body.landmarks import bind_landmarks
from mocap.body.model import BodyModel, load_free_body
from mocap.core.body_motion import BodyMotion
from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.errors import BodyError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import BoolArray, FloatArray
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.random_motion import BODY_23, random_motion, true_points
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import ring

FRAMES, FPS = 60, 60.0
LIMB_JOINTS = slice(16, 22)  # shoulders, elbows, wrists


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_free_body()


@pytest.fixture(scope="module")
def truth() -> SyntheticMotion:
    return random_motion(FRAMES, FPS, seed=61)


def seen_by(
    rig: Calibration, motion: SyntheticMotion, noise_px: float = 2.0, outliers: float = 0.0
) -> Tracks2D:
    xyz = true_points(motion, BODY_23)[:, None]
    return observe_points(rig, xyz, BODY_23, fps=FPS, noise_px=noise_px, outliers=outliers, seed=7)


def landmarks_seen(body: BodyModel, tracks: Tracks2D, rig: Calibration) -> SeenLandmarks:
    return seen_landmarks(CameraTracks(tracks, rig), 0, bind_landmarks(body, BODY_23))


def arm_error_mm(body: BodyModel, found: BodyMotion, motion: SyntheticMotion) -> float:
    joints = skeleton_of(found, body).forward_kinematics()[0]
    there = motion.skeleton.forward_kinematics()[0]
    return 1000.0 * float(np.linalg.norm(joints - there, axis=-1)[:, LIMB_JOINTS].mean())


def small_problem(body: BodyModel, frames: int = 5) -> tuple[Problem, State]:
    """Return views with noise, wrong ones and gaps, and a state some centimetres off."""
    motion = random_motion(frames, FPS, seed=3)
    layout = make_layout(body, bind_landmarks(body, BODY_23))
    rng = np.random.default_rng(0)
    turns = np.zeros((frames, len(layout.groups), 3, 3))
    for index, group in enumerate(layout.groups):
        turns[:, index] = motion.rotations[:, body.joint(group.joints[0])]
    root = motion.transl + body.joints(motion.betas)[0] + rng.normal(0.0, 0.01, (frames, 3))
    rig = ring(4, jitter=1.0, seed=2)
    xyz = true_points(motion, BODY_23)[:, None]
    tracks = observe_points(rig, xyz, BODY_23, noise_px=3.0, outliers=0.1, missing=0.1, seed=2)
    views = landmarks_seen(body, tracks, rig).part(slice(None))
    problem = Problem(
        layout=layout,
        anatomy=layout.anatomy(FPS),
        targets=np.zeros((frames, len(BODY_23), 3)),
        information=np.zeros((frames, len(BODY_23), 6)),
        turn_weight=rng.uniform(1.0, 9.0, (frames, len(layout.groups), 3)),
        root_weight=rng.uniform(1.0, 9.0, frames),
        ridge=2.0,
        views=views._replace(precision=rng.uniform(0.05, 0.3, views.precision.shape)),
    )
    return problem, State(turns, root, motion.betas, layout.constants())


def test_gradient_matches_finite_differences(body: BodyModel) -> None:
    problem, state = small_problem(body)
    normals = normals_of(problem, state)
    assert normals.cost == pytest.approx(cost_of(problem, state))
    rng = np.random.default_rng(5)
    unknowns, person = len(normals.gradient), len(normals.person_gradient)
    for _ in range(12):
        change, shape = rng.normal(0, 1, unknowns), rng.normal(0, 1, person)
        analytic = 2.0 * (normals.gradient @ change + normals.person_gradient @ shape)
        h = 1e-6
        costs = [
            cost_of(
                problem, applied(problem, state, Step(sign * h * change, sign * h * shape, None))
            )
            for sign in (1.0, -1.0)
        ]
        # Central differences of a cost of 1e4 are good to 1e4 * 1e-16 / 1e-6; the inner minimum
        # is found to 1e-7 m, which changes half a gradient of 1e3 / m by at most 1e-3.
        assert (costs[0] - costs[1]) / (2 * h) == pytest.approx(analytic, rel=1e-4, abs=0.5)


def test_matrix_of_a_landmark_is_the_second_derivative_where_views_agree(body: BodyModel) -> None:
    rig = ring(3, jitter=1.0, seed=4)
    motion = random_motion(2, FPS, seed=4)
    seen = landmarks_seen(body, seen_by(rig, motion, noise_px=0.0), rig)
    points = true_points(motion, BODY_23)
    pull, weighted = np.zeros((*points.shape, 3)), np.zeros_like(points)
    cost = view_terms(seen.part(slice(None)), points, VIEW_SCALE**2, pull, weighted)
    # Nothing is left where every view hits: residuals of rounding only.
    assert cost < 1e-12
    h = 1e-4
    for axis in range(3):
        moved, slopes = points.copy(), []
        for sign in (1.0, -1.0):
            moved[:, :, axis] = points[:, :, axis] + sign * h
            view_terms(seen.part(slice(None)), moved, VIEW_SCALE**2, np.zeros_like(pull), weighted)
            slopes.append(weighted.copy())
        # At 0.1 mm a residual is 0.02 px: the loss leaves its parabola by (0.02 / 2.4)², 1e-4.
        numeric = (slopes[0] - slopes[1]) / (2 * h)
        np.testing.assert_allclose(numeric, pull[:, :, axis], rtol=1e-3, atol=1e-3 * pull.max())


def test_scatter_of_a_landmark_adds_to_the_covariance_of_its_views(body: BodyModel) -> None:
    rig = ring(4)
    motion = random_motion(1, FPS, seed=8)
    seen = landmarks_seen(body, seen_by(rig, motion, noise_px=0.0), rig)
    points = true_points(motion, BODY_23)

    def covariance(scatter_m: float) -> FloatArray:
        scatter = np.full(len(BODY_23), scatter_m**-2.0)
        pull = np.zeros((*points.shape, 3))
        views = seen.part(slice(None))._replace(scatter_precision=scatter)
        view_terms(views, points, VIEW_SCALE**2, pull, np.zeros_like(points))
        return np.asarray(np.linalg.inv(pull))

    added = covariance(0.03) - covariance(0.01)
    expected = np.broadcast_to((0.03**2 - 0.01**2) * np.eye(3), added.shape)
    np.testing.assert_allclose(added, expected, atol=1e-8)


def test_noise_is_estimated_from_the_take(body: BodyModel, truth: SyntheticMotion) -> None:
    rig = ring(4, jitter=1.0, seed=1)
    xyz = true_points(truth, BODY_23)
    tracks = seen_by(rig, truth, noise_px=2.0, outliers=0.1)
    rng = np.random.default_rng(3)
    # Wrists three times as noisy, and everything of low confidence four times.
    wrists = [BODY_23.index(name) for name in ("left_wrist", "right_wrist")]
    tracks.pixels[:, :, 0, wrists] += rng.normal(0, 2.0 * 8**0.5, (4, FRAMES, 2, 2))
    doubtful = rng.random(tracks.confidence.shape) < 0.2
    tracks.pixels[doubtful] += rng.normal(0, 2.0 * 15**0.5, (int(doubtful.sum()), 2))
    confidence = np.where(doubtful, 0.45, 0.85)
    confidence[~np.isfinite(tracks.pixels[..., 0])] = 0.0
    seen = landmarks_seen(body, replace(tracks, confidence=confidence), rig)
    noise = with_noise(seen, xyz).part(slice(None)).precision ** -0.5
    others = [k for k in range(len(BODY_23)) if k not in wrists]
    said = seen.confidence(slice(None))
    sure, low = said > 0.8, (said > 0.4) & (said < 0.5)

    def of(keypoints: list[int], where: BoolArray) -> float:
        return float(np.median(noise[:, keypoints][where[:, keypoints]]))

    # Medians of a hundred views or more, a tenth of them wrong: 10 % from counting, 10 % from
    # outliers. Low confidence mixes landmarks of both kinds.
    assert of(others, sure) == pytest.approx(2.0, rel=0.2)
    assert of(wrists, sure) == pytest.approx(6.0, rel=0.25)
    assert of(others, low) == pytest.approx(8.0, rel=0.35)


def test_is_as_good_as_points_in_space_where_all_is_well(
    body: BodyModel, truth: SyntheticMotion
) -> None:
    rig = ring(4, jitter=1.0, seed=1)
    tracks = seen_by(rig, truth, outliers=0.1)
    points = triangulate(tracks, rig)
    plain = arm_error_mm(body, fit(points, body).motion, truth)
    refined = arm_error_mm(body, fit(points, body, views=CameraTracks(tracks, rig)).motion, truth)
    # The same information, weighed by slightly different losses.
    assert refined < 1.05 * plain


def test_a_joint_that_one_camera_alone_sees(body: BodyModel, truth: SyntheticMotion) -> None:
    """There is no point in space then, but the ray and the lengths of the arm are known."""
    rig = ring(2, arc_deg=120.0)
    tracks = seen_by(rig, truth, noise_px=1.0)
    hidden = [BODY_23.index(name) for name in ("left_elbow", "left_wrist")]
    for keypoint in hidden:
        tracks.pixels[0, 20:40, 0, keypoint] = np.nan
        tracks.confidence[0, 20:40, 0, keypoint] = 0.0
    points = triangulate(tracks, rig)
    assert (points.source[20:40, 0, hidden] == Source.MISSING).all()
    joints = [body.joint(name) for name in ("left_elbow", "left_wrist")]
    there = truth.skeleton.forward_kinematics()[0]
    plain, refined = (
        np.linalg.norm(
            skeleton_of(fit(points, body, views=views).motion, body).forward_kinematics()[0]
            - there,
            axis=-1,
        )[20:40, joints].mean()
        for views in (None, CameraTracks(tracks, rig))
    )
    # Without a view the arm is guessed for a third of a second. With one of 4 mm, depth follows
    # from the length of the bones, less precisely by two or three times.
    assert refined < 0.012
    assert refined < 0.5 * plain


def test_a_wrong_view_for_a_while(body: BodyModel, truth: SyntheticMotion) -> None:
    rig = ring(3, jitter=1.0, seed=1)
    tracks = seen_by(rig, truth, noise_px=1.0)
    wrist = BODY_23.index("left_wrist")
    tracks.pixels[0, 20:40, 0, wrist] += np.array([40.0, 20.0])
    found = fit(triangulate(tracks, rig), body, views=CameraTracks(tracks, rig)).motion
    joints = skeleton_of(found, body).forward_kinematics()[0]
    there = truth.skeleton.forward_kinematics()[0]
    error = np.linalg.norm(joints - there, axis=-1)[20:40, body.joint("left_wrist")]
    # 45 px are 19 cm at 4 m. Two views of 1 px, 4 mm each, leave about as much; a Cauchy loss lets
    # a view 20 sigma away draw by a twentieth of what an honest one does.
    assert error.mean() < 0.010


def test_views_of_another_run_are_refused(body: BodyModel, truth: SyntheticMotion) -> None:
    rig = ring(4)
    tracks = seen_by(rig, truth)
    points = triangulate(tracks, rig)
    short = tracks.part(slice(0, -1))
    with pytest.raises(BodyError, match="59 frames, the points in space 60"):
        fit(points, body, views=CameraTracks(short, rig))
    with pytest.raises(BodyError, match="do not have person 0"):
        fit(points, body, views=CameraTracks(replace(tracks, person_ids=(5,)), rig))
    fewer = replace(
        tracks,
        keypoint_names=tracks.keypoint_names[1:],
        pixels=tracks.pixels[..., 1:, :],
        confidence=tracks.confidence[..., 1:],
    )
    with pytest.raises(BodyError, match="do not have keypoint nose"):
        fit(points, body, views=CameraTracks(fewer, rig))


def test_frames_that_no_camera_saw_follow_the_motion(
    body: BodyModel, truth: SyntheticMotion
) -> None:
    rig = ring(4, jitter=1.0, seed=1)
    tracks = seen_by(rig, truth, noise_px=1.0)
    tracks.pixels[:, 30:33] = np.nan
    tracks.confidence[:, 30:33] = 0.0
    points = triangulate(tracks, rig)
    assert (points.source[30:33] == Source.MISSING).all()
    found = fit(points, body, views=CameraTracks(tracks, rig)).motion
    joints = skeleton_of(found, body).forward_kinematics()[0]
    there = truth.skeleton.forward_kinematics()[0]
    error = np.linalg.norm(joints - there, axis=-1)[:, LIMB_JOINTS].mean(axis=1)
    # Three frames are 50 ms: accelerations of 20 m/s² that are not seen make 6 mm in it.
    assert error[30:33].mean() < np.median(error) + 0.010


def test_gives_the_same_digits_again(body: BodyModel, truth: SyntheticMotion) -> None:
    rig = ring(3)
    tracks = seen_by(rig, truth, outliers=0.1)
    points: Points3D = triangulate(tracks, rig)
    one, two = (fit(points, body, views=CameraTracks(tracks, rig)).motion for _ in range(2))
    np.testing.assert_array_equal(one.rotation_vectors(), two.rotation_vectors())


def test_keypoints_move_to_what_the_cameras_saw(body: BodyModel) -> None:
    """Without noise the optimum of the views is the truth, wherever the points said it was."""
    problem, state = small_problem(body)
    rig = ring(4, jitter=1.0, seed=2)
    shape = problem.layout.shape(state.betas, fixed=True)
    xyz = keypoints_of(problem.layout.tree, shape, state.turns, state.root)
    tracks = observe_points(rig, xyz[:, None], BODY_23, noise_px=0.0)
    views = landmarks_seen(body, tracks, rig).part(slice(None))
    at_truth = replace(problem, views=views)
    normals = normals_of(at_truth, state, smoothness=False)
    anatomy_only = normals_of(
        replace(at_truth, views=views._replace(pixels=np.full_like(views.pixels, np.nan))),
        state,
        smoothness=False,
    )
    # The views pull nowhere: all that is left of the gradient is the anatomy's.
    np.testing.assert_allclose(normals.gradient, anatomy_only.gradient, atol=1e-4)
