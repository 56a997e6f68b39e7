"""Whether the lenses that were given can be right: would others explain the walk much better?

A camera with a wrong focal length finds another place, nearer or farther away, from where a walker
looks nearly as before: views agree, halves of the frames agree, and points are wrong by decimetres.
So all focal lengths are set free, and what that gains is asked.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.reconstruct.boardless.bundle import bundle, cost_of
from mocap.reconstruct.boardless.solve import Solved

# Room of a focal length, as a share: lenses of cameras differ by some tens of percent.
FOCAL_SD = 0.25
# What free focal lengths gain, of the cost, for each view of one camera. A detector's habits let
# them gain .043 at most (3 to 8 cameras), a lens 15 % off .05 to .14, one 35 % off .36 and more.
LEAST_GAIN = 0.05
# Focal lengths of sound cameras come out wrong by up to 6 % (10 % with three cameras).
LEAST_OFF = 0.08
ITERATIONS = 25
# Two cameras fit nearly any pair of focal lengths: nothing is told.
MIN_CAMERAS = 3


def focal_lengths_off(solved: Solved) -> dict[str, float]:
    """Return by camera what its focal length must be multiplied with; empty where all are right."""
    names = solved.rig.names
    if len(names) < MIN_CAMERAS:
        return {}
    held = solved.scene
    free = bundle(replace(held, focal_sd=FOCAL_SD), max_iterations=ITERATIONS)
    views = np.isfinite(held.pixels[..., 0]).sum() / len(names)
    if cost_of(held) - cost_of(free) < LEAST_GAIN * views:
        return {}
    # A wrong lens draws the others with it, by a third of its own error at most.
    limit = max(LEAST_OFF, 0.5 * float(np.abs(free.log_focal).max()))
    return {
        name: float(np.exp(off))
        for name, off in zip(names, free.log_focal, strict=True)
        if abs(off) >= limit
    }
