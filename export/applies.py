"""Which option says something to which format; those that do not are told, not ignored."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

_SKINS = ("fbx", "glb", "usdc")
_NAMED = ("bvh", *_SKINS, "mot", "sto")
_SKELETONS = (*_NAMED, "npz")

APPLIES: Mapping[str, tuple[str, ...]] = {
    "--names": _NAMED,
    "--name-prefix": ("bvh", *_SKINS),
    "--bone-axis": _SKINS,
    "--pre-rotation": ("fbx",),
    "--root-bone": _SKINS,
    "--mesh": _SKINS,
    "--max-influences": _SKINS,
    "--order": ("bvh",),
    "--unit": ("bvh", "fbx"),
    "--up": ("bvh", "fbx"),
    "--rest-pose": _NAMED,
    "--mirror": _SKELETONS,
    "--gaps": _SKELETONS,
    "--csv-layout": ("csv",),
    "--one-file": _SKINS,
    "--cameras": ("glb",),
    "--verify": ("bvh", "fbx", "glb", "trc", "c3d"),
}
"""Formats by option of the command line."""


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
