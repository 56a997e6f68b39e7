"""The events that `mocap measure` found in a take, as C3D wants them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.capture.session import Take
from mocap.measure.events import Event, MeasuredEvents
from mocap.studio.measure.parts import words
from mocap.workflow.results import EVENTS_FILE, Results

if TYPE_CHECKING:
    from mocap.export.c3d import C3dEvent

# Labels that gait software looks for; the side is the event's context.
_GAIT_LABELS = {"heel_strike": "Foot Strike", "toe_off": "Foot Off"}

# Tables of events that earlier versions wrote, without a word on the keypoints they belong to.
_OLD_TABLES = ("pitching.csv", "gait/gait.csv")


def c3d_events(found: MeasuredEvents) -> list[C3dEvent]:
    """Return events as C3D names them: those of one side in its context, throws numbered."""
    from mocap.export.c3d import C3dEvent

    several = len(found.groups) > 1

    def told(event: Event, number: int) -> C3dEvent:
        side, _, name = event.name.partition("_")
        sided = side in ("left", "right")
        label = _GAIT_LABELS.get(name, words(name if sided else event.name))
        label += f" {number}" if several else ""
        return C3dEvent(label, event.time_s(found.fps), side.capitalize() if sided else "General")

    return [told(event, k) for k, group in enumerate(found.groups, 1) for event in group]


def event_files(take: Take) -> dict[str, Path]:
    """Return the files of measured events that a take has, by a short name."""
    found = sorted(take.measure_dir.glob(f"**/{EVENTS_FILE}"))
    return {
        f"events_{'_'.join(path.parent.relative_to(take.measure_dir).parts)}": path
        for path in found
    }


def measured_events(
    take: Take, people: Sequence[int]
) -> tuple[dict[int, list[C3dEvent]], list[str]]:
    """Return the events of each person, and what there is to say about them.

    Events that were measured on other keypoints or bodies than there are now are left out.

    Raises:
        InputError: a file of events cannot be read.
    """
    events: dict[int, list[C3dEvent]] = {person: [] for person in people}
    found, notes = Results(take).events()
    for each in found:
        if each.person_id in events:
            events[each.person_id] += c3d_events(each)
    for table in _OLD_TABLES:
        path = take.measure_dir / table
        kind = path.stem
        if path.is_file() and not (take.measure_dir / kind / EVENTS_FILE).is_file():
            notes.append(
                f"{table} was written by an earlier version, which did not say which keypoints its "
                f"events belong to: they are not in the C3D file. Run `mocap measure {kind} "
                f"{take.session.root} {take.name}` again."
            )
    return events, notes
