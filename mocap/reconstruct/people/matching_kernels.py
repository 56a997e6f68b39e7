"""One person and the detections of one instant: where they should be seen, and where they are."""

from __future__ import annotations

import math

import numpy as np

from mocap.core.kernels.arrays import distance_between, median_of
from mocap.core.kernels.compiled import part
from mocap.core.kernels.linear import in_camera
from mocap.core.lens import MIN_DEPTH_M
from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.reconstruct.people.instant_kernels import MIN_COMMON_KEYPOINTS, NOBODY
from mocap.reconstruct.people.state import Rig

# Share of a detection's keypoints that must fit somebody known. Less than for somebody new: they
# are looked for where they were predicted.
MIN_SUPPORT = 0.35

SWAP_MARGIN = 0.1


@part
def free_all(tolerance: FloatArray, free: BoolArray) -> None:
    """Mark every detection (camera, slot) that there is as nobody's."""
    for c in range(len(free)):
        for slot in range(free.shape[1]):
            free[c, slot] = not np.isnan(tolerance[c, slot])


@part
def cameras_left(free: BoolArray) -> int:
    """Return how many cameras have a detection that is nobody's."""
    left = 0
    for c in range(len(free)):
        for slot in range(free.shape[1]):
            if free[c, slot]:
                left += 1
                break
    return left


@part
def project_person(
    poses: FloatArray,
    skeleton: FloatArray,
    projected: FloatArray,
    outline: FloatArray,
    depth: FloatArray,
) -> None:
    """Write a skeleton's projections (camera, keypoint, 2), outline (camera, 4) and mean depth.

    The depth is 0 in cameras before which fewer than four keypoints lie.
    """
    for c in range(len(poses)):
        outline[c, 0], outline[c, 1], outline[c, 2], outline[c, 3] = 1e9, 1e9, -1e9, -1e9
        count, total = 0, 0.0
        for k in range(len(skeleton)):
            projected[c, k] = np.nan
            if np.isnan(skeleton[k, 0]):
                continue
            x, y, z = in_camera(poses[c], skeleton[k, 0], skeleton[k, 1], skeleton[k, 2])
            if z < MIN_DEPTH_M:
                continue
            u, v = x / z, y / z
            projected[c, k, 0], projected[c, k, 1] = u, v
            outline[c, 0], outline[c, 1] = min(outline[c, 0], u), min(outline[c, 1], v)
            outline[c, 2], outline[c, 3] = max(outline[c, 2], u), max(outline[c, 3], v)
            count += 1
            total += z
        depth[c] = total / count if count >= MIN_COMMON_KEYPOINTS else 0.0


@part
def tolerance_of(rig: Rig, c: int, outline: FloatArray, slack: float) -> float:
    """Return how far keypoints of a person of this outline (4,) may be, in units of the rays."""
    size = max(outline[2] - outline[0], outline[3] - outline[1])
    return max(rig.tolerance_of_size * size * slack, rig.floor[c])


@part
def support_of(
    projected: FloatArray, rays: FloatArray, order: IntArray, tolerance: float
) -> tuple[float, int]:
    """Return the summed support of a detection (keypoint, 2) and the keypoints in common."""
    common, support = 0, 0.0
    per_squared = 1.0 / (tolerance * tolerance)
    for k in range(len(projected)):
        u = rays[order[k], 0]
        if np.isnan(u) or np.isnan(projected[k, 0]):
            continue
        common += 1
        d_u, d_v = projected[k, 0] - u, projected[k, 1] - rays[order[k], 1]
        support += max(0.0, 1.0 - (d_u * d_u + d_v * d_v) * per_squared)
    return support, common


@part
def match_of(
    projected: FloatArray, rays: FloatArray, orders: IntArray, tolerance: float
) -> tuple[float, bool]:
    """Return the support in [0, 1] of a detection, 0 if too little, and whether it is mirrored."""
    plain, common = support_of(projected, rays, orders[0], tolerance)
    if common < MIN_COMMON_KEYPOINTS:
        return 0.0, False
    best = plain
    swap = False
    # No mirror image can fit better by the margin than what fits nearly everywhere.
    if plain < (1.0 - SWAP_MARGIN) * common:
        mirrored, _ = support_of(projected, rays, orders[1], tolerance)
        swap = mirrored > plain + SWAP_MARGIN * common
        best = mirrored if swap else plain
    support = best / common
    return (support if support >= MIN_SUPPORT else 0.0), swap


@part
def agreement(
    rig: Rig,
    rays: FloatArray,
    members: IntArray,
    swapped: BoolArray,
    projected: FloatArray,
    tolerance: FloatArray,
    share: FloatArray,
) -> int:
    """Write the support (camera,) of each member for a solved person; return how many agree."""
    views = 0
    for c in range(len(members)):
        share[c] = 0.0
        if members[c] == NOBODY:
            continue
        order = rig.orders[1] if swapped[c] else rig.orders[0]
        support, common = support_of(projected[c], rays[c, members[c]], order, tolerance[c])
        if common >= MIN_COMMON_KEYPOINTS and support >= MIN_SUPPORT * common:
            share[c] = support / common
            views += 1
    return views


