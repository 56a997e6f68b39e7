"""Takes of which there is only a preview from one camera: nothing is taken from them."""

from __future__ import annotations

from pathlib import Path

from mocap.capture.session import Take
from mocap.core.errors import InputError
from mocap.core.files.names import portable
from mocap.workflow.graph import path_of

LIFTED_FILE = "lifted.npz"


def refuse_lifted(take: Take) -> None:
    """Raise InputError when all that a take has is a preview from one camera."""
    if (take.root / LIFTED_FILE).is_file() and not path_of(take, "points").is_file():
        raise InputError(
            f"take {take.name} was lifted from one camera: its depth is a guess, and no angle, "
            "range of motion, score, speed, action or repetition may be taken from it. All there "
            f"is is the preview {preview_path(take)}; record with two or more calibrated cameras "
            "for more."
        )


def preview_path(take: Take) -> Path:
    """Return the BVH of a preview."""
    return take.export_dir / f"{portable(take.name)}_lifted.bvh"
