"""One recording under two names, and two under each other's, are refused with what to do."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mocap.core.camera import Calibration
from mocap.core.errors import SessionError
from mocap.core.shapes import FloatArray
from mocap.core.store import file_hash, write_text
from mocap.synthetic.example import walker
from mocap.workflow.checks.mixed_up import refuse_copies, refuse_swapped


def test_a_copy_under_another_name(tmp_path: Path) -> None:
    videos = {name: tmp_path / f"{name}.mp4" for name in ("left", "middle", "right")}
    for name, path in videos.items():
        write_text(path, f"what {name} saw")
    refuse_copies(videos, file_hash, "take 'a'")
    write_text(videos["right"], "what left saw")
    with pytest.raises(SessionError, match="cameras 'left' and 'right' of take 'a' have the same"):
        refuse_copies(videos, file_hash, "take 'a'")


@dataclass
class Footage:
    calibration: Calibration
    matrices: dict[str, FloatArray] = field(default_factory=dict)
    take: Any = field(default_factory=lambda: SimpleNamespace(name="walk"))


def test_swapped_videos() -> None:
    seen = walker()
    footage: Any = Footage(seen.calibration)
    refuse_swapped(seen.detections, footage)
    order = [1, 0, *range(2, len(seen.calibration.cameras))]
    found = seen.detections
    swapped = type(found)(
        found.camera_names, found.keypoint_names, found.fps, found.pixels[order],
        found.confidence[order], found.boxes[order],
    )  # fmt: skip
    with pytest.raises(SessionError, match=r"take 'walk': .* Rename the videos"):
        refuse_swapped(swapped, footage)
