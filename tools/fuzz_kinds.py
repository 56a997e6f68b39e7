"""What a reader is to the fuzzer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import fuzz_mutations as mutations

from mocap.core.store import write_text


@dataclass(frozen=True)
class Reader:
    """One kind of file.

    Attributes:
        name: of the reader and of its folder in the corpus.
        file: name that the damaged file gets.
        read: reads it; may raise MocapError, nothing else.
        make: writes honest files into a folder and returns them.
        mutate: how to damage one.
    """

    name: str
    file: str
    read: Callable[[Path], object]
    make: Callable[[Path], list[Path]]
    mutate: mutations.Mutation = mutations.of_text


def written(name: str, text: str) -> Callable[[Path], list[Path]]:
    """Return who writes one honest file of text."""

    def make(folder: Path) -> list[Path]:
        write_text(folder / name, text)
        return [folder / name]

    return make
