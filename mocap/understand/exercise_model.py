"""The trained model of exercises: which one a repetition is, and how it differs from one's own.

Both are ridge regressions on the statistics of a repetition. Whether a repetition differs is asked
of its difference to the person's own reference, signed and absolute: bodies and habits differ more
between people than good and doubtful repetitions do.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.core.shapes import Array, FloatArray, IntArray, check_shapes, check_unique
from mocap.understand.model_file import load_model
from mocap.understand.packed import check_finite

MODEL_FILE = "exercises.npz"
CLIPPED = 6.0
"""Standardised features beyond this are clipped: one wild frame must not decide."""


@dataclass(frozen=True, eq=False)
class ExerciseModel:
    """Weights of recognition and of comparison.

    Attributes:
        labels: names of the exercises.
        mean, spread: (feature,) of the statistics of a repetition in training.
        weights: (feature, exercise) of standardised statistics; bias: (exercise,).
        difference_mean, difference_spread: (exercise, 2 feature) of signed and absolute
            differences to a person's own reference.
        difference_weights: (exercise, 2 feature); difference_bias: (exercise,); positive scores
            are like the reference.
    """

    labels: tuple[str, ...]
    mean: Array
    spread: Array
    weights: Array
    bias: Array
    difference_mean: Array
    difference_spread: Array
    difference_weights: Array
    difference_bias: Array

    def __post_init__(self) -> None:
        """Check that the parts fit together.

        Raises:
            ValueError: they do not.
        """
        check_unique(self, "labels", self.labels)
        check_shapes(
            self,
            labels="exercise",
            mean="feature",
            spread="feature",
            weights="feature exercise",
            bias="exercise",
            difference_mean="exercise pair",
            difference_spread="exercise pair",
            difference_weights="exercise pair",
            difference_bias="exercise",
        )
        if np.shape(self.difference_mean)[1] != 2 * len(self.mean):
            raise ValueError("differences of another number of features")
        for name in self.__dataclass_fields__:
            if name != "labels":
                check_finite(getattr(self, name))
        if not (np.all(self.spread > 0) and np.all(self.difference_spread > 0)):
            raise ValueError("spreads that are not positive")

    def scores(self, statistics: FloatArray) -> FloatArray:
        """Return scores (repetition, exercise) of statistics (repetition, feature)."""
        standard = (statistics - self.mean) / self.spread
        return np.clip(standard, -CLIPPED, CLIPPED) @ self.weights + self.bias

    def recognise(self, statistics: FloatArray) -> IntArray:
        """Return the exercise (repetition,) of each repetition, as positions in `labels`."""
        return self.scores(statistics).argmax(axis=1)

    def likeness(self, exercise: int, statistics: FloatArray, reference: FloatArray) -> FloatArray:
        """Return how much repetitions (repetition, feature) are like a person's own reference.

        Args:
            exercise: position in `labels`.
            statistics: of the repetitions.
            reference: (feature,) mean statistics of the person's own good repetitions.

        Returns:
            (repetition,) scores; below 0 a repetition differs from the reference as doubtful ones
            of this exercise did from good ones.
        """
        pair = signed_and_absolute(statistics - reference)
        standard = (pair - self.difference_mean[exercise]) / self.difference_spread[exercise]
        clipped = np.clip(standard, -CLIPPED, CLIPPED)
        return np.asarray(
            clipped @ self.difference_weights[exercise] + self.difference_bias[exercise], np.float64
        )


def signed_and_absolute(difference: FloatArray) -> FloatArray:
    """Return differences (repetition, feature) and their absolute values side by side."""
    return np.concatenate([difference, np.abs(difference)], axis=-1)


def load_exercise_model(path: Path | None = None) -> ExerciseModel:
    """Load a model; None: the one that comes with the package.

    Raises:
        ModelError: the file is missing, damaged, or no model of exercises.
    """
    return load_model(path, MODEL_FILE, ExerciseModel)
