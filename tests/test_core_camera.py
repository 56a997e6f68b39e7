"""The camera: equal to OpenCV's projection, exact Jacobians, NaN where nothing can be seen."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from mocap.core import lens
from mocap.core.camera import MODELS, Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray
from mocap.core.transform import apply, invert, look_at, rigid

DISTORTION = np.array([-0.21, 0.08, 7e-4, -9e-4, -0.012])


OTHER = {
    "standard": DISTORTION,
    "rational": np.array([0.9, 0.2, 7e-4, -9e-4, 0.03, 1.15, 0.4, 0.05]),
    "fisheye": np.array([-0.03, 0.01, -0.004, 0.001]),
}


def camera(
    name: str = "left", distortion: FloatArray | None = None, model: str = "standard"
) -> Camera:
    distortion = OTHER[model] if distortion is None else distortion
    matrix = np.array([[1210.0, 0.0, 966.0], [0.0, 1190.0, 533.0], [0.0, 0.0, 1.0]])
    pose = look_at(np.array([3.0, -3.0, 1.6]), np.array([0.1, 0.0, 1.0]))
    return Camera(name, (1920, 1080), matrix, distortion, pose, model)


def points(count: int = 200) -> FloatArray:
    return np.random.default_rng(4).uniform([-1, -1, 0], [1, 1, 2], size=(count, 3))


@pytest.mark.parametrize("model", MODELS)
def test_projection_equals_opencv(model: str) -> None:
    one = camera(model=model)
    rotvec, shift = one.vector()[:3], one.vector()[3:6]
    if model == "fisheye":
        expected, _ = cv2.fisheye.projectPoints(
            points()[:, None], rotvec, shift, one.camera_matrix, one.dist_coeffs
        )
    else:
        expected, _ = cv2.projectPoints(points(), rotvec, shift, one.camera_matrix, one.dist_coeffs)
    # Both evaluate the same polynomial in double precision at pixels of order 1000.
    np.testing.assert_allclose(one.project(points()), expected.reshape(-1, 2), atol=1e-8)


@pytest.mark.parametrize("model", MODELS)
def test_undistort_undoes_project(model: str) -> None:
    one = camera(model=model)
    in_camera = apply(one.camera_from_world, points())
    normalised = one.undistort(one.project(points()))
    # Newton stops at steps of 1e-12, i.e. 1e-9 px.
    np.testing.assert_allclose(normalised, in_camera[:, :2] / in_camera[:, 2:], atol=1e-10)


@pytest.mark.parametrize("model", MODELS)
def test_world_jacobian_by_finite_differences(model: str) -> None:
    one = camera(model=model)
    _, jacobian = one.project_with_jacobian(points())
    step = 1e-6
    for axis in range(3):
        shift = step * np.eye(3)[axis]
        numeric = (one.project(points() + shift) - one.project(points() - shift)) / (2 * step)
        # Central differences: step² curvature (1e-12 * 1e3) plus rounding 1e-10 / step.
        np.testing.assert_allclose(jacobian[:, :, axis], numeric, atol=1e-4, rtol=1e-6)


@pytest.mark.parametrize("model", MODELS)
def test_lens_jacobian_by_finite_differences(model: str) -> None:
    k13 = camera(model=model).lens
    x, y, z = 0.4, -0.3, 2.1
    d_lens, d_point = np.zeros((2, 12)), np.zeros((2, 3))
    pixel = lens.project_point_jacobian(k13, x, y, z, d_lens, d_point)
    np.testing.assert_allclose(pixel, lens.project_point(k13, x, y, z), atol=1e-10)
    for parameter in range(12):
        step = 1e-5 * max(1.0, abs(k13[parameter]))
        low, high = k13.copy(), k13.copy()
        low[parameter] -= step
        high[parameter] += step
        numeric = (
            np.array(lens.project_point(high, x, y, z)) - np.array(lens.project_point(low, x, y, z))
        ) / (2 * step)
        np.testing.assert_allclose(d_lens[:, parameter], numeric, atol=1e-6, rtol=1e-6)


def test_a_fisheye_lens_sees_nothing_from_86_degrees_on() -> None:
    one = replace(camera(model="fisheye"), camera_from_world=np.eye(4))
    edge = np.deg2rad(np.array([80.0, 85.0, 87.0]))
    put = one.project(np.stack([np.sin(edge), 0 * edge, np.cos(edge)], axis=1))
    assert np.isfinite(put[:2]).all()
    assert np.isnan(put[2]).all()
    np.testing.assert_allclose(one.undistort(put[:2])[:, 0], np.tan(edge[:2]), rtol=1e-8)


def test_the_lens_of_an_action_camera_is_undone_as_far_as_its_polynomial_reaches() -> None:
    # Numerator and denominator of such wide lenses are large and nearly cancel; this one turns back
    # at 1.20, which is nearer than the corners of the image (1.25).
    k = np.array([5.7, 1.6, 6e-5, -7e-5, -0.09, 6.0, 3.1, 0.0])
    matrix = np.array([[1216.6, 0.0, 1331.0], [0.0, 1216.6, 745.6], [0.0, 0.0, 1.0]])
    one = Camera("wide", (2656, 1494), matrix, k, np.eye(4), "rational")
    x, y = np.meshgrid(np.linspace(0, 2655, 30), np.linspace(0, 1493, 20))
    pixels = np.stack([x, y], axis=-1).reshape(-1, 2)
    bent = np.linalg.norm((pixels - matrix[:2, 2]) / 1216.6, axis=1)
    rays = one.undistort(pixels)
    assert np.isnan(rays[bent > 1.22]).all()
    inside = bent < 1.17
    again = one.project(np.column_stack([rays, np.ones(len(rays))]))
    np.testing.assert_allclose(again[inside], pixels[inside], atol=1e-6)


@pytest.mark.parametrize("kind", [lens.L2, lens.CAUCHY, lens.TUKEY])
def test_robust_weight_is_the_slope_of_the_robust_cost(kind: int) -> None:
    for squared in (0.3, 2.0, 8.0, 30.0):
        step = 1e-6
        above, _ = lens.robust_weight(squared + step, kind, 9.0)
        below, _ = lens.robust_weight(squared - step, kind, 9.0)
        _, weight = lens.robust_weight(squared, kind, 9.0)
        assert weight == pytest.approx((above - below) / (2 * step), abs=1e-8)


def test_points_behind_the_camera_have_no_pixel() -> None:
    one = camera()
    behind = one.center - (np.zeros(3) - one.center)
    assert np.isnan(one.project(behind)).all()


def test_angles_beyond_the_lens_polynomial_have_no_pixel() -> None:
    # Strong barrel distortion turns back at r = 1/sqrt(3 * 0.21): a point further out would be
    # drawn inside the image although it is far outside the view.
    one = camera(distortion=np.array([-0.21, 0, 0, 0, 0]))
    wide = apply(invert(one.camera_from_world), np.array([2.0, 0.0, 1.0]))
    assert np.isnan(one.project(wide)).all()


@pytest.mark.parametrize("model", MODELS)
def test_vector_round_trip(model: str) -> None:
    one = camera(model=model)
    again = Camera.from_vector("left", (1920, 1080), one.vector())
    np.testing.assert_allclose(again.camera_from_world, one.camera_from_world, atol=1e-12)
    np.testing.assert_allclose(again.lens, one.lens)
    assert again.lens_model == model


def test_mirrored_pose_is_refused() -> None:
    mirrored = rigid(np.diag([1.0, 1.0, -1.0]), np.zeros(3))
    with pytest.raises(ValueError, match="right-handed"):
        Camera("left", (10, 10), np.diag([9.0, 9.0, 1.0]), np.zeros(5), mirrored)


def test_unknown_camera_is_named_with_the_known_ones() -> None:
    rig = Calibration((camera("left"), camera("right")))
    with pytest.raises(InputError, match=r"no camera 'top'; it has left, right"):
        rig["top"]


def test_transformed_world_keeps_every_pixel() -> None:
    rig = Calibration((camera("left"),))
    turn = look_at(np.array([0.3, 0.2, 0.1]), np.array([1.0, 1.0, 1.0]))
    scale = 2.5
    moved = rig.transformed(turn, scale)
    np.testing.assert_allclose(
        moved.project(apply(turn, scale * points())), rig.project(points()), atol=1e-8
    )
