"""C3D files of a measurement: the keypoints with the events that were found."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.core.points import Points3D
from mocap.measure.events import Event
from mocap.measure.pitching.pitching import Pitching
from mocap.studio.measure.parts import words

if TYPE_CHECKING:
    from mocap.export.c3d import Event as C3dEvent

# Labels that gait software looks for; the side is the event's context.
_GAIT_LABELS = {"heel_strike": "Foot Strike", "toe_off": "Foot Off"}


def write_pitching_c3d(path: Path, points: Points3D, found: Pitching) -> Path:
    """Write the keypoints with the events of all throws."""
    from mocap.export.c3d import Event as C3dEvent

    several = len(found.pitches) > 1
    return _write(
        path,
        points,
        (
            C3dEvent(
                words(name) + (f" {pitch.number}" if several else ""),
                event.time_s(points.fps),
                "General",
            )
            for pitch in found.pitches
            for name, event in pitch.events.items()
        ),
    )


def write_exercise_c3d(path: Path, points: Points3D, events: Iterable[Event]) -> Path:
    """Write the keypoints with the events of an exercise, sided ones as of the left or right."""
    from mocap.export.c3d import Event as C3dEvent

    def told(event: Event) -> C3dEvent:
        side, _, name = event.name.partition("_")
        sided = side in ("left", "right")
        label = _GAIT_LABELS.get(name, words(name if sided else event.name))
        context = side.capitalize() if sided else "General"
        return C3dEvent(label, event.time_s(points.fps), context)

    return _write(path, points, (told(event) for event in events))


def _write(path: Path, points: Points3D, events: Iterable[C3dEvent]) -> Path:
    from mocap.export.c3d import C3dExtras, write

    path.parent.mkdir(parents=True, exist_ok=True)
    write(points, path, extras=C3dExtras(events=list(events)))
    return path
