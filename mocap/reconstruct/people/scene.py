"""All detections of a take as rays of calibrated cameras."""

from __future__ import annotations

import numpy as np

from mocap.core import keypoint_names
from mocap.core.camera import Calibration
from mocap.core.detections import MIN_CONFIDENCE, Detections2D
from mocap.core.kernels.compiled import kernel
from mocap.core.kernels.linear import camera_matrices
from mocap.core.keypoints import mirrored_name
from mocap.core.lens import undistort_point, undistort_points
from mocap.core.shapes import FloatArray, IntArray
from mocap.reconstruct.people.instant_kernels import essential_matrices
from mocap.reconstruct.people.state import Instants, Rig

# A keypoint may be this share of the person's size in the image from where the other cameras see
# it: detectors are 1.5 % off in the median and 7 % at the 95th percentile.
TOLERANCE_OF_SIZE = 0.08

# People far away and rigs a little off: the tolerance is never less than this.
MIN_TOLERANCE_PX = 10.0

# Lengths of people from 1.1 m to 2.2 m, as detectors see them: hips and shoulders narrower than
# they are, limbs shortened by noise.
_BONES = (
    ("left_shoulder", "right_shoulder", 0.15, 0.60),
    ("left_hip", "right_hip", 0.08, 0.48),
    ("left_shoulder", "left_hip", 0.24, 0.78),
    ("right_shoulder", "right_hip", 0.24, 0.78),
    ("left_hip", "left_knee", 0.20, 0.62),
    ("right_hip", "right_knee", 0.20, 0.62),
    ("left_knee", "left_ankle", 0.20, 0.60),
    ("right_knee", "right_ankle", 0.20, 0.60),
    ("left_shoulder", "left_elbow", 0.12, 0.45),
    ("right_shoulder", "right_elbow", 0.12, 0.45),
    ("left_elbow", "left_wrist", 0.10, 0.42),
    ("right_elbow", "right_wrist", 0.10, 0.42),
)

# Cameras whose axes are all within this angle see depth several times worse than width: lengths of
# bones then tell nothing about who somebody is, nor whether they are a person.
_LEAST_ANGLE_RAD = np.deg2rad(25.0)

# Hands and face would outvote the body, and cost time: people are matched by these keypoints.
_MATCHED = frozenset(keypoint_names.COCO + keypoint_names.HEEL_AND_TOE)
_MIN_MATCHED = 8


class Scene:
    """All detections as rays with tolerances, some frames at a time.

    Attributes:
        fps, frame_count: of the take.
        keypoints: (matched keypoint,) positions in the detections.
        names: of the matched keypoints.
        rig: cameras and bodies, for the kernels.
        boxes: (frame, camera, slot, 4) x0 y0 x1 y1 of the rays in the frames that were looked at.
    """

    def __init__(
        self,
        detections: Detections2D,
        calibration: Calibration,
        tolerance_of_size: float = TOLERANCE_OF_SIZE,
    ) -> None:
        """Take in `detections`, in pixels of the calibration."""
        rig = calibration.subset(detections.camera_names)
        vectors = rig.vectors()
        self._detections, self._vectors = detections, vectors
        self.fps = detections.fps
        self.frame_count = detections.pixels.shape[1]
        self.keypoints = matched_keypoints(detections.keypoint_names)
        self.names = tuple(detections.keypoint_names[k] for k in self.keypoints)
        poses = camera_matrices(vectors)
        floor = MIN_TOLERANCE_PX / vectors[:, 6]
        self.rig = Rig(
            poses=poses,
            essentials=essential_matrices(poses),
            orders=np.stack([np.arange(len(self.names)), mirror_of(self.names)]),
            images=_pictures(rig, vectors),
            floor=floor,
            bones=_bones(self.names) if _tells_depth(poses) else np.zeros((0, 4)),
            tolerance_of_size=float(tolerance_of_size),
        )
        cameras, frames, slots = detections.confidence.shape[:3]
        self.boxes = np.full((frames, cameras, slots, 4), np.nan)

    def instants(self, frames: slice) -> Instants:
        """Return some frames for the kernels: the rays of a long take are larger than the take."""
        seen, boxes = self._detections, self.boxes[frames]
        confidence = np.ascontiguousarray(seen.confidence[:, frames], dtype=np.float64)
        # (frame, camera, slot, ...): an instant is contiguous.
        rays = np.full((*boxes.shape[:3], len(self.keypoints), 2), np.nan)
        shares = np.zeros(rays.shape[:4])
        rays_of(
            self._vectors,
            np.ascontiguousarray(seen.pixels[:, frames], dtype=np.float64),
            confidence,
            self.keypoints,
            rays,
            shares,
        )
        boxes[:] = np.nan
        boxes_of(rays.reshape(-1, *rays.shape[3:]), boxes.reshape(-1, 4))
        size = np.maximum(boxes[..., 2] - boxes[..., 0], boxes[..., 3] - boxes[..., 1])
        size = np.where(np.isfinite(size) & (size > 0.0), size, np.nan)
        return Instants(
            rays=rays,
            confidence=shares,
            boxes=boxes,
            tolerance=np.maximum(self.rig.tolerance_of_size * size, self.rig.floor[:, None]),
            view_ids=np.ascontiguousarray(
                np.moveaxis(seen.view_ids[:, frames], 0, 1), dtype=np.int64
            ),
        )


