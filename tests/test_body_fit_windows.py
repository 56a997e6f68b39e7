"""Long takes are solved window by window, and the result is that of the whole take."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

from mocap.body.body_skeleton import skeleton_of
from mocap.body.fit import windows as windowing
from mocap.body.fit.fit import Solution, fit, solve
from mocap.body.fit.journal import Reached
from mocap.body.fit.observed import held
from mocap.body.fit.observed.seen import CameraTracks
from mocap.body.fit.solver import State, Step, applied, data_terms, normals_of
from mocap.body.fit.uncertainty import acceleration_variances, frame_sigmas_deg
from mocap.body.fit.windows import WindowEquations, window_normals, windows
from mocap.body.model import BodyModel, load_free_body
from mocap.core.errors import BodyError
from mocap.core.files.replay import Remember, anew
from mocap.core.points import Points3D
from mocap.core.rotation import angle_between_deg, matrix_from_rotvec
from mocap.core.store import Provenance, load_artifact, save_artifact
from mocap.synthetic.motion.random_motion import (
    BODY_23,
    measured_points,
    random_motion,
    true_points,
)
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import ring

# The slowest twist forgets what was a second ago by a factor of e: 24 frames at this rate.
FRAMES, FPS = 300, 30.0


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_free_body()


def points_of(frames: int) -> Points3D:
    motion = random_motion(frames, FPS, seed=61)
    return measured_points(true_points(motion, BODY_23), BODY_23, FPS, sigma_m=0.01, seed=62)


@pytest.fixture(scope="module")
def solution(body: BodyModel) -> Solution:
    return solve(points_of(FRAMES), body, 0)


def small_windows(patch: pytest.MonkeyPatch, frames: int, margin: int) -> None:
    patch.setattr(windowing, "WINDOW_FRAMES", frames)
    patch.setattr(windowing, "MARGIN_FRAMES", margin)


def disturbed(solution: Solution) -> State:
    """A state beside the optimum, where every gradient is large."""
    rng = np.random.default_rng(3)
    unknowns = len(solution.state.root) * solution.layout.tree.unknowns
    person = len(solution.state.betas) + len(solution.state.constants)
    step = Step(0.01 * rng.normal(size=unknowns), 0.02 * rng.normal(size=person), None)
    return applied(solution.problem, solution.state, step)


@pytest.mark.parametrize("frames", [1, 100, 101, 777, 2345])
def test_windows_keep_every_frame_once(monkeypatch: pytest.MonkeyPatch, frames: int) -> None:
    small_windows(monkeypatch, 100, 20)
    found = windows(frames)
    kept = np.concatenate([np.arange(frames)[each.kept] for each in found])
    np.testing.assert_array_equal(kept, np.arange(frames))
    for each in found:
        assert each.solved.stop - each.solved.start <= 100
        inner = each.kept_frames
        assert np.arange(frames)[each.solved][inner][0] == each.kept.start
        assert each.solved.start == each.kept.start
        assert each.solved.stop == min(each.kept.stop + 20, frames)
        assert each.seen.start == max(each.solved.start - 2, 0) or len(found) == 1


@pytest.mark.parametrize("shape_known", [False, True])
def test_a_step_is_that_of_the_whole_take(
    monkeypatch: pytest.MonkeyPatch, solution: Solution, shape_known: bool
) -> None:
    problem = replace(solution.problem, ridge=None) if shape_known else solution.problem
    state = disturbed(solution)
    if shape_known:
        state = replace(state, betas=solution.state.betas)
    whole = normals_of(problem, state)
    step = whole.step(1e-6) or pytest.fail("not definite")
    error = {}
    for margin in (20, 80):
        small_windows(monkeypatch, 240, margin)
        equations = WindowEquations(problem, state, data_terms(problem, state))
        assert equations.cost == pytest.approx(whole.cost, rel=1e-12)
        found = equations.step(1e-6) or pytest.fail("not definite")
        error[margin] = np.abs(found.poses - step.poses).max()
        if margin == 80:
            # three memories of the slowest twist; all others are exact to many digits
            np.testing.assert_allclose(
                found.poses, step.poses, atol=0.25 * np.abs(step.poses).max()
            )
            assert np.median(np.abs(found.poses - step.poses)) < 1e-4 * np.abs(step.poses).max()
            np.testing.assert_allclose(
                found.person, step.person, atol=0.05 * np.abs(step.person).max()
            )
    assert error[80] < 0.2 * error[20]


def test_uncertainty_is_that_of_the_whole_take(
    monkeypatch: pytest.MonkeyPatch, solution: Solution
) -> None:
    problem, state = solution.problem, solution.state
    sigma, variance = frame_sigmas_deg(problem, state), acceleration_variances(problem, state)
    small_windows(monkeypatch, 240, 80)
    np.testing.assert_allclose(frame_sigmas_deg(problem, state), sigma, rtol=0.1)
    np.testing.assert_allclose(
        acceleration_variances(problem, state), variance, rtol=0.01, atol=1e-12
    )


def test_windows_know_what_lies_beyond_them(
    monkeypatch: pytest.MonkeyPatch, solution: Solution
) -> None:
    # With the very gradient of the whole take no window moves when the whole take would not.
    problem, state = solution.problem, disturbed(solution)
    whole, unknowns = normals_of(problem, state), solution.layout.tree.unknowns
    small_windows(monkeypatch, 100, 10)
    for window in windows(FRAMES):
        found = window_normals(problem, state, data_terms(problem, state), window)
        rows = slice(window.solved.start * unknowns, window.solved.stop * unknowns)
        scale = np.abs(whole.gradient).max()
        np.testing.assert_allclose(found.gradient, whole.gradient[rows], atol=1e-12 * scale)
        np.testing.assert_allclose(found.coupling, whole.coupling[rows], rtol=1e-12)
        np.testing.assert_allclose(found.band[:, 0], whole.band[rows, 0], rtol=1e-12)


def test_single_precision_of_long_takes_moves_no_joint(
    monkeypatch: pytest.MonkeyPatch, body: BodyModel
) -> None:
    """Weights rounded to seven digits, pixels to 0.0001 px, the pull of the shape to three.

    A pixel is some 3 mm here, and a joint is seen by dozens of views: less than 0.001 mm. Weights
    and the way to the optimum change where it is by less still. 0.01 mm is asked.
    """
    rig, frames = ring(4, jitter=1.0, seed=1), 150
    points = points_of(frames)
    xyz = true_points(random_motion(frames, FPS, seed=61), BODY_23)
    tracks = observe_points(rig, xyz[:, None], BODY_23, fps=FPS, noise_px=3.0, seed=7)
    small_windows(monkeypatch, 100, 40)
    double = fit(points, body, views=CameraTracks(tracks, rig)).motion
    for module in (windowing, held):
        monkeypatch.setattr(module, "LONG_FRAMES", 0)
    rounded = replace(tracks, pixels=tracks.pixels.astype(np.float32))
    single = fit(points, body, views=CameraTracks(rounded, rig)).motion
    there, here = (skeleton_of(each, body).forward_kinematics()[0] for each in (double, single))
    apart_mm = 1000.0 * np.linalg.norm(here - there, axis=-1).max()
    assert 0.0 < apart_mm < 0.01


@pytest.mark.slow
def test_a_long_take_has_no_seams(monkeypatch: pytest.MonkeyPatch, body: BodyModel) -> None:
    points = points_of(600)
    whole = fit(points, body).motion
    small_windows(monkeypatch, 400, 150)
    parts = fit(points, body).motion
    there, here = (skeleton_of(each, body).forward_kinematics()[0] for each in (whole, parts))
    assert 1000.0 * np.linalg.norm(here - there, axis=-1).max() < 0.1
    turned = angle_between_deg(
        matrix_from_rotvec(whole.rotation_vectors()), matrix_from_rotvec(parts.rotation_vectors())
    )
    assert turned.max() < 0.05


class Kept:
    """A journal that keeps every step, or breaks off after so many."""

    def __init__(self, kept: dict[int, Reached], breaks: int = 10**6) -> None:
        self.kept, self.breaks, self.steps, self.number = kept, breaks, 0, 0

    def __call__(self) -> None:
        self.steps += 1
        if self.steps > self.breaks:
            raise BodyError("killed")

    def reached(self) -> Reached | None:
        self.number += 1
        return self.kept.get(self.number)

    def keep(self, reached: Reached) -> None:
        self.kept[self.number] = reached

    def parts(self, name: str) -> Remember:
        return anew


@pytest.mark.parametrize("long", [False, True])
def test_a_fit_that_was_broken_off_goes_on_to_the_same_bytes(
    monkeypatch: pytest.MonkeyPatch, body: BodyModel, long: bool, tmp_path: Path
) -> None:
    if long:
        small_windows(monkeypatch, 80, 30)
    points = points_of(120)
    clean = Kept({})
    motion = fit(points, body, told=clean).motion
    kept: dict[int, Reached] = {}
    steps = 0
    for breaks in (1, 2, 4):
        broken = Kept(kept, breaks)
        with pytest.raises(BodyError, match="killed"):
            fit(points, body, told=broken)
        steps += breaks
        for number, reached in kept.items():
            path = tmp_path / f"{number}.npz"
            save_artifact(reached, path, Provenance("fit", "1"), pack=False)
            kept[number] = load_artifact(path, Reached)
    last = Kept(kept)
    again = fit(points, body, told=last).motion
    for each in fields(motion):
        one, other = (np.asarray(getattr(found, each.name)) for found in (motion, again))
        assert one.tobytes() == other.tobytes(), each.name
    # In windows no step is done twice; a short take has the factor of its last step in mind.
    assert last.steps == clean.steps - (steps if long else 0)
    # An end is not done again at all.
    assert fit(points, body, told=(ended := Kept(kept))).motion.transl.tobytes() == (
        motion.transl.tobytes()
    )
    assert ended.steps == 0
