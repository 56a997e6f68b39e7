"""Which detections of one instant show the same person, as a numba kernel.

Pairs of detections in two cameras are compared by the epipolar distance of their keypoints. The
best pairs are grown: their skeleton in space is projected into every camera, each camera takes the
detection that supports it best, and the skeleton is triangulated again from all that agree. The
hypothesis with the most support is a person; its detections are taken and the search goes on.
The work grows with the square of the number of detections, never with 2^cameras.

A detection whose left and right are swapped supports the mirrored keypoints: it joins with a flag.
"""

from __future__ import annotations

import math

import numpy as np

from mocap.core.kernels.arrays import copy_rows
from mocap.core.kernels.compiled import part
from mocap.core.kernels.linear import add_ray_equations, in_camera, solve_symmetric
from mocap.core.lens import MIN_DEPTH_M
from mocap.core.shapes import BoolArray, FloatArray, IntArray

# A person needs this many keypoints in common between two views to be matched.
MIN_COMMON_KEYPOINTS = 4
# Share of a detection's keypoints that must fit the person.
MIN_SUPPORT = 0.4
# Swapping left and right must explain this much more of the keypoints to be believed: a person
# seen from the side looks nearly the same either way.
SWAP_MARGIN = 0.2
# Pairs tried as seeds for each person, the best first.
SEEDS = 6
# Rounds of "each camera picks, triangulate again"; three settle 16 cameras.
ROUNDS = 3
# No keypoint of a person is farther than this from the middle of the others.
MAX_REACH_M = 1.6

NOBODY = -1


@part
def _epipolar_support(
    first: FloatArray,
    second: FloatArray,
    order: IntArray,
    essential: FloatArray,
    tolerance: FloatArray,
) -> float:
    """Return the share of keypoints near each other's epipolar line, 0 if too few are shared.

    first and second (keypoint, 2) are rays; `order` reorders the second; tolerance (2,) is that
    of the first and the second detection.
    """
    common, support = 0, 0.0
    for k in range(len(first)):
        x, y = first[k, 0], first[k, 1]
        u, v = second[order[k], 0], second[order[k], 1]
        if np.isnan(x) or np.isnan(u):
            continue
        common += 1
        a = essential[0, 0] * x + essential[0, 1] * y + essential[0, 2]
        b = essential[1, 0] * x + essential[1, 1] * y + essential[1, 2]
        c = essential[2, 0] * x + essential[2, 1] * y + essential[2, 2]
        d = essential[0, 0] * u + essential[1, 0] * v + essential[2, 0]
        e = essential[0, 1] * u + essential[1, 1] * v + essential[2, 1]
        product = a * u + b * v + c
        ratio = (
            product
            * product
            / (tolerance[0] ** 2 * (d * d + e * e) + tolerance[1] ** 2 * (a * a + b * b) + 1e-30)
        )
        support += max(0.0, 1.0 - ratio)
    return support / common if common >= MIN_COMMON_KEYPOINTS else 0.0


@part
def _projected_support(
    pose: FloatArray,
    skeleton: FloatArray,
    rays: FloatArray,
    order: IntArray,
    tolerance: float,
) -> tuple[float, int]:
    """Return the summed support of a detection (keypoint, 2) for a skeleton and the keypoints."""
    common, support = 0, 0.0
    for k in range(len(skeleton)):
        u = rays[order[k], 0]
        if np.isnan(u) or np.isnan(skeleton[k, 0]):
            continue
        common += 1
        x, y, z = in_camera(pose, skeleton[k, 0], skeleton[k, 1], skeleton[k, 2])
        if z < MIN_DEPTH_M:
            continue
        e_u, e_v = x / z - u, y / z - rays[order[k], 1]
        support += max(0.0, 1.0 - (e_u * e_u + e_v * e_v) / (tolerance * tolerance))
    return support, common


