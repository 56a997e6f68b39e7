"""Who is meant, and their points alone."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.detections import Tracks2D
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


def test_a_part_of_a_recording_begins_at_its_first_frame() -> None:
    shape = (2, 10, 1, 2)
    late = np.tile(np.arange(10) / 30.0, (2, 1)) + np.array([[0.0], [0.004]])
    tracks = Tracks2D(
        ("a", "b"), ("nose", "left_eye"), (0,), 30.0,
        np.arange(np.prod(shape) * 2, dtype=np.float64).reshape(*shape, 2), np.ones(shape), late,
    )  # fmt: skip
    part = tracks.part(slice(4, 7))
    np.testing.assert_array_equal(part.pixels, tracks.pixels[:, 4:7])
    np.testing.assert_allclose(part.lateness_s, tracks.lateness_s[:, 4:7], atol=1e-12)
    assert points(1).part(slice(1, 3)).xyz.shape[0] == 2
