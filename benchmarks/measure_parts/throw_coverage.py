"""Throws at high speed thinned to slower cameras: do the bands hold, are wrong events trusted?

The truth of a throw is its measurement at 480 frames per second without noise. Each thinned copy
is measured with bands from keypoints 2 mm off, so that what is missing is the cameras' speed.
"""

from __future__ import annotations

import numpy as np
from figures import Figure

from mocap.body.anatomical_markers import bony_landmarks
from mocap.body.model import load_free_body
from mocap.core.keypoints import COCO_17_FEET
from mocap.measure.metric import Metric
from mocap.measure.pitching.pitching import Pitching, PitchingOptions, measure_pitching
from mocap.measure.segments.body import segments_from_skeleton
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.motion import body_keypoints, pitchers_throw, throw
from mocap.synthetic.motion.random_motion import measured_points

TRUE_FPS = 480.0
RATES = (360, 120, 60)
SECONDS = 2.8
_SIGMA_M = 0.002
_STYLES = {"amateur": throw, "pitcher": pitchers_throw}
_OPTIONS = PitchingOptions(hand="right", height_m=1.7, target_deg=0.0)


def measured(motion: SyntheticMotion, fps: float, noise_seed: int | None = None) -> Pitching:
    """Measure a motion as a fitted body; with a seed its bands come from noisy keypoints."""
    landmarks = bony_landmarks(load_free_body(), motion.betas)
    segments = segments_from_skeleton(motion.skeleton, landmarks)
    if noise_seed is None:
        return measure_pitching(segments, _OPTIONS)
    xyz = body_keypoints(motion)
    names = COCO_17_FEET.keypoint_names
    points = measured_points(xyz, names, fps, sigma_m=_SIGMA_M, seed=noise_seed)
    return measure_pitching(segments, _OPTIONS, points=points)


def pairs(style: str, fps: int, seed: int) -> list[tuple[Metric, Metric]]:
    """Return each metric of a throw: the truth, and as seen at a frame rate."""
    make = _STYLES[style]
    true = measured(make(SECONDS, TRUE_FPS, seed=seed), TRUE_FPS)
    seen = measured(make(SECONDS, float(fps), seed=seed), float(fps), seed)
    return list(zip(true.throws[0].metrics, seen.throws[0].metrics, strict=True))


def thinned_figures(seeds: range) -> list[Figure]:
    """Return the share of trusted bands that hold, and the worst miss beyond what is useful."""
    out = []
    for style in _STYLES:
        for fps in RATES:
            held, count, total, beyond = 0, 0, 0, 0
            for seed in seeds:
                for true, seen in pairs(style, fps, seed):
                    total += 1
                    error = abs(seen.value - true.value)
                    if not seen.trusted or not np.isfinite(error + seen.chance):
                        continue
                    count += 1
                    held += error <= seen.chance
                    beyond += error > seen.chance + 2.0 * seen.useful_sd
            label = f"{style} at {fps} fps"
            out.append(Figure(f"{label}, trusted metrics", 100.0 * count / total, "%"))
            share = 100.0 * held / max(count, 1)
            out.append(Figure(f"{label}, trusted within chance alone", share, "%", 93.0, ">="))
            out.append(Figure(f"{label}, trusted and far off", float(beyond), "", 0.0))
    return out
