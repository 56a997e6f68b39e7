"""One person followed in one view: where they were, and where they must be by now."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mocap.core.shapes import FloatArray, check_shapes
from mocap.detect.people import SURE_CONFIDENCE, Detection, outline

USUAL_SHARE = 0.2
"""How much the newest reading counts in the usual confidence of a person: a turn of the body takes
some five images, one blurred image changes little."""

LARGEST_BOX_MARGIN = 0.5
"""Share of the person size: the box of a guess whose keypoints are few may be anything."""


def _none() -> FloatArray:
    return np.zeros(4)


@dataclass(frozen=True, eq=False)
class Track:
    """A person of one view.

    Attributes:
        person: as read last.
        frame: when that was.
        velocity: (keypoint, 2) px a frame.
        before: as read before that, and when; None at first.
        usual_confidence: mean confidence of the last readings.
        margins: (4,) how far the box reaches beyond the sure keypoints at the left, the top, the
            right and the bottom, as a share of the person size.
        unconfirmed: searches in a row that did not find this person.
    """

    person: Detection
    frame: int
    velocity: FloatArray
    usual_confidence: float
    margins: FloatArray = field(default_factory=_none)
    unconfirmed: int = 0
    before: tuple[Detection, int] | None = None

    def __post_init__(self) -> None:
        """Check that the arrays agree."""
        check_shapes(self, velocity="keypoint 2", margins="4")

    @classmethod
    def born(cls, person: Detection, frame: int, box: FloatArray) -> Track:
        """Begin to follow somebody whom a search found in `box`."""
        still = np.zeros_like(person.pixels)
        track = cls(person, frame, still, person.mean_confidence)
        return track.confirmed(box)

    def predicted(self, frame: int) -> Detection:
        """Return the person as they must be seen in a later frame, at constant velocity."""
        moved = self.person.pixels + (frame - self.frame) * self.velocity
        return self.boxed(replace(self.person, pixels=moved))

    def read(self, person: Detection, frame: int) -> Track:
        """Go on with what was read at a later frame."""
        return replace(
            self,
            person=person,
            frame=frame,
            velocity=self._velocity(person, frame),
            before=(self.person, self.frame),
            usual_confidence=(1 - USUAL_SHARE) * self.usual_confidence
            + USUAL_SHARE * person.mean_confidence,
        )

    def _velocity(self, person: Detection, frame: int) -> FloatArray:
        """Return the velocity (keypoint, 2) over the last two images.

        Over one image it would be twice as noisy, and what a mirror shifts would seem to move.
        """
        earlier, when = self.before or (self.person, self.frame)
        return _velocity(earlier, person, frame - when)

    def stopped(self) -> Track:
        """Wait where the person was seen last."""
        return replace(self, velocity=np.zeros_like(self.velocity), before=None)

    def confirmed(self, box: FloatArray) -> Track:
        """Go on with the box in which a search found the person."""
        low, high = outline(self.person)
        size = max(float((high - low).max()), 1.0)
        margins = np.concatenate([low - box[:2], box[2:] - high]) / size
        kept = np.clip(margins, 0.0, LARGEST_BOX_MARGIN)
        return replace(self, margins=kept, unconfirmed=0)

    def boxed(self, person: Detection) -> Detection:
        """Return the person with a box around the keypoints, as wide as a search would make it."""
        low, high = outline(person)
        reach = max(float((high - low).max()), 1.0) * self.margins
        return replace(person, box=np.concatenate([low - reach[:2], high + reach[2:]]))


def _velocity(before: Detection, now: Detection, frames: int) -> FloatArray:
    """Return the velocity (keypoint, 2) of the keypoints sure in both, for the others their
    median."""
    sure = (before.confidence > SURE_CONFIDENCE) & (now.confidence > SURE_CONFIDENCE)
    velocity = np.zeros_like(now.pixels)
    if sure.any():
        moved = (now.pixels - before.pixels) / frames
        velocity[:] = np.median(moved[sure], axis=0)
        velocity[sure] = moved[sure]
    return velocity
