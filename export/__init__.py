"""Writers of animation and biomechanics formats.

Each writer takes a core type and a path, writes the file atomically and returns sentences the
user should read (an empty tuple when there is nothing to say). `WRITERS` finds one by suffix;
`mocap.export.job.export_take` writes a whole take.
"""

from __future__ import annotations

from collections.abc import Callable

from mocap.export import bvh, c3d, csv, fbx, glb, mot, npz, trc, usd

SKELETON_WRITERS: dict[str, Callable[..., tuple[str, ...]]] = {
    ".bvh": bvh.write,
    ".mot": mot.write,
    ".npz": npz.write,
    ".sto": mot.write,
}
"""Writers of a `SkeletonMotion`."""

CHARACTER_WRITERS: dict[str, Callable[..., tuple[str, ...]]] = {
    ".fbx": fbx.write,
    ".glb": glb.write,
    ".usdc": usd.write,
}
"""Writers of one or several `mocap.export.character.character.Character`."""

POINTS_WRITERS: dict[str, Callable[..., tuple[str, ...]]] = {
    ".c3d": c3d.write,
    ".csv": csv.write,
    ".trc": trc.write,
}
"""Writers of `Points3D`."""

WRITERS = {**SKELETON_WRITERS, **CHARACTER_WRITERS, **POINTS_WRITERS}

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
