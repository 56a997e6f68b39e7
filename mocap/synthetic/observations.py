"""What a detector would report of known 3D keypoints: noise, outliers, gaps and mixed-up people."""

from __future__ import annotations

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.keypoint_names import COCO
from mocap.core.shapes import BoolArray, FloatArray

# A wrong limb stays wrong for a while: half of the outliers come in bursts of this many frames.
BURST_FRAMES = 10
BURST_SHARE = 0.5
OUTLIER_MIN_PX = 40.0
OUTLIER_MAX_PX = 300.0


def observe_points(
    calibration: Calibration,
    xyz: FloatArray,
    keypoint_names: tuple[str, ...],
    *,
    fps: float = 60.0,
    noise_px: float = 2.0,
    outliers: float = 0.0,
    missing: float = 0.0,
    seed: int = 0,
) -> Tracks2D:
    """Return 2D tracks of keypoints xyz (frame, person, keypoint, 3) as all cameras see them.

    Args:
        calibration: the cameras; keypoints outside an image or behind a camera are not seen.
        xyz: metres; NaN is not seen.
        keypoint_names: names of the keypoint axis.
        fps: frames per second of the result.
        noise_px: standard deviation per axis of Gaussian noise.
        outliers: share of observations moved by 40 to 300 px, half of them in bursts of 10 frames.
        missing: share of observations dropped.
        seed: of the random numbers.

    Confidence is loosely informative, as detectors' are: about 0.85, about 0.6 for outliers.
    """
    rng = np.random.default_rng(seed)
    pixels = _visible(calibration, calibration.project(xyz))
    pixels += rng.normal(0.0, noise_px, pixels.shape)
    wrong, offset = _outlier_offsets(rng, pixels.shape[:-1], outliers)
    pixels += np.where(wrong[..., None], offset, 0.0)
    pixels[rng.random(pixels.shape[:-1]) < missing] = np.nan
    confidence = np.clip(rng.normal(0.85, 0.08, wrong.shape), 0.3, 1.0)
    doubtful = np.clip(rng.normal(0.6, 0.2, wrong.shape), 0.05, 1.0)
    confidence = np.where(wrong, doubtful, confidence)
    confidence[np.isnan(pixels[..., 0])] = 0.0
    people = tuple(range(xyz.shape[1]))
    return Tracks2D(calibration.names, keypoint_names, people, fps, pixels, confidence)


def observe_people(
    calibration: Calibration,
    xyz: FloatArray,
    keypoint_names: tuple[str, ...],
    *,
    fps: float = 60.0,
    noise_px: float = 2.0,
    outliers: float = 0.0,
    missing: float = 0.0,
    seed: int = 0,
) -> Detections2D:
    """Return detections of people xyz (frame, person, keypoint, 3) in slots without identity.

    As `observe_points`, then the people of every image are shuffled and boxed.
    """
    tracks = observe_points(
        calibration,
        xyz,
        keypoint_names,
        fps=fps,
        noise_px=noise_px,
        outliers=outliers,
        missing=missing,
        seed=seed,
    )
    rng = np.random.default_rng(seed + 1)
    cameras, frames, people = tracks.pixels.shape[:3]
    order = np.argsort(rng.random((cameras, frames, people)), axis=2)
    pixels = np.take_along_axis(tracks.pixels, order[..., None, None], axis=2)
    confidence = np.take_along_axis(tracks.confidence, order[..., None], axis=2)
    seen = ~np.isnan(pixels)
    low = np.where(seen, pixels, np.inf).min(axis=3)
    high = np.where(seen, pixels, -np.inf).max(axis=3)
    boxes = np.concatenate([low, high], axis=-1)
    boxes[~np.isfinite(boxes).all(axis=-1)] = np.nan
    return Detections2D(calibration.names, tracks.keypoint_names, fps, pixels, confidence, boxes)


def _visible(calibration: Calibration, pixels: FloatArray) -> FloatArray:
    """Return pixels (camera, ..., 2) with NaN outside the images."""
    pixels = pixels.copy()
    for camera, seen in zip(calibration.cameras, pixels, strict=True):
        inside = (seen > -0.5) & (seen < np.array(camera.image_size) - 0.5)
        seen[~inside.all(axis=-1)] = np.nan
    return pixels


def _outlier_offsets(
    rng: np.random.Generator, shape: tuple[int, ...], share: float
) -> tuple[BoolArray, FloatArray]:
    """Return which observations (camera, frame, person, keypoint) are wrong and by how much."""
    wrong = rng.random(shape) < share * (1.0 - BURST_SHARE)
    radius = rng.uniform(OUTLIER_MIN_PX, OUTLIER_MAX_PX, shape)
    angle = rng.uniform(0.0, 2.0 * np.pi, shape)
    offset = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
    if share > 0.0 and shape[1] > BURST_FRAMES:
        bursts = int(share * BURST_SHARE * np.prod(shape) / BURST_FRAMES)
        cameras, people, keypoints = (rng.integers(shape[axis], size=bursts) for axis in (0, 2, 3))
        starts = rng.integers(shape[1] - BURST_FRAMES, size=bursts)
        for c, f, p, k in zip(cameras, starts, people, keypoints, strict=True):
            wrong[c, f : f + BURST_FRAMES, p, k] = True
            offset[c, f : f + BURST_FRAMES, p, k] = offset[c, f, p, k]
    return wrong, offset


def surest_person(detections: Detections2D) -> Tracks2D:
    """Return the detection of every image whose body is surest, of footage of one person."""
    body = np.nan_to_num(detections.confidence[..., : len(COCO)])
    best = body.mean(axis=3).argmax(axis=2)[:, :, None]
    return Tracks2D(
        detections.camera_names,
        detections.keypoint_names,
        (0,),
        detections.fps,
        np.take_along_axis(detections.pixels, best[..., None, None], axis=2),
        np.take_along_axis(detections.confidence, best[..., None], axis=2),
    )
