"""One camera: honest where it guesses."""

from __future__ import annotations

import numpy as np
import pytest
from understand_clips import keypoints_of

from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.synthetic.rigs import ring
from mocap.understand.joints import JOINT_NAMES, LEFT_HIP, RIGHT_HIP, pick_joints
from mocap.understand.lift import _roots, lift_view
from mocap.understand.lift_network import turned_rays

NAMES = COCO_17_FEET.keypoint_names
CAMERA = ring(1).cameras[0]


def lifted(height_m: float | None = 1.70) -> tuple[Points3D, FloatArray]:
    xyz = keypoints_of("walk")
    pixels = CAMERA.project(xyz)
    points = lift_view(pixels, np.ones(pixels.shape[:2]), NAMES, CAMERA, 30.0, height_m=height_m)
    return points, pick_joints(xyz, NAMES)


def test_everything_is_called_lifted() -> None:
    points, _ = lifted()
    assert points.keypoint_names == JOINT_NAMES
    assert set(np.unique(points.source)) == {Source.LIFTED}
    assert (points.view_count == 1).all()
    assert np.isfinite(points.covariance).all()


def test_a_walk_is_lifted_within_what_its_sigma_says() -> None:
    points, truth = lifted()
    error = points.xyz[:, 0] - truth
    # Where the person is: 2 % of the size at 4 m is 80 mm along the ray, and the trained network
    # is some 60 mm off in the pose; three sigmas of both.
    assert np.linalg.norm(error, axis=-1).mean() < 0.25
    variance = np.trace(points.covariance[:, 0], axis1=-2, axis2=-1)
    ratio = (error**2).sum(-1) / variance
    assert np.mean(ratio < 4.0) > 0.9


def test_without_stature_the_place_is_less_sure() -> None:
    known, _ = lifted()
    guessed, _ = lifted(None)
    assert (guessed.sigma_m > known.sigma_m).all()


def test_the_root_explains_the_image_of_a_known_pose() -> None:
    truth = pick_joints(keypoints_of("walk"), NAMES)
    in_camera = truth @ CAMERA.camera_from_world[:3, :3].T + CAMERA.camera_from_world[:3, 3]
    turned, turn = turned_rays(in_camera[..., :2] / in_camera[..., 2:])
    local = np.einsum("fij,fkj->fki", turn, in_camera)
    root = 0.5 * (local[:, LEFT_HIP] + local[:, RIGHT_HIP])
    found = _roots(local - root[:, None], turned, np.ones(turned.shape[:2], bool))
    # Exact rays of an exact pose: the linear system has this root; the ridge of 1e-9 moves it by
    # less than a micrometre.
    assert np.abs(found - root).max() < 1e-6


def test_unseen_hips_are_missing_and_said() -> None:
    pixels = CAMERA.project(keypoints_of("walk"))
    confidence = np.ones(pixels.shape[:2])
    confidence[40:60, NAMES.index("left_hip")] = 0.0
    points = lift_view(pixels, confidence, NAMES, CAMERA, 30.0)
    assert np.isnan(points.xyz[40:60]).all()
    assert (points.source[40:60] == Source.MISSING).all()
    confidence[:, NAMES.index("left_hip")] = 0.0
    with pytest.raises(InputError, match="hips"):
        lift_view(pixels, confidence, NAMES, CAMERA, 30.0)


@pytest.mark.parametrize(
    ("fps", "height_m"), [(0.0, 1.7), (float("nan"), 1.7), (30.0, 17.0), (30.0, float("nan"))]
)
def test_absurd_input_is_refused(fps: float, height_m: float) -> None:
    pixels = CAMERA.project(keypoints_of("walk"))
    confidence = np.ones(pixels.shape[:2])
    with pytest.raises(InputError):
        lift_view(pixels, confidence, NAMES, CAMERA, fps, height_m=height_m)
