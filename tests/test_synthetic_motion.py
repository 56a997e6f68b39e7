"""Synthetic motions of the free body: smooth, within human ranges, feet on the floor."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from skeleton_pose import pose_from_skeleton

from mocap.body.model import load_free_body
from mocap.body.model_motion import skeleton_from_pose
from mocap.core.errors import BodyError, InputError
from mocap.core.keypoints import COCO_17, COCO_17_FEET
from mocap.core.rotation import rotvec_from_matrix
from mocap.export.bvh import reader as bvh_reader
from mocap.synthetic.footage.puppet import Puppet, hanging_arm, turn
from mocap.synthetic.motion.bvh_source import bvh_motion
from mocap.synthetic.motion.curves import bridge, bump, cycle_keys, ease, keys
from mocap.synthetic.motion.feet import measure_foot
from mocap.synthetic.motion.motion import MOTIONS, SyntheticMotion, body_keypoints, throw, walk

FAST_FPS = 120.0


def joints_of(motion: SyntheticMotion) -> dict[str, np.ndarray]:
    positions, _ = motion.skeleton.forward_kinematics()
    return {name: positions[:, k] for k, name in enumerate(motion.skeleton.joint_names)}


def lowest_points_m(motion: SyntheticMotion) -> np.ndarray:
    skin = load_free_body().skin(motion.rotations, motion.betas, motion.transl, dtype=np.float32)
    return np.asarray(skin[..., 2].min(axis=1), dtype=np.float64)


@pytest.fixture(scope="module", params=sorted(MOTIONS))
def motion(request: pytest.FixtureRequest) -> SyntheticMotion:
    return MOTIONS[request.param](2.8, FAST_FPS, seed=1)


def test_soles_touch_the_floor_and_never_go_below(motion: SyntheticMotion) -> None:
    every = SyntheticMotion(
        motion.skeleton, motion.rotations[::6], motion.transl[::6], motion.betas
    )
    low = lowest_points_m(every)
    # The fit of the sole's rolling is right to about a millimetre.
    assert low.min() > -0.002
    assert low.max() < 0.002


@pytest.mark.parametrize("name", sorted(MOTIONS))
def test_motion_is_smooth(name: str) -> None:
    """Halving the time step halves the change of acceleration: there is no jump in it."""
    fps = 960.0  # resolves the quarter of a tenth of a second of a throw's acceleration
    positions, _ = MOTIONS[name](2.6, fps, seed=1).skeleton.forward_kinematics()
    positions = positions[:, :22]  # fingers and face ride along

    def largest_change(step: int) -> np.ndarray:
        acceleration = np.diff(positions[::step], 2, axis=0) * (fps / step) ** 2
        return np.asarray(np.abs(np.diff(acceleration, axis=0)).max(axis=(0, 2)))

    fine, coarse = largest_change(1), largest_change(2)
    moving = coarse > 0.05
    # A jump gives a ratio of 1 whatever the step; smooth motion comes down to 1/2.
    assert moving.any()
    assert (fine[moving] / coarse[moving]).max() < 0.75


def test_elbows_and_knees_bend_the_right_way(motion: SyntheticMotion) -> None:
    body = load_free_body()
    bend = np.rad2deg(rotvec_from_matrix(motion.rotations))
    for name, axis, sign, most in (
        ("left_knee", 0, 1, 145),
        ("right_knee", 0, 1, 145),
        ("left_elbow", 1, -1, 150),
        ("right_elbow", 1, 1, 150),
    ):
        flexion = sign * bend[:, body.joint(name), axis]
        assert flexion.min() >= 0 and flexion.max() < most, name
    # Dorsiflexion of a loaded ankle is at most about 40 degrees.
    for name in ("left_ankle", "right_ankle"):
        assert bend[:, body.joint(name), 0].min() > -40


def test_hands_stay_outside_the_trunk(motion: SyntheticMotion) -> None:
    at = joints_of(motion)
    spine = 0.5 * (at["spine1"] + at["spine2"])
    for side in ("left", "right"):
        assert np.linalg.norm(at[f"{side}_wrist"] - spine, axis=1).min() > 0.15


@pytest.mark.parametrize("name", sorted(MOTIONS))
def test_motion_is_the_same_at_any_frame_rate(name: str) -> None:
    slow = MOTIONS[name](2.0, 30.0, seed=3)
    fast = MOTIONS[name](2.0, 120.0, seed=3)
    assert slow.skeleton.fps == 30.0 and len(slow.transl) == 60 and len(fast.transl) == 240
    # The pelvis height is as high as the sampled frames allow: equal within a quarter millimetre.
    np.testing.assert_allclose(slow.transl, fast.transl[::4], atol=2.5e-4)


@pytest.mark.parametrize("name", sorted(MOTIONS))
def test_seeds_vary_and_repeat(name: str) -> None:
    first, again, other = (MOTIONS[name](1.0, 30.0, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(first.rotations, again.rotations)
    assert np.abs(first.rotations - other.rotations).max() > 0.01


@pytest.mark.parametrize("name", sorted(MOTIONS))
@pytest.mark.parametrize("stature", [-2.0, 2.0])
def test_any_build_can_do_it(name: str, stature: float) -> None:
    betas = np.array([stature, 1.0, -1.0, 1.0])
    motion = MOTIONS[name](2.4, 30.0, betas=betas)
    low = lowest_points_m(motion)
    assert low.min() > -0.003 and low.max() < 0.003


def test_heading_and_origin_place_the_motion() -> None:
    reference = joints_of(walk(1.0, 30.0))["pelvis"]
    turned = joints_of(walk(1.0, 30.0, heading_deg=90.0, origin_m=(1.0, 2.0)))["pelvis"]
    # 90 degrees about Z: x becomes y
    expected = np.stack([1.0 - reference[:, 1], 2.0 + reference[:, 0], reference[:, 2]], axis=1)
    np.testing.assert_allclose(turned, expected, atol=1e-9)
    assert reference[-1, 0] - reference[0, 0] == pytest.approx(1.15 * 29 / 30, abs=0.02)


def test_walk_plants_its_feet() -> None:
    motion = walk(3.0, FAST_FPS)
    at = joints_of(motion)
    for side in ("left", "right"):
        toes = at[f"{side}_foot"]
        speed = np.linalg.norm(np.diff(toes, axis=0), axis=1) * FAST_FPS
        # Stance is 62 % of the stride; the toe joint rests from flat foot (12 %) to toe off.
        assert np.mean(speed < 0.01) == pytest.approx(0.50, abs=0.12)


def test_walk_on_a_circle_comes_round() -> None:
    radius_m, speed_m_s = 1.2, 1.2
    pelvis = joints_of(walk(2 * np.pi, 30.0, radius_m=radius_m, speed_m_s=speed_m_s))["pelvis"]
    distance = np.hypot(pelvis[:, 0], pelvis[:, 1])
    assert np.abs(distance - radius_m).max() < 0.03  # it sways by 18 mm
    assert np.linalg.norm(pelvis[-1] - pelvis[0]) < 0.15


def test_throw_is_fast_and_handed() -> None:
    right = joints_of(throw(2.8, 240.0, heading_deg=0.0))
    left = joints_of(throw(2.8, 240.0, heading_deg=0.0, left_handed=True))
    speed = np.linalg.norm(np.diff(right["right_wrist"], axis=0), axis=1) * 240.0
    acceleration = np.linalg.norm(np.diff(right["right_wrist"], 2, axis=0), axis=1) * 240.0**2
    assert 12 < speed.max() < 24
    assert 400 < acceleration.max() < 1200
    release = int(np.argmax(speed))
    assert 1.6 < release / 240.0 < 1.95
    forward = right["right_wrist"][release + 1] - right["right_wrist"][release]
    assert forward[0] / np.linalg.norm(forward) > 0.8  # towards the heading, world X
    stride = right["left_ankle"][-1] - right["left_ankle"][0]
    assert 0.7 < stride[0] < 1.3
    knee_high = right["left_knee"][:, 2].max() - right["left_hip"][:, 2].mean()
    assert knee_high > 0.0
    # mirrored across the vertical plane of the throw
    flip = np.array([1.0, -1.0, 1.0])
    np.testing.assert_allclose(left["left_wrist"], right["right_wrist"] * flip, atol=1e-4)


def test_keypoints_are_joint_centres_and_skin_points() -> None:
    motion = walk(0.5, 30.0)
    truth = body_keypoints(motion)
    assert truth.shape == (15, len(COCO_17_FEET.keypoint_names), 3)
    at = joints_of(motion)
    for name in ("left_hip", "right_knee", "left_wrist", "right_ankle", "left_shoulder"):
        np.testing.assert_allclose(truth[:, COCO_17_FEET.index(name)], at[name], atol=1e-9)
    nose, heel = (truth[:, COCO_17_FEET.index(name)] for name in ("nose", "left_heel"))
    assert (nose[:, 0] > at["head"][:, 0] + 0.05).all()  # it looks where it walks
    assert heel[:, 2].min() == pytest.approx(0.012, abs=0.012)
    assert body_keypoints(motion, COCO_17).shape == (15, 17, 3)


def test_skeleton_and_pose_convert_back() -> None:
    body = load_free_body()
    motion = throw(0.5, 30.0, betas=np.array([1.0, 0.5]))
    rotations, transl = pose_from_skeleton(body, motion.skeleton, motion.betas)
    np.testing.assert_allclose(rotations, motion.rotations, atol=1e-12)
    np.testing.assert_allclose(transl, motion.transl, atol=1e-12)
    positions, _ = body.forward_kinematics(rotations, motion.betas, transl)
    skeleton = skeleton_from_pose(body, rotations, motion.betas, transl, 30.0)
    np.testing.assert_allclose(skeleton.forward_kinematics()[0], positions, atol=1e-12)


def test_rolling_foot_keeps_its_sole_on_the_floor() -> None:
    body = load_free_body()
    puppet = Puppet(body, np.zeros(16), 30)
    pitch = np.linspace(-60, 30, 30)
    puppet.root_position[:, 1] = 0.85 * puppet.standing_height_m
    for side in (1, -1):
        ball = np.array([[side * 0.12, 0.12]])
        ankle = puppet.rolling_ankle(side, ball, side * 5.0, pitch)
        puppet.leg(side, ankle, side * 5.0, pitch, 0.0)
    motion = puppet.world_motion(30.0, 0.0, (0.0, 0.0))
    assert np.abs(lowest_points_m(motion)).max() < 0.002
    toes = joints_of(motion)["left_foot"][pitch < 0]
    np.testing.assert_allclose(toes - toes[0], 0.0, atol=0.003)
    assert measure_foot(body, np.zeros(16), "left").flat_height == pytest.approx(0.076, abs=0.01)


def test_refuses_a_step_out_of_reach() -> None:
    puppet = Puppet(load_free_body(), np.zeros(16), 1)
    puppet.root_position[:, 1] = 1.2
    with pytest.raises(BodyError, match="left leg cannot reach its foot"):
        puppet.leg(1, np.zeros((1, 3)), 0.0, 0.0, 0.0)


def test_the_same_angles_mirror() -> None:
    flip = np.array([-1.0, 1.0, 1.0])
    left, right = (hanging_arm(side, 30.0, 20.0, 10.0) for side in (1, -1))
    np.testing.assert_allclose(right, left * np.outer(flip, flip), atol=1e-12)
    # hung down and swung forward by 30 degrees: the arm points ahead and outwards
    along = left @ np.array([1.0, 0.0, 0.0])
    assert along[2] > 0.4 and along[1] < -0.7 and along[0] > 0.3


def test_turn_follows_the_right_hand() -> None:
    np.testing.assert_allclose(turn("z", 90.0) @ [1, 0, 0], [0, 1, 0], atol=1e-12)
    assert turn("x", np.zeros(4)).shape == (4, 3, 3)


def test_curves_start_and_stop_softly() -> None:
    x = np.linspace(-0.5, 1.5, 20001)
    step = x[1] - x[0]
    knots, values = np.array([-0.2, 0.1, 0.5, 0.6, 1.2]), np.array([0, 1, 1, -2, 3.0])
    curves = (ease(x), bump(x), keys(x, knots, values), cycle_keys(x, knots[1:4], values[1:4]))
    for curve in curves:
        second = np.diff(curve, 2) / step**2
        # A corner in the slope or a jump of the second derivative would be as large as itself; a
        # continuous one changes by the step (1e-4) over the shortest segment (0.1), times 10.
        assert np.abs(np.diff(second)).max() < 0.012 * np.abs(second).max()
    held = keys(np.linspace(0.1, 0.5, 50), knots, values)
    np.testing.assert_allclose(held, 1.0, atol=1e-12)
    np.testing.assert_allclose(keys(knots, knots, values), values)
    np.testing.assert_allclose(cycle_keys(x + 3.0, knots[1:4], values[1:4]), curves[3], atol=1e-9)


def test_bridge_meets_both_states() -> None:
    start = tuple(np.array([v]) for v in (1.0, -2.0, 3.0))
    end = tuple(np.array([v]) for v in (0.5, 1.0, -4.0))
    h = 1e-4
    x = np.array([0, h, 2 * h, 1 - 2 * h, 1 - h, 1])
    y = bridge(x, (start[0], start[1], start[2]), (end[0], end[1], end[2]))[:, 0]
    for first, state in ((0, start), (3, end)):
        a, b, c = y[first : first + 3]
        value = a if first == 0 else c
        assert value == pytest.approx(state[0][0], abs=1e-9)
        assert (c - a) / (2 * h) == pytest.approx(state[1][0], abs=0.01)  # a step of 1e-4 off
        assert (a - 2 * b + c) / h**2 == pytest.approx(state[2][0], abs=0.1)


# A pelvis with two legs and two arms: enough to drive the body. The left elbow bends by CHANNEL.
_LIMBS = """
JOINT {side}UpLeg {{ OFFSET {x} 0 0 CHANNELS 3 Zrotation Xrotation Yrotation
 JOINT {side}Leg {{ OFFSET 0 -40 0 CHANNELS 3 Zrotation Xrotation Yrotation
  JOINT {side}Foot {{ OFFSET 0 -40 0 CHANNELS 3 Zrotation Xrotation Yrotation
   JOINT {side}ToeBase {{ OFFSET 0 -5 14 CHANNELS 3 Zrotation Xrotation Yrotation
    End Site {{ OFFSET 0 0 5 }} }} }} }} }}
