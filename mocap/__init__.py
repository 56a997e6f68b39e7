"""Synchronised videos in, motion people can trust out.

    session = mocap.Session.open("2026-05-04_lab")
    take = session.take("dance_01")
    calibration = session.calibration()
    detections = mocap.detect(take.videos(), model="movenet")
    tracks = mocap.associate(detections, calibration)
    points = mocap.smooth(mocap.triangulate(tracks, calibration), tracks, calibration)
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
    from mocap.capture.session import Session, Take
    from mocap.core.errors import MocapError
    from mocap.detect.videos import detect_videos as detect
    from mocap.reconstruct.associate import associate
    from mocap.reconstruct.smooth import smooth
    from mocap.reconstruct.triangulate import triangulate

_MODULES = {
    "MocapError": "mocap.core.errors",
    "Session": "mocap.capture.session",
    "Take": "mocap.capture.session",
    "associate": "mocap.reconstruct.associate",
    "skeleton_from_points": "mocap.body.skeleton.build",
    "smooth": "mocap.reconstruct.smooth",
    "triangulate": "mocap.reconstruct.triangulate",
}

__all__ = [
    "MocapError",
    "Session",
    "Take",
    "associate",
    "detect",
    "export",
    "skeleton_from_points",
    "smooth",
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
