"""The published tables of RULA and REBA and how scores are read from them.

RULA: McAtamney and Corlett 1993, Applied Ergonomics 24(2). REBA: Hignett and McAtamney 2000,
Applied Ergonomics 31(2). Scores count from 1, as on the worksheets.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mocap.core.shapes import IntArray


def _digits(*rows: str) -> IntArray:
    """Return rows of one-digit scores as an array."""
    return np.array([[int(digit) for digit in row] for row in rows], dtype=np.int64)


# [upper arm 1-6][lower arm 1-3][wrist 1-4][wrist twist 1-2]; a row is one lower arm.
RULA_A: IntArray = _digits(
    "12222333", "22223333", "23333344",
    "23333444", "33333444", "34444455",
    "33444455", "34444455", "44444555",
    "44444555", "44444555", "44455566",
    "55555667", "56666777", "66677778",
    "77777889", "88888999", "99999999",
).reshape(6, 3, 4, 2)  # fmt: skip

# [neck 1-6][trunk 1-6][legs 1-2]
RULA_B: IntArray = _digits(
    "132334556677",
    "232345556777",
    "333445566777",
    "555667777788",
    "777778888888",
    "888888899999",
).reshape(6, 6, 2)

# [score of arm and wrist 1-8 and more][score of neck, trunk and legs 1-7 and more]
RULA_C: IntArray = _digits(
    "1233455", "2234455", "3334456", "3334566", "4445677", "4456677", "5566777", "5567777"
)  # fmt: skip

# [neck 1-3][trunk 1-5][legs 1-4]
REBA_A: IntArray = _digits(
    "1234", "2345", "2456", "3567", "4678",
    "1234", "3456", "4567", "5678", "6789",
    "3356", "4567", "5678", "6789", "7899",
).reshape(3, 5, 4)  # fmt: skip

# [upper arm 1-6][lower arm 1-2][wrist 1-3]
REBA_B: IntArray = _digits(
    "122", "123", "123", "234", "345", "455", "455", "567", "678", "788", "788", "899"
).reshape(6, 2, 3)  # fmt: skip

# [score A 1-12][score B 1-12]
REBA_C: IntArray = np.array(
    [
        [1, 1, 1, 2, 3, 3, 4, 5, 6, 7, 7, 7],
        [1, 2, 2, 3, 4, 4, 5, 6, 6, 7, 7, 8],
        [2, 3, 3, 3, 4, 5, 6, 7, 7, 8, 8, 8],
        [3, 4, 4, 4, 5, 6, 7, 8, 8, 9, 9, 9],
        [4, 4, 4, 5, 6, 7, 8, 8, 9, 9, 9, 9],
        [6, 6, 6, 7, 8, 8, 9, 9, 10, 10, 10, 10],
        [7, 7, 7, 8, 9, 9, 9, 10, 10, 11, 11, 11],
        [8, 8, 8, 9, 10, 10, 10, 10, 10, 11, 11, 11],
        [9, 9, 9, 10, 10, 10, 11, 11, 11, 12, 12, 12],
        [10, 10, 10, 11, 11, 11, 11, 12, 12, 12, 12, 12],
        [11, 11, 11, 11, 12, 12, 12, 12, 12, 12, 12, 12],
        [12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12],
    ],
    dtype=np.int64,
)

RULA_LEVELS = (
    (1, "acceptable"),
    (3, "investigate further"),
    (5, "investigate and change soon"),
    (7, "investigate and change now"),
)
"""Lowest score of each action level and what the method says about it."""

REBA_LEVELS = (
    (1, "negligible"),
    (2, "low: change may be needed"),
    (4, "medium: investigate, change soon"),
    (8, "high: investigate and change"),
    (11, "very high: change now"),
)
"""Lowest score of each action level and what the method says about it."""


@dataclass(frozen=True, eq=False)
class Scores:
    """Scores of one method; arrays of one shape.

    Attributes:
        a: first group (RULA: arm and wrist; REBA: neck, trunk, legs), with additions.
        b: second group (RULA: neck, trunk, legs; REBA: arm and wrist), with additions.
        final: score of the method.
    """

    a: IntArray
    b: IntArray
    final: IntArray


def _read(table: IntArray, *scores: ArrayLike) -> IntArray:
    """Read a table by scores that count from 1; scores past its end read the last entry."""
    index = tuple(
        np.clip(np.asarray(score, dtype=np.int64), 1, size) - 1
        for score, size in zip(scores, table.shape, strict=True)
    )
    return np.asarray(table[index], dtype=np.int64)


def rula(
    *,
    upper_arm: ArrayLike,
    lower_arm: ArrayLike,
    wrist: ArrayLike,
    wrist_twist: ArrayLike,
    neck: ArrayLike,
    trunk: ArrayLike,
    legs: ArrayLike,
    arm_use: ArrayLike = 0,
    body_use: ArrayLike = 0,
) -> Scores:
    """Return RULA scores from the scores of the body parts (any shape that broadcasts).

    `arm_use` and `body_use` are muscle use plus force of each group.
    """
    a = _read(RULA_A, upper_arm, lower_arm, wrist, wrist_twist) + np.asarray(arm_use)
    b = _read(RULA_B, neck, trunk, legs) + np.asarray(body_use)
    return Scores(a, b, _read(RULA_C, a, b))


def reba(
    *,
    neck: ArrayLike,
    trunk: ArrayLike,
    legs: ArrayLike,
    upper_arm: ArrayLike,
    lower_arm: ArrayLike,
    wrist: ArrayLike,
    load: ArrayLike = 0,
    coupling: ArrayLike = 0,
    activity: ArrayLike = 0,
) -> Scores:
    """Return REBA scores from the scores of the body parts (any shape that broadcasts)."""
    a = _read(REBA_A, neck, trunk, legs) + np.asarray(load)
    b = _read(REBA_B, upper_arm, lower_arm, wrist) + np.asarray(coupling)
    return Scores(a, b, _read(REBA_C, a, b) + np.asarray(activity))


def action_level(scores: ArrayLike, levels: tuple[tuple[int, str], ...]) -> IntArray:
    """Return the index of the action level of each score in `levels`."""
    lowest = np.array([level[0] for level in levels])
    return np.asarray(np.searchsorted(lowest, np.asarray(scores), side="right") - 1)
