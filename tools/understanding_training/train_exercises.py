"""Train the recognition of exercises and the comparison with a person's own reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.understand.exercise_model import CLIPPED, ExerciseModel, signed_and_absolute
from mocap.understand.repetition_shape import busier_side, repetition_statistics
from understanding_training.clips import EXERCISES, Clip

NOISE_M = 0.008
IDENTITY_RIDGE = 30.0
DIFFERENCE_RIDGE = 1000.0
REFERENCE_EPISODES = 3


@dataclass(frozen=True, eq=False)
class RepetitionTable:
    """Statistics (repetition, feature) and what each repetition is."""

    statistics: FloatArray
    exercise: IntArray
    person: IntArray
    episode: IntArray
    good: BoolArray

    def keep(self, which: BoolArray) -> RepetitionTable:
        """Return the chosen repetitions."""
        return RepetitionTable(
            self.statistics[which],
            self.exercise[which],
            self.person[which],
            self.episode[which],
            self.good[which],
        )

    @property
    def is_reference(self) -> BoolArray:
        """The first good repetitions of each person: what the others are compared with."""
        return self.good & (self.episode <= REFERENCE_EPISODES)


def repetition_table(clips: Sequence[Clip], *, seed: int = 0) -> RepetitionTable:
    """Return the repetitions of UI-PRMD, the working side made equal, with a detector's noise."""
    rng = np.random.default_rng(seed)
    own = [clip for clip in clips if clip.origin == "uiprmd"]
    rows = []
    for clip in own:
        noisy = clip.xyz + NOISE_M * rng.normal(size=clip.xyz.shape)
        rows.append(repetition_statistics(noisy, clip.size_m, flip=busier_side(clip.xyz) < 0.0))
    return RepetitionTable(
        np.array(rows),
        np.array([EXERCISES.index(clip.label) for clip in own]),
        np.array([clip.person for clip in own]),
        np.array([clip.episode for clip in own]),
        np.array([clip.good for clip in own]),
    )


def train_exercises(clips: Sequence[Clip], *, seed: int = 0) -> ExerciseModel:
    """Return the model trained on all people."""
    return fit_exercises(repetition_table(clips, seed=seed))


def fit_exercises(table: RepetitionTable) -> ExerciseModel:
    """Return the model of a table of repetitions."""
    mean, spread, weights, bias = _identity(table)
    parts = [_difference(table, exercise) for exercise in range(len(EXERCISES))]
    columns = [np.array(column, np.float32) for column in zip(*parts, strict=True)]
    return ExerciseModel(EXERCISES, mean, spread, weights, bias, *columns)


def own_reference(table: RepetitionTable, exercise: int, person: int) -> FloatArray:
    """Return the mean statistics of a person's first good repetitions."""
    which = (table.exercise == exercise) & (table.person == person) & table.is_reference
    return np.asarray(table.statistics[which].mean(axis=0), np.float64)


def _identity(table: RepetitionTable) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return mean, spread, weights and bias of one-against-all ridge regression."""
    x = table.statistics
    mean, spread = x.mean(axis=0), x.std(axis=0) + 1e-3
    standard = np.clip((x - mean) / spread, -CLIPPED, CLIPPED)
    rows = np.column_stack([standard, np.ones(len(x))])
    target = np.eye(len(EXERCISES))[table.exercise]
    # Exercises count alike however many repetitions there are of each.
    counts = np.bincount(table.exercise, minlength=len(EXERCISES))
    weight = len(x) / len(EXERCISES) / counts[table.exercise]
    normal = (rows * weight[:, None]).T @ rows + IDENTITY_RIDGE * np.eye(rows.shape[1])
    solution = np.linalg.solve(normal, (rows * weight[:, None]).T @ target)
    return mean, spread, solution[:-1], solution[-1]


def _difference(
    table: RepetitionTable, exercise: int
) -> tuple[FloatArray, FloatArray, FloatArray, float]:
    """Return mean, spread, weights and bias that tell good from doubtful by differences.

    The references themselves are no training rows: their difference is small by construction. The
    threshold lies midway between the mean scores of the two classes.
    """
    rows, good = difference_rows(table, exercise)
    mean, spread = rows.mean(axis=0), rows.std(axis=0) + 1e-3
    standard = np.clip((rows - mean) / spread, -CLIPPED, CLIPPED)
    target = np.where(good, 1.0, -1.0)
    target = target - target.mean()
    kernel = standard @ standard.T + DIFFERENCE_RIDGE * np.eye(len(rows))
    weights = standard.T @ np.linalg.solve(kernel, target)
    scores = standard @ weights
    return mean, spread, weights, -0.5 * float(scores[good].mean() + scores[~good].mean())


def difference_rows(table: RepetitionTable, exercise: int) -> tuple[FloatArray, BoolArray]:
    """Return differences (repetition, 2 feature) to the own reference of each person, and good."""
    rows, good = [], []
    for person in np.unique(table.person):
        which = (table.exercise == exercise) & (table.person == person) & ~table.is_reference
        reference = own_reference(table, exercise, int(person))
        rows.append(signed_and_absolute(table.statistics[which] - reference))
        good.append(table.good[which])
    return np.concatenate(rows), np.concatenate(good)
