"""Repetitions beside a person's own reference: the difference that was made is the one that is
said."""

from __future__ import annotations

import numpy as np
import pytest
from understand_clips import clip_of

from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray
from mocap.understand.actions import NONE_OF_THESE
from mocap.understand.comparison import ANGLES, comparison_angles_deg, differences
from mocap.understand.exercise import cut_out, read_exercise
from mocap.understand.joints import JointClip
from mocap.understand.repetition_shape import busier_side, by_phase, mirrored


def spans_of_knees(clip: JointClip) -> list[tuple[float, float]]:
    """Return start and end of each bend of the left knee beyond 30 degrees."""
    from mocap.core.runs import runs

    bend = comparison_angles_deg(clip.xyz)[:, ANGLES.index("left knee bend")]
    return [
        (float(clip.times_s[max(start - 8, 0)]), float(clip.times_s[min(end + 7, len(bend) - 1)]))
        for start, end in runs(bend > 30.0)
        if end - start > 10
    ]


def bent_elbow(xyz: FloatArray, degrees: float) -> FloatArray:
    """Return joints whose left wrist is turned about the elbow towards the shoulder."""
    out = xyz.copy()
    for frame in out:
        upper, lower = frame[1] - frame[3], frame[5] - frame[3]
        axis = np.cross(lower, upper)
        axis /= np.linalg.norm(axis)
        angle = np.radians(degrees)
        # Rodrigues' formula; the axis is orthogonal to the forearm.
        frame[5] = frame[3] + np.cos(angle) * lower + np.sin(angle) * np.cross(axis, lower)
    return out


def test_squats_are_recognised_and_equal_ones_do_not_differ() -> None:
    clip = clip_of("squat", seconds=12.0, seed=4711)
    spans = spans_of_knees(clip)
    assert len(spans) >= 3
    reading = read_exercise(clip, spans)
    assert reading.exercise == "deep_squat"
    assert reading.working_side == "both"
    assert [r.is_reference for r in reading.repetitions[:3]] == [True] * 3
    # The script repeats itself: later repetitions are like the first three.
    assert all(not r.differences for r in reading.repetitions)


def test_a_dance_is_no_exercise() -> None:
    clip = clip_of("dance", seconds=10.0, seed=4711)
    reading = read_exercise(clip, [(1.0, 3.0), (3.0, 5.0), (5.0, 7.0)])
    assert reading.exercise == NONE_OF_THESE
    assert not any(r.doubtful for r in reading.repetitions)


def test_the_change_that_was_made_is_the_one_that_is_said() -> None:
    clip = clip_of("squat", seconds=12.0, seed=4711)
    parts = [cut_out(clip, span) for span in spans_of_knees(clip)]
    (said,) = differences(bent_elbow(parts[0], 30.0), parts)
    assert said.angle == "left elbow bend"
    # The peak is a percentile: it moves with every frame, so by the turn itself.
    assert said.difference_deg == pytest.approx(30.0, abs=3.0)
    assert said.sentence().startswith("left elbow bend: 29 deg more")
    assert "more than in your reference" in said.sentence()
    assert differences(parts[0], parts) == ()


def test_nothing_to_look_at_is_said() -> None:
    clip = clip_of("squat")
    with pytest.raises(InputError, match="no repetition"):
        read_exercise(clip, [])
    spans = spans_of_knees(clip)
    with pytest.raises(InputError, match="reference take has no repetition"):
        read_exercise(clip, spans, reference=(clip, []))


def test_mirroring_exchanges_the_sides() -> None:
    clip = clip_of("throw")
    assert busier_side(mirrored(clip.xyz)) == pytest.approx(-busier_side(clip.xyz), abs=1e-9)
    assert np.array_equal(mirrored(mirrored(clip.xyz)), clip.xyz)


def test_phases_do_not_depend_on_the_tempo() -> None:
    t = np.linspace(0.0, 1.0, 31)
    slow = np.sin(2 * np.pi * np.linspace(0.0, 1.0, 121))
    # Linear steps of 1/30 of a period: (2 pi / 30)^2 / 8 = 0.0055.
    assert np.abs(by_phase(np.sin(2 * np.pi * t)) - by_phase(slow)).max() < 0.006
