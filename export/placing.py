"""Where a clip stands: its floor at 0, its beginning at the origin, its front as asked.

Everything of a call moves together: people, keypoints, markers and cameras keep their places to
each other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D
from mocap.core.rotation import (
    matrix_from_quaternion_wxyz,
    matrix_from_rotvec,
    quaternion_wxyz_from_matrix,
)
from mocap.core.shapes import Array, FloatArray
from mocap.core.transform import invert, rigid
from mocap.export.c3d import C3dExtras

# Degrees about the vertical from the front of a rest pose, which is -Y (+Z in Y-up files).
_FACING_DEG = {"front": 0.0, "left": 90.0, "back": 180.0, "right": -90.0}
_FORWARD = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True)
class Placing:
    """What was asked.

    Attributes:
        ground: put the floor that feet stand on at height 0.
        at_origin: put the first person's pelvis above the origin in the first frame.
        facing: front, left, back, right or degrees to the left: where that person then faces.
    """

    ground: bool = False
    at_origin: bool = False
    facing: str | None = None

    @property
    def nothing(self) -> bool:
        """Whether everything stays where it is."""
        return self == Placing()


def facing_deg(facing: str) -> float:
    """Return the angle of a facing.

    Raises:
        ExportError: it is neither a word that is known nor a number.
    """
    if facing.lower() in _FACING_DEG:
        return _FACING_DEG[facing.lower()]
    try:
        angle = float(facing)
    except ValueError:
        angle = float("nan")
    if not np.isfinite(angle):
        raise ExportError(
            f"facing '{facing}' is unknown; choose front, left, back, right or degrees, as in 45."
        )
    return angle


def placement(placing: Placing, main: SkeletonMotion, floor_m: float | None) -> FloatArray:
    """Return the transform (4, 4) of the world that places a clip.

    Args:
        placing: what was asked.
        main: motion of the person that counts, as it begins in the file.
        floor_m: height of the floor its feet stand on; the lowest joint when not known.

    Raises:
        ExportError: an unknown facing.
    """
    turn, shift = np.eye(3), np.zeros(3)
    known = np.flatnonzero(np.isfinite(main.root_positions).all(axis=1))
    first = int(known[0]) if len(known) else 0
    pelvis = main.root_positions[first]
    if placing.facing is not None:
        front = matrix_from_quaternion_wxyz(main.local_rotations_wxyz[first, 0]) @ _FORWARD
        now = np.arctan2(front[0], -front[1])
        wanted = np.deg2rad(facing_deg(placing.facing))
        turn = matrix_from_rotvec((wanted - now) * np.array([0.0, 0.0, 1.0]))
        # About the person, who stays where they stand.
        shift = pelvis - turn @ pelvis
    if placing.at_origin:
        shift[:2] -= (turn @ pelvis + shift)[:2]
    if placing.ground:
        if floor_m is None:
            floor_m = float(np.nanmin(main.forward_kinematics()[0][..., 2]))
        shift[2] = -floor_m
    return rigid(turn, shift)


def placed_motion(motion: SkeletonMotion, transform: FloatArray) -> SkeletonMotion:
    """Return a motion elsewhere in the world."""
    turns = motion.local_rotations_wxyz.copy()
    known = np.isfinite(turns[:, 0]).all(axis=1)
    root = matrix_from_quaternion_wxyz(turns[known, 0])
    turns[known, 0] = quaternion_wxyz_from_matrix(transform[:3, :3] @ root)
    return replace(
        motion,
        root_positions=_moved(motion.root_positions, transform),
        local_rotations_wxyz=turns,
    )


def placed_points(points: Points3D, transform: FloatArray) -> Points3D:
    """Return keypoints elsewhere in the world."""
    turn = transform[:3, :3]
    return replace(
        points,
        xyz=_moved(points.xyz, transform),
        covariance=turn @ np.asarray(points.covariance, dtype=np.float64) @ turn.T,
    )


def placed_extras(extras: Mapping[int, C3dExtras], transform: FloatArray) -> dict[int, C3dExtras]:
    """Return markers and segments elsewhere in the world."""
    return {
        person: replace(
            extra,
            virtual_markers={
                name: _moved(values, transform) for name, values in extra.virtual_markers.items()
            },
            segments=None if extra.segments is None else placed_motion(extra.segments, transform),
        )
        for person, extra in extras.items()
    }


def placed_cameras(calibration: Calibration, transform: FloatArray) -> Calibration:
    """Return cameras elsewhere in the world."""
    world_from_new = invert(transform)
    cameras = tuple(
        replace(camera, camera_from_world=camera.camera_from_world @ world_from_new)
        for camera in calibration.cameras
    )
    return replace(calibration, cameras=cameras)


def _moved(values: Array, transform: FloatArray) -> FloatArray:
    return np.asarray(np.asarray(values) @ transform[:3, :3].T + transform[:3, 3])
