"""What the recogniser that learned from examples says of an exercise before it is measured.

The measuring stage names repetitions by geometry. Where examples claim the whole set for another
exercise, one of the two is wrong and no number may pass for sure: the metrics are grey, with the
reason, and `mocap trend` leaves them out.
"""

from __future__ import annotations

from dataclasses import replace

from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.measure.exercises.exercise import Exercise
from mocap.understand.actions import NONE_OF_THESE
from mocap.workflow.understand.exercise import set_of

LEARNED: dict[str, frozenset[str]] = {
    # A squat with the arms forwards and a rise from a seat look alike: no joint shows the seat.
    "squat": frozenset({"deep_squat", "sit_to_stand"}),
    "sit-to-stand": frozenset({"deep_squat", "sit_to_stand"}),
    "lunge": frozenset({"inline_lunge", "side_lunge"}),
    "shoulder-raise": frozenset(
        {"shoulder_abduction", "shoulder_scaption", "shoulder_extension", "shoulder_rotation"}
    ),
}
"""By what is measured: the exercises of the examples that are it."""


def recognised(found: Exercise, points: Points3D, person: int) -> Exercise:
    """Return an exercise with what the examples say of it; grey where they contradict it.

    An exercise that no example shows, and a set that is like none of them, stay as they are.

    Args:
        found: as measured.
        points: of everybody in the take.
        person: whose exercise it is.
    """
    own = LEARNED.get(found.kind)
    if own is None:
        return found
    try:
        reading = set_of(points, person)
    except InputError:
        # Without repetitions or with other keypoints there is nothing to compare with examples.
        return found
    if reading.exercise == NONE_OF_THESE:
        return found
    words = reading.exercise.replace("_", " ")
    share = f"{100.0 * reading.claimed_share:.0f} % of the windows in its repetitions"
    counted = next((m.value for m in found.metrics if m.name == "count"), None)
    if reading.exercise in own and counted == 0.0:
        said = (
            f"by examples this is {words} ({share}), by its geometry it is not and nothing was "
            "measured: look at the report"
        )
        return replace(found, warnings=(*found.warnings, said))
    if reading.exercise in own or counted == 0.0:
        return found
    title = found.kind.replace("-", " ")
    said = f"by examples this is {words} ({share}), by its geometry {title}: one of them is wrong"
    grey = tuple(replace(m, reason=m.reason or said) for m in found.metrics)
    return replace(found, metrics=grey, warnings=(*found.warnings, said))
