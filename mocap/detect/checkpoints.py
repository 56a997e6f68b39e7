"""Tell how a heat-map checkpoint wants to be fed and read, from its file alone."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from mocap.core.errors import ModelError
from mocap.core.store import file_hash

CHECKPOINTS_FOLDER = "checkpoints"
"""In the folder of models: what was fetched by name."""

DECODINGS = ("quarter", "dark", "udp")


@dataclass(frozen=True)
class CheckpointRecipe:
    """How to run a checkpoint.

    Attributes:
        input_size: (width, height) of the network's input.
        decoding: "quarter" (argmax and a quarter step), "dark" (Gaussian refinement) or "udp"
            (the same with unbiased coordinates); how the network was trained decides.
        sigma_px: standard deviation of the training targets in heat-map pixels.
        name: of the published checkpoint, empty for an unknown one.
    """

    input_size: tuple[int, int] = (192, 256)
    decoding: str = "quarter"
    sigma_px: int = 2
    name: str = ""

    def __post_init__(self) -> None:
        """Check the decoding and that the input divides into heat maps of all four resolutions."""
        if self.decoding not in DECODINGS:
            known = ", ".join(DECODINGS)
            raise ModelError(f"decoding {self.decoding!r} is unknown; known are {known}.")
        if any(side <= 0 or side % 32 for side in self.input_size):
            width, height = self.input_size
            raise ModelError(f"input size {width}x{height} is not a multiple of 32 pixels.")

    @property
    def blur_px(self) -> int:
        """Kernel size of the smoothing before the refinement: that of DARK for this sigma."""
        return 17 if self.sigma_px == 3 else 11


@dataclass(frozen=True)
class PublishedCheckpoint:
    """A checkpoint that its publisher has described.

    Attributes:
        name: as in `mocap models fetch NAME`.
        file: name of the file.
        sha256: of the file, or its first eight digits.
        url: where its publisher keeps it; "" where it has to be got by hand.
        average_precision: of the body on COCO val2017, as published; 0 where it is not.
    """

    name: str
    file: str
    sha256: str
    url: str = ""
    average_precision: float = 0.0


def published() -> tuple[PublishedCheckpoint, ...]:
    """Return the checkpoints that are known."""
    text = files("mocap.detect.models").joinpath("hrnet_checkpoints.toml").read_text("utf-8")
    return tuple(PublishedCheckpoint(**each) for each in tomllib.loads(text)["checkpoints"])


def recipe_of(path: Path) -> CheckpointRecipe:
    """Return how to run a checkpoint: known ones by SHA-256, others by the words in their name.

    Names follow a custom of their publishers: `pose_hrnet_w32_384x288.pth` (height x width),
    `…_dark-…`, `…_udp-…`. A name that says nothing means 256x192 and the quarter step.
    """
    sha256 = file_hash(path)
    for known in published():
        if sha256.startswith(known.sha256):
            return _recipe(known.file)
    return _recipe(path.name, known=False)


def _recipe(file_name: str, *, known: bool = True) -> CheckpointRecipe:
    words = file_name.lower()
    size = re.search(r"(\d{2,4})x(\d{2,4})", words)
    height, width = (int(size[1]), int(size[2])) if size else (256, 192)
    if "synthpose" in words or words == "hrnet-w48_dark.pth":
        height, width = 384, 288
    decoding = next((each for each in ("udp", "dark") if each in words), "quarter")
    return CheckpointRecipe(
        input_size=(width, height),
        decoding=decoding,
        # Every published training at this size uses wider targets.
        sigma_px=3 if height >= 384 else 2,
        name=file_name if known else "",
    )