@part
def median_gap(first: FloatArray, second: FloatArray) -> float:
    """Return the median distance (m) of two skeletons' common keypoints; infinite if too few."""
    distance = np.zeros(len(first))
    count = 0
    for k in range(len(first)):
        x, y, z = first[k, 0] - second[k, 0], first[k, 1] - second[k, 1], first[k, 2] - second[k, 2]
        if not np.isnan(x):
            distance[count] = math.sqrt(x * x + y * y + z * z)
            count += 1
    return median_of(distance, count) if count >= MIN_COMMON_KEYPOINTS else np.inf


@part
def median_step(after: FloatArray, before: FloatArray, step: FloatArray) -> bool:
    """Write the median displacement (3,) of common keypoints; False when there is none."""
    moved = np.zeros((3, len(after)))
    count = 0
    for k in range(len(after)):
        if not (np.isnan(after[k, 0]) or np.isnan(before[k, 0])):
            for i in range(3):
                moved[i, count] = after[k, i] - before[k, i]
            count += 1
    if count == 0:
        return False
    for i in range(3):
        step[i] = median_of(moved[i], count)
    return True


@part
def slide_to_view(
    pose: FloatArray, skeleton: FloatArray, rays: FloatArray, order: IntArray
) -> None:
    """Move a skeleton sideways, never in depth, to where one view sees it."""
    d_u, d_v = np.zeros(len(skeleton)), np.zeros(len(skeleton))
    count, depth = 0, 0.0
    for k in range(len(skeleton)):
        u = rays[order[k], 0]
        if np.isnan(u) or np.isnan(skeleton[k, 0]):
            continue
        x, y, z = in_camera(pose, skeleton[k, 0], skeleton[k, 1], skeleton[k, 2])
        if z < MIN_DEPTH_M:
            continue
        d_u[count], d_v[count] = u - x / z, rays[order[k], 1] - y / z
        depth += z
        count += 1
    if count < MIN_COMMON_KEYPOINTS:
        return
    depth /= count
    right, down = median_of(d_u, count) * depth, median_of(d_v, count) * depth
    for k in range(len(skeleton)):
        for i in range(3):
            skeleton[k, i] += pose[0, i] * right + pose[1, i] * down


# Rows: how much of the outline must lie in the picture; how much of it a nearer person may cover.
_INSIDE_SHARE = 0.6
_COVERED_SHARE = 0.5
_NEARER_M = 0.15


@part
def expected_views(
    rig: Rig, outline: FloatArray, depth: FloatArray, outlines: FloatArray, depths: FloatArray
) -> int:
    """Return how many cameras should see a person of this outline (camera, 4) and depth (camera,).

    A camera should when most of the person lies in its picture and none of the others, outlines
    (person, camera, 4) and depths (person, camera), stands nearer and covers half of them.
    """
    views = 0
    for c in range(len(outline)):
        if depth[c] <= 0.0:
            continue
        area = max((outline[c, 2] - outline[c, 0]) * (outline[c, 3] - outline[c, 1]), 1e-9)
        if overlap(outline[c], rig.images[c]) < _INSIDE_SHARE * area:
            continue
        covered = False
        for other in range(len(depths)):
            if 0.0 < depths[other, c] < depth[c] - _NEARER_M:
                covered = covered or overlap(outline[c], outlines[other, c]) > _COVERED_SHARE * area
        if not covered:
            views += 1
    return views


@part
def overlap(first: FloatArray, second: FloatArray) -> float:
    """Return the area two boxes x0 y0 x1 y1 share."""
    width = min(first[2], second[2]) - max(first[0], second[0])
    height = min(first[3], second[3]) - max(first[1], second[1])
    return width * height if width > 0.0 and height > 0.0 else 0.0


@part
def is_shaped_like_a_person(skeleton: FloatArray, bones: FloatArray) -> bool:
    """Return whether most known bones (bone, 4: ends, shortest, longest) have a human length.

    True without bones: then nothing tells.
    """
    if len(bones) == 0:
        return True
    known, good = 0, 0
    for row in bones:
        a, b = int(row[0]), int(row[1])
        if np.isnan(skeleton[a, 0]) or np.isnan(skeleton[b, 0]):
            continue
        known += 1
        good += row[2] < distance_between(skeleton[a], skeleton[b]) < row[3]
    return known >= 3 and good >= 0.6 * known


@part
def build_of(skeleton: FloatArray, bones: FloatArray, build: FloatArray) -> None:
    """Write the logarithm of every bone's length (bone,), NaN where an end is not known."""
    for i in range(len(bones)):
        length = distance_between(skeleton[int(bones[i, 0])], skeleton[int(bones[i, 1])])
        build[i] = 0.5 * math.log(length * length + 1e-12)


@part
def build_misfit(build: FloatArray, usual: FloatArray) -> float:
    """Return the median difference of two builds (bone,), 0 where fewer than four are known."""
    differences = np.zeros(len(build))
    count = 0
    for i in range(len(build)):
        difference = abs(build[i] - usual[i])
        if not np.isnan(difference):
            differences[count] = difference
            count += 1
    return median_of(differences, count) if count >= 4 else 0.0
