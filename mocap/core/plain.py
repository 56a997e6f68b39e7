"""Values as JSON knows them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np


def plain(value: Any, digits: int | None = None) -> Any:
    """Return dictionaries, lists, numbers and text; numbers that are not finite become null.

    `digits` rounds numbers to so many significant digits; what JSON does not know becomes text.

    >>> plain({"a": np.array([1.0, np.nan]), 2: (np.int64(3), 2.0 / 3.0)}, digits=3)
    {'a': [1.0, None], '2': [3, 0.667]}
    """
    if isinstance(value, Mapping):
        return {str(key): plain(item, digits) for key, item in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return plain(value.tolist(), digits)
    if isinstance(value, list | tuple):
        return [plain(item, digits) for item in value]
    if isinstance(value, float):
        if not math.isfinite(value):
            return None
        return value if digits is None else float(f"{value:.{digits}g}")
    if value is None or isinstance(value, bool | int):
        return value
    return str(value)
