"""Bony landmarks lie where anatomy says, on both sides alike, and move with their bones."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from fitted import random_motion

from mocap.body.anatomical_markers import (
    MIDDLE,
    bone_of,
    bony_landmarks,
    has_markers,
    marker_vertices,
    mirrored_marker,
)
from mocap.body.body_skeleton import skeleton_of
from mocap.body.model import WORLD_FROM_BODY, BodyModel, load_free_body
from mocap.core.rotation import rotvec_from_matrix
from mocap.core.shapes import FloatArray
from mocap.measure.segments.body import segments_from_skeleton


def places(model: BodyModel) -> dict[str, FloatArray]:
    """Return the markers (3,) of the zero pose: x left, y up, z front."""
    return {name: model.template[vertex] for name, vertex in marker_vertices(model).items()}


def test_left_and_right_are_mirror_images_and_the_middle_is_on_neither_side() -> None:
    at = places(load_free_body())
    left = [name for name in at if name.startswith("L") and name not in MIDDLE]
    assert len(left) == 17 and len(at) == 2 * len(left) + len(MIDDLE)
    assert len(set(marker_vertices(load_free_body()).values())) == len(at)
    for name in left:
        assert mirrored_marker(name) == f"R{name[1:]}" and mirrored_marker(f"R{name[1:]}") == name
        # the mesh itself is symmetric, to the last bit
        np.testing.assert_array_equal(at[f"R{name[1:]}"], at[name] * [-1.0, 1.0, 1.0])
    for name in MIDDLE:
        assert at[name][0] == 0.0 and mirrored_marker(name) == name


def test_each_lies_on_its_side_of_the_joint() -> None:
    model = load_free_body()
    at, joints = places(model), model.joints()
    # marker, joint, axis of the body (x left, y up, z front), side of the joint
    expected = [
        ("LACR", "left_shoulder", 1, +1), ("LLEL", "left_elbow", 1, +1),
        ("LMEL", "left_elbow", 1, -1), ("LFAradius", "left_wrist", 2, +1),
        ("LFAulna", "left_wrist", 2, -1), ("LGTR", "left_hip", 0, +1),
        ("LLFC", "left_knee", 0, +1), ("LMFC", "left_knee", 0, -1),
        ("LLMAL", "left_ankle", 0, +1), ("LMMAL", "left_ankle", 0, -1),
        ("LMT5", "left_foot", 0, +1), ("LMT1", "left_foot", 0, -1),
    ]  # fmt: skip
    for marker, joint, axis, side in expected:
        arm = at[marker] - joints[model.joint(joint)]
        # half the thickness of a limb, from a wrist to a pelvis with its soft tissue
        assert 0.02 < side * arm[axis] < 0.09, marker
        # what the choice among vertices leaves beside the line of sight
        assert np.linalg.norm(np.delete(arm, axis)) < 0.02, marker


def test_pelvis_trunk_and_feet() -> None:
    at = places(load_free_body())
    # Between the ASIS of adults lie 21 to 27 cm; the PSIS are nearer to each other, and behind.
    assert 0.21 < at["LASI"][0] - at["RASI"][0] < 0.27
    assert 0.07 < at["LPSI"][0] - at["RPSI"][0] < 0.12
    assert 0.10 < at["LASI"][2] - at["LPSI"][2] < 0.22
    assert at["CLAV"][1] > at["STRN"][1] and at["C7"][1] > at["T8"][1]
    assert at["CLAV"][2] > at["C7"][2] and at["STRN"][2] > at["T8"][2]
    # down the back: C7, T6, T8, T11, L2 are 6, 2, 3 and 3 vertebrae of 20 to 40 mm apart; the
    # vertices of the middle plane, of which the nearest is taken, lie up to 25 mm apart
    spine = [float(at[name][1]) for name in ("C7", "T6", "T8", "T11", "L2", "LPSI")]
    gaps = -np.diff(spine)
    assert all(
        20 * n - 12.5 < 1000 * gap < 40 * n + 12.5
        for n, gap in zip((6, 2, 3, 3), gaps, strict=False)
    )
    assert gaps[4] > 0 and all(at[name][2] < 0 for name in ("C7", "T6", "T11", "L2"))
    # the second metatarsal head lies between the first and the fifth
    assert at["LMT1"][0] < at["LMT2"][0] < at["LMT5"][0]
    assert at["LTOE"][2] > at["LMT1"][2] > at["LCAL"][2]
    # the heel bone's tuberosity: 2 to 5 cm over the sole, and no skin of the foot is further back
    sole = float(load_free_body().template[:, 1].min())
    assert 0.02 < at["LCAL"][1] - sole < 0.05
    assert at["LCAL"][2] <= at["LMMAL"][2] - 0.03


def test_landmarks_follow_the_shape_as_the_skin_does() -> None:
    model = load_free_body()
    motion = random_motion(model, 4)
    at_rest = replace(
        motion,
        global_orient=np.tile(rotvec_from_matrix(WORLD_FROM_BODY), (motion.frame_count, 1)),
        body_pose=np.zeros_like(motion.body_pose),
    )
    skin = model.rest_vertices(motion.betas) @ WORLD_FROM_BODY.T
    joints = model.joints(motion.betas)
    # transl moves the root joint from where the shape has it
    shift = joints[0] + motion.transl - WORLD_FROM_BODY @ joints[0]
    found = bony_landmarks(model, motion.betas).positions(skeleton_of(at_rest, model))
    for name, vertex in marker_vertices(model).items():
        np.testing.assert_allclose(found[name], skin[vertex] + shift, atol=1e-9)


def test_landmarks_move_with_their_bone() -> None:
    model = load_free_body()
    motion = random_motion(model, 4)
    skeleton = skeleton_of(motion, model)
    centres, rotations = skeleton.forward_kinematics()
    landmarks = bony_landmarks(model, motion.betas)
    for name, at in landmarks.positions(skeleton).items():
        joint = model.joint(bone_of(name))
        arm = np.einsum("fji,fj->fi", rotations[:, joint], at - centres[:, joint])
        np.testing.assert_allclose(arm - landmarks.offset(name), 0.0, atol=1e-9)
    # the knee's landmarks are of the thigh: bending the knee leaves them where they are
    assert bone_of("RLFC") == "right_hip" and bone_of("C7") == "spine3"


def test_measuring_uses_the_very_markers_that_files_hold() -> None:
    model = load_free_body()
    motion = random_motion(model, 4)
    skeleton = skeleton_of(motion, model)
    landmarks = bony_landmarks(model, motion.betas)
    at = landmarks.positions(skeleton)
    measured = segments_from_skeleton(skeleton, landmarks)
    for point, name in (("left_heel", "LCAL"), ("right_toe", "RTOE")):
        np.testing.assert_array_equal(measured.position(point), at[name])
    # Wu 2005 on the markers of the file gives the thorax that was measured
    up = 0.5 * (at["CLAV"] + at["C7"]) - 0.5 * (at["STRN"] + at["T8"])
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    np.testing.assert_allclose(measured.rotation("thorax")[..., 1], up, atol=1e-9)


def test_only_bodies_with_this_mesh_have_markers() -> None:
    model = load_free_body()
    assert has_markers(replace(model, name="from a file", template=1.01 * model.template))
    assert not has_markers(replace(model, faces=model.faces[:-1]))
