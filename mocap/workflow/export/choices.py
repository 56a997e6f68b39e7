"""What a person may say about the skin of fitted bodies as files."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mocap.core.errors import InputError
from mocap.core.options import option


@dataclass(frozen=True)
class MeshChoice:
    """What to write."""

    frames: str = option(":", "Which frames; END is left out.", metavar="FIRST:END")
    step: int = option(1, "Take every so manieth frame.", least=1)
    person: int | None = option(None, "Only this person.")
    body: str | None = option(None, "Where the fitted SMPL-X file is now, if it has moved.")

    def chosen(self, frame_count: int) -> range:
        """Return the frames.

        Raises:
            InputError: the text is no range, or no frame is in it.
        """
        match = re.fullmatch(r"(\d*):(\d*)", self.frames.strip())
        if match is None:
            raise InputError(f"--frames {self.frames} is no range; write FIRST:END, as in 10:200.")
        first = int(match[1] or 0)
        end = min(int(match[2] or frame_count), frame_count)
        if first >= end:
            raise InputError(
                f"--frames {self.frames} holds no frame: the take has frames 0 to "
                f"{frame_count - 1}."
            )
        return range(first, end, self.step)
