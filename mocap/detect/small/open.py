"""Put detectors together of the small networks on this machine."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from mocap.core.keypoints import COCO_17, KeypointSet
from mocap.core.shapes import Array
from mocap.detect import registry
from mocap.detect.blazepose import FeetFinder
from mocap.detect.detectors import feet_finder, open_movenet
from mocap.detect.following.pace import THOROUGH, Pace
from mocap.detect.movenet import MoveNet
from mocap.detect.one_look.blazepose_33 import BlazePose
from mocap.detect.people import Detection
from mocap.detect.runtime import load_network
from mocap.detect.small.boxes import CenterNet, NanoDet
from mocap.detect.small.posenet import PoseNet
from mocap.detect.top_down import Finder, TopDown

LIGHTNING_SIZE = 192


@dataclass(frozen=True, eq=False)
class SinglePose:
    """MoveNet's network of one person as a reader of boxes that others find."""

    movenet: MoveNet

    @property
    def keypoint_set(self) -> KeypointSet:
        """What it finds."""
        return COCO_17

    def __call__(self, image: Array, guess: Detection) -> Detection:
        """Return the person in the box of a guess."""
        return self.movenet.read(image, guess)

    def look(self, image: Array, guess: Detection, *, mirrored: bool) -> Detection:
        """Return the person of a guess from one pass, plain or in the mirror."""
        return self.movenet.look(image, guess, mirrored=mirrored)


def open_lightning(
    *, feet: bool = True, weights: Path | None = None, workers: int = 1, pace: Pace = THOROUGH
) -> MoveNet:
    """Return MoveNet with Lightning instead of Thunder."""
    lightning = load_network(registry.network_path("lightning", "lightning"), streams=workers)
    movenet = open_movenet(feet=feet, workers=workers, pace=pace)
    return replace(movenet, thunder=lightning, thunder_size=LIGHTNING_SIZE)


def open_blazepose_lite(
    *, feet: bool = True, weights: Path | None = None, workers: int = 1, pace: Pace = THOROUGH
) -> BlazePose:
    """Return BlazePose with the smallest of its networks."""
    lite = load_network(registry.network_path("blazepose", "lite"), streams=workers)
    return BlazePose(open_movenet(feet=False, workers=workers), FeetFinder(lite))


def open_posenet(
    *, feet: bool = True, weights: Path | None = None, workers: int = 1, pace: Pace = THOROUGH
) -> TopDown:
    """Return PoseNet in the boxes of MoveNet."""
    network = load_network(registry.network_path("posenet", "posenet"), streams=workers)
    finder = open_movenet(feet=False, workers=workers)
    return TopDown(finder, PoseNet(network), feet_finder(workers, pace) if feet else None)


def open_centernet(
    *, feet: bool = True, weights: Path | None = None, workers: int = 1, pace: Pace = THOROUGH
) -> TopDown:
    """Return MoveNet's Thunder in the boxes of CenterNet."""
    network = load_network(registry.network_path("centernet", "centernet"), streams=workers)
    return _thunder_in(CenterNet(network), feet, workers, pace)


def open_nanodet(
    *, feet: bool = True, weights: Path | None = None, workers: int = 1, pace: Pace = THOROUGH
) -> TopDown:
    """Return MoveNet's Thunder in the boxes of NanoDet."""
    network = load_network(registry.network_path("nanodet", "nanodet"), streams=workers)
    return _thunder_in(NanoDet(network), feet, workers, pace)


def _thunder_in(finder: Finder, feet: bool, workers: int, pace: Pace) -> TopDown:
    reader = SinglePose(open_movenet(feet=False, workers=workers))
    return TopDown(finder, reader, feet_finder(workers, pace) if feet else None)
