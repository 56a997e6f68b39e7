"""Read pickles in no more memory than their files are long."""

from __future__ import annotations

import pickle
import struct
import sys
from collections.abc import Callable
from typing import Any, ClassVar


def _load_bytearray(unpickler: Any) -> None:
    """Read a bytearray; a size that is not there is told before so many zeros are made."""
    (size,) = struct.unpack("<Q", unpickler.read(8))
    data = unpickler.read(min(size, sys.maxsize))
    if len(data) < size:
        raise pickle.UnpicklingError(f"a bytearray of {size} bytes ends after {len(data)}")
    unpickler.append(bytearray(data))


class ModestUnpickler(pickle._Unpickler):
    """Python's own reader, not the one in C: that keeps what it saw in an array as long as the
    largest number in a file, and a few damaged bytes ask for all the memory there is.

    So do bytearrays, which it makes before it reads them: here they are read first. Which classes
    may be created is for subclasses to say.
    """

    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = {
        **pickle._Unpickler.dispatch,
        pickle.BYTEARRAY8[0]: _load_bytearray,
    }
