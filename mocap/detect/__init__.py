"""2D detection: people's keypoints in every image of every camera.

`known.DETECTORS` lists the detectors, `detectors.open_detector` opens one, `detect.detect` runs it
over a camera, and `registry` keeps the weights. Nothing heavy is imported here.
"""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any


class _CallablePackage(ModuleType):
    """Lets `mocap.detect(videos)` be the stage although `mocap.detect` is its package."""

    def __call__(self, *args: Any, **options: Any) -> Any:
        """Find people in videos, see `mocap.detect.videos.detect_videos`."""
        from mocap.detect.videos import detect_videos

        return detect_videos(*args, **options)


sys.modules[__name__].__class__ = _CallablePackage
