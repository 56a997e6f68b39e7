"""One person solved in space from the views of one instant, and how well two views tell depth."""

from __future__ import annotations

import math

import numpy as np

from mocap.core.kernels.compiled import inlined, part
from mocap.core.kernels.linear import in_camera, solve_symmetric
from mocap.core.lens import MIN_DEPTH_M
from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.reconstruct.people.instant_kernels import NOBODY
from mocap.reconstruct.people.state import Rig

# What keypoints are off, as a share of their tolerance: 1 % of the person's size of 8 %.
NOISE_OF_TOLERANCE = 0.125

# Rounds of reweighting a keypoint's views; four settle one wrong view among three. A keypoint that
# moves less than this in a round has settled: detectors are off by centimetres.
_REWEIGHTINGS = 4
_SETTLED_M = 0.002


@part
def solve_person(
    rig: Rig,
    rays: FloatArray,
    confidence: FloatArray,
    members: IntArray,
    swapped: BoolArray,
    start: FloatArray,
    predicted: FloatArray,
    pull: float,
    tolerance: FloatArray,
    skeleton: FloatArray,
) -> None:
    """Write the skeleton (keypoint, 3) that the member views (camera,) agree on.

    Reweighted least squares from `start`, drawn to where it is `predicted` with weight `pull`
    (1/m², rays weigh 1 / tolerance²): two cameras that look at each other do not tell how far
    away somebody is. tolerance (camera,). A keypoint with fewer than two agreeing views is NaN.
    """
    a, b, point, before = np.zeros(6), np.zeros(3), np.zeros(3), np.zeros(3)
    for k in range(len(skeleton)):
        known = not np.isnan(start[k, 0])
        for i in range(3):
            point[i] = start[k, i]
        agreeing = 0
        for _ in range(_REWEIGHTINGS):
            agreeing = _weighted_rays(
                rig, rays, confidence, members, swapped, k, known, point, tolerance, a, b
            )
            for i in range(3):
                before[i] = point[i]
            if known and not np.isnan(predicted[k, 0]):
                _draw(predicted[k], pull, a, b)
            if agreeing >= 2 and solve_symmetric(a, b, point):
                if known and _squared_distance(point, before) < _SETTLED_M**2:
                    break
                known = True
            elif known and agreeing < 2:
                # The prediction misled: begin without it.
                known = False
            else:
                agreeing = 0
                break
        solved = agreeing >= 2 and known
        for i in range(3):
            skeleton[k, i] = point[i] if solved else np.nan


@inlined
def _draw(place: FloatArray, weight: float, a: FloatArray, b: FloatArray) -> None:
    """Add to normal equations that the point is at a place."""
    a[0] += weight
    a[3] += weight
    a[5] += weight
    b[0] += weight * place[0]
    b[1] += weight * place[1]
    b[2] += weight * place[2]


@inlined
def _squared_distance(first: FloatArray, second: FloatArray) -> float:
    x, y, z = first[0] - second[0], first[1] - second[1], first[2] - second[2]
    return x * x + y * y + z * z


@part
def _weighted_rays(
    rig: Rig,
    rays: FloatArray,
    confidence: FloatArray,
    members: IntArray,
    swapped: BoolArray,
    k: int,
    known: bool,
    point: FloatArray,
    tolerance: FloatArray,
    a: FloatArray,
    b: FloatArray,
) -> int:
    """Write the normal equations of keypoint k's rays; return how many agree with the point.

    The equations of `kernels.linear.add_ray_equations`, summed in registers: this is where the
    time of following goes. Weights are those of Geman & McClure in tolerances, of distances in
    space; without a known point every ray agrees.
    """
    a0, a1, a2, a3, a4, a5 = 0.0, 0.0, 0.0, 0.0, 0.0, 0.0
    b0, b1, b2 = 0.0, 0.0, 0.0
    p0, p1, p2 = point[0], point[1], point[2]
    agreeing = 0
    for c in range(len(members)):
        slot = members[c]
        if slot == NOBODY:
            continue
        seen = rig.orders[1, k] if swapped[c] else rig.orders[0, k]
        u, v = rays[c, slot, seen, 0], rays[c, slot, seen, 1]
        if np.isnan(u):
            continue
        pose = rig.poses[c]
        weight = confidence[c, slot, seen] / (tolerance[c] * tolerance[c])
        if known:
            x, y, z = in_camera(pose, p0, p1, p2)
            if z < MIN_DEPTH_M:
                continue
            nearness = 1.0 / z
            e_u, e_v = x * nearness - u, y * nearness - v
            error = (e_u * e_u + e_v * e_v) / (tolerance[c] * tolerance[c])
            share = nearness / (1.0 + 4.0 * error)
            weight *= share * share
            agreeing += error < 1.0
        else:
            agreeing += 1
        for row in range(2):
            s = u if row == 0 else v
            e0 = pose[row, 0] - s * pose[2, 0]
            e1 = pose[row, 1] - s * pose[2, 1]
            e2 = pose[row, 2] - s * pose[2, 2]
            d = weight * (s * pose[2, 3] - pose[row, 3])
            w0, w1 = weight * e0, weight * e1
            a0 += w0 * e0
            a1 += w0 * e1
            a2 += w0 * e2
            a3 += w1 * e1
            a4 += w1 * e2
            a5 += weight * e2 * e2
            b0 += e0 * d
            b1 += e1 * d
            b2 += e2 * d
    a[0], a[1], a[2], a[3], a[4], a[5] = a0, a1, a2, a3, a4, a5
    b[0], b[1], b[2] = b0, b1, b2
    return agreeing


@part
def depth_sd_m(rig: Rig, members: IntArray, skeleton: FloatArray, tolerance: FloatArray) -> float:
    """Return the standard deviation of keypoints, that two views give, along their rays.

    Two rays at an angle a with errors s across them leave s / sqrt(1 - |cos a|) between them.
    """
    middle, rays = np.zeros(3), np.zeros((2, 3))
    found, error_m = 0, 0.0
    middle_of(skeleton, middle)
    for c in range(len(members)):
        if members[c] == NOBODY:
            continue
        pose = rig.poses[c]
        x, y, z = in_camera(pose, middle[0], middle[1], middle[2])
        length = math.sqrt(x * x + y * y + z * z)
        for i in range(3):
            rays[found, i] = (pose[0, i] * x + pose[1, i] * y + pose[2, i] * z) / length
        error_m = max(error_m, NOISE_OF_TOLERANCE * tolerance[c] * z)
        found += 1
    cosine = abs(rays[0, 0] * rays[1, 0] + rays[0, 1] * rays[1, 1] + rays[0, 2] * rays[1, 2])
    return error_m / math.sqrt(max(1.0 - cosine, 1e-12))


@part
def middle_of(skeleton: FloatArray, middle: FloatArray) -> None:
    """Write the mean (3,) of the known keypoints; 0 where none is known."""
    middle[:] = 0.0
    known = 0
    for k in range(len(skeleton)):
        if not np.isnan(skeleton[k, 0]):
            for i in range(3):
                middle[i] += skeleton[k, i]
            known += 1
    if known > 0:
        for i in range(3):
            middle[i] /= known


@part
def keep_better(members: IntArray, share: FloatArray) -> None:
    """Keep the member with the greatest share of support only."""
    best = NOBODY
    for c in range(len(members)):
        if members[c] != NOBODY and (best == NOBODY or share[c] > share[best]):
            best = c
    for c in range(len(members)):
        if c != best:
            members[c] = NOBODY
