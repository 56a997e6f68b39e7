"""The skin of a fitted body is the model's skin in the fitted pose."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fitted import random_motion

from mocap.body.mesh import check_same_body, posed_rotations, posed_skins
from mocap.body.model import load_free_body
from mocap.core.errors import BodyError

# float32 steps at 2 m, through a few sums
ROUNDING_M = 5e-6


def test_skins_are_the_posed_model() -> None:
    body = load_free_body()
    motion = random_motion(body, 20)
    chosen = [1, 5, 18]
    found = dict(posed_skins(body, motion, range(20)))
    assert list(found) == list(range(20))
    expected = body.skin(motion.rotation_vectors()[chosen], motion.betas, motion.transl[chosen])
    for frame, skin in zip(chosen, expected, strict=True):
        np.testing.assert_allclose(found[frame], skin, atol=ROUNDING_M)


def test_expressions_and_relative_hands_are_added() -> None:
    body = load_free_body()
    motion = random_motion(body, 2)
    expression = np.zeros((2, 10))
    expression[1, 0] = 1.0
    smiling = dict(posed_skins(body, replace(motion, expression=expression), [0, 1]))
    plain = dict(posed_skins(body, motion, [0, 1]))
    np.testing.assert_array_equal(smiling[0], plain[0])
    assert np.abs(smiling[1] - plain[1]).max() > 0.005
    relative = posed_rotations(body, replace(motion, flat_hand_mean=False), [1])
    added = relative - motion.rotation_vectors()[[1]]
    np.testing.assert_allclose(added[0, 25:], body.hand_means.reshape(30, 3), atol=1e-15)
    np.testing.assert_array_equal(added[0, :25], 0.0)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model_name": "smplx_female"}, "was fitted to body 'smplx_female', not to 'free_body"),
        ({"model_hash": "0" * 64}, "was fitted to another version of body 'free_body"),
    ],
)
def test_another_body_is_refused(changes: dict[str, Any], message: str) -> None:
    body = load_free_body()
    motion = random_motion(body, 1)
    check_same_body(body, motion)
    with pytest.raises(BodyError, match=message):
        list(posed_skins(body, replace(motion, **changes), [0]))
