"""What a person may say about keypoints of another tool."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mocap.core.options import option


@dataclass(frozen=True)
class KeypointsChoice:
    """What a person says about foreign keypoints; what is not said is read from them."""

    keypoints: str | None = option(
        None, "Keypoint set of files that only number their points: body_25."
    )
    names: Path | None = option(None, 'TOML of names: "paw_l" = "left_wrist".', name="--map")
    fps: float | None = option(None, "Frames a second, without videos.")
    image_size: tuple[str, ...] = option(
        (),
        "Of the images the keypoints are of, without videos.",
        metavar="[CAMERA=]WxH",
    )
    cameras: tuple[str, ...] = option(
        (),
        "Folder or file of a camera whose name does not tell.",
        name="--camera",
        metavar="CAMERA=NAME",
    )
    force: bool = option(False, "Replace keypoints that are there.")
