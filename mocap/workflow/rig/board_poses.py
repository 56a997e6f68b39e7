"""Where the board was during calibration, kept so that the world can be set again later."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core import transform
from mocap.core.camera import Calibration
from mocap.core.shapes import FloatArray, IntArray, check_shapes


@dataclass(frozen=True, eq=False)
class BoardPoses:
    """Poses of the board in the first camera: they do not change when the world does.

    Attributes:
        fps: frames per second of the calibration videos; NaN when unknown.
        frame: (frame,) frame numbers.
        camera_from_board: (frame, 4, 4) of the calibration's first camera.
    """

    fps: float
    frame: IntArray
    camera_from_board: FloatArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, frame="frame", camera_from_board="frame 4 4")

    @classmethod
    def from_world(
        cls, calibration: Calibration, world_from_board: FloatArray, frame: IntArray, fps: float
    ) -> BoardPoses:
        """Return the poses given in the calibration's world."""
        return cls(fps, frame, calibration.cameras[0].camera_from_world @ world_from_board)

    def in_world(self, calibration: Calibration) -> FloatArray:
        """Return world_from_board (frame, 4, 4) in the calibration's world."""
        world_from_camera = transform.invert(calibration.cameras[0].camera_from_world)
        return np.asarray(world_from_camera @ self.camera_from_board)
