"""Exercises that are measured by their name alone."""

from __future__ import annotations

from mocap.core.points import Points3D
from mocap.measure.exercises.exercise import Exercise
from mocap.measure.exercises.jump import measure_jump
from mocap.measure.exercises.range_of_motion import measure_shoulder_raise
from mocap.measure.exercises.squat import measure_squat
from mocap.measure.misfit import Misfit
from mocap.measure.segments.segments import Segments


def measure_exercise(
    kind: str,
    segments: Segments,
    *,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    mass_kg: float | None = None,
) -> Exercise:
    """Measure "squat", "lunge", "sit-to-stand", "shoulder-raise" or "jump".

    With the mass of the body squats and lunges have torques of the legs.
    """
    if kind == "jump":
        return measure_jump(segments, points=points, misfit=misfit)
    if kind == "shoulder-raise":
        return measure_shoulder_raise(segments, points=points, misfit=misfit)
    return measure_squat(segments, kind, points=points, misfit=misfit, mass_kg=mass_kg)
