"""Transforms: neighbours cancel, similarity recovers what made the points."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core import transform
from mocap.core.rotation import matrix_from_rotvec


def test_invert_undoes_apply() -> None:
    rng = np.random.default_rng(1)
    a_from_b = transform.rigid(matrix_from_rotvec(rng.normal(size=3)), rng.normal(size=3))
    points = rng.normal(size=(4, 5, 3))
    there_and_back = transform.apply(transform.invert(a_from_b), transform.apply(a_from_b, points))
    np.testing.assert_allclose(there_and_back, points, atol=1e-12)


def test_look_at_puts_the_target_on_the_axis_and_up_upwards() -> None:
    camera_from_world = transform.look_at(np.array([3.0, -2.0, 1.5]), np.array([0.0, 0.5, 1.0]))
    target = transform.apply(camera_from_world, np.array([0.0, 0.5, 1.0]))
    np.testing.assert_allclose(target[:2], 0, atol=1e-12)
    assert target[2] > 0
    above = transform.apply(camera_from_world, np.array([0.0, 0.5, 1.4]))
    assert above[1] < 0  # OpenCV: y points down


def test_look_at_refuses_an_up_direction_along_the_view() -> None:
    with pytest.raises(ValueError, match="up direction"):
        transform.look_at(np.array([0.0, 0.0, 3.0]), np.zeros(3))


@pytest.mark.parametrize("scale", [1.0, 0.02, 37.0])
def test_similarity_recovers_its_parts(scale: float) -> None:
    rng = np.random.default_rng(2)
    rotation, shift = matrix_from_rotvec(rng.normal(size=3)), rng.normal(size=3)
    source = rng.normal(size=(20, 3))
    target = scale * source @ rotation.T + shift
    found_scale, found_rotation, found_shift = transform.similarity(source, target)
    assert found_scale == pytest.approx(scale)
    np.testing.assert_allclose(found_rotation, rotation, atol=1e-12)
    np.testing.assert_allclose(found_shift, shift, atol=1e-12 * max(scale, 1))


def test_similarity_of_a_mirror_image_is_no_mirror() -> None:
    source = np.random.default_rng(3).normal(size=(20, 3))
    _, rotation, _ = transform.similarity(source, source * [1, 1, -1])
    assert np.linalg.det(rotation) == pytest.approx(1.0)
