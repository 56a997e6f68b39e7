"""How thoroughly the images of a video are looked at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from mocap.core.errors import InputError

FEET_FRAMES: Mapping[int, tuple[tuple[int, ...], int]] = {
    1: ((0,), 1),
    3: ((0, 1), 2),
    7: ((0, 1, 3), 4),
    13: ((0, 1, 3, 9), 6),
    31: ((0, 1, 3, 8, 12, 18), 13),
    57: ((0, 1, 3, 13, 32, 36, 43, 52), 19),
}
"""By period: frames in which feet are read, and the longest way from one to the next.

Perfect difference sets (Singer 1938, "A theorem in finite projective geometry and some applications
to number theory"): whatever the number of frames by which the clocks of two cameras differ that
were started by hand, both read feet at the same moment once in every period."""


@dataclass(frozen=True)
class Pace:
    """How often what is done.

    Attributes:
        name: as `--detect` says it.
        about: one line for people.
        stride: one of so many images is looked at. The others are left out: they have no time in
            the detections, and what lies between is filled by the smoother.
        every_image: search every image anew, and read each person in it in all ways there are:
            nothing is followed, and the rest says nothing.
        search_every_s: seconds between two searches of the whole image for people who are new. In
            between, everybody is read where they must be by now.
        search_whole_every_s: seconds between two of these at full size while everybody is large and
            nobody is missing; the others are made at half the size.
        both_ways: read everybody twice in every image, plain and in its mirror image.
        unsure_twice: read those twice of whom many keypoints are not sure, see `follow`.
        surprise: a sure keypoint farther than this share of the person size from where it was
            predicted is looked at again: more where more time lies between two images.
        search_crowds: search every image in which somebody is in the box of another, and ten times
            a second for somebody who was lost within the last second.
        large_feet_network: heels and toes by the larger of two networks.
        feet_gap_s: longest time from one image in which heels and toes are read to the next; 0 =
            they are read in every image.
        brief_numbers: networks count in bfloat16 where the processor has it.
        revision: raised when a pace is changed, so that only what was detected at it is stale.
    """

    name: str
    about: str
    stride: int = 1
    every_image: bool = False
    search_every_s: float = 0.5
    search_whole_every_s: float = 0.0
    both_ways: bool = False
    unsure_twice: bool = True
    surprise: float = 0.06
    search_crowds: bool = False
    large_feet_network: bool = False
    feet_gap_s: float = 0.0
    brief_numbers: bool = False
    revision: int = 1

    def looks_at(self, frame: int) -> bool:
        """Tell whether a frame is looked at, or left out."""
        return frame % self.stride == 0

    def reads_feet(self, frame: int, fps: float) -> bool:
        """Tell whether heels and toes are read in a frame that is looked at."""
        most = fps / self.stride * self.feet_gap_s
        period = max((each for each, (_, gap) in FEET_FRAMES.items() if gap <= most), default=1)
        return frame // self.stride % period in FEET_FRAMES[period][0]


THOROUGH = Pace(
    "thorough",
    "every image searched anew, each person read three times, the larger network for feet",
    every_image=True,
    large_feet_network=True,
)
CAREFUL = Pace(
    "careful",
    "people followed from image to image, read twice, the larger network for feet",
    both_ways=True,
    large_feet_network=True,
    revision=2,
)
BALANCED = Pace(
    "balanced",
    "people followed from image to image, read once where nothing speaks against it",
    search_whole_every_s=1.5,
    search_crowds=True,
    large_feet_network=True,
    feet_gap_s=0.135,
    brief_numbers=True,
    revision=4,
)
FAST = replace(
    BALANCED,
    name="fast",
    about="as balanced, in every second image; what lies between is filled and says so",
    stride=2,
    surprise=0.1,
    unsure_twice=False,
    feet_gap_s=0.27,
    revision=1,
)

PACES: Mapping[str, Pace] = {each.name: each for each in (THOROUGH, CAREFUL, BALANCED, FAST)}


def pace_named(name: str) -> Pace:
    """Return a pace by its name.

    Raises:
        InputError: there is none of this name.
    """
    if name not in PACES:
        raise InputError(
            f"there is no way to detect called {name!r}; known are {', '.join(PACES)}."
        )
    return PACES[name]
