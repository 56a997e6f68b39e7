"""C3D files of a measurement: the keypoints with the events that were found."""

from __future__ import annotations

from pathlib import Path

from mocap.core.points import Points3D
from mocap.measure.events import MeasuredEvents
from mocap.workflow.export.events import c3d_events


def write_events_c3d(path: Path, points: Points3D, found: MeasuredEvents) -> Path:
    """Write the keypoints of one person with the events of a measurement."""
    from mocap.export.c3d import C3dExtras, write

    path.parent.mkdir(parents=True, exist_ok=True)
    write(points, path, extras=C3dExtras(events=c3d_events(found)))
    return path
