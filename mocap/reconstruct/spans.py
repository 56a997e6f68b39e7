"""Spans of a long take that are smoothed one after the other, and how they are joined.

What is known of a moment comes from the seconds around it. A span is therefore solved with a margin
on either side, and its memory and the number of its steps do not depend on how long the take is.
Where two spans meet, both know the same frames; from one to the other goes a weight that falls
linearly, so that not even an acceleration tells where that was.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mocap.core.shapes import FloatArray

LONGEST = 4000
"""Frames that are solved at once; about 0.4 GB for 26 keypoints."""

MARGIN = 250
"""Frames that are solved beyond those that are kept. The motion is forgotten within half a second
(`acceleration.CORRELATION_TIME_S`), which are 60 frames of a camera of 120 frames per second."""

FADE = 50
"""Frames on either side of a border in which the weight goes from one span to the next."""


@dataclass(frozen=True)
class Span:
    """Frames that a span stands for, and those that are solved with it."""

    kept: slice
    solved: slice

    def weights(self, frames: int) -> FloatArray:
        """Return the weight (solved frame,) of the span in a take of so many frames.

        Those of all spans add up to one in every frame.
        """
        at = np.arange(self.solved.start, self.solved.stop) + 0.5
        rising = np.clip((at - self.kept.start) / (2.0 * FADE) + 0.5, 0.0, 1.0)
        falling = np.clip((self.kept.stop - at) / (2.0 * FADE) + 0.5, 0.0, 1.0)
        out = np.ones(len(at))
        if self.kept.start > 0:
            out = np.minimum(out, rising)
        return np.minimum(out, falling) if self.kept.stop < frames else out


def spans(frames: int) -> list[Span]:
    """Return the spans of a take; one, if it is short enough."""
    if frames <= LONGEST:
        return [Span(slice(0, frames), slice(0, frames))]
    count = int(np.ceil(frames / (LONGEST - 2 * MARGIN)))
    edges = [round(each) for each in np.linspace(0, frames, count + 1)]
    return [
        Span(slice(first, end), slice(max(first - MARGIN, 0), min(end + MARGIN, frames)))
        for first, end in pairwise(edges)
    ]