@part
def triangulate_members(
    poses: FloatArray,
    rays: FloatArray,
    tolerance: FloatArray,
    orders: IntArray,
    members: IntArray,
    swapped: BoolArray,
    skeleton: FloatArray,
) -> None:
    """Replace the skeleton (keypoint, 3) by that of the member detections (camera,).

    Views beyond their tolerance from the old skeleton are left out where two others remain.
    """
    a, b, point = np.zeros(6), np.zeros(3), np.zeros(3)
    for k in range(len(skeleton)):
        known = not np.isnan(skeleton[k, 0])
        for attempt in range(2):
            views = 0
            a[:] = 0.0
            b[:] = 0.0
            for c in range(len(members)):
                if members[c] == NOBODY:
                    continue
                order = orders[1] if swapped[c] else orders[0]
                u = rays[c, members[c], order[k], 0]
                v = rays[c, members[c], order[k], 1]
                if np.isnan(u):
                    continue
                pose = poses[c]
                if known and attempt == 0:
                    x, y, z = in_camera(pose, skeleton[k, 0], skeleton[k, 1], skeleton[k, 2])
                    far = tolerance[c, members[c]] * max(z, MIN_DEPTH_M)
                    if (x - z * u) ** 2 + (y - z * v) ** 2 > far * far:
                        continue
                views += 1
                add_ray_equations(pose, u, v, 1.0, a, b)
            if views >= 2:
                break
        solved = views >= 2 and solve_symmetric(a, b, point)
        for i in range(3):
            skeleton[k, i] = point[i] if solved else np.nan


@part
def _is_human_sized(skeleton: FloatArray) -> bool:
    """Return whether enough keypoints are known and all are near their middle."""
    count = 0
    middle = np.zeros(3)
    for k in range(len(skeleton)):
        if not np.isnan(skeleton[k, 0]):
            count += 1
            for i in range(3):
                middle[i] += skeleton[k, i]
    if count < MIN_COMMON_KEYPOINTS:
        return False
    near = 0
    for k in range(len(skeleton)):
        squared = 0.0
        for i in range(3):
            d = skeleton[k, i] - middle[i] / count
            squared += d * d
        if squared < MAX_REACH_M**2:  # never of an unknown one: NaN
            near += 1
    return near >= 0.8 * count


@part
def pick_members(
    poses: FloatArray,
    rays: FloatArray,
    tolerance: FloatArray,
    orders: IntArray,
    free: BoolArray,
    skeleton: FloatArray,
    members: IntArray,
    swapped: BoolArray,
) -> float:
    """Let every camera pick the free detection that supports the skeleton; return the support."""
    total = 0.0
    for c in range(len(poses)):
        members[c] = NOBODY
        swapped[c] = False
        best = 0.0
        for i in range(free.shape[1]):
            if not free[c, i]:
                continue
            plain, common = _projected_support(
                poses[c], skeleton, rays[c, i], orders[0], tolerance[c, i]
            )
            mirrored, _ = _projected_support(
                poses[c], skeleton, rays[c, i], orders[1], tolerance[c, i]
            )
            if common < MIN_COMMON_KEYPOINTS:
                continue
            swap = mirrored > plain + SWAP_MARGIN * common
            support = mirrored if swap else plain
            if support > best and support >= MIN_SUPPORT * common:
                best = support
                members[c] = i
                swapped[c] = swap
        total += best
    return total


@part
def _grow(
    poses: FloatArray,
    rays: FloatArray,
    tolerance: FloatArray,
    orders: IntArray,
    free: BoolArray,
    members: IntArray,
    swapped: BoolArray,
    skeleton: FloatArray,
) -> float:
    """Grow a seed (two members) over all cameras; return its support, 0 if it is no person."""
    skeleton[:] = np.nan
    support = 0.0
    for _ in range(ROUNDS):
        triangulate_members(poses, rays, tolerance, orders, members, swapped, skeleton)
        if not _is_human_sized(skeleton):
            return 0.0
        support = pick_members(poses, rays, tolerance, orders, free, skeleton, members, swapped)
        views = 0
        for member in members:
            views += member != NOBODY
        if views < 2:
            return 0.0
    triangulate_members(poses, rays, tolerance, orders, members, swapped, skeleton)
    return support


