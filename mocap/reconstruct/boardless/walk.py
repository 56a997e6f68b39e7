"""What cameras saw of one walking person, and what is known of any body."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.detections import MIN_CONFIDENCE
from mocap.core.errors import ReconstructionError
from mocap.core.kernels.triangulation import triangulate_kernel
from mocap.core.shapes import BoolArray, FloatArray, check_shapes
from mocap.reconstruct.rig.views import PeopleTake
from mocap.reconstruct.triangulate import rays_of

LIMBS = ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
JOINTS = (*(f"{side}_{limb}" for limb in LIMBS for side in ("left", "right")), "head")
"""The head is the middle of both ears: its height tells the stature better than any bone does."""
# Where a detector puts hips and shoulders depends on the view: they count a third, the head two.
SIGMA_OF_JOINT = np.array(
    [3.0 if "hip" in j or "shoulder" in j else 1.5 if j == "head" else 1.0 for j in JOINTS]
)
# Ends of bones and their kind; left and right have one length.
_KINDS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
BONE_FIRST, BONE_SECOND, BONE_KIND = (
    np.array(column)
    for column in zip(
        *(
            (JOINTS.index(f"{side}_{a}"), JOINTS.index(f"{side}_{b}"), kind)
            for kind, (a, b) in enumerate(_KINDS)
            for side in ("left", "right")
        ),
        strict=True,
    )
)
KINDS = len(_KINDS)
# Lengths as shares of the stature, over random shapes of the shipped body: single bones scatter by
# 3.5 to 6.5 %, their median by 2.5 %. Where no stature is known it is 1.70 m to 4.5 %.
BONE_SHARE = np.array([0.153, 0.136, 0.224, 0.254])
BONE_SHARE_SD = 0.025
MEAN_STATURE_M, STATURE_SD = 1.70, 0.045
# More frames cost time and add little: what a detector gets wrong is alike in all of them.
MAX_FRAMES = 200


@dataclass(frozen=True, eq=False)
class Walk:
    """One person in all views.

    Attributes:
        lenses: the cameras; only their lenses count.
        pixels: (camera, frame, joint of JOINTS, 2); NaN is not seen.
        time_s: (frame,) of each frame.
        run: (frame,) takes and holes part frames into runs of one number.
    """

    lenses: Calibration
    pixels: FloatArray
    time_s: FloatArray
    run: FloatArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, pixels=f"camera frame {len(JOINTS)} 2", time_s="frame", run="frame")

    def of_frames(self, chosen: BoolArray) -> Walk:
        """Return the frames marked (frame,)."""
        return replace(
            self, pixels=self.pixels[:, chosen], time_s=self.time_s[chosen], run=self.run[chosen]
        )

    def without(self, joints: Sequence[str]) -> Walk:
        """Return the walk as if some joints had never been detected."""
        pixels = self.pixels.copy()
        pixels[:, :, [JOINTS.index(joint) for joint in joints]] = np.nan
        return replace(self, pixels=pixels)

    def of_cameras(self, names: Sequence[str]) -> Walk:
        """Return the walk as the named cameras saw it."""
        index = [self.lenses.names.index(name) for name in names]
        return replace(self, lenses=self.lenses.subset(names), pixels=self.pixels[index])


def walk_of(takes: Sequence[PeopleTake], lenses: Calibration) -> Walk:
    """Return the largest person of every view of all takes, thinned to 200 frames.

    Raises:
        ReconstructionError: the detections lack joints, or are of other cameras.
    """
    parts, times, runs = [], [], []
    for number, take in enumerate(takes):
        pixels = _largest_person(take, lenses)
        step = max(1, int(np.ceil(pixels.shape[1] * len(takes) / MAX_FRAMES)))
        parts.append(pixels[:, ::step])
        times.append(np.arange(pixels.shape[1])[::step] / take.detections.fps)
        runs.append(np.full(parts[-1].shape[1], float(number)))
    return Walk(lenses, np.concatenate(parts, axis=1), np.concatenate(times), np.concatenate(runs))


def _largest_person(take: PeopleTake, lenses: Calibration) -> FloatArray:
    """Return the joints (camera, frame, joint, 2) of the largest person in calibration pixels."""
    found = take.detections
    missing = [name for name in lenses.names if name not in found.camera_names]
    if missing:
        raise ReconstructionError(
            f"take '{take.name}' has no detections of camera '{missing[0]}', whose lens is given."
        )
    order = [found.camera_names.index(name) for name in lenses.names]
    names = found.keypoint_names
    absent = [n for n in (*JOINTS[:-1], "left_ear", "right_ear") if n not in names]
    if absent:
        raise ReconstructionError(
            f"the detections of take '{take.name}' have no '{absent[0]}'; a rig is solved from "
            "shoulders, elbows, wrists, hips, knees, ankles and ears."
        )
    pixels = np.array(found.pixels, dtype=np.float64)[order]
    confidence = np.nan_to_num(np.array(found.confidence, dtype=np.float64)[order])
    pixels[confidence < MIN_CONFIDENCE] = np.nan
    boxes = np.array(found.boxes, dtype=np.float64)[order]
    area = np.nan_to_num((boxes[..., 2] - boxes[..., 0]) * (boxes[..., 3] - boxes[..., 1]))
    best = (area * confidence.mean(axis=-1)).argmax(axis=2)
    one = np.take_along_axis(pixels, best[:, :, None, None, None], axis=2)[:, :, 0]
    body = one[:, :, [names.index(joint) for joint in JOINTS[:-1]]]
    head = 0.5 * (one[:, :, names.index("left_ear")] + one[:, :, names.index("right_ear")])
    out = np.concatenate([body, head[:, :, None]], axis=2)
    for index, name in enumerate(lenses.names):
        if name in take.image_maps:
            affine = np.asarray(take.image_maps[name], dtype=np.float64)
            out[index] = out[index] @ affine[:, :2].T + affine[:, 2]
    return np.asarray(out)


def triangulated(
    rig: Calibration, pixels: FloatArray, gate_rad: float
) -> tuple[FloatArray, FloatArray]:
    """Return points (frame, joint, 3) of pixels (camera, frame, joint, 2), and squared errors.

    `gate_rad` is how far a view may be off its point. Squared errors (camera, frame, joint) in px².
    """
    cameras, frames, joints = pixels.shape[:3]
    vectors = rig.vectors()
    flat = np.ascontiguousarray(pixels.reshape(cameras, -1, 2).transpose(1, 0, 2))
    points = np.full((len(flat), 3), np.nan)
    squared = np.full((len(flat), cameras), np.nan)
    gate_px = gate_rad * float(np.median(vectors[:, 6]))
    triangulate_kernel(
        vectors, flat, rays_of(vectors, flat), gate_px, points, np.zeros((len(flat), 6)), squared
    )
    squared[np.isnan(points[:, 0])] = np.nan
    return points.reshape(frames, joints, 3), squared.T.reshape(cameras, frames, joints)


def bone_scale(points: FloatArray, bones_m: FloatArray) -> tuple[float, float]:
    """Return reference bones over those of points (frame, joint, 3), and how these scatter.

    The scatter is the robust standard deviation of the logarithm of lengths of one kind of bone.
    NaN where no bone was seen often enough.
    """
    length = np.linalg.norm(points[:, BONE_FIRST] - points[:, BONE_SECOND], axis=-1)
    ratios, scatter = [], []
    for kind in range(KINDS):
        seen = length[:, kind == BONE_KIND]
        seen = seen[np.isfinite(seen)]
        if len(seen) > 10:
            middle = np.median(seen)
            ratios.append(np.log(bones_m[kind] / middle))
            scatter.append(1.4826 * np.median(np.abs(np.log(seen / middle))))
    if not ratios:
        return float("nan"), float("nan")
    return float(np.exp(np.median(ratios))), float(np.median(scatter))
