"""Writers of animation and biomechanics formats.

Each writer takes a core type and a path, writes the file atomically and returns sentences the
user should read (an empty tuple when there is nothing to say). `WRITERS` finds one by suffix.
"""

from __future__ import annotations

from collections.abc import Callable

from mocap.export import bvh, csv, trc

SKELETON_WRITERS: dict[str, Callable[..., tuple[str, ...]]] = {".bvh": bvh.write}
"""Writers of a `SkeletonMotion`."""

POINTS_WRITERS: dict[str, Callable[..., tuple[str, ...]]] = {
    ".csv": csv.write,
    ".trc": trc.write,
}
"""Writers of `Points3D`."""

WRITERS = {**SKELETON_WRITERS, **POINTS_WRITERS}

__all__ = ["POINTS_WRITERS", "SKELETON_WRITERS", "WRITERS", "bvh", "csv", "trc"]
