"""Does a camera see the person where the other cameras say the person is?

Random detector errors average out over a take; a constant offset does not: it means that the
camera moved after the calibration, that its image is scaled or shifted against the calibration,
or that the calibration is wrong. A joint triangulation would share the offset of one camera among
all of them and show it too small, so each camera is compared with the point triangulated from the
other cameras only.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Tracks2D
from mocap.core.errors import ReconstructionError
from mocap.core.kernels.triangulation import triangulate_kernel
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray, IntArray, check_shapes
from mocap.reconstruct.noise import GATE_SIGMAS, drawn, noise_of_points_px
from mocap.reconstruct.triangulate import observed_pixels, rays_of

# Detectors disagree between views by a few pixels of their own (they see another side of the
# body), about 0.4 % of a person 900 px tall; offsets of a wrong rig were 10-35 px on a recording.
WARN_OFFSET_PX = 5.0
# ... and about 3 mrad of angle, whatever the focal length: 5 px at 1700 px.
WARN_OFFSET_RAD = 0.003
# With fewer comparisons a median is a matter of luck.
MIN_COMPARISONS = 50
_MAX_POINTS, _MOST_CAMERAS = 3000, 8
"""Keypoints that are compared. Each is triangulated once for every camera, from all others: of more
cameras fewer are taken, so that what it costs grows with their number and not with its square. The
median of 750 that scatter by 3 px is known to 0.14 px, for limits of 5."""


@dataclass(frozen=True, eq=False)
class CameraBias:
    """How each camera differs from the other ones.

    Attributes:
        camera_names: in the order of the tracks.
        offset_px: (camera, 2) median of observed minus predicted pixel (right, down); predicted
            from the other cameras only. NaN where it cannot be told. An error of one camera also
            moves the predictions for the others: of four or more cameras the largest offset is
            the first suspect; of three, any.
        magnitude_px: (camera,) length of the offset.
        spread_px: (camera,) median distance from the offset: the random part.
        comparisons: (camera,) keypoints compared.
        warnings: one sentence per camera that is off.
    """

    camera_names: tuple[str, ...]
    offset_px: FloatArray
    magnitude_px: FloatArray
    spread_px: FloatArray
    comparisons: IntArray
    warnings: tuple[str, ...]

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(
            self,
            camera_names="camera",
            offset_px="camera 2",
            magnitude_px="camera",
            spread_px="camera",
            comparisons="camera",
        )


def camera_bias(points: Points3D, tracks: Tracks2D, calibration: Calibration) -> CameraBias:
    """Return the constant offset of every camera against the others.

    Args:
        points: triangulated or smoothed tracks; they tell which observations to compare.
        tracks: keypoints in pixels of the calibration.
        calibration: holds at least the cameras of the tracks.

    With two cameras an offset along the epipolar lines is invisible and the other direction
    cannot be blamed on one of them: every offset is NaN then.

    Raises:
        ReconstructionError: when nothing was triangulated.
    """
    vectors, pixels = observed_pixels(tracks, calibration)
    most = _MAX_POINTS * _MOST_CAMERAS // max(len(vectors), _MOST_CAMERAS)
    chosen = drawn(np.asarray(points.source) == Source.MEASURED, most)
    if len(chosen) == 0:
        raise ReconstructionError(
            "no keypoint was triangulated in any frame, so the cameras cannot be compared. "
            "Check the calibration, the synchronisation and the detections of this take."
        )
    xyz = np.asarray(points.xyz).reshape(-1, 3)
    gate_px = GATE_SIGMAS * noise_of_points_px(vectors, pixels, xyz, points.source.shape)
    pixels = pixels[chosen]
    rays = rays_of(vectors, pixels)
    rig = calibration.subset(tracks.camera_names).cameras
    cameras = len(rig)
    offset, spread = np.full((cameras, 2), np.nan), np.full(cameras, np.nan)
    comparisons = np.zeros(cameras, dtype=np.int64)
    for index in range(cameras):
        others = np.delete(np.arange(cameras), index)
        predicted = _predicted(vectors[others], pixels[:, others], rays[:, others], gate_px)
        residual = pixels[:, index] - rig[index].project(predicted)
        residual = residual[~np.isnan(residual[:, 0])]
        comparisons[index] = len(residual)
        if len(residual) >= MIN_COMPARISONS:
            offset[index] = np.median(residual, axis=0)
            spread[index] = np.median(np.linalg.norm(residual - offset[index], axis=1))
    magnitude = np.linalg.norm(offset, axis=1)
    return CameraBias(
        camera_names=tracks.camera_names,
        offset_px=offset,
        magnitude_px=magnitude,
        spread_px=spread,
        comparisons=comparisons,
        warnings=_warnings(rig, offset, magnitude, comparisons),
    )


def _predicted(
    vectors: FloatArray, pixels: FloatArray, rays: FloatArray, gate_px: float
) -> FloatArray:
    """Return the points (n, 3) on which at least two of these cameras agree; NaN elsewhere."""
    points = np.full((len(pixels), 3), np.nan)
    if len(vectors) >= 2:
        triangulate_kernel(
            vectors,
            np.ascontiguousarray(pixels),
            np.ascontiguousarray(rays),
            gate_px,
            points,
            np.zeros((len(pixels), 6)),
            np.full(pixels.shape[:2], np.nan),
        )
    return points


def _warnings(
    rig: tuple[Camera, ...], offset: FloatArray, magnitude: FloatArray, comparisons: IntArray
) -> tuple[str, ...]:
    """Return a sentence per camera that is off, the worst first."""
    out = []
    for index in np.argsort(-np.nan_to_num(magnitude)):
        limit_px = max(WARN_OFFSET_PX, WARN_OFFSET_RAD * rig[index].camera_matrix[0, 0])
        if np.nan_to_num(magnitude[index]) <= limit_px:
            continue
        out.append(
            f"camera '{rig[index].name}' sees the body {magnitude[index]:.0f} px "
            f"({_direction(offset[index])}) away from where the other cameras place it, in the "
            f"median of {comparisons[index]} keypoints. Its calibration is wrong, or it has moved "
            "since, or its video is cropped or scaled: `mocap calibration refine SESSION TAKE` "
            "corrects the cameras from the people in the take; else calibrate again, or correct "
            "its image_map."
        )
    return tuple(out)


def _direction(offset: FloatArray) -> str:
    """Return an offset (right, down) in words."""
    x, y = float(offset[0]), float(offset[1])
    words = [f"{abs(x):.0f} px {'right' if x > 0 else 'left'}"] if abs(x) >= 0.5 else []
    if abs(y) >= 0.5:
        words.append(f"{abs(y):.0f} px {'down' if y > 0 else 'up'}")
    return ", ".join(words)
