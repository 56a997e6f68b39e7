"""Which option says something to which format; those that do not are told, not ignored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from mocap.export.formats import FORMATS

READ_BACK = "--verify"

APPLIES: Mapping[str, tuple[str, ...]] = {
    **{
        option: tuple(suffix for suffix, each in FORMATS.items() if option in each.options)
        for option in sorted({option for each in FORMATS.values() for option in each.options})
    },
    READ_BACK: tuple(suffix for suffix, each in FORMATS.items() if each.read_back),
}
"""Formats by option of the command line; options that are not here apply to all."""


def unheard(asked: Sequence[str], formats: Sequence[str]) -> tuple[str, ...]:
    """Return a sentence for every option that was asked for and says nothing to some formats."""
    said = []
    for option in asked:
        heard = APPLIES.get(option)
        if heard is None:
            continue
        deaf = [each for each in formats if each not in heard]
        if deaf:
            said.append(f"{option} does not apply to {', '.join(deaf)}: written without it.")
    return tuple(said)
