"""The free body: file, joints, skinning."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from importlib.resources import files

import numpy as np
import pytest
from scipy.sparse import csr_array

from mocap.body.lbs import as_matrices
from mocap.body.model import WORLD_FROM_BODY, BodyModel, load_free_body
from mocap.body.smplx_format import LANDMARK_VERTICES
from mocap.core.errors import BodyError
from mocap.core.keypoint_names import INNER_FACE
from mocap.core.keypoints import mirrored_name
from mocap.core.rotation import matrix_from_rotvec

# float64 sums of a few dozen terms of size 1 m
ROUNDING_M = 1e-12


@pytest.fixture(scope="module")
def body() -> BodyModel:
    return load_free_body()


def random_pose(body: BodyModel, frames: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.3, (frames, body.joint_count, 3))


def length(body: BodyModel, start: str, end: str) -> float:
    joints = body.joints()
    return float(np.linalg.norm(joints[body.joint(end)] - joints[body.joint(start)]))


def test_has_the_joints_of_the_smplx_tree(body: BodyModel) -> None:
    assert body.joint_count == 55
    parent = {
        name: body.joint_names[p] if p >= 0 else None
        for name, p in zip(body.joint_names, body.parents, strict=True)
    }
    assert parent["pelvis"] is None
    assert parent["left_hip"] == "pelvis"
    assert parent["left_foot"] == "left_ankle"
    assert parent["right_collar"] == "spine3"
    assert parent["jaw"] == "head"
    assert parent["left_index1"] == "left_wrist"
    assert parent["right_thumb3"] == "right_thumb2"
    assert body.joint_names[15] == "head"
    assert body.joint_names[20:22] == ("left_wrist", "right_wrist")


def test_weights_and_regressor_are_convex(body: BodyModel) -> None:
    for matrix in (body.skin_weights, body.joint_regressor):
        assert matrix.data.min() > 0
        np.testing.assert_allclose(np.asarray(matrix.sum(axis=1)), 1.0, atol=1e-12)
    assert body.joint_regressor.nnz < 1000
    assert set(body.dominant_joint()) == set(range(55))


def test_stands_in_a_t_pose(body: BodyModel) -> None:
    joints = dict(zip(body.joint_names, body.joints(), strict=True))
    # An adult of the mean shape: 1.70 m; the arms are horizontal within the 1 mm or so that the
    # regressor misses its joints by.
    assert 1.6 < np.ptp(body.template[:, 1]) < 1.8
    assert joints["left_shoulder"][1] == pytest.approx(joints["left_wrist"][1], abs=0.005)
    assert joints["left_wrist"][0] > joints["left_elbow"][0] > joints["left_shoulder"][0] > 0
    assert joints["left_foot"][2] > joints["left_ankle"][2] + 0.1  # toes point along +Z
    assert joints["head"][1] > joints["neck"][1] > joints["spine3"][1] > joints["pelvis"][1]
    assert np.linalg.norm(joints["pelvis"]) < 0.005


@pytest.mark.parametrize(
    ("start", "end", "low_m", "high_m"),
    [
        # Shares of the body height from Winter (2009), table 4.1, times 1.70 m, +- 12 %; the
        # hip spacing is Harrington et al. (2007) for a pelvis of 0.23 to 0.26 m.
        ("left_hip", "right_hip", 0.165, 0.185),
        ("left_hip", "left_knee", 0.366, 0.466),
        ("left_knee", "left_ankle", 0.368, 0.468),
        ("left_shoulder", "left_elbow", 0.25, 0.35),
        ("left_elbow", "left_wrist", 0.215, 0.28),
        ("left_shoulder", "right_shoulder", 0.31, 0.40),
        ("left_ankle", "left_foot", 0.11, 0.17),
    ],
)
def test_bones_have_adult_lengths(
    body: BodyModel, start: str, end: str, low_m: float, high_m: float
) -> None:
    assert low_m < length(body, start, end) < high_m


def test_is_symmetric(body: BodyModel) -> None:
    flip = np.array([-1.0, 1.0, 1.0])
    partner = body.mirror
    assert (partner[partner] == np.arange(len(partner))).all()
    # float32 file
    np.testing.assert_allclose(body.template[partner] * flip, body.template, atol=1e-6)
    joints = body.joints()
    other = [body.joint(mirrored_name(name)) for name in body.joint_names]
    np.testing.assert_allclose(joints[other] * flip, joints, atol=1e-5)
    for name in body.landmark_names:
        assert partner[body.landmark(name)] == body.landmark(mirrored_name(name)) or name == "nose"
    # one storage step of the shape components is 20 micrometres
    mirrored = body.shape_components[:, partner] * flip
    np.testing.assert_allclose(mirrored, body.shape_components, atol=4.1e-5)


def test_landmarks_are_where_their_names_say(body: BodyModel) -> None:
    at = dict(zip(body.landmark_names, body.template[body.landmark_vertices], strict=True))
    joints = dict(zip(body.joint_names, body.joints(), strict=True))
    floor = body.template[:, 1].min()
    assert at["nose"][2] == pytest.approx(body.template[body.template[:, 1] > 0.55, 2].max())
    assert np.linalg.norm(at["left_eye"] - joints["left_eye_smplhf"]) < 0.02
    assert 0.06 < at["left_ear"][0] < 0.09
    for name in ("left_big_toe", "left_small_toe", "left_heel"):
        assert at[name][1] - floor < 0.03
    assert (
        at["left_big_toe"][2]
        > at["left_small_toe"][2]
        > joints["left_ankle"][2]
        > 0.03 + (at["left_heel"][2])
    )
    assert at["left_big_toe"][0] < at["left_small_toe"][0]
    assert at["left_middle_tip"][0] == pytest.approx(body.template[:, 0].max(), abs=0.003)


def test_zero_pose_gives_the_rest_skin(body: BodyModel) -> None:
    betas = np.array([1.0, -2.0, 0.5])
    skinned = body.skin(np.zeros((1, 55, 3)), betas)
    np.testing.assert_allclose(skinned[0], body.rest_vertices(betas), atol=ROUNDING_M)
    positions, turns = body.forward_kinematics(np.zeros((1, 55, 3)), betas)
    np.testing.assert_allclose(positions[0], body.joints(betas), atol=ROUNDING_M)
    np.testing.assert_array_equal(turns[0], np.tile(np.eye(3), (55, 1, 1)))


def test_root_motion_is_a_rigid_motion_of_everything(body: BodyModel) -> None:
    pose = as_matrices(random_pose(body, 2))
    turn = matrix_from_rotvec(np.array([0.4, -1.0, 2.0]))
    shift = np.array([[1.0, 2.0, 3.0]] * 2)
    turned = pose.copy()
    turned[:, 0] = turn @ pose[:, 0]
    root = body.joints()[0]
    for before, after in (
        (body.skin(pose), body.skin(turned, transl=shift)),
        (body.landmarks(pose), body.landmarks(turned, transl=shift)),
        (body.forward_kinematics(pose)[0], body.forward_kinematics(turned, transl=shift)[0]),
    ):
        expected = (before - root) @ turn.T + root + shift[0]
        np.testing.assert_allclose(after, expected, atol=ROUNDING_M)


def test_skin_agrees_with_the_textbook_sum(body: BodyModel) -> None:
    pose = random_pose(body, 3, seed=1)
    betas = np.linspace(-1, 1, body.shape_count)
    chosen = np.arange(0, len(body.template), 997)
    positions, turns = body.forward_kinematics(pose, betas)
    rest, joints = body.rest_vertices(betas), body.joints(betas)
    expected = np.zeros((3, len(chosen), 3))
    for row, vertex in enumerate(chosen):
        for joint, weight in enumerate(body.skin_weights.toarray()[vertex]):
            moved = turns[:, joint] @ (rest[vertex] - joints[joint]) + positions[:, joint]
            expected[:, row] += weight * moved
    np.testing.assert_allclose(body.skin(pose, betas, vertices=chosen), expected, atol=ROUNDING_M)
    np.testing.assert_allclose(body.skin(pose, betas)[:, chosen], expected, atol=ROUNDING_M)
    single = body.skin(pose, betas, vertices=chosen, dtype=np.float32)
    assert single.dtype == np.float32
    np.testing.assert_allclose(single, expected, atol=5e-6)  # float32 steps of 2e-7 at 2 m


def test_first_component_is_stature(body: BodyModel) -> None:
    short, tall = (np.ptp(body.rest_vertices(np.array([b]))[:, 1]) for b in (-1.0, 1.0))
    # 95 % of the spread of adult stature (sd about 0.1 m) is in it
    assert 0.12 < tall - short < 0.3
    joints = body.joints(np.array([1.0]))
    assert joints[body.joint("left_knee")][1] < body.joints()[body.joint("left_knee")][1]


def test_world_frame(body: BodyModel) -> None:
    root = np.tile(np.eye(3), (1, 55, 1, 1))
    root[:, 0] = WORLD_FROM_BODY
    positions, _ = body.forward_kinematics(root)
    at = dict(zip(body.joint_names, positions[0], strict=True))
    assert at["head"][2] > at["left_ankle"][2] + 1.3  # up is +Z
    assert at["left_wrist"][0] > 0.5  # left is +X
    assert at["left_foot"][1] < at["left_ankle"][1] - 0.1  # forward is -Y


def test_refuses_wrong_input(body: BodyModel) -> None:
    with pytest.raises(ValueError, match=r"17 betas for body 'free_body_2', which has 16"):
        body.rest_vertices(np.zeros(17))
    with pytest.raises(ValueError, match=r"rotations have shape \(55, 3\)"):
        body.skin(np.zeros((55, 3)))


def head_points(body: BodyModel, **options: np.ndarray) -> dict[str, np.ndarray]:
    points = body.face_landmarks(np.zeros((1, 55, 3)), **options)[0]
    return dict(zip(INNER_FACE, points, strict=True))


def test_file_is_small_and_vertices_are_where_the_format_wants_them(body: BodyModel) -> None:
    with files("mocap.body").joinpath("data", "free_body.npz").open("rb") as stream:
        assert len(stream.read()) < 1.5e6
    assert dict(zip(body.landmark_names, body.landmark_vertices, strict=True)) == LANDMARK_VERTICES


def test_face_landmarks_are_where_their_names_say(body: BodyModel) -> None:
    at = head_points(body)
    joints = dict(zip(body.joint_names, body.joints(), strict=True))
    # Mirror images of each other; float32 file.
    for name, point in at.items():
        np.testing.assert_allclose(at[mirrored_name(name)] * [-1, 1, 1], point, atol=1e-6)
    x, _, z = np.array(list(at.values())).T
    eye = joints["left_eye_smplhf"]
    assert z.min() > eye[2] - 0.01 and np.abs(x).max() < 0.07
    corners = at["left_eye_outer_corner"][0], at["left_eye_inner_corner"][0]
    assert corners[0] > eye[0] > corners[1] > 0.01
    # Eye openings of adults are about 30 mm wide, mouths about 50 mm.
    assert 0.023 < corners[0] - corners[1] < 0.035
    assert 0.04 < 2 * at["left_mouth_corner"][0] < 0.06
    downwards = ["left_eyebrow_3", "left_upper_lid_outer", "left_lower_lid_outer", "nose_ridge_4",
                 "nose_base", "upper_lip", "inner_upper_lip", "inner_lower_lip",
                 "lower_lip"]  # fmt: skip
    assert (np.diff([at[name][1] for name in downwards]) < 0).all()
    brow = [at[f"left_eyebrow_{k}"][0] for k in range(1, 6)]
    assert (np.diff(brow) < 0).all()
    np.testing.assert_allclose(at["nose_ridge_4"], body.template[body.landmark("nose")], atol=1e-6)
    # The lid ends 10 mm above the centre of the eye; the brow is clearly higher.
    assert at["left_eyebrow_3"][1] - eye[1] > 0.015


def test_expressions_do_what_their_names_say(body: BodyModel) -> None:
    still = head_points(body)

    def moved(name: str) -> dict[str, np.ndarray]:
        weights = np.eye(len(body.expression_names))[[body.expression_names.index(name)]]
        at = head_points(body, expression=weights)
        return {point: at[point] - still[point] for point in still}

    smile = moved("smile")["left_mouth_corner"]
    assert smile[0] > 0.003 and smile[1] > 0.003  # metres: outwards and up
    assert moved("frown")["left_mouth_corner"][1] < -0.002
    assert moved("pucker")["left_mouth_corner"][0] < -0.002
    assert moved("brow_up")["left_eyebrow_2"][1] > 0.002
    assert moved("brow_down")["left_eyebrow_4"][1] < -0.001
    assert moved("upper_lip_up")["upper_lip"][1] > 0.002
    for name, sign in (("left_blink", "left"), ("right_blink", "right")):
        blink = moved(name)
        other = mirrored_name(f"{sign}_upper_lid_inner")
        assert blink[f"{sign}_upper_lid_inner"][1] < -0.005
        assert np.abs(blink[other]).max() < 1e-4
    assert len(body.expression_names) == 10
    # Joints are where they were: expressions are no motion.
    weights = np.ones((1, 10))
    positions, _ = body.forward_kinematics(np.zeros((1, 55, 3)), expression=weights)
    np.testing.assert_allclose(positions[0], body.joints(), atol=ROUNDING_M)


def test_jaw_opens_the_mouth_and_eyes_turn_in_place(body: BodyModel) -> None:
    still = head_points(body)
    pose = np.zeros((1, 55, 3))
    pose[0, body.joint("jaw"), 0] = 0.3
    opened = dict(zip(INNER_FACE, body.face_landmarks(pose)[0], strict=True))
    # 0.3 rad about a joint some 8 cm behind the lips
    assert opened["lower_lip"][1] - still["lower_lip"][1] < -0.015
    np.testing.assert_allclose(opened["upper_lip"], still["upper_lip"], atol=1e-3)
    pose[0, body.joint("jaw")] = 0.0
    pose[0, body.joint("left_eye_smplhf"), 1] = 0.5
    eyeball = body.dominant_joint() == body.joint("left_eye_smplhf")
    turned = body.skin(pose, vertices=np.flatnonzero(eyeball))[0]
    # A ball of 12 to 15 mm that turns about its centre stays in its socket.
    centre = body.joints()[body.joint("left_eye_smplhf")]
    np.testing.assert_allclose(turned.mean(axis=0), body.template[eyeball].mean(axis=0), atol=2e-3)
    assert np.linalg.norm(turned - centre, axis=1).max() < 0.018


def test_expression_and_correctives_follow_the_frames(body: BodyModel) -> None:
    """A change of the rest skin in one frame shows in that frame only, carried by the pose."""
    pose = random_pose(body, 3, seed=4)
    expression = np.zeros((3, 10))
    expression[1, 0] = 1.0
    plain = body.skin(pose)
    smiling = body.skin(pose, expression=expression)
    np.testing.assert_allclose(smiling[[0, 2]], plain[[0, 2]], atol=ROUNDING_M)
    length_of = np.linalg.norm(smiling[1] - plain[1], axis=1)
    # Skinning mixes rotations, so it can only shorten what it turns.
    assert 0.01 < length_of.max() <= np.linalg.norm(body.expression_components[0], axis=1).max()
    correctives = np.zeros((9 * 54, len(body.template), 3), dtype=np.float32)
    knee = body.joint("left_knee")
    vertex = int(np.flatnonzero(body.skin_weights.toarray()[:, knee] == 1.0)[0])
    correctives[9 * (knee - 1) + 5, vertex] = [0.0, 0.0, 0.1]  # entry (1, 2) of R - I
    corrected = replace(body, pose_correctives=correctives)
    bent = np.zeros((2, 55, 3))
    bent[1, knee, 0] = 0.5
    pushed = corrected.skin(bent) - body.skin(bent)
    np.testing.assert_array_equal(pushed[0], 0.0)
    turn = matrix_from_rotvec(bent[1, knee])
    np.testing.assert_allclose(pushed[1, vertex], turn @ [0, 0, 0.1] * turn[1, 2], atol=1e-8)
    with pytest.raises(ValueError, match=r"values of shape \(1, 11\); expected"):
        body.skin(pose[:1], expression=np.zeros((1, 11)))


def test_mean_woman_and_man(body: BodyModel) -> None:
    heights = {
        sex: np.ptp(body.rest_vertices(body.sex_shape(sex))[:, 1])
        for sex in ("female", "neutral", "male")
    }
    # Means of adult populations lie within these lines.
    assert 1.58 < heights["female"] < 1.68 < heights["neutral"] < 1.72 < heights["male"] < 1.80
    # No mean is far from the middle of the population.
    assert np.abs(body.sex_betas).max() < 1.5
    with pytest.raises(BodyError, match="no mean shape for 'other'"):
        body.sex_shape("other")


def test_relaxed_hands_bend_downwards(body: BodyModel) -> None:
    pose = np.zeros((1, 55, 3))
    pose[0, 25:] = body.hand_means.reshape(30, 3)
    flat, relaxed = body.landmarks(np.zeros((1, 55, 3)))[0], body.landmarks(pose)[0]
    for side in ("left", "right"):
        tip = body.landmark_names.index(f"{side}_middle_tip")
        assert relaxed[tip, 1] < flat[tip, 1] - 0.02


def swapped_hips(model: BodyModel) -> BodyModel:
    """Return the body whose left and right hip move each other's skin: the same numbers."""
    columns = np.arange(model.joint_count)
    left, right = model.joint("left_hip"), model.joint("right_hip")
    columns[[left, right]] = right, left
    weights = model.skin_weights.copy()
    weights.indices = columns[weights.indices].astype(weights.indices.dtype)
    return replace(model, skin_weights=weights)


