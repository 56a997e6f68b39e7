"""What an hour of cameras started by hand costs to triangulate and smooth, and what a kill loses.

A take of even clocks beside one whose images lie up to half a frame from the common frames, in
this process: CPU seconds of a shorter take, drawn on to an hour at 60 frames per second.

    cd benchmarks; python -m pipeline_parts.late_images [--frames 21456] [--check]
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np
from figures import Figure, exit_code, print_figures
from scipy.interpolate import CubicSpline

from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.keypoints import HALPE_26
from mocap.reconstruct.smooth import smooth_with_report
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.keypoint_session import walking_points
from mocap.synthetic.observations import observe_people
from mocap.synthetic.rigs import laboratory

FPS, HOUR_FRAMES, CAMERAS = 60.0, 216_000, 8

T = TypeVar("T")


class _Spans:
    """Remembers what was found, as a killed run does."""

    def __init__(self) -> None:
        self.found: list[object] = []
        self._asked = 0

    def __call__(self, make: Callable[[], T]) -> T:
        if self._asked == len(self.found):
            self.found.append(make())
        self._asked += 1
        return self.found[self._asked - 1]  # type: ignore[return-value]

    def again(self) -> None:
        self._asked = 0


def walk(frames: int, *, by_hand: bool) -> tuple[Tracks2D, Calibration]:
    """Return the tracks of one who walks, and the rig that saw it."""
    rig, rng = laboratory(seed=1, count=CAMERAS), np.random.default_rng(1)
    times = np.arange(frames) / FPS
    xyz = walking_points(frames + 2, HALPE_26)
    motion = CubicSpline(np.arange(len(xyz)) / FPS, xyz)
    late = rng.uniform(-0.5, 0.5, CAMERAS) / FPS * by_hand
    names = HALPE_26.keypoint_names
    seen = [
        observe_people(
            Calibration((camera,)), motion(np.maximum(times + late[c], 0.0))[:, None], names,
            fps=FPS, noise_px=1.0, seed=c,
        )
        for c, camera in enumerate(rig.cameras)
    ]  # fmt: skip
    pixels, confidence = (
        np.concatenate([getattr(each, name) for each in seen]).astype(np.float32)
        for name in ("pixels", "confidence")
    )
    own = times + late[:, None]
    return Tracks2D(rig.names, names, (0,), FPS, pixels, confidence, times_s=own), rig


def costs(frames: int, *, by_hand: bool) -> tuple[float, float, float]:
    """Return CPU seconds an hour to triangulate, to smooth, and to smooth with all spans known."""
    tracks, rig = walk(frames, by_hand=by_hand)
    spans, hour = _Spans(), HOUR_FRAMES / frames
    begun = time.process_time()
    points = triangulate(tracks, rig)
    triangulated = time.process_time()
    smooth_with_report(points, tracks, rig, remember=spans)
    smoothed = time.process_time()
    spans.again()
    smooth_with_report(points, tracks, rig, remember=spans)
    again = time.process_time() - smoothed
    return hour * (triangulated - begun), hour * (smoothed - triangulated), hour * again


def main() -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=21_456)
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    options = parser.parse_args()
    costs(300, by_hand=True)  # compiles
    even, hand = (costs(options.frames, by_hand=each) for each in (False, True))
    figures = [
        Figure("triangulate, even clocks", even[0], "CPU s an hour"),
        Figure("triangulate, started by hand", hand[0], "CPU s an hour", 45.0),
        Figure("smooth, even clocks", even[1], "CPU s an hour"),
        Figure("smooth, started by hand", hand[1], "CPU s an hour", 90.0),
        Figure("smooth, started by hand, with all spans known", hand[2], "CPU s an hour", 30.0),
    ]
    print_figures(f"{CAMERAS} cameras, {len(HALPE_26.keypoint_names)} keypoints", figures)
    return exit_code(figures, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
