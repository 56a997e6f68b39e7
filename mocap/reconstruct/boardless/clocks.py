"""How late each camera is, told by a walker: at which shift of its views the rig fits it best.

Somebody who walks a circle at an even pace and is seen late looks like somebody seen on time by a
camera that stands elsewhere round the circle; only how arms and legs swing tells. So a camera of
which fewer views agree than of the others is tried at several shifts, the rig solved anew at each,
and the shifts compared by what is left. Where all agree, small shifts show in the solved rig.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.shapes import FloatArray
from mocap.reconstruct.boardless.bundle import cost_of
from mocap.reconstruct.boardless.solve import agreeing_shares, refined
from mocap.reconstruct.boardless.walk import Walk, triangulated

# Shifts that are tried against one rig: half a second either way, in steps that a walker's wrist
# moves by 3 cm.
SHIFTS_S = np.arange(-0.5, 0.5001, 0.02)
# Shifts at which the rig is solved anew.
COARSE_S = (-0.4, -0.27, -0.18, -0.12, -0.08, -0.04, 0.04, 0.08, 0.12, 0.18, 0.27, 0.4)
# A camera is suspected when so few of its views agree, as a share of the usual; equal cameras
# differ by some percent.
SUSPECT_SHARE = 0.95
# A shift is believed when it leaves so much less than none.
LEAST_GAIN = 0.02
# Scale of the robust cost of a shift: twice what a detector scatters by.
SCALE_PX = 6.0


def lags_s(walk: Walk, rig: Calibration, bones_m: FloatArray) -> FloatArray:
    """Return how late (camera,) each camera is against the others, in seconds."""
    points, _ = triangulated(rig, walk.pixels, 0.04)
    put = rig.project(points)
    late = np.array([_best_shift(walk, put, camera) for camera in range(len(rig.names))])
    late -= np.median(late)
    share = agreeing_shares(rig, walk)
    worst = int(share.argmin())
    if len(late) > 2 and share[worst] < SUSPECT_SHARE * np.median(share):
        found = _solved_shift(walk, rig, bones_m, worst)
        if abs(found) > abs(late[worst]):
            late[worst] = found
    return late


def _solved_shift(walk: Walk, rig: Calibration, bones_m: FloatArray, camera: int) -> float:
    """Return the shift of a camera at which a rig solved anew leaves least; 0 if none is better."""
    poses = np.stack([each.camera_from_world for each in rig.cameras])

    def left(shift: float) -> float:
        pixels = walk.pixels.copy()
        pixels[camera] = shifted(walk, camera, shift)
        _, scene = refined(replace(walk, pixels=pixels), poses, bones_m, rounds=2)
        return cost_of(scene) / max(int(np.isfinite(scene.pixels[..., 0]).sum()), 1)

    now = left(0.0)
    costs = {shift: left(shift) for shift in COARSE_S}
    best = min(costs, key=lambda shift: costs[shift])
    return best if costs[best] < (1.0 - LEAST_GAIN) * now else 0.0


def _best_shift(walk: Walk, put: FloatArray, camera: int) -> float:
    """Return the shift in seconds at which a camera's views fit best where joints are `put`."""
    costs = []
    for shift in SHIFTS_S:
        off = shifted(walk, camera, float(shift)) - put[camera]
        squared = np.sum(off**2, axis=-1)
        seen = squared[np.isfinite(squared)]
        costs.append(np.log1p(seen / SCALE_PX**2).mean() if len(seen) else np.inf)
    best = int(np.argmin(costs))
    if not 0 < best < len(costs) - 1 or not np.isfinite(costs[best - 1 : best + 2]).all():
        return float(SHIFTS_S[best])
    before, here, after = costs[best - 1 : best + 2]
    # The bottom of the parabola through three costs.
    part = 0.5 * (before - after) / max(before - 2.0 * here + after, 1e-12)
    return float(SHIFTS_S[best] + part * (SHIFTS_S[1] - SHIFTS_S[0]))


def shifted(walk: Walk, camera: int, late_s: float) -> FloatArray:
    """Return what a camera shows (frame, joint, 2) so much later; NaN beyond its frames."""
    pixels, out = walk.pixels[camera], np.full_like(walk.pixels[camera], np.nan)
    for run in np.unique(walk.run):
        mine = np.flatnonzero(walk.run == run)
        time = walk.time_s[mine]
        wanted = time + late_s
        after = np.clip(np.searchsorted(time, wanted, side="right"), 1, len(time) - 1)
        if len(time) < 2:
            continue
        share = (wanted - time[after - 1]) / (time[after] - time[after - 1])
        inside = (share >= 0.0) & (share <= 1.0)
        first, second = pixels[mine[after - 1]], pixels[mine[after]]
        between = first + share[:, None, None] * (second - first)
        # At a frame itself the one beside does not count, be it seen or not.
        between = np.where((share == 0.0)[:, None, None], first, between)
        between = np.where((share == 1.0)[:, None, None], second, between)
        out[mine] = np.where(inside[:, None, None], between, np.nan)
    return out
