"""The camera: equal to OpenCV's projection, exact Jacobians, NaN where nothing can be seen."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from mocap.core import lens
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray
from mocap.core.transform import apply, invert, look_at, rigid

DISTORTION = np.array([-0.21, 0.08, 7e-4, -9e-4, -0.012])


def camera(name: str = "left", distortion: FloatArray = DISTORTION) -> Camera:
    matrix = np.array([[1210.0, 0.0, 966.0], [0.0, 1190.0, 533.0], [0.0, 0.0, 1.0]])
    pose = look_at(np.array([3.0, -3.0, 1.6]), np.array([0.1, 0.0, 1.0]))
    return Camera(name, (1920, 1080), matrix, distortion, pose)


def points(count: int = 200) -> FloatArray:
    return np.random.default_rng(4).uniform([-1, -1, 0], [1, 1, 2], size=(count, 3))


def test_projection_equals_opencv() -> None:
    one = camera()
    vector = one.vector()
    expected, _ = cv2.projectPoints(
        points(), vector[:3], vector[3:6], one.camera_matrix, one.dist_coeffs
    )
    # Both evaluate the same polynomial in double precision at pixels of order 1000.
    np.testing.assert_allclose(one.project(points()), expected.reshape(-1, 2), atol=1e-8)


def test_undistort_undoes_project() -> None:
    one = camera()
    in_camera = apply(one.camera_from_world, points())
    normalised = one.undistort(one.project(points()))
    # Newton stops at steps of 1e-12, i.e. 1e-9 px.
    np.testing.assert_allclose(normalised, in_camera[:, :2] / in_camera[:, 2:], atol=1e-10)


def test_world_jacobian_by_finite_differences() -> None:
    one = camera()
    _, jacobian = one.project_with_jacobian(points())
    step = 1e-6
    for axis in range(3):
        shift = step * np.eye(3)[axis]
        numeric = (one.project(points() + shift) - one.project(points() - shift)) / (2 * step)
        # Central differences: step² curvature (1e-12 * 1e3) plus rounding 1e-10 / step.
        np.testing.assert_allclose(jacobian[:, :, axis], numeric, atol=1e-4, rtol=1e-6)


def test_lens_jacobian_by_finite_differences() -> None:
    k9 = camera().lens
    x, y, z = 0.4, -0.3, 2.1
    d_lens, d_point = np.zeros((2, 9)), np.zeros((2, 3))
    pixel = lens.project_point_jacobian(k9, x, y, z, d_lens, d_point)
    np.testing.assert_allclose(pixel, lens.project_point(k9, x, y, z), atol=1e-10)
    for parameter in range(9):
        # The model is linear in every lens parameter except through products with fx, fy.
        step = 1e-5 * max(1.0, abs(k9[parameter]))
        low, high = k9.copy(), k9.copy()
        low[parameter] -= step
        high[parameter] += step
        numeric = (
            np.array(lens.project_point(high, x, y, z)) - np.array(lens.project_point(low, x, y, z))
        ) / (2 * step)
        np.testing.assert_allclose(d_lens[:, parameter], numeric, atol=1e-6, rtol=1e-6)


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


def test_vector_round_trip() -> None:
    one = camera()
    again = Camera.from_vector("left", (1920, 1080), one.vector())
    np.testing.assert_allclose(again.camera_from_world, one.camera_from_world, atol=1e-12)
    np.testing.assert_allclose(again.lens, one.lens)


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