JOINT {side}Arm {{ OFFSET {y} 50 0 CHANNELS 3 Zrotation Xrotation Yrotation
 JOINT {side}ForeArm {{ OFFSET {z} 0 0 CHANNELS 3 Zrotation Xrotation Yrotation
  JOINT {side}Hand {{ OFFSET {z} 0 0 CHANNELS 3 Zrotation Xrotation Yrotation
   End Site {{ OFFSET {x} 0 0 }} }} }} }}
"""


def bvh_text(elbow_deg: float, frames: int = 31) -> str:
    limbs = "".join(
        _LIMBS.format(side=side, x=s * 9, y=s * 18, z=s * 26)
        for side, s in (("Left", 1), ("Right", -1))
    )
    head = "HIERARCHY\nROOT Hips {{ OFFSET 0 0 0 CHANNELS 6 {} {} }}\nMOTION\n".format(
        "Xposition Yposition Zposition Zrotation Xrotation Yrotation", limbs
    )
    values = np.zeros((frames, 6 + 14 * 3))
    values[:, :3] = 0.0, 95.0, 0.0
    values[:, 2] = np.linspace(0, 50, frames)  # walks on ice, forwards
    values[:, 6 + 5 * 3 + 2] = -elbow_deg  # LeftForeArm about Y
    rows = "\n".join(" ".join(f"{v:.6f}" for v in row) for row in values)
    return f"{head}Frames: {frames}\nFrame Time: 0.0333333\n{rows}\n"


def test_bvh_drives_the_body(tmp_path: Path) -> None:
    path = tmp_path / "clip.bvh"
    path.write_text(bvh_text(70.0))
    clip = bvh_reader.read(path)
    positions, _ = clip.forward_kinematics()
    assert positions.shape == (31, 15, 3) and clip.fps == 30.0
    forearm = (
        positions[0, clip.joint_names.index("LeftHand")]
        - (positions[0, clip.joint_names.index("LeftForeArm")])
    )
    # about -Y of the file the left forearm (+X) turns forwards (+Z there, -Y in the world)
    np.testing.assert_allclose(
        forearm, 0.26 * np.array([np.cos(np.deg2rad(70)), -np.sin(np.deg2rad(70)), 0]), atol=1e-6
    )
    motion = bvh_motion(clip, 1.0, 60.0, heading_deg=0.0)
    assert len(motion.transl) == 60 and motion.skeleton.fps == 60.0
    body = load_free_body()
    bend = np.rad2deg(rotvec_from_matrix(motion.rotations))
    np.testing.assert_allclose(bend[:, body.joint("left_elbow")], [[0, -70, 0]] * 60, atol=0.5)
    np.testing.assert_allclose(bend[:, body.joint("right_elbow")], 0.0, atol=0.5)
    np.testing.assert_allclose(bend[:, body.joint("left_shoulder")], 0.0, atol=3.0)
    at = joints_of(motion)
    assert at["pelvis"][-1, 0] > at["pelvis"][0, 0] + 0.4  # forwards is the heading
    assert lowest_points_m(motion).min() == pytest.approx(0.0, abs=1e-4)


def test_bvh_refuses_what_it_cannot_use(tmp_path: Path) -> None:
    path = tmp_path / "clip.bvh"
    path.write_text(bvh_text(0.0))
    with pytest.raises(InputError, match=r"the clip lasts 1\.00 s; 4\.00 s were asked for"):
        bvh_motion(bvh_reader.read(path), 4.0, 30.0)
    path.write_text(bvh_text(0.0).replace("RightFoot", "Hoof"))
    with pytest.raises(InputError, match="no right ankle: none of RightFoot"):
        bvh_motion(bvh_reader.read(path), 1.0, 30.0)