@part
def _pair_supports(
    rays: FloatArray,
    tolerance: FloatArray,
    orders: IntArray,
    essentials: FloatArray,
    free: BoolArray,
) -> tuple[FloatArray, IntArray]:
    """Return supports (pair,) and (pair, 5): camera, detection, camera, detection, swapped."""
    cameras, slots = free.shape
    both = np.zeros(2)
    supports = np.zeros(cameras * (cameras - 1) // 2 * slots * slots)
    pairs = np.zeros((len(supports), 5), np.int64)
    count = 0
    for c in range(cameras):
        for d in range(c + 1, cameras):
            for i in range(slots):
                for j in range(slots):
                    if not (free[c, i] and free[d, j]):
                        continue
                    both[0], both[1] = tolerance[c, i], tolerance[d, j]
                    plain = _epipolar_support(
                        rays[c, i], rays[d, j], orders[0], essentials[c, d], both
                    )
                    mirrored = _epipolar_support(
                        rays[c, i], rays[d, j], orders[1], essentials[c, d], both
                    )
                    swap = mirrored > plain + SWAP_MARGIN
                    support = mirrored if swap else plain
                    if support < MIN_SUPPORT:
                        continue
                    supports[count] = support
                    pairs[count, 0], pairs[count, 1] = c, i
                    pairs[count, 2], pairs[count, 3] = d, j
                    pairs[count, 4] = 1 if swap else 0
                    count += 1
    return supports[:count], pairs[:count]


@part
def _first_greatest(values: FloatArray) -> int:
    """Return the place of the greatest value, the first of equals; -1 where none is above 0."""
    place, most = NOBODY, 0.0
    for i in range(len(values)):
        if values[i] > most:
            place, most = i, values[i]
    return place


@part
def people_of_instant(
    poses: FloatArray,
    essentials: FloatArray,
    rays: FloatArray,
    tolerance: FloatArray,
    orders: IntArray,
    free: BoolArray,
    members: IntArray,
    swapped: BoolArray,
    skeletons: FloatArray,
) -> int:
    """Find the people of one instant; return how many.

    Args:
        poses: (camera, 3, 4).
        essentials: (camera, camera, 3, 3), see `essential_matrices`.
        rays: (camera, slot, keypoint, 2) undistorted, NaN = not seen.
        tolerance: (camera, slot) in units of the rays, NaN for an empty slot.
        free: (camera, slot) which detections are nobody's yet; those of the people found are
            taken.
        orders: (2, keypoint): as is, and with left and right exchanged.
        members: (person, camera) receives the slot of each camera, -1 for none; no more people
            are looked for than it has room for.
        swapped: (person, camera) receives whether left and right are exchanged.
        skeletons: (person, keypoint, 3) receives the people.
    """
    cameras = len(poses)
    keypoints = rays.shape[2]
    supports, pairs = _pair_supports(rays, tolerance, orders, essentials, free)
    trial_members, trial_swapped = np.zeros(cameras, np.int64), np.zeros(cameras, np.bool_)
    trial = np.zeros((keypoints, 3))
    left = np.zeros(len(supports))
    found = 0
    while found < len(members):
        best = 0.0
        for index in range(len(supports)):
            left[index] = supports[index]
        for _ in range(SEEDS):
            index = _first_greatest(left)
            if index < 0:
                break
            left[index] = 0.0
            trial_members[:] = NOBODY
            trial_swapped[:] = False
            trial_members[pairs[index, 0]] = pairs[index, 1]
            trial_members[pairs[index, 2]] = pairs[index, 3]
            trial_swapped[pairs[index, 2]] = pairs[index, 4] == 1
            support = _grow(
                poses, rays, tolerance, orders, free, trial_members, trial_swapped, trial
            )
            if support > best:
                best = support
                for c in range(cameras):
                    members[found, c] = trial_members[c]
                    swapped[found, c] = trial_swapped[c]
                copy_rows(trial, skeletons[found])
            elif support == 0.0:
                supports[index] = 0.0
        if best == 0.0:
            if _first_greatest(supports) < 0:
                break
            continue
        for c in range(cameras):
            if members[found, c] != NOBODY:
                free[c, members[found, c]] = False
        for index in range(len(supports)):
            if not (
                free[pairs[index, 0], pairs[index, 1]] and free[pairs[index, 2], pairs[index, 3]]
            ):
                supports[index] = 0.0
        found += 1
    return found


def essential_matrices(poses: FloatArray) -> FloatArray:
    """Return E (first, second, 3, 3) with ray_second' E ray_first = 0 (Hartley & Zisserman 9.6)."""
    cameras = len(poses)
    out = np.zeros((cameras, cameras, 3, 3))
    for c in range(cameras):
        for d in range(cameras):
            rotation = poses[d, :, :3] @ poses[c, :, :3].T
            x, y, z = poses[d, :, 3] - rotation @ poses[c, :, 3]
            norm = math.sqrt(x * x + y * y + z * z) + 1e-12
            cross = np.array([[0.0, -z, y], [z, 0.0, -x], [-y, x, 0.0]]) / norm
            out[c, d] = cross @ rotation
    return out
