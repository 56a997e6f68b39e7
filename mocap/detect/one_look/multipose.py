"""MoveNet MultiPose alone: rough keypoints of everybody in one look at the image.

Its file comes with a package of pip's, for machines without npm. On photographs its keypoint
similarity is .83, that of MultiPose and Thunder together .84, and it errs more on small people.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mocap.core.keypoints import COCO_17
from mocap.core.shapes import Array
from mocap.detect import registry
from mocap.detect.blazepose import FeetFinder
from mocap.detect.detectors import feet_finder
from mocap.detect.following.pace import THOROUGH, Pace
from mocap.detect.movenet import MoveNet
from mocap.detect.people import Detection, without_duplicates
from mocap.detect.runtime import load_network


@dataclass(frozen=True, eq=False)
class MultiPose:
    """A detector of COCO-17 people, with toes and heels where `feet` is given."""

    finder: MoveNet
    feet: FeetFinder | None = None

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Names of the keypoints, in order."""
        return COCO_17.keypoint_names if self.feet is None else self.feet.keypoint_names

    def __call__(self, image: Array) -> list[Detection]:
        """Return up to six people of an (height, width, 3) uint8 RGB image."""
        people = without_duplicates(self.finder.find(image))
        return people if self.feet is None else [self.feet(image, each) for each in people]


def open_multipose(
    *,
    feet: bool = True,
    weights: Path | None = None,
    workers: int = 1,
    pace: Pace = THOROUGH,
) -> MultiPose:
    """Return MultiPose with fetched weights; it takes no others.

    Raises:
        ModelError: weights are missing or damaged; says what to run.
    """
    network = load_network(registry.network_path("multipose", "multipose"), streams=workers)
    # It only searches: the network that would read crops is never asked.
    return MultiPose(MoveNet(network, network), feet_finder(workers, pace) if feet else None)
