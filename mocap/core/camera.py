"""A calibrated camera and a calibrated rig of cameras."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from mocap.core import transform
from mocap.core.errors import InputError
from mocap.core.rotation import matrix_from_rotvec, rotvec_from_matrix
from mocap.core.shapes import Array, FloatArray, check_shapes, in_parts

LARGEST_PARAMETER = 1e9
"""Pixels, metres or lens coefficients: no camera comes near, and products stay finite."""
MODELS = ("standard", "rational", "fisheye")
"""Lens models in the order of their codes in `core.lens`."""
COEFFICIENTS = {"standard": 5, "rational": 8, "fisheye": 4}
LENS_NUMBERS = 13
"""Numbers of a lens: four of the pinhole, eight coefficients, the code of the model."""

# Points that are projected at once: their derivatives take six times the room of their pixels.
_POINTS_AT_ONCE = 1 << 18


@dataclass(frozen=True, eq=False)
class Camera:
    """A pinhole camera with one of OpenCV's lens models.

    Attributes:
        name: camera name, equal to the file name of its videos.
        image_size: (width, height) in pixels.
        camera_matrix: (3, 3), focal lengths and principal point in pixels, no skew.
        dist_coeffs: (5,) k1 k2 p1 p2 k3 of the standard lens; (8,) k1 k2 p1 p2 k3 k4 k5 k6 of a
            rational one; (4,) k1 k2 k3 k4 of a fisheye.
        camera_from_world: (4, 4) rigid transform in metres; x right, y down, z forward.
        lens_model: "standard", "rational" or "fisheye", see `core.lens`.
    """

    name: str
    image_size: tuple[int, int]
    camera_matrix: FloatArray
    dist_coeffs: FloatArray
    camera_from_world: FloatArray
    lens_model: str = "standard"

    def __post_init__(self) -> None:
        """Check shapes and that the pose is a right-handed rigid transform."""
        if self.lens_model not in COEFFICIENTS:
            raise ValueError(f"camera '{self.name}' has an unknown lens model '{self.lens_model}'")
        count = str(COEFFICIENTS[self.lens_model])
        check_shapes(self, camera_matrix="3 3", dist_coeffs=count, camera_from_world="4 4")
        values = (self.camera_matrix, self.dist_coeffs, self.camera_from_world)
        if not all(np.isfinite(value).all() for value in values):
            raise ValueError(f"camera '{self.name}' has parameters that are not finite")
        if max(float(np.abs(value).max()) for value in values) > LARGEST_PARAMETER:
            raise ValueError(f"camera '{self.name}' has a parameter beyond {LARGEST_PARAMETER:g}")
        rotation = self.camera_from_world[:3, :3]
        off = float(np.abs(rotation @ rotation.T - np.eye(3)).max())
        # 1e-5 is far above rounding of a rotation stored with 6 digits, far below any real error.
        if off > 1e-5 or np.linalg.det(rotation) < 0:
            raise ValueError(
                f"camera '{self.name}': camera_from_world holds no right-handed rotation "
                f"(departure from orthogonality {off:.2g}, "
                f"determinant {np.linalg.det(rotation):.3f})"
            )
        if min(self.camera_matrix[0, 0], self.camera_matrix[1, 1]) <= 0:
            raise ValueError(f"camera '{self.name}' has a focal length that is not positive")

    @classmethod
    def from_vector(cls, name: str, image_size: tuple[int, int], vector: Array) -> Camera:
        """Return the camera of 19 numbers: rotvec, translation (m), then `lens`.

        15 numbers are a camera with the standard lens: rotvec, translation, fx fy cx cy k1 k2 p1 p2
        k3.
        """
        v = np.asarray(vector, dtype=np.float64)
        pose = transform.rigid(matrix_from_rotvec(v[:3]), v[3:6])
        return cls.from_lens(name, image_size, v[6:], pose)

    @classmethod
    def from_lens(
        cls, name: str, image_size: tuple[int, int], lens: Array, camera_from_world: FloatArray
    ) -> Camera:
        """Return the camera of a lens (13,) as `lens` has it; (9,) is a standard one."""
        k = np.asarray(lens, dtype=np.float64)
        model = MODELS[int(k[12])] if len(k) > 9 else "standard"
        matrix = np.array([[k[0], 0.0, k[2]], [0.0, k[1], k[3]], [0.0, 0.0, 1.0]])
        coefficients = k[4 : 4 + COEFFICIENTS[model]].copy()
        return cls(name, image_size, matrix, coefficients, camera_from_world, model)

    def vector(self) -> FloatArray:
        """Return the 19 numbers of `from_vector`."""
        rotvec = rotvec_from_matrix(self.camera_from_world[:3, :3])
        return np.concatenate([rotvec, self.camera_from_world[:3, 3], self.lens])

    @property
    def lens(self) -> FloatArray:
        """K13: fx fy cx cy, eight coefficients (those of the model, then zeros), model code."""
        k = self.camera_matrix
        out = np.zeros(LENS_NUMBERS)
        out[:4] = k[0, 0], k[1, 1], k[0, 2], k[1, 2]
        out[4 : 4 + len(self.dist_coeffs)] = self.dist_coeffs
        out[12] = MODELS.index(self.lens_model)
        return out

    @property
    def center(self) -> FloatArray:
        """Position (3,) of the optical centre in the world, metres."""
        rotation = self.camera_from_world[:3, :3]
        return np.asarray(-rotation.T @ self.camera_from_world[:3, 3])

    def project(self, points: Array) -> FloatArray:
        """Return pixels (..., 2) of world points (..., 3); NaN behind the camera.

        NaN also beyond the angle from which the lens polynomial turns back, and for a fisheye lens
        from 86 degrees off straight ahead on.
        """
        points = np.asarray(points, dtype=np.float64)
        flat = points.reshape(-1, 3)
        pixels = np.zeros((len(flat), 2))
        for part in in_parts(len(flat), _POINTS_AT_ONCE):
            pixels[part], _ = self._projected(flat[part])
        return pixels.reshape(*points.shape[:-1], 2)

    def project_with_jacobian(self, points: Array) -> tuple[FloatArray, FloatArray]:
        """Return pixels (n, 2) and d pixel / d world point (n, 2, 3) of points (n, 3)."""
        pixels, d_camera = self._projected(np.asarray(points, dtype=np.float64))
        return pixels, d_camera @ self.camera_from_world[:3, :3]

    def _projected(self, points: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return pixels (n, 2) and d pixel / d point in camera coordinates (n, 2, 3)."""
        from mocap.core import lens

        in_camera = transform.apply(self.camera_from_world, points)
        pixels = np.full((len(points), 2), np.nan)
        d_camera = np.full((len(points), 2, 3), np.nan)
        lens.project_camera_points(self.lens, in_camera, pixels, d_camera)
        return pixels, d_camera

    def undistort(self, pixels: Array) -> FloatArray:
        """Return normalised image coordinates x/z, y/z (..., 2) of pixels (..., 2)."""
        from mocap.core import lens

        pixels = np.asarray(pixels, dtype=np.float64)
        out = np.full((1, pixels.size // 2, 2), np.nan)
        lens.undistort_points(self.vector()[None], pixels.reshape(1, -1, 2).copy(), out)
        return out.reshape(pixels.shape)


@dataclass(frozen=True, eq=False)
class Calibration:
    """A calibrated rig: cameras in one world, with how well they fit what they were solved from.

    Attributes:
        cameras: in rig order; names are unique.
        rms_px: per camera name, the reprojection root mean square in pixels, where known.
        metadata: what made it (source, board, warnings): short strings for people.
    """

    cameras: tuple[Camera, ...]
    rms_px: Mapping[str, float] = field(default_factory=dict)
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check that there is a camera and that no name appears twice."""
        if not self.cameras:
            raise ValueError("a calibration needs at least one camera")
        if len(set(self.names)) != len(self.names):
            raise ValueError(f"a calibration repeats a camera name: {', '.join(self.names)}")

    @property
    def names(self) -> tuple[str, ...]:
        """Camera names in order."""
        return tuple(camera.name for camera in self.cameras)

    def __getitem__(self, name: str) -> Camera:
        """Return the camera called `name`.

        Raises:
            InputError: when there is none; the message lists the names.
        """
        for camera in self.cameras:
            if camera.name == name:
                return camera
        known = ", ".join(self.names)
        raise InputError(f"the calibration has no camera '{name}'; it has {known}.")

    def subset(self, names: Sequence[str]) -> Calibration:
        """Return the rig of the named cameras only, in the order given."""
        rms = {name: self.rms_px[name] for name in names if name in self.rms_px}
        return replace(self, cameras=tuple(self[name] for name in names), rms_px=rms)

    def project(self, points: Array) -> FloatArray:
        """Return pixels (camera, ..., 2) of world points (..., 3)."""
        return np.stack([camera.project(points) for camera in self.cameras])

    def vectors(self) -> FloatArray:
        """Return (camera, 19) parameter vectors, see `Camera.from_vector`."""
        return np.stack([camera.vector() for camera in self.cameras])

    def transformed(self, new_from_old: Array, scale: float = 1.0) -> Calibration:
        """Return the same rig in another world: new = new_from_old @ (scale * old)."""
        old_from_new = transform.invert(new_from_old)
        cameras = []
        for camera in self.cameras:
            pose = camera.camera_from_world.copy()
            pose[:3, 3] *= scale
            cameras.append(replace(camera, camera_from_world=pose @ old_from_new))
        return replace(self, cameras=tuple(cameras))
