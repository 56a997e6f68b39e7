"""Who is meant, and their points alone."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.errors import InputError
from mocap.core.points import Points3D, Source


def points(*people: int) -> Points3D:
    shape = (4, len(people), 2)
    return Points3D(
        keypoint_names=("nose", "left_eye"),
        person_ids=people,
        fps=30.0,
        xyz=np.arange(np.prod(shape) * 3, dtype=np.float64).reshape(*shape, 3),
        covariance=np.zeros((*shape, 3, 3)),
        reprojection_error_px=np.arange(np.prod(shape), dtype=np.float64).reshape(shape),
        view_count=np.ones(shape),
        source=np.full(shape, Source.MEASURED),
    )


def test_the_only_person_needs_no_name() -> None:
    assert points(4).person_index() == 0
    assert points(4, 7).person_index(7) == 1


@pytest.mark.parametrize(
    ("people", "asked", "message"),
    [
        ((4, 7), None, "Choose one of: 4, 7"),
        ((4, 7), 5, "no person 5 in these points; choose of: 4, 7"),
        ((), None, "Choose one of: nobody"),
        ((), 0, "no person 0 in these points; choose of: nobody"),
    ],
)
def test_nobody_is_guessed(people: tuple[int, ...], asked: int | None, message: str) -> None:
    with pytest.raises(InputError, match=message):
        points(*people).person_index(asked)


def test_points_of_one_person_are_that_persons() -> None:
    both = points(4, 7)
    one = both.of_person(7)
    assert one.person_ids == (7,) and one.fps == both.fps
    np.testing.assert_array_equal(one.xyz[:, 0], both.xyz[:, 1])
    np.testing.assert_array_equal(one.reprojection_error_px[:, 0], both.reprojection_error_px[:, 1])
