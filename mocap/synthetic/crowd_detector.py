"""What a detector reports of a crowd: misses, mix-ups, exchanged sides and people who are not."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D
from mocap.core.keypoints import COCO_17
from mocap.core.shapes import BoolArray, FloatArray, IntArray

_MIRROR = np.array(COCO_17.mirror_indices())

# Fewer keypoints than this are no detection.
_MIN_KEYPOINTS = 5


@dataclass(frozen=True)
class DetectorFaults:
    """How a detector errs.

    Attributes:
        noise_px: standard deviation per axis.
        missed: share of people not detected at all, per image.
        invented: share of images with a person who is nowhere, in a random place.
        ghosts: cameras that see a person in a piece of furniture, in half of their frames.
        exchanged: share of detections with left and right exchanged.
        mixed: of people hidden behind others and found nevertheless, the share of whose keypoints
            half are those of the person before them.
        keypoints_missed: share of single keypoints.
        occlusion: whether people hide each other. Of those more than half hidden 60 % are missed.
    """

    noise_px: float = 5.0
    missed: float = 0.15
    invented: float = 0.1
    ghosts: int = 2
    exchanged: float = 0.03
    mixed: float = 0.3
    keypoints_missed: float = 0.05
    occlusion: bool = True


def detect_crowd(
    calibration: Calibration,
    xyz: FloatArray,
    *,
    fps: float = 30.0,
    faults: DetectorFaults | None = None,
    seed: int = 0,
) -> tuple[Detections2D, IntArray]:
    """Return detections of people xyz (frame, person, 17, 3), and who each is.

    The second is (camera, frame, slot): the person, -1 for nobody and for people invented. Slots
    are shuffled.
    """
    faults = faults or DetectorFaults()
    random = np.random.default_rng(seed)
    true = _in_pictures(calibration, xyz)
    pixels, gone = true.copy(), random.random(true.shape[:3]) < faults.missed
    if faults.occlusion:
        _hide(calibration, xyz, true, pixels, gone, faults, random)
    pixels += random.normal(0.0, faults.noise_px, pixels.shape)
    exchanged = random.random(pixels.shape[:3]) < faults.exchanged
    pixels = np.where(exchanged[..., None, None], pixels[:, :, :, _MIRROR], pixels)
    pixels[random.random(pixels.shape[:4]) < faults.keypoints_missed] = np.nan
    pixels[gone] = np.nan
    seen = np.count_nonzero(~np.isnan(pixels[..., 0]), axis=-1)
    pixels[seen < _MIN_KEYPOINTS] = np.nan
    people = np.broadcast_to(np.arange(xyz.shape[1]), seen.shape)
    who = np.where(seen < _MIN_KEYPOINTS, -1, people)
    invented = _invented(calibration, true, faults, random)
    pixels = np.concatenate([pixels, invented], axis=2)
    who = np.concatenate([who, np.full(invented.shape[:3], -1)], axis=2)
    order = np.argsort(random.random(who.shape), axis=2)
    pixels = np.take_along_axis(pixels, order[..., None, None], axis=2)
    confidence = np.clip(random.normal(0.75, 0.12, pixels.shape[:4]), 0.2, 1.0)
    confidence[np.isnan(pixels[..., 0])] = 0.0
    detections = Detections2D(
        calibration.names, COCO_17.keypoint_names, fps, pixels, confidence, boxes_of(pixels)
    )
    return detections, np.take_along_axis(who, order, axis=2)


def boxes_of(pixels: FloatArray) -> FloatArray:
    """Return x0 y0 x1 y1 (..., 4) of keypoints (..., keypoint, 2), NaN where there are none."""
    seen = ~np.isnan(pixels)
    low = np.where(seen, pixels, np.inf).min(axis=-2)
    high = np.where(seen, pixels, -np.inf).max(axis=-2)
    boxes = np.concatenate([low, high], axis=-1)
    boxes[~np.isfinite(boxes).all(axis=-1)] = np.nan
    return boxes


def _in_pictures(calibration: Calibration, xyz: FloatArray) -> FloatArray:
    """Return true pixels (camera, frame, person, keypoint, 2), NaN outside the pictures."""
    pixels = np.array(calibration.project(xyz))
    sizes = np.array([camera.image_size for camera in calibration.cameras])
    inside = ((pixels > 0.0) & (pixels < sizes[:, None, None, None] - 1.0)).all(axis=-1)
    pixels[~inside] = np.nan
    return pixels


def _hide(
    calibration: Calibration,
    xyz: FloatArray,
    true: FloatArray,
    pixels: FloatArray,
    gone: BoolArray,
    faults: DetectorFaults,
    random: np.random.Generator,
) -> None:
    """Let people hide each other: miss them, or mix the two, or lose a third of the keypoints."""
    boxes = boxes_of(true)
    size = np.maximum(boxes[..., 2:] - boxes[..., :2], 0.0)
    area = np.maximum(np.prod(size, axis=-1), 1.0)
    camera_from_world = np.stack([each.camera_from_world for each in calibration.cameras])
    middle = xyz.mean(axis=2)
    depth = np.einsum("cj,fpj->cfp", camera_from_world[:, 2, :3], middle)
    depth += camera_from_world[:, 2, 3, None, None]
    people = xyz.shape[1]
    for behind in range(people):
        for before in range(people):
            if behind == before:
                continue
            low = np.maximum(boxes[:, :, behind, :2], boxes[:, :, before, :2])
            high = np.minimum(boxes[:, :, behind, 2:], boxes[:, :, before, 2:])
            shared = np.prod(np.maximum(high - low, 0.0), axis=-1) / area[:, :, behind]
            hidden = (depth[:, :, before] < depth[:, :, behind]) & (shared > 0.5)
            draw = random.random(hidden.shape)
            gone[:, :, behind] |= hidden & (draw < 0.6)
            mixed = hidden & (draw >= 0.6) & (draw < 0.6 + 0.4 * faults.mixed)
            half = random.random((*hidden.shape, xyz.shape[2])) < 0.5
            pixels[:, :, behind] = np.where(
                (mixed[..., None] & half)[..., None], true[:, :, before], pixels[:, :, behind]
            )
            partly = hidden & (draw >= 0.6 + 0.4 * faults.mixed)
            third = random.random((*hidden.shape, xyz.shape[2])) < 0.3
            pixels[:, :, behind][partly[..., None] & third] = np.nan


def _invented(
    calibration: Calibration,
    true: FloatArray,
    faults: DetectorFaults,
    random: np.random.Generator,
) -> FloatArray:
    """Return two more slots (camera, frame, 2, keypoint, 2) of people who are nowhere."""
    cameras, frames, people, keypoints, _ = true.shape
    out = np.full((cameras, frames, 2, keypoints, 2), np.nan)
    for camera in range(cameras):
        size = np.array(calibration.cameras[camera].image_size)
        shapes = true[camera].reshape(frames * people, keypoints, 2)
        whole = np.flatnonzero(np.count_nonzero(~np.isnan(shapes[..., 0]), axis=1) > 12)
        if len(whole) == 0:
            continue

        def placed(
            at: FloatArray, shapes: FloatArray = shapes, whole: IntArray = whole
        ) -> FloatArray:
            shape = shapes[random.choice(whole)]
            return np.asarray(shape - np.nanmean(shape, axis=0) + at)

        for frame in np.flatnonzero(random.random(frames) < faults.invented):
            noise = random.normal(0.0, 6.0, (keypoints, 2))
            out[camera, frame, 0] = placed(random.uniform(0.1, 0.9, 2) * size) + noise
        if camera < faults.ghosts:
            ghost = placed(random.uniform(0.2, 0.8, 2) * size)
            shown = np.flatnonzero(random.random(frames) < 0.5)
            noise = random.normal(0.0, 3.0, (len(shown), keypoints, 2))
            out[camera, shown, 1] = ghost + noise
    return out
