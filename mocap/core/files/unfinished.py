"""What killed programs left of files that were being written, see `mocap.core.store`."""

from __future__ import annotations

import re
import time
from contextlib import suppress
from pathlib import Path

UNFINISHED = re.compile(
    r"\..+-[a-z0-9_]{8}\.(npz|json|toml|html|png|jpg|csv|bvh|fbx|glb|usda|usdc|c3d|trc|mot|sto|xml|"
    r"obj|ply)"
)
"""How temporary files are called: the name, eight letters, the ending."""

OLD_S = 3600.0
"""Nobody writes one file for an hour."""


WITHIN = (
    ".partial",
    ".partial/detections_*",
    ".partial/lift_*",
    ".partial/fit",
    ".partial/shape",
    ".partial/synced",
    "export",
    "measure/**",
    "mesh",
    "actions",
    "exercise",
    "calibration/.corners",
    "calibration/.pictures",
)
"""Folders of a take, and of a session, that only its lock's holder writes in."""

WRITTEN_BY_ALL = ("edits", "file_hashes", "people")
"""Files that are written beside whatever goes on in a folder."""


def sweep(folder: Path) -> None:
    """Remove temporary files from the folder of a take or a session; its lock is held."""
    remove_unfinished(folder, but=WRITTEN_BY_ALL)
    for pattern in WITHIN:
        for each in folder.glob(pattern):
            remove_unfinished(each)


def remove_unfinished(
    folder: Path, *, begins: str = "", but: tuple[str, ...] = (), older_s: float = 0.0
) -> None:
    """Remove temporary files from a folder where nobody writes now.

    Args:
        folder: it need not exist.
        begins: of the names of files; only theirs are removed.
        but: names of files whose temporary ones stay.
        older_s: only what is older, where others may be writing.
    """
    for path in folder.glob(f".{begins}*"):
        with suppress(OSError):
            old = not older_s or time.time() - path.stat().st_mtime > older_s
            kept = path.name.rpartition("-")[0].removeprefix(".") in but
            if old and not kept and UNFINISHED.fullmatch(path.name):
                path.unlink()
