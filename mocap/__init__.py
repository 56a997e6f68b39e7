"""Synchronised videos in, motion people can trust out.

    session = mocap.Session.open("2026-05-04_lab")
    take = session.take("dance_01")
    footage = take.footage()
    detections = mocap.detect(footage, model="movenet")
    detections = mocap.synchronise(detections, footage)
    tracks = mocap.associate(detections, footage)
    points = mocap.triangulate(tracks, footage.calibration)
    points = mocap.smooth(points, tracks, footage.calibration)
    motion = mocap.skeleton_from_points(points, points.person_ids[0])
    mocap.export.bvh.write(motion, "dance.bvh")

Names load when they are first used: `import mocap` imports nothing else.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import mocap.export as export
    from mocap.body.skeleton.build import skeleton_from_points
    from mocap.core.errors import MocapError
    from mocap.detect.videos import detect_videos as detect
    from mocap.reconstruct.smooth import smooth
    from mocap.reconstruct.triangulate import triangulate
    from mocap.workflow.choices import choices
    from mocap.workflow.public import Session, Take, associate, synchronise
    from mocap.workflow.run import run

_MODULES = {
    "MocapError": "mocap.core.errors",
    "Session": "mocap.workflow.public",
    "Take": "mocap.workflow.public",
    "associate": "mocap.workflow.public",
    "choices": "mocap.workflow.choices",
    "run": "mocap.workflow.run",
    "skeleton_from_points": "mocap.body.skeleton.build",
    "smooth": "mocap.reconstruct.smooth",
    "synchronise": "mocap.workflow.public",
    "triangulate": "mocap.reconstruct.triangulate",
}

__all__ = [
    "MocapError",
    "Session",
    "Take",
    "associate",
    "choices",
    "detect",
    "export",
    "run",
    "skeleton_from_points",
    "smooth",
    "synchronise",
    "triangulate",
]


def __getattr__(name: str) -> Any:
    """Load a public name from its module."""
    if name in ("detect", "export"):
        return import_module(f"mocap.{name}")
    if name in _MODULES:
        return getattr(import_module(_MODULES[name]), name)
    raise AttributeError(f"module 'mocap' has no attribute '{name}'")


def __dir__() -> list[str]:
    """Return the public names."""
    return __all__
