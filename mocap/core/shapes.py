"""Array type names and the one shape check of all core types."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
BoolArray = NDArray[np.bool_]


def in_parts(count: int, size: int) -> Iterator[slice]:
    """Yield slices that together are `count` rows, `size` at a time: for work that takes room."""
    for first in range(0, count, size):
        yield slice(first, min(first + size, count))


def check_shapes(owner: object, **axes_by_field: str) -> None:
    """Check that each array field of `owner` has its axes, sizes agreeing across fields.

    Axes are words separated by blanks: `xyz="frame person keypoint 3"`. A number is a fixed size,
    a word is a size shared by every field that uses it.

    Raises:
        ValueError: naming the field, its shape, the expected axes and the sizes already known.
    """
    sizes: dict[str, int] = {}
    for field, axes_text in axes_by_field.items():
        axes = axes_text.split()
        shape = np.shape(getattr(owner, field))
        wanted = [int(axis) if axis.isdigit() else sizes.get(axis) for axis in axes]
        fits = len(shape) == len(axes) and all(
            want is None or want == size for want, size in zip(wanted, shape, strict=True)
        )
        if not fits:
            known = ", ".join(f"{axis}={size}" for axis, size in sizes.items())
            raise ValueError(
                f"{type(owner).__name__}.{field} has shape {shape}; expected ({', '.join(axes)})"
                + (f" with {known}" if known else "")
            )
        sizes.update(
            (axis, size) for axis, size in zip(axes, shape, strict=True) if not axis.isdigit()
        )


def check_unique(owner: object, field: str, names: tuple[str, ...] | tuple[int, ...]) -> None:
    """Check that no name appears twice.

    Raises:
        ValueError: naming the field and what it repeats.
    """
    if len(set(names)) != len(names):
        repeated = sorted({str(name) for name in names if list(names).count(name) > 1})
        raise ValueError(f"{type(owner).__name__}.{field} repeats {', '.join(repeated)}")
