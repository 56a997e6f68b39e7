"""Writers of animation and biomechanics formats.

Each writer takes a core type and a path, writes the file atomically and returns sentences the
user should read (an empty tuple when there is nothing to say). `mocap.export.formats`
is the table of formats, `WRITERS` finds a writer by suffix (`SKELETON_WRITERS`: of a
`SkeletonMotion`; `CHARACTER_WRITERS`: of one or several
`mocap.export.character.character.Character`; `POINTS_WRITERS`: of `Points3D`), and
`mocap.export.job.export_take` writes a whole take. Writers load when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from mocap.export import bvh, c3d, csv, fbx, glb, mot, npz, trc, usd

    SKELETON_WRITERS: dict[str, Callable[..., tuple[str, ...]]]
    CHARACTER_WRITERS: dict[str, Callable[..., tuple[str, ...]]]
    POINTS_WRITERS: dict[str, Callable[..., tuple[str, ...]]]
    WRITERS: dict[str, Callable[..., tuple[str, ...]]]

__all__ = [
    "CHARACTER_WRITERS",
    "POINTS_WRITERS",
    "SKELETON_WRITERS",
    "WRITERS",
    "bvh",
    "c3d",
    "csv",
    "fbx",
    "glb",
    "mot",
    "npz",
    "trc",
    "usd",
]

_WRITERS = {
    "SKELETON_WRITERS": ("SKELETON",),
    "CHARACTER_WRITERS": ("CHARACTER",),
    "POINTS_WRITERS": ("POINTS",),
    "WRITERS": ("SKELETON", "CHARACTER", "POINTS"),
}


def __getattr__(name: str) -> Any:
    """Load a writer, or a table of them, when it is first used."""
    if name in _WRITERS:
        formats = import_module("mocap.export.formats")
        value = formats.writers_of(*(formats.Holds[each] for each in _WRITERS[name]))
    elif name in __all__:
        value = import_module(f"mocap.export.{name}")
    else:
        raise AttributeError(f"module 'mocap.export' has no attribute '{name}'")
    globals()[name] = value
    return value
