"""Foot contacts and foot lock: stances found, slides removed, nothing else harmed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import LinearConstraint, minimize

from mocap.body.feet import contact
from mocap.body.feet.contact import (
    END_SPEED_M_S,
    SIDES,
    contact_points,
    find_contacts,
    slide_mm,
)
from mocap.body.feet.ground import _least_change, levelled, sole_depth
from mocap.body.feet.lock import lock_feet
from mocap.body.model import BodyModel, load_free_body
from mocap.core.body.footing import MOST_ABOVE_M, OWN_SHARE, _to_place, at_least
from mocap.core.body.legs import hinge_turn
from mocap.core.body_motion import BodyMotion, split_rotations
from mocap.core.errors import BodyError
from mocap.core.rotation import matrix_from_rotvec, rotvec_from_matrix
from mocap.core.runs import runs
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.motion import MOTIONS, squat, walk

FPS = 60.0


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_free_body()


def as_body_motion(motion: SyntheticMotion, model: BodyModel) -> BodyMotion:
    frames = len(motion.transl)
    return BodyMotion(
        person_id=0,
        model_name=model.name,
        model_hash=model.content_hash,
        joint_names=model.joint_names,
        fps=motion.skeleton.fps,
        betas=motion.betas,
        transl=motion.transl,
        expression=np.zeros((frames, 0)),
        flat_hand_mean=True,
        fit_error_mm=np.zeros(frames),
        rotation_sigma_deg=np.ones((frames, 55)),
        observable=np.ones(55, dtype=bool),
        **split_rotations(motion.rotations),
    )


def skating(motion: BodyMotion, sway_m: float) -> BodyMotion:
    """Move the whole body to and fro: feet slide by as much."""
    time = np.arange(motion.frame_count) / motion.fps
    sway = sway_m * np.stack([np.sin(4.0 * time), np.cos(3.0 * time), -0.3 * time**0], axis=-1)
    return replace(motion, transl=motion.transl + sway)


@pytest.fixture(scope="module")
def walking(body: BodyModel) -> BodyMotion:
    return as_body_motion(walk(3.0, FPS, seed=2), body)


def test_finds_the_stances_of_a_walk(body: BodyModel, walking: BodyMotion) -> None:
    contacts = find_contacts(walking, body)
    assert abs(contacts.floor_m) < 0.01
    for side in range(2):
        share = contacts.standing[:, side].any(axis=-1).mean()
        # a foot stands for about 60 % of a gait cycle
        assert 0.4 < share < 0.8
    assert contacts.standing.any(axis=(1, 2)).mean() > 0.9
    sure = contacts.confidence[contacts.standing]
    assert np.median(sure) > 0.8 and contacts.confidence.min() < 0.05
    speed = np.linalg.norm(np.gradient(contacts.positions, axis=0), axis=-1) * FPS
    assert np.percentile(speed[contacts.standing], 95) < END_SPEED_M_S


def test_lock_removes_the_slide_and_keeps_the_rest(body: BodyModel) -> None:
    truth = as_body_motion(squat(3.0, FPS, seed=1), body)
    moved = skating(truth, 0.02)
    result = lock_feet(moved, body)
    assert result.slide_before_mm["heel"] > 15.0
    for part in ("ankle", "heel", "ball"):
        assert result.slide_after_mm[part] < 4.0, part
    assert result.penetration_after_mm < 2.0
    before, _ = body.forward_kinematics(moved.rotation_vectors(), moved.betas, moved.transl)
    after, _ = body.forward_kinematics(
        result.motion.rotation_vectors(), result.motion.betas, result.motion.transl
    )
    hands = [body.joint("left_wrist"), body.joint("right_wrist")]
    # the root gives way by no more than the feet were moved
    assert np.abs(after - before)[:, hands].max() < 0.03
    # no jerk: the knees' accelerations stay those of a squat (a few m/s²) and the sway's
    knees = [body.joint("left_knee"), body.joint("right_knee")]
    jerk = np.abs(np.diff(after[:, knees], n=2, axis=0)).max() * FPS**2
    assert jerk < np.abs(np.diff(before[:, knees], n=2, axis=0)).max() * FPS**2 + 10.0


@pytest.mark.parametrize(("seed", "fps", "speed_m_s"), [(11, 30.0, 0.8), (13, 60.0, 1.4)])
def test_feet_that_roll_do_not_draw_the_knees(
    body: BodyModel, seed: int, fps: float, speed_m_s: float
) -> None:
    """Held as if they stood flat until the heel is 3 cm up, they draw a true knee by 6 to 9 mm."""
    truth = as_body_motion(walk(2.0, fps, seed=seed, speed_m_s=speed_m_s), body)
    held = lock_feet(truth, body).motion
    places = [
        body.forward_kinematics(each.rotation_vectors(), each.betas, each.transl)[0]
        for each in (truth, held)
    ]
    knees = [body.joint("left_knee"), body.joint("right_knee")]
    moved_mm = 1000.0 * np.linalg.norm(places[1] - places[0], axis=-1)[:, knees]
    # A landing foot slides to rest within 3 cm/s of its first frames: two millimetres at the knee.
    assert np.percentile(moved_mm, 95) < 2.0


def test_a_motion_without_slide_is_hardly_changed(body: BodyModel, walking: BodyMotion) -> None:
    result = lock_feet(walking, body)
    change = result.motion.body_pose - walking.body_pose
    assert np.degrees(np.median(np.abs(change))) < 0.5
    # a foot that rolls has no fixed point: holding heel and ball costs a millimetre or two
    assert result.slide_after_mm["ball"] < result.slide_before_mm["ball"] + 2.5


def test_modes(body: BodyModel, walking: BodyMotion) -> None:
    moved = skating(walking, 0.02)
    never = lock_feet(moved, body, mode="never")
    assert never.motion is moved
    assert never.slide_after_mm == never.slide_before_mm
    ground = lock_feet(moved, body, mode="ground")
    auto = lock_feet(moved, body, mode="auto")
    assert ground.slide_after_mm["ball"] > 3.0 * auto.slide_after_mm["ball"]
    assert ground.penetration_after_mm < 3.0
    assert lock_feet(moved, body, mode="always").slide_after_mm["ball"] < 4.0
    with pytest.raises(BodyError, match="no foot lock 'sometimes'"):
        lock_feet(moved, body, mode="sometimes")  # type: ignore[arg-type]


def test_soles_below_the_floor_are_lifted(body: BodyModel, walking: BodyMotion) -> None:
    sunk = replace(walking, transl=walking.transl - [0.0, 0.0, 0.03])
    result = lock_feet(sunk, body, mode="ground", floor_m=0.0)
    assert result.penetration_before_mm > 25.0
    assert result.penetration_after_mm < 3.0


def trembling(motion: BodyMotion, sigma_m: float) -> BodyMotion:
    """Move the body by smooth noise of this size, as the errors of a fit are."""
    noise = np.random.default_rng(5).normal(size=motion.transl.shape)
    smooth = gaussian_filter1d(noise, 0.1 * motion.fps, axis=0)
    return replace(motion, transl=motion.transl + sigma_m * smooth / smooth.std(axis=0))


def joint_errors(model: BodyModel, motion: BodyMotion, truth: BodyMotion) -> np.ndarray:
    """Return distances (frame, side, joint) of hips, knees and ankles from the truth, metres."""
    names = [[f"{side}_{joint}" for joint in ("hip", "knee", "ankle")] for side in SIDES]
    chosen = [[model.joint(name) for name in row] for row in names]
    here, there = (contact_points(each, model)[1][:, chosen] for each in (motion, truth))
    return np.asarray(np.linalg.norm(here - there, axis=-1))


@pytest.mark.parametrize("name", ["walk", "squat", "dance"])
def test_lock_averages_noise_instead_of_moving_it(body: BodyModel, name: str) -> None:
    truth = as_body_motion(MOTIONS[name](4.0, FPS, seed=4), body)
    noisy = trembling(truth, 0.005)
    result = lock_feet(noisy, body)
    # heights of 5 mm scatter average out over some twenty independent tenths of a second: 2 mm,
    # and two more for parts that roll (the lowest moments would be 10 mm too low)
    assert abs(result.contacts.floor_m - find_contacts(truth, body).floor_m) < 0.004
    before = joint_errors(body, noisy, truth)
    after = joint_errors(body, result.motion, truth)
    # a standing foot is at its mean place, half as far off; one that rolls has a less sure place.
    # Knees that have to bend for it are hardly worse.
    standing = result.contacts.standing.any(axis=-1)
    assert np.median(after[standing, 2]) < 0.7 * np.median(before[standing, 2])
    assert np.median(after) < np.median(before)
    assert np.percentile(after, 95) < 1.2 * np.percentile(before, 95)


def test_a_foot_on_its_way_is_not_pulled_back(body: BodyModel, walking: BodyMotion) -> None:
    noisy = trembling(walking, 0.005)
    contacts = find_contacts(noisy, body)
    error = joint_errors(body, lock_feet(noisy, body).motion, walking)[..., 2]
    swinging = ~contacts.standing.any(axis=-1)
    # noise of 5 mm per axis is 14 mm at most in 95 % of frames, and its correction no more
    assert np.percentile(error[swinging], 95) < 0.018


def test_toes_give_way_before_the_foot(body: BodyModel, walking: BodyMotion) -> None:
    stiff = walking.body_pose.copy()
    toes = [body.joint(f"{side}_foot") - 1 for side in SIDES]
    assert np.degrees(np.abs(stiff[:, toes]).max()) > 40.0
    stiff[:, toes] = 0.0
    rigid = replace(walking, body_pose=stiff)
    result = lock_feet(rigid, body, mode="ground", floor_m=0.0)
    assert result.penetration_before_mm > 15.0
    assert result.penetration_after_mm < 2.0
    # only the millimetres that toes which bend at the ball leave over, not the 20 mm of a lift
    assert joint_errors(body, result.motion, walking)[..., 2].max() < 0.012
    # they bend up, as they did
    bent = np.degrees(result.motion.body_pose[:, toes, 0])
    assert bent.min() < -15.0 and bent.max() < 1.0


@pytest.mark.parametrize(("sigma_deg", "turned"), [(8.0, True), (0.05, False)])
def test_a_foot_gives_way_by_how_surely_its_turn_is_known(
    body: BodyModel, walking: BodyMotion, sigma_deg: float, turned: bool
) -> None:
    """Toes 4 degrees too low go 12 mm into the floor: who lifts them bends a knee by 3 cm."""
    pose = walking.body_pose.copy()
    ankles = [body.joint(f"{side}_ankle") for side in SIDES]
    chosen = [each - 1 for each in ankles]
    down = matrix_from_rotvec(np.deg2rad([4.0, 0.0, 0.0]))
    pose[:, chosen] = rotvec_from_matrix(matrix_from_rotvec(pose[:, chosen]) @ down)
    sigma = np.full_like(walking.rotation_sigma_deg, sigma_deg)
    tilted = replace(walking, body_pose=pose, rotation_sigma_deg=sigma)
    level = levelled(tilted, body, 0.0)
    assert sole_depth(tilted, body, 0.0).max() > 0.010
    assert sole_depth(level, body, 0.0).max() < 1e-4
    here, there = (
        body.forward_kinematics(each.rotation_vectors(), each.betas, each.transl)[1][:, ankles]
        for each in (walking, level)
    )
    flat = find_contacts(walking, body).standing.all(axis=-1)
    off_deg = np.degrees(np.median(angle_between(here, there)[flat]))
    knee_mm = 1000.0 * joint_errors(body, level, walking)[..., 1].max()
    # 8 degrees at the 15 cm of the toes are 21 mm, eight times the sigma of a lift: a 60th of the
    # 12 mm, and what it does to a knee, are left
    if turned:
        assert off_deg < 1.0 and knee_mm < 1.5
    else:
        assert off_deg > 3.9 and knee_mm > 20.0


def angle_between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    """Return the angles (...) between rotations (..., 3, 3), radians."""
    return np.asarray(np.linalg.norm(rotvec_from_matrix(np.swapaxes(one, -1, -2) @ other), axis=-1))


def test_a_stance_and_the_floor_tell_its_height() -> None:
    heights = np.repeat([0.006, 0.5, 0.030, 0.5, -0.004], 10)
    standing = heights < 0.1
    places = np.stack([np.zeros(50), np.zeros(50), 0.08 + heights], axis=-1)
    places[::10, 2] += 0.01  # one frame says nothing of a stance
    never = np.zeros(50, dtype=bool)
    held = places + _to_place(places, standing, never, 0.08, True, OWN_SHARE)
    for first, above in ((0, 0.003), (20, MOST_ABOVE_M), (40, -0.002)):
        np.testing.assert_allclose(held[first : first + 10, 2], 0.08 + above, atol=1e-12)
    exact = places + _to_place(places, standing, never, 0.08, True, 0.0)
    np.testing.assert_allclose(exact[standing, 2], 0.08, atol=1e-12)


def test_the_least_change_is_the_least() -> None:
    rng = np.random.default_rng(8)
    arms = np.concatenate([rng.normal(0, 0.1, (12, 9, 2)), np.ones((12, 9, 1))], axis=-1)
    depth = rng.normal(-0.002, 0.005, (12, 9))
    sigma = np.stack([*rng.uniform(0.02, 0.2, (2, 12)), rng.uniform(0.001, 0.01, 12)], axis=-1)
    found = _least_change(arms, depth, sigma)
    for arm, deep, by, change in zip(arms, depth, sigma, found, strict=True):
        # in units of sigma it is the point of a polytope that is nearest to the origin
        best = minimize(
            _square,
            np.zeros(3),
            constraints=LinearConstraint(1e3 * arm * by, lb=1e3 * deep),
            method="SLSQP",
        )
        assert best.success
        # what is left is for `lifted`: under a millimetre where the rounds did not do
        assert (arm @ change - deep).min() > -1e-3
        assert np.linalg.norm(change / by) == pytest.approx(np.linalg.norm(best.x), rel=0.05)


def _square(vector: np.ndarray) -> float:
    return float(vector @ vector)


def test_a_lift_of_one_frame_stays_in_it() -> None:
    depth = np.zeros(60)
    depth[30:33] = 0.005
    lift = at_least(depth, FPS)
    assert (lift >= depth).all()
    # 0.02 s are 1.2 frames: nothing three frames away, less than half of it beside
    assert lift[29] < 0.0025 and lift[27] == 0.0 and lift.max() == 0.005


def test_long_takes_are_posed_in_parts(
    body: BodyModel, walking: BodyMotion, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = lock_feet(trembling(walking, 0.01), body)
    monkeypatch.setattr(contact, "_PART_FRAMES", 50)
    parts = lock_feet(trembling(walking, 0.01), body)
    np.testing.assert_array_equal(parts.motion.body_pose, whole.motion.body_pose)
    np.testing.assert_array_equal(parts.motion.transl, whole.motion.transl)


def test_nobody_on_the_floor(body: BodyModel, walking: BodyMotion) -> None:
    flying = replace(walking, transl=walking.transl + np.array([0.0, 0.0, 1.0]))
    result = lock_feet(flying, body, floor_m=0.0)
    np.testing.assert_allclose(result.motion.body_pose, flying.body_pose, atol=1e-9)
    assert np.isnan(result.slide_after_mm["heel"])


def testhinge_turn_reaches_the_distance() -> None:
    rng = np.random.default_rng(3)
    thigh = np.tile([0.0, -0.42, 0.02], (50, 1)) + rng.normal(0, 0.01, (50, 3))
    hinge = np.tile([1.0, 0.0, 0.0], (50, 1))
    shank = np.einsum(
        "fab,b->fa", matrix_from_rotvec(hinge * rng.uniform(0.1, 2.0, (50, 1))), [0, -0.4, 0]
    )
    wanted = rng.uniform(0.3, 0.8, 50)
    turned = np.einsum("fab,fb->fa", hinge_turn(thigh, shank, hinge, wanted), shank)
    np.testing.assert_allclose(np.linalg.norm(thigh + turned, axis=-1), wanted, atol=1e-9)
    # the knee bends backwards in all of them: the shank stays behind the thigh
    assert (np.cross(thigh, turned)[:, 0] > -1e-3).all()


def test_runs_and_slide() -> None:
    standing = np.array([1, 1, 0, 0, 1, 1, 1, 0], dtype=bool)
    assert runs(standing) == [(0, 2), (4, 7)]
    positions = np.zeros((8, 3))
    positions[:, 0] = [0, 0, 9, 9, 1.0, 1.002, 1.004, 5]
    assert slide_mm(positions, standing) == pytest.approx(1.0)
    assert np.isnan(slide_mm(positions, np.zeros(8, dtype=bool)))
