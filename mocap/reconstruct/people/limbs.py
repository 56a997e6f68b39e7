"""Left and right exchanged in single limbs of single views, put right before triangulation.

A detector takes the left leg for the right in one view, the other views do not: averaged, both
ends of the limb are decimetres off. Each view of a limb pair is read as it is and exchanged,
against where the limb is expected from the frames before and from the other views; the exchange
must explain it clearly better. Forward and backward in time must agree; where they do not, the
view's limb is left out for that frame, if enough cameras are left.
"""

from __future__ import annotations

import numpy as np

from mocap.core.kernels.arrays import copy_rows
from mocap.core.kernels.compiled import kernel, part
from mocap.core.kernels.linear import camera_matrices, in_camera
from mocap.core.lens import MIN_DEPTH_M, undistort_points
from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.reconstruct.people.scene import boxes_of
from mocap.reconstruct.people.solving_kernels import solve_person
from mocap.reconstruct.people.state import Rig

# What is exchanged together: a detector takes the whole lower leg, or the whole lower arm.
_LIMBS = (("knee", "ankle", "heel", "big_toe", "small_toe"), ("elbow", "wrist"))

# How far a limb's keypoint may be from where it is expected, as a share of the person's size, and
# the least in pixels.
_SHARE_OF_SIZE = 0.05
_LEAST_PX = 8.0

# The exchange must explain a limb pair better by this, in squared tolerances summed over its
# keypoints; each counts four at most.
_MARGIN = 1.0
_MOST_PER_KEYPOINT = 4.0
# The limb is expected where it moves on to at this share of its velocity.
_VELOCITY_KEPT = 0.8
_ROUNDS = 3
# A limb unseen for longer is expected nowhere.
_FORGET_S = 0.3

# With fewer cameras a view less costs more than a wrong one.
LEAST_CAMERAS_TO_LEAVE_OUT = 4


def repair_limbs(
    pixels: FloatArray,
    confidence: FloatArray,
    names: tuple[str, ...],
    vectors: FloatArray,
    fps: float,
) -> tuple[IntArray, IntArray]:
    """Put exchanged limbs of one person right, in place.

    Args:
        pixels: (camera, frame, keypoint, 2) in pixels of the calibration; NaN = not seen.
        confidence: (camera, frame, keypoint).
        names: of the keypoints.
        vectors: (camera, 15) of the cameras, in this order.
        fps: frames per second.

    Returns:
        Frames in which a limb pair of each camera (camera,) was exchanged, and was left out.
    """
    cameras = len(pixels)
    tolerance = _tolerance(pixels, vectors)
    exchanged, left_out = np.zeros(cameras, np.int64), np.zeros(cameras, np.int64)
    for here, other in _pairs(names):
        swapped, doubt = _decisions(
            _rays(pixels, here, vectors), tolerance, vectors, here, other, fps
        )
        camera, frame = np.nonzero(swapped.T)
        pixels[camera[:, None], frame[:, None], here] = pixels[
            camera[:, None], frame[:, None], other
        ]
        confidence[camera[:, None], frame[:, None], here] = confidence[
            camera[:, None], frame[:, None], other
        ]
        exchanged += swapped.sum(axis=0)
        if cameras >= LEAST_CAMERAS_TO_LEAVE_OUT:
            camera, frame = (each[:, None] for each in np.nonzero(doubt.T))
            pixels[camera, frame, here] = np.nan
            confidence[camera, frame, here] = 0.0
            left_out += doubt.sum(axis=0)
    return exchanged, left_out


def _pairs(names: tuple[str, ...]) -> list[tuple[IntArray, IntArray]]:
    """Return positions of the keypoints of each limb pair, and of their mirror images."""
    out = []
    for limb in _LIMBS:
        left = [names.index(f"left_{part}") for part in limb if f"left_{part}" in names]
        right = [names.index(f"right_{part}") for part in limb if f"right_{part}" in names]
        if left and len(left) == len(right):
            out.append((np.array(left + right), np.array(right + left)))
    return out


def _rays(pixels: FloatArray, chosen: IntArray, vectors: FloatArray) -> FloatArray:
    """Return rays (frame, camera, chosen, 2) of pixels (camera, frame, keypoint, 2)."""
    cameras, frames = pixels.shape[:2]
    out = np.zeros((frames, cameras, len(chosen), 2))
    for camera in range(cameras):
        seen = np.ascontiguousarray(pixels[camera][:, chosen].reshape(1, -1, 2))
        rays = np.full(seen.shape, np.nan)
        undistort_points(vectors[camera : camera + 1], seen, rays)
        out[:, camera] = rays.reshape(frames, len(chosen), 2)
    return out


def _tolerance(pixels: FloatArray, vectors: FloatArray) -> FloatArray:
    """Return the tolerance (frame, camera) in units of the rays, from sizes in the image."""
    boxes = np.full((*pixels.shape[:2], 4), np.nan)
    apart = np.ascontiguousarray(pixels.reshape(-1, *pixels.shape[2:]))
    boxes_of(apart, boxes.reshape(-1, 4))
    size = np.max(boxes[..., 2:] - boxes[..., :2], axis=-1)
    size_px = np.where(np.isnan(size), 0.0, size)
    return np.ascontiguousarray(
        (np.maximum(_SHARE_OF_SIZE * size_px, _LEAST_PX) / vectors[:, 6, None]).T
    )


