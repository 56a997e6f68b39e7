"""What the cameras saw of one person's landmarks, made ready some frames at a time.

The pixels stay where they are, in the tracks of the take; kernels are given copies of the frames
that they work on. Of how precise each view is only the factors are held.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from mocap.body.fit.view_kernels import Views
from mocap.body.landmarks import BoundLandmarks
from mocap.core.camera import Calibration
from mocap.core.detections import MIN_CONFIDENCE, Tracks2D
from mocap.core.errors import BodyError
from mocap.core.shapes import Array, FloatArray, IntArray

# A synthetic scene without noise would else weigh more than rounding allows.
MIN_NOISE_PX = 0.1

# Confidences are told apart by tenths.
_CONFIDENCE_STEP = 0.1
CONFIDENCE_STEPS = round(1.0 / _CONFIDENCE_STEP)

# The median of a squared error of two Gaussian coordinates, in their variance.
_MEDIAN_OF_SQUARES = 2.0 * np.log(2.0)


@dataclass(frozen=True, eq=False)
class CameraTracks:
    """Where the keypoints of a take were seen, and by which cameras.

    Attributes:
        tracks: pixels of the calibration.
        calibration: holds at least the cameras of the tracks.
    """

    tracks: Tracks2D
    calibration: Calibration


class FramesSeen(Protocol):
    """What was seen of landmarks: `Views`, or what makes them when they are asked for."""

    def part(self, frames: slice) -> Views:
        """Return what was seen in some frames, for the kernels."""


@dataclass(frozen=True, eq=False)
class NoiseFactors:
    """The logarithm of the expected squared error of a view: a sum of four.

    Attributes:
        middle: of all views.
        landmark: (landmark, 1).
        camera: (camera,).
        by_confidence: (step,) of the detector's confidence.
    """

    middle: float
    landmark: FloatArray
    camera: FloatArray
    by_confidence: FloatArray

    def precision(self, confidence: FloatArray) -> FloatArray:
        """Return 1 / sigma² of views (frame, landmark, camera), 1/px²."""
        step = confidence_step(confidence)
        common = self.middle + self.landmark + self.camera + self.by_confidence[step]
        return 1.0 / np.maximum(np.exp(common) / _MEDIAN_OF_SQUARES, MIN_NOISE_PX**2)


@dataclass(frozen=True, eq=False)
class SeenLandmarks:
    """Landmarks of one person in all images.

    Attributes:
        tracks: of the take.
        person: index of the person.
        keypoints: (landmark,) index of each landmark among the keypoints of the tracks.
        rotation, translation, lens, scatter_precision: see `Views`.
        noise: how precise the views are; None: all equally.
    """

    tracks: Tracks2D
    person: int
    keypoints: IntArray
    rotation: FloatArray
    translation: FloatArray
    lens: FloatArray
    scatter_precision: FloatArray
    noise: NoiseFactors | None = None

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return int(self.tracks.pixels.shape[1])

    def confidence(self, frames: slice) -> FloatArray:
        """Return (frame, landmark, camera) in [0, 1]."""
        return self._of(self.tracks.confidence, frames)

    def part(self, frames: slice) -> Views:
        """Return what was seen in some frames, for the kernels."""
        confidence = self.confidence(frames)
        pixels = self._of(self.tracks.pixels, frames)
        pixels[confidence < MIN_CONFIDENCE] = np.nan
        return Views(
            rotation=self.rotation,
            translation=self.translation,
            lens=self.lens,
            pixels=pixels,
            precision=(
                np.ones(confidence.shape)
                if self.noise is None
                else self.noise.precision(confidence)
            ),
            scatter_precision=self.scatter_precision,
        )

    def with_noise(self, noise: NoiseFactors) -> SeenLandmarks:
        """Return the same with views that are as precise as some factors say."""
        return replace(self, noise=noise)

    def _of(self, values: Array, frames: slice) -> FloatArray:
        """Return (frame, landmark, camera, …) of values (camera, frame, person, keypoint, …)."""
        chosen = values[:, frames, self.person][:, :, self.keypoints]
        return np.array(np.moveaxis(chosen, 0, 2), dtype=np.float64, order="C")


def seen_landmarks(seen: CameraTracks, person_id: int, landmarks: BoundLandmarks) -> SeenLandmarks:
    """Return what the cameras saw of a person's landmarks, all equally precise for now.

    Raises:
        BodyError: the tracks do not hold the person or one of the landmarks.
    """
    tracks = seen.tracks
    unknown = [name for name in landmarks.names if name not in tracks.keypoint_names]
    if person_id not in tracks.person_ids or unknown:
        what = f"keypoint {unknown[0]}" if unknown else f"person {person_id}"
        raise BodyError(
            f"the tracks in the images do not have {what} of the points in space: they belong to "
            "different runs. Run `mocap triangulate` and `mocap smooth` again."
        )
    cameras = seen.calibration.subset(tracks.camera_names).cameras
    poses = np.stack([camera.camera_from_world for camera in cameras])
    return SeenLandmarks(
        tracks=tracks,
        person=tracks.person_ids.index(person_id),
        keypoints=np.array([tracks.keypoint_names.index(name) for name in landmarks.names]),
        rotation=np.ascontiguousarray(poses[:, :3, :3]),
        translation=np.ascontiguousarray(poses[:, :3, 3]),
        lens=np.stack([camera.lens for camera in cameras]),
        scatter_precision=landmarks.sigma_m**-2,
    )


def confidence_step(confidence: FloatArray) -> IntArray:
    """Return which tenth confidences in [0, 1] are in."""
    return np.minimum((confidence / _CONFIDENCE_STEP).astype(np.int64), CONFIDENCE_STEPS - 1)
