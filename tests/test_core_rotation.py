"""Rotations: every conversion undoes its inverse, also near zero and near half a turn."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mocap.core import rotation

# Conversions of one rotation lose a few units of the last place of numbers of size 1.
ROUNDING = 1e-12

unit = st.floats(-1.0, 1.0, allow_subnormal=False)


@given(st.tuples(unit, unit, unit))
def test_rotvec_and_matrix_are_inverse(direction: tuple[float, float, float]) -> None:
    rotvec = np.array(direction) * 1.7  # below half a turn, where the inverse is unique
    back = rotation.rotvec_from_matrix(rotation.matrix_from_rotvec(rotvec))
    np.testing.assert_allclose(back, rotvec, atol=ROUNDING)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-5, 1.0, np.pi - 1e-6])
def test_quaternion_and_matrix_are_inverse(angle: float) -> None:
    matrix = rotation.matrix_from_rotvec(angle * np.array([0.6, 0.0, 0.8]))
    quaternion = rotation.quaternion_wxyz_from_matrix(matrix)
    assert quaternion[0] >= 0
    np.testing.assert_allclose(rotation.matrix_from_quaternion_wxyz(quaternion), matrix, atol=1e-10)


def test_batches_keep_their_shape() -> None:
    rotvecs = np.zeros((2, 5, 3))
    matrices = rotation.matrix_from_rotvec(rotvecs)
    assert matrices.shape == (2, 5, 3, 3)
    assert rotation.quaternion_wxyz_from_matrix(matrices).shape == (2, 5, 4)


def test_small_angles_keep_their_digits() -> None:
    # The trace formula gives 0 here: cos(1e-9) rounds to 1.
    turned = rotation.matrix_from_rotvec(np.array([0.0, 1e-9, 0.0]))
    angle = rotation.angle_between_deg(np.eye(3), turned)
    assert angle == pytest.approx(np.rad2deg(1e-9), rel=1e-6)


@pytest.mark.parametrize(
    ("start", "end"),
    [
        ((1, 0, 0), (0, 2, 0)),
        ((0, 0, 1), (0, 0, 3)),
        ((0, 0, 1), (0, 0, -1)),
        ((1, 2, 3), (-1, 0, 2)),
    ],
)
def test_rotation_between_reaches_the_end(start: tuple[int, ...], end: tuple[int, ...]) -> None:
    turn = rotation.rotation_between(np.array(start, float), np.array(end, float))
    reached = turn @ np.array(start, float) / np.linalg.norm(start)
    np.testing.assert_allclose(reached, np.array(end) / np.linalg.norm(end), atol=1e-9)
    np.testing.assert_allclose(turn @ turn.T, np.eye(3), atol=ROUNDING)
    assert np.linalg.det(turn) == pytest.approx(1.0)
