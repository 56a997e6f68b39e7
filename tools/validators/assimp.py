"""What assimp reads in our files: it writes them as GLB, which we read."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import environments
from scene import PRE_ROTATION, Written

from mocap.export.glb import reader as read_glb

# assimp keeps the centimetres of FBX as they are.
_METRES = {".fbx": 0.01, ".glb": 1.0}


def check(files: list[Written], out: Path, compare: Callable[..., Iterator[Any]]) -> Iterator[Any]:
    """Compare what assimp makes of FBX and GLB files with the truth.

    Raises:
        Unavailable: assimp is not installed.
    """
    if shutil.which("assimp") is None:
        raise environments.Unavailable("assimp not found (Debian: assimp-utils)")
    for written in files:
        scale = _METRES.get(written.path.suffix)
        if scale is None or written.path.stem == PRE_ROTATION:
            continue
        target = out / f"assimp_{written.path.stem}_{written.path.suffix[1:]}.glb"
        command = ["assimp", "export", str(written.path), str(target), "-fglb2"]
        subprocess.run(command, check=True, capture_output=True)
        found = read_glb.read(target, animation=written.take or None)
        joints = scale * found.joints(written.joint_names)
        yield from compare("assimp", replace(written, skins=()), joints, [])
