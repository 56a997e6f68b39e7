"""Who is who within one view, before cameras are compared."""

from __future__ import annotations

import time

import numpy as np
from figures import Figure

from mocap.core.detections import Detections2D
from mocap.core.shapes import IntArray
from mocap.detect.detect import numbered
from mocap.synthetic.crowd_detector import detect_crowd
from people_parts.identities import FPS, SCENES, rig, seeds_of

# A crowd in which nobody is seen for as long as they are hidden breaks everybody's number now and
# then: lines are a third above what twenty seeds gave.
LINES = {"three cross": 8.0, "embrace and part": 20.0, "embrace and pass through": 20.0,
         "six cross": 35.0}  # fmt: skip

# The plain way: whoever is nearest to where somebody was in the image before, by half their size.
_NEAR = 0.5


def in_view_figures(seeds: int) -> list[Figure]:
    """Return how often a number changes, by our tracking and by the nearest box."""
    figures: list[Figure] = []
    spent_s, images = 0.0, 0
    for name, (make, rigs) in SCENES.items():
        cameras = rigs[0]
        ours, plain, seen = 0, 0, 0
        for seed in seeds_of(seeds):
            calibration, xyz = rig(cameras, seed), make(seed)
            detections, who = detect_crowd(calibration, xyz, fps=FPS, seed=seed)
            start = time.process_time()
            ids = numbered(detections).view_ids
            spent_s += time.process_time() - start
            images += who[..., 0].size
            ours += changes(ids, who)
            plain += changes(_nearest_box(detections), who)
            seen += int((who >= 0).sum())
        what = f"{name}, {cameras} cameras: changes of number, of 1000 times seen"
        figures += [
            Figure(what, 1e3 * ours / seen, "", LINES[name]),
            Figure("the same, by the nearest box in the image before", 1e3 * plain / seen, ""),
        ]
    return [*figures, Figure("cost", 1e3 * spent_s / images, "ms/image", 0.5)]


def changes(ids: IntArray, who: IntArray) -> int:
    """Return how often the number (camera, frame, slot) of a person changes within a view."""
    count = 0
    for camera, person in np.ndindex(len(who), int(who.max()) + 1):
        frame, slot = np.nonzero(who[camera] == person)
        given = ids[camera, frame, slot]
        count += int(np.count_nonzero(np.diff(given[given >= 0])))
    return count


def _nearest_box(detections: Detections2D) -> IntArray:
    ids = np.full(detections.boxes.shape[:3], -1)
    corners = np.asarray(detections.boxes, dtype=np.float64)
    middles = 0.5 * (corners[..., :2] + corners[..., 2:])
    sizes = (corners[..., 2:] - corners[..., :2]).max(axis=-1)
    for camera in range(len(ids)):
        before: list[tuple[int, int]] = []
        begun = 0
        for frame in range(len(ids[camera])):
            taken: set[int] = set()
            here: list[tuple[int, int]] = []
            for slot in np.flatnonzero(np.isfinite(sizes[camera, frame])):
                gaps = [
                    (float(np.linalg.norm(middles[camera, frame, slot]
                                          - middles[camera, frame - 1, other])), number)
                    for other, number in before if number not in taken
                ]  # fmt: skip
                gap, number = min(gaps, default=(np.inf, -1))
                if gap > _NEAR * sizes[camera, frame, slot]:
                    number, begun = begun, begun + 1
                taken.add(number)
                ids[camera, frame, slot] = number
                here.append((int(slot), number))
            before = here
    return ids
