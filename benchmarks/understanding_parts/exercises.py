"""Exercises of people who were not trained: named, and compared with their own reference."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from figures import Figure
from understanding_training.clips import EXERCISES, Clip
from understanding_training.train_exercises import fit_exercises, own_reference, repetition_table


def exercise_figures(clips: Sequence[Clip]) -> list[Figure]:
    """Return the figures of leaving one of ten people out at a time."""
    table = repetition_table(clips)
    right = np.zeros(len(table.person), np.bool_)
    likeness = np.full(len(table.person), np.nan)
    people = np.unique(table.person)
    for person in people:
        model = fit_exercises(table.keep(table.person != person))
        test = table.person == person
        right[test] = model.recognise(table.statistics[test]) == table.exercise[test]
        for exercise in range(len(EXERCISES)):
            which = test & (table.exercise == exercise)
            reference = own_reference(table, exercise, int(person))
            likeness[which] = model.likeness(exercise, table.statistics[which], reference)
    asked = ~table.is_reference
    flagged = float((likeness <= 0.0)[asked & table.good].mean())
    found = float((likeness <= 0.0)[asked & ~table.good].mean())
    worst = min(float(right[table.person == person].mean()) for person in people)
    return [
        Figure("exercises: repetitions named right", 100.0 * float(right.mean()), "%", 95.0, ">="),
        Figure("exercises: the same, worst of ten people", 100.0 * worst, "%"),
        Figure("form: good and doubtful told apart", 50.0 * (1 - flagged + found), "%", 88.0, ">="),
        Figure("form: good repetitions called doubtful", 100.0 * flagged, "%"),
        Figure("form: doubtful repetitions found", 100.0 * found, "%"),
    ]