def _decisions(
    rays: FloatArray,
    tolerance: FloatArray,
    vectors: FloatArray,
    here: IntArray,
    other: IntArray,
    fps: float,
) -> tuple[BoolArray, BoolArray]:
    """Return which views (frame, camera) of a limb pair are exchanged, and which are doubtful."""
    order = np.arange(len(here))
    back = np.searchsorted(np.sort(here), other)
    mirror = np.argsort(here)[back]
    rig = Rig(
        poses=camera_matrices(vectors),
        essentials=np.zeros((1, 1, 3, 3)),
        orders=np.stack([order, mirror]),
        images=np.zeros((len(vectors), 4)),
        floor=np.zeros(len(vectors)),
        bones=np.zeros((0, 4)),
        tolerance_of_size=_SHARE_OF_SIZE,
    )
    rays = np.ascontiguousarray(rays[:, :, None])
    forget = max(1, round(_FORGET_S * fps))
    found = []
    for step in (1, -1):
        swapped = np.zeros(rays.shape[:2], dtype=bool)
        through = np.ascontiguousarray(rays[::step]), np.ascontiguousarray(tolerance[::step])
        decide_limbs(rig, *through, forget, swapped)
        del through
        # Followed on the other side all along: what is called exchanged is the rest.
        found.append((~swapped if swapped.mean() > 0.5 else swapped)[::step])
    known = ~np.isnan(rays[:, :, 0, :, 0]).all(axis=-1)
    return found[0] & found[1] & known, (found[0] != found[1]) & known


@kernel
def decide_limbs(
    rig: Rig, rays: FloatArray, tolerance: FloatArray, forget: int, swapped: BoolArray
) -> None:
    """Write which views (frame, camera) of a limb pair are exchanged, one way through time.

    rays (frame, camera, 1, keypoint, 2); tolerance (frame, camera); forget: frames after which a
    limb unseen is expected nowhere.
    """
    frames, cameras, _, keypoints, _ = rays.shape
    members = np.zeros(cameras, np.int64)
    confidence = np.zeros((cameras, 1, keypoints))
    confidence[:] = 1.0
    last, before = np.zeros((keypoints, 3)), np.zeros((keypoints, 3))
    expected, solved = np.zeros((keypoints, 3)), np.zeros((keypoints, 3))
    last[:] = np.nan
    before[:] = np.nan
    unseen = 0
    for f in range(frames):
        for k in range(keypoints):
            moving = not np.isnan(before[k, 0])
            for i in range(3):
                expected[k, i] = last[k, i]
                if moving:
                    expected[k, i] += _VELOCITY_KEPT * (last[k, i] - before[k, i])
        for attempt in range(_ROUNDS):
            changed = attempt == 0
            for c in range(cameras):
                better = _explains_better(
                    rig.poses[c], expected, rays[f, c, 0], rig.orders, tolerance[f, c]
                )
                changed = changed or better != swapped[f, c]
                swapped[f, c] = better
            # The same views as before give the same limb.
            if not changed:
                break
            solve_person(
                rig,
                rays[f],
                confidence,
                members,
                swapped[f],
                expected,
                expected,
                0.0,
                tolerance[f],
                solved,
            )
            copy_known(solved, expected)
        copy_rows(last, before)
        seen = copy_known(solved, last)
        unseen = 0 if seen else unseen + 1
        if unseen > forget:
            last[:] = np.nan
            before[:] = np.nan


@part
def copy_known(source: FloatArray, target: FloatArray) -> bool:
    """Write the keypoints (keypoint, 3) that are known into another array; False without any."""
    some = False
    for k in range(len(source)):
        if not np.isnan(source[k, 0]):
            some = True
            for i in range(3):
                target[k, i] = source[k, i]
    return some


@part
def _explains_better(
    pose: FloatArray, expected: FloatArray, rays: FloatArray, orders: IntArray, tolerance: float
) -> bool:
    """Return whether a view (keypoint, 2) fits the expected limb pair better exchanged."""
    plain, exchanged = 0.0, 0.0
    squared = tolerance * tolerance
    for k in range(len(expected)):
        if np.isnan(expected[k, 0]):
            continue
        u, v = rays[orders[0, k], 0], rays[orders[0, k], 1]
        s, t = rays[orders[1, k], 0], rays[orders[1, k], 1]
        if np.isnan(u) or np.isnan(s):
            continue
        x, y, z = in_camera(pose, expected[k, 0], expected[k, 1], expected[k, 2])
        if z < MIN_DEPTH_M:
            continue
        a, b = x / z, y / z
        plain += min(((a - u) ** 2 + (b - v) ** 2) / squared, _MOST_PER_KEYPOINT)
        exchanged += min(((a - s) ** 2 + (b - t) ** 2) / squared, _MOST_PER_KEYPOINT)
    return exchanged + _MARGIN < plain
