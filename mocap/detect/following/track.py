"""One person followed in one view: where they were, and where they must be by now."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mocap.core.shapes import FloatArray, check_shapes
from mocap.detect.people import SURE_CONFIDENCE, Detection, outline

USUAL_SHARE = 0.2
"""How much the newest reading counts in the usual confidence of a person: a turn of the body takes
some five images, one blurred image changes little."""

TWICE_SHARE, ONCE_SHARE = 0.7, 0.8
"""How much the newest image counts in what a mirror shifts, with two readings of it and with one.

MoveNet's plain and mirrored readings differ by .7-.85 % of the person size in the median, and by
much the same in the next image (correlation .65-.84; rendered and real people): one reading is .36
to .45 % from the mean of both as it comes, .2 to .27 % when the shift is taken away."""

LARGEST_SHIFT = 0.012
"""Share of the person size; more is a movement, or a mistake of one reading."""

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
        mirror_shift: (keypoint, 2) px, half of what a plain reading differs from a mirrored one.
        looks: the last readings, at most three, and their frames; plain and mirrored by turns.
        unconfirmed: searches in a row that did not find this person.
    """

    person: Detection
    frame: int
    velocity: FloatArray
    mirror_shift: FloatArray
    usual_confidence: float
    margins: FloatArray = field(default_factory=_none)
    unconfirmed: int = 0
    before: tuple[Detection, int] | None = None
    looks: tuple[tuple[int, Detection], ...] = ()

    def __post_init__(self) -> None:
        """Check that the arrays agree."""
        check_shapes(self, velocity="keypoint 2", mirror_shift="keypoint 2", margins="4")

    @classmethod
    def born(cls, person: Detection, frame: int, box: FloatArray) -> Track:
        """Begin to follow somebody whom a search found in `box`."""
        still = np.zeros_like(person.pixels)
        track = cls(person, frame, still, still, person.mean_confidence)
        return track.confirmed(box)

    def predicted(self, frame: int) -> Detection:
        """Return the person as they must be seen in a later frame, at constant velocity."""
        moved = self.person.pixels + (frame - self.frame) * self.velocity
        return self.boxed(replace(self.person, pixels=moved))

    def between(self, look: Detection, *, mirrored: bool) -> Detection:
        """Return one reading of the person as the mean of a plain and a mirrored one would be."""
        shift = self.mirror_shift if mirrored else -self.mirror_shift
        sure = look.confidence > SURE_CONFIDENCE
        return replace(look, pixels=look.pixels + np.where(sure[:, None], shift, 0.0))

    def seen_once(self, look: Detection, frame: int, *, mirrored: bool) -> Track:
        """Learn from one reading of an image what a mirror shifts.

        Readings are plain and mirrored by turns: what turns round from each image to the next is
        an eighth of their third difference, which is zero for steady and evenly accelerated
        movements. It wants four images in a row.
        """
        looks = (*self.looks, (frame, look))
        seen = replace(self, looks=looks[-3:])
        steps = np.diff([when for when, _ in looks])
        if len(looks) < 4 or (steps != steps[0]).any():
            return seen
        first, second, third = (each for _, each in self.looks)
        rise = look.pixels - 3 * third.pixels + 3 * second.pixels - first.pixels
        half = rise / (-8 if mirrored else 8)
        return seen._shifted(half, ONCE_SHARE, look, third, second, first)

    def seen_twice(self, plain: Detection, mirrored: Detection) -> Track:
        """Learn from two readings of one image what a mirror shifts."""
        half = (plain.pixels - mirrored.pixels) / 2
        return self._shifted(half, TWICE_SHARE, plain, mirrored)

    def _shifted(self, half: FloatArray, share: float, *looks: Detection) -> Track:
        sure = np.min([each.confidence for each in looks], axis=0) > SURE_CONFIDENCE
        sure &= np.linalg.norm(half, axis=1) < LARGEST_SHIFT * looks[0].size_px
        change = np.where(sure[:, None], share * (half - self.mirror_shift), 0.0)
        return replace(self, mirror_shift=self.mirror_shift + change)

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