@pytest.mark.parametrize(
    "changed",
    [
        swapped_hips,
        lambda model: replace(model, faces=model.faces[:, ::-1]),
        lambda model: replace(model, expression_components=1.5 * model.expression_components),
        lambda model: replace(model, mirror=model.mirror[::-1]),
        lambda model: replace(model, hand_means=model.hand_means + 0.1),
        lambda model: replace(model, joint_names=(*model.joint_names[:-1], "elsewhere")),
    ],
)
def test_the_hash_tells_bodies_apart(changed: Callable[[BodyModel], BodyModel]) -> None:
    model = load_free_body()
    other = changed(model)
    assert other.content_hash != model.content_hash
    # what was stored at first did not tell these apart, and is still known
    assert other.first_content_hash == model.first_content_hash
    assert model.has_hash(model.first_content_hash) and model.has_hash(model.content_hash)
    assert not model.has_hash(other.content_hash)


def test_equal_bodies_have_one_hash_whatever_the_order_of_their_weights() -> None:
    model = load_free_body()
    weights = model.skin_weights.tocoo()
    order = np.random.default_rng(0).permutation(weights.nnz)
    shuffled = csr_array(
        (weights.data[order], (weights.coords[0][order], weights.coords[1][order])), weights.shape
    )
    assert replace(model, skin_weights=shuffled).content_hash == model.content_hash
