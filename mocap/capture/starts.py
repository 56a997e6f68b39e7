"""When recordings were started, as their files say it: to a frame, to a second, or not at all."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from mocap.capture.video import VideoInfo

_TIMECODE = re.compile(r"(\d\d):(\d\d):(\d\d)[:;.](\d\d)")


def stated_starts(infos: Mapping[str, VideoInfo]) -> dict[str, dict[str, float]]:
    """Return by method the second at which each camera that says it was started.

    Methods are "timecode" and "creation time"; one that fewer than two cameras tell is left out.

    >>> stated_starts({})
    {}
    """
    timecodes = {name: _of_timecode(info.timecode, info.fps) for name, info in infos.items()}
    created = {name: _of_date(info.creation_time) for name, info in infos.items()}
    found = {}
    for method, every in (("timecode", timecodes), ("creation time", created)):
        said = {name: value for name, value in every.items() if value is not None}
        if len(said) > 1:
            found[method] = said
    return found


def _of_timecode(text: str | None, fps: float) -> float | None:
    """Return the second of the day of "HH:MM:SS:FF" at `fps`; None for anything else.

    Drop-frame timecodes (";") count numbers, not frames, out of step with the clock by 0.1 %: they
    are read as their numbers, right within 4 s of an hour, as is needed here.
    """
    match = _TIMECODE.fullmatch((text or "").strip())
    if match is None or not math.isfinite(fps) or fps <= 0.0:
        return None
    hours, minutes, seconds, frames = (int(each) for each in match.groups())
    return 3600.0 * hours + 60.0 * minutes + seconds + frames / fps


def _of_date(text: str | None) -> float | None:
    """Return the second of an ISO 8601 date; None where it is none, or one of an unset clock."""
    try:
        when = datetime.fromisoformat((text or "").strip())
    except ValueError:
        return None
    whole = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
    seconds = whole.timestamp()
    return seconds if seconds > 0.0 else None