def matched_keypoints(names: tuple[str, ...]) -> IntArray:
    """Return the positions of the keypoints people are matched by: those of the body."""
    body = [index for index, name in enumerate(names) if name in _MATCHED]
    return np.array(body if len(body) >= _MIN_MATCHED else range(len(names)), dtype=np.int64)


def mirror_of(names: tuple[str, ...]) -> IntArray:
    """Return for each keypoint the position of its mirror image, itself where there is none."""
    return np.array(
        [names.index(m) if (m := mirrored_name(n)) in names else names.index(n) for n in names],
        dtype=np.int64,
    )


def _bones(names: tuple[str, ...]) -> FloatArray:
    rows = [
        (names.index(a), names.index(b), shortest, longest)
        for a, b, shortest, longest in _BONES
        if a in names and b in names
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, 4)


def _tells_depth(poses: FloatArray) -> bool:
    """Return whether two cameras at least look from sides different enough to measure bones."""
    axes = poses[:, 2, :3]
    return bool((axes @ axes.T).min() < np.cos(_LEAST_ANGLE_RAD))


def _pictures(rig: Calibration, vectors: FloatArray) -> FloatArray:
    """Return the picture (camera, 4) x0 y0 x1 y1 of every camera in units of the rays."""
    middles = []
    for camera in rig.cameras:
        width, height = camera.image_size
        x, y = camera.camera_matrix[0, 2], camera.camera_matrix[1, 2]
        middles.append([[0.0, y], [x, 0.0], [width - 1.0, y], [x, height - 1.0]])
    rays = np.full((len(middles), 4, 2), np.nan)
    undistort_points(vectors, np.array(middles, dtype=np.float64), rays)
    return np.stack([rays[:, 0, 0], rays[:, 1, 1], rays[:, 2, 0], rays[:, 3, 1]], axis=1)


@kernel
def rays_of(
    vectors: FloatArray,
    pixels: FloatArray,
    confidence: FloatArray,
    keypoints: IntArray,
    rays: FloatArray,
    shares: FloatArray,
) -> None:
    """Write rays (frame, camera, slot, matched, 2) and confidences of what is surely enough seen.

    pixels (camera, frame, slot, keypoint, 2) and confidence (camera, frame, slot, keypoint) are
    the detections', `keypoints` the matched ones.
    """
    cameras, frames, slots, _ = confidence.shape
    for f in range(frames):
        for c in range(cameras):
            for i in range(slots):
                for k in range(len(keypoints)):
                    here = keypoints[k]
                    shares[f, c, i, k] = confidence[c, f, i, here]
                    u, v = pixels[c, f, i, here, 0], pixels[c, f, i, here, 1]
                    if np.isnan(u) or shares[f, c, i, k] < MIN_CONFIDENCE:
                        continue
                    x, y = undistort_point(vectors[c, 6:], u, v)
                    rays[f, c, i, k, 0], rays[f, c, i, k, 1] = x, y


@kernel
def boxes_of(rays: FloatArray, boxes: FloatArray) -> None:
    """Write x0 y0 x1 y1 (detection, 4) of rays (detection, keypoint, 2), NaN where none is seen."""
    for n in range(len(rays)):
        for k in range(rays.shape[1]):
            u, v = rays[n, k, 0], rays[n, k, 1]
            if np.isnan(u):
                continue
            if np.isnan(boxes[n, 0]):
                boxes[n, 0], boxes[n, 1], boxes[n, 2], boxes[n, 3] = u, v, u, v
                continue
            boxes[n, 0], boxes[n, 1] = min(boxes[n, 0], u), min(boxes[n, 1], v)
            boxes[n, 2], boxes[n, 3] = max(boxes[n, 2], u), max(boxes[n, 3], v)
