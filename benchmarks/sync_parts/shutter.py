"""Rolling shutters: what the time of each row is worth, and clocks found beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from figures import Figure

from mocap.core.camera import Calibration
from mocap.core.clocks import recorded_clocks, row_lateness
from mocap.core.detections import Detections2D
from mocap.core.shapes import FloatArray
from mocap.reconstruct.common_clock import on_common_clock
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.sync.people import sync_people
from mocap.synthetic.hand_started import HandStarted, hand_started, script
from mocap.synthetic.rigs import laboratory
from sync_parts.exact import MARGIN_FRAMES, tracks_of
from sync_parts.people import errors_s

# Not the seeds of the tests.
SEEDS = range(8500, 8503)
KINDS = ("walk", "throw", "dance")
FPS, LENGTH_S = 60.0, 16.0
# Phones: upright, turned to a portrait, on its head, and one that reads faster.
SHUTTERS = ((0.016, 0), (0.016, 90), (0.016, 180), (0.008, 0))


def rows_of(rig: Calibration) -> list[FloatArray]:
    """Return the lateness of the pixels of each camera."""
    return [
        row_lateness(readout_s, camera.image_size, turned)
        for camera, (readout_s, turned) in zip(rig.cameras, SHUTTERS, strict=True)
    ]


def shutter_figures(seeds: Sequence[int] = SEEDS) -> list[Figure]:
    """Errors against the same scene without rolling shutters: the lines are those of gate 8."""
    ratios: dict[str, list[tuple[float, float]]] = {"known": [], "not known": []}
    clocks: dict[str, list[float]] = {"known": [], "not known": []}
    for kind, seed in zip(KINDS, seeds, strict=True):
        xyz, rig = script(kind, LENGTH_S + 9.0, seed), laboratory(seed=seed, count=4)
        rows = rows_of(rig)
        plain = _recorded(xyz, rig, seed, None)
        rolling = _recorded(xyz, rig, seed, rows)
        best = _errors_mm(plain, plain.detections)
        for name, seen in (("known", rolling.detections), ("not known", _blind(rolling))):
            error = _errors_mm(rolling, seen)
            ratios[name].append((error[0] / best[0], error[1] / best[1]))
            apart = hand_started(
                xyz, rig, fps=FPS, length_s=LENGTH_S, spread_s=6.0, rows=rows, seed=seed
            )
            found = sync_people(apart.detections if name == "known" else _blind(apart), rig)
            clocks[name] += list(1e3 * np.abs(errors_s(apart, found)[0]))
    known, blind = (np.array(ratios[name]).max(axis=0) for name in ("known", "not known"))
    return [
        Figure("shutters known: median error over that without, worst", known[0], "x", 1.03),
        Figure("shutters known: fastest 2 %, the same", known[1], "x", 1.25),
        Figure("shutters not known: median, the same", blind[0], "x"),
        Figure("shutters not known: fastest 2 %, the same", blind[1], "x"),
        Figure("shutters known: offset, worst", max(clocks["known"]), "ms", 2.0),
        Figure("shutters not known: offset, worst", max(clocks["not known"]), "ms"),
    ]


def _recorded(
    xyz: FloatArray, rig: Calibration, seed: int, rows: Sequence[FloatArray] | None
) -> HandStarted:
    return hand_started(
        xyz, rig, fps=FPS, length_s=LENGTH_S, start_s=(1.0,) * 4, rows=rows, seed=seed
    )


def _blind(take: HandStarted) -> Detections2D:
    return replace(take.detections, row_lateness=np.zeros_like(take.detections.row_lateness))


def _errors_mm(take: HandStarted, seen: Detections2D) -> tuple[float, float]:
    """Return the median error of cameras in step, and that of the fastest 2 %."""
    synced, _ = on_common_clock(seen, recorded_clocks(seen.camera_names))
    tracks = tracks_of(synced)
    points = smooth(triangulate(tracks, take.calibration), tracks, take.calibration).xyz[:, 0]
    true_s = float(take.start_s[0]) + np.arange(len(points)) / FPS
    inner = slice(MARGIN_FRAMES, len(points) - MARGIN_FRAMES)
    error: FloatArray = 1e3 * np.linalg.norm(points - take.motion(true_s), axis=-1)[inner]
    speed = np.linalg.norm(take.motion(true_s, 1), axis=-1)[inner]
    fast = error[speed >= np.percentile(speed, 98.0)]
    return float(np.nanmedian(error)), float(np.nanmedian(fast))
