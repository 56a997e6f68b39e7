"""The detectors by name: one table that says what each needs and how it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from mocap.core.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mocap.detect.detect import Detector


@dataclass(frozen=True)
class KnownDetector:
    """One detector; nothing is imported before it is opened.

    Attributes:
        name: as `--detector` says it.
        title: for people.
        opens: "module:function" that takes `feet`, `weights` and `workers` and returns it.
        networks: (model, network) of the fetched weights it uses.
        own_weights: whether it needs a checkpoint of the user's.
        keypoint_sets: names of what it may find, see `mocap.core.keypoints`.
        offsets: where its keypoints lie on the body, by name in `detector_offsets.toml`; "" when
            nobody has measured that.
    """

    name: str
    title: str
    opens: str
    networks: tuple[tuple[str, str], ...]
    own_weights: bool
    keypoint_sets: tuple[str, ...]
    offsets: str = ""

    def open(self, *, feet: bool, weights: Path | None, workers: int) -> Detector:
        """Return the detector, ready to run."""
        module, _, function = self.opens.partition(":")
        opener: Callable[..., Detector] = getattr(import_module(module), function)
        return opener(feet=feet, weights=weights, workers=workers)


_MOVENET = (("movenet", "multipose"), ("movenet", "thunder"))

DETECTORS: Mapping[str, KnownDetector] = {
    each.name: each
    for each in (
        KnownDetector(
            name="movenet",
            title="MoveNet MultiPose and Thunder; BlazePose for heels and toes",
            opens="mocap.detect.detectors:open_movenet",
            networks=_MOVENET,
            own_weights=False,
            keypoint_sets=("coco_17", "coco_17_feet"),
            offsets="movenet_blazepose",
        ),
        KnownDetector(
            name="hrnet",
            title="HRNet W32/W48; weights of your own: --detector hrnet --weights FILE",
            opens="mocap.detect.hrnet.detector:open_hrnet",
            networks=_MOVENET,
            own_weights=True,
            keypoint_sets=("coco_17", "coco_17_feet", "synthpose_52", "wholebody_133"),
        ),
    )
}


def known_detector(name: str, weights: Path | None = None) -> KnownDetector:
    """Return a detector of the table.

    Raises:
        InputError: there is none of this name, or it does not go with these weights.
    """
    if name not in DETECTORS:
        raise InputError(f"there is no detector {name!r}; known are {', '.join(DETECTORS)}.")
    found = DETECTORS[name]
    if found.own_weights and weights is None:
        raise InputError(f"detector {name!r} needs a checkpoint file: give it with --weights.")
    if weights is not None and not found.own_weights:
        own = " or ".join(repr(each.name) for each in DETECTORS.values() if each.own_weights)
        raise InputError(f"detector {name!r} has its own weights; --weights is for {own}.")
    if weights is not None and not weights.is_file():
        raise InputError(f"the weights file {weights} does not exist.")
    return found
