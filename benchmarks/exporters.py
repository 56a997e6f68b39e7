"""How fast and how lean files are written: python benchmarks/exporters.py [--check] [--long].

The person has 55 joints, about 14 000 vertices and fast spins. CPU seconds are of this process;
memory is the most that was allocated beside the motion itself.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from figures import Figure, exit_code, print_figures

from mocap.body.model import load_free_body
from mocap.body.skin import skinned_mesh
from mocap.core.motion import SkeletonMotion
from mocap.export import bvh, fbx, glb
from mocap.export.character.character import Character, SkeletonStyle
from mocap.export.retime import resampled
from mocap.export.verify import verify_characters
from mocap.synthetic.motion.spinning import spinning_body

FRAMES = 3600
LONG_FRAMES = 100_000
MEGABYTE = 2**20

# One joint's curves may be in memory (quaternions, matrices, angles: 30 numbers a frame), not all
# joints': as quaternions alone those would be 168 MB.
LONG_MEGABYTES = 40.0


def long_motion(frames: int) -> SkeletonMotion:
    """Return the spinning body repeated to a length."""
    short = spinning_body(FRAMES)
    index = np.arange(frames) % FRAMES
    return SkeletonMotion(
        short.joint_names,
        short.parents,
        short.rest_offsets,
        short.local_rotations_wxyz[index],
        short.root_positions[index],
        short.fps,
    )


def cpu_seconds(work: Callable[[], object]) -> float:
    """Return the best of three runs."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        work()
        best = min(best, time.process_time() - start)
    return best


def peak_megabytes(work: Callable[[], object]) -> float:
    """Return the most memory allocated during a call, above what was there."""
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    work()
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return (peak - before) / MEGABYTE


def speed(folder: Path) -> list[Figure]:
    """Return CPU seconds, sizes and errors of one minute at 60 fps."""
    character = Character(spinning_body(FRAMES), skinned_mesh(load_free_body()))
    out = []
    style = SkeletonStyle()
    writers: tuple[tuple[str, float | None, Callable[[Path], object]], ...] = (
        ("FBX", 1.0, lambda path: fbx.write(character, path)),
        ("GLB", 1.0, lambda path: glb.write(character, path)),
        ("BVH", None, lambda path: bvh.write(character.motion, path)),
    )
    for name, line, write in writers:
        path = folder / f"take.{name.lower()}"
        seconds = cpu_seconds(partial(write, path))
        out.append(Figure(f"{name}, {FRAMES} frames", seconds, "s", line))
        out.append(Figure(f"{name}, size", path.stat().st_size / MEGABYTE, "MB"))
        check = verify_characters(path, [character], style)
        out.append(Figure(f"{name}, joints read back", check.joint_error_mm, "mm", 0.01))
        if check.skin_error_mm is not None:
            out.append(Figure(f"{name}, skin read back", check.skin_error_mm, "mm", 0.01))
    out.append(Figure("60 to 24 fps", cpu_seconds(lambda: resampled(character.motion, 24.0)), "s"))
    return out


def memory(folder: Path) -> list[Figure]:
    """Return the memory of a long take."""
    character = Character(long_motion(LONG_FRAMES), skinned_mesh(load_free_body()))
    out = []
    for name, write in (
        ("FBX", lambda: fbx.write(character, folder / "long.fbx")),
        ("GLB", lambda: glb.write(character, folder / "long.glb")),
    ):
        out.append(
            Figure(f"{name}, {LONG_FRAMES} frames", peak_megabytes(write), "MB", LONG_MEGABYTES)
        )
    return out


def main() -> int:
    """Print the figures; with --check return 1 when a line is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--long", action="store_true", help=f"also {LONG_FRAMES} frames")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        figures = speed(Path(name))
        if options.long:
            figures += memory(Path(name))
    print_figures("Export", figures)
    return exit_code(figures, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
