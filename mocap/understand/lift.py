"""A motion from one camera: a preview, honest about the depth that it guesses.

One view does not show how far away a hand is. The network tells what people usually do, and how
sure that is; the size of the body puts the person into the room. Nothing here is measured: every
value has the source `LIFTED`, and no angle is ever taken from it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mocap.core.camera import Camera
from mocap.core.errors import InputError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, BoolArray, FloatArray
from mocap.understand.joints import JOINT_NAMES, LEFT_HIP, RATE_HZ, RIGHT_HIP, pick_image_joints
from mocap.understand.lift_model import LiftModel, load_lift_model
from mocap.understand.lift_network import FRAMES, turned_rays, view_inputs

LEAST_CONFIDENCE = 0.2
"""Below this a keypoint of the image counts as not seen."""

ADULT_SIZE_M = 1.78
"""Trunk, leg and half an arm of an adult of about 1.72 m (`joints.body_size_m`)."""

SIZE_OF_STATURE = 1.05
"""`joints.body_size_m` over stature: mean over 20 random shapes of the free body, sd 0.02."""

SIZE_SIGMA_KNOWN, SIZE_SIGMA_GUESSED = 0.02, 0.06
"""Relative standard deviation of the size with the stature given, and among adults without it."""

ROOT_SMOOTHING_S = 0.1
"""The place of the pelvis is found in every frame by itself and trembles: a Gaussian over time."""

_BATCH = 512


def lift_view(
    pixels: Array,
    confidence: Array,
    keypoint_names: Sequence[str],
    camera: Camera,
    fps: float,
    *,
    height_m: float | None = None,
    model: LiftModel | None = None,
) -> Points3D:
    """Return what one camera suggests of one person in space.

    Args:
        pixels: (frame, keypoint, 2) in pixels of `camera`; NaN where not seen.
        confidence: (frame, keypoint) in [0, 1].
        keypoint_names: COCO's limbs at least.
        camera: calibrated: its lens turns pixels into rays, its pose puts the result in the world.
        fps: frames per second.
        height_m: stature; None: an adult of about 1.72 m, with a wider sigma.
        model: None: the one that comes with the package.

    Returns:
        points of one person (id 0) with the keypoints of `JOINT_NAMES`, source LIFTED, view count
        1; NaN in frames in which the hips were not seen. The covariance is the network's own for
        the pose, and the size's along the ray.

    Raises:
        InputError: the hips are never seen, or the frame rate or the stature is absurd.
        ModelError: the model cannot be loaded.
    """
    if not 1.0 <= fps <= 10_000.0:
        raise InputError(f"{fps:g} frames per second; expected 1 to 10,000.")
    if height_m is not None and not 0.5 <= height_m <= 2.6:
        raise InputError(f"a stature of {height_m:g} m; expected 0.5 to 2.6 m.")
    image, seen = pick_image_joints(pixels, confidence, keypoint_names, LEAST_CONFIDENCE)
    hips = seen[:, LEFT_HIP] & seen[:, RIGHT_HIP]
    if not hips.any():
        raise InputError(
            f"camera '{camera.name}' never sees both hips of this person: nothing can be lifted. "
            "Choose a camera that sees the whole body."
        )
    size_m = ADULT_SIZE_M if height_m is None else SIZE_OF_STATURE * height_m
    size_sigma = SIZE_SIGMA_GUESSED if height_m is None else SIZE_SIGMA_KNOWN
    known = model or load_lift_model()
    rays = _bridged(camera.undistort(np.where(seen[..., None], image, np.nan)), seen)
    turned, turn = turned_rays(rays)
    pose, sigma = _lifted(known, turned, seen, fps)
    pose, sigma = size_m * pose, size_m * sigma
    root = _roots(pose, turned, seen)
    root = gaussian_filter1d(root, ROOT_SMOOTHING_S * fps, axis=0, mode="nearest")
    return _points(pose, sigma, root, turn, hips, size_sigma, camera, fps)


def _bridged(rays: FloatArray, seen: BoolArray) -> FloatArray:
    """Return rays (frame, 13, 2) without holes: what was not seen is masked, but must be finite."""
    out = rays.copy()
    frames = np.arange(len(rays), dtype=np.float64)
    for joint in range(rays.shape[1]):
        good = seen[:, joint] & np.isfinite(rays[:, joint]).all(axis=-1)
        for axis in range(2):
            values = rays[good, joint, axis]
            out[:, joint, axis] = np.interp(frames, frames[good], values) if good.any() else 0.0
    return out


def _lifted(
    model: LiftModel, turned: FloatArray, seen: BoolArray, fps: float
) -> tuple[FloatArray, FloatArray]:
    """Return pose and sigma (frame, 13, 3) in body sizes; windows are at the network's rate."""
    offsets = np.arange(-(FRAMES // 2), FRAMES // 2 + 1) * fps / RATE_HZ
    last = len(turned) - 1.0
    poses, sigmas = [], []
    for first in range(0, len(turned), _BATCH):
        middle = np.arange(first, min(first + _BATCH, len(turned)))
        at = np.clip(middle[:, None] + offsets, 0.0, last)
        before = np.minimum(at.astype(int), max(len(turned) - 2, 0))
        after = np.minimum(before + 1, len(turned) - 1)
        share = (at - before)[..., None, None]
        window = (1.0 - share) * turned[before] + share * turned[after]
        pose, sigma = model(view_inputs(window, seen[np.rint(at).astype(int)]))
        poses.append(pose)
        sigmas.append(sigma)
    return np.concatenate(poses), np.concatenate(sigmas)


def _roots(pose: FloatArray, turned: FloatArray, seen: BoolArray) -> FloatArray:
    """Return where the pelvis (frame, 3) must be for the pose to appear along the rays.

    A joint p at root r appears at u = (p_x + r_x) / (p_z + r_z), so r_x - u r_z = u p_z - p_x and
    the same for v and y: linear in r, solved by least squares over the joints that were seen.
    """
    weight = seen.astype(np.float64)
    u, v = turned[..., 0], turned[..., 1]
    b_x = u * pose[..., 2] - pose[..., 0]
    b_y = v * pose[..., 2] - pose[..., 1]
    normal = np.zeros((len(pose), 3, 3))
    normal[:, 0, 0] = normal[:, 1, 1] = weight.sum(axis=1)
    normal[:, 0, 2] = normal[:, 2, 0] = -(weight * u).sum(axis=1)
    normal[:, 1, 2] = normal[:, 2, 1] = -(weight * v).sum(axis=1)
    normal[:, 2, 2] = (weight * (u * u + v * v)).sum(axis=1)
    right = np.stack(
        [
            (weight * b_x).sum(axis=1),
            (weight * b_y).sum(axis=1),
            -(weight * (u * b_x + v * b_y)).sum(axis=1),
        ],
        axis=-1,
    )
    # A person who is seen as one point has no depth; a small ridge keeps the solution finite.
    normal += 1e-9 * np.eye(3)
    return np.asarray(np.linalg.solve(normal, right[..., None])[..., 0], np.float64)


def _points(
    pose: FloatArray,
    sigma: FloatArray,
    root: FloatArray,
    turn: FloatArray,
    known: BoolArray,
    size_sigma: float,
    camera: Camera,
    fps: float,
) -> Points3D:
    world_from_camera = camera.camera_from_world[:3, :3].T
    world_from_turned = world_from_camera @ turn.transpose(0, 2, 1)
    xyz = np.einsum("fij,fkj->fki", world_from_turned, pose + root[:, None]) + camera.center
    variance = sigma**2
    # The whole person moves along the ray as their size is mistaken.
    variance[..., 2] += (size_sigma * root[:, None, 2]) ** 2
    covariance = np.einsum("fij,fkj,flj->fkil", world_from_turned, variance, world_from_turned)
    axes = (len(pose), 1, len(JOINT_NAMES))
    seen = np.broadcast_to(known[:, None, None], axes)
    return Points3D(
        keypoint_names=JOINT_NAMES,
        person_ids=(0,),
        fps=fps,
        xyz=np.where(seen[..., None], xyz[:, None], np.nan),
        covariance=np.where(seen[..., None, None], covariance[:, None], np.nan),
        reprojection_error_px=np.full(axes, np.nan),
        view_count=np.where(seen, 1, 0).astype(np.int16),
        source=np.where(seen, Source.LIFTED, Source.MISSING).astype(np.uint8),
    )
