"""The one table of units and up-axes of every file format, and the conversion to them.

Inside, everything is metres with Z up. A format's axes are a rotation of ours, so what is left
handed or mirrored in a viewer is never so in the file.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import Array, FloatArray

# (x, y, z) -> (x, z, -y): Z up becomes Y up; a body that faces -Y here faces +Z there.
_Y_UP_FROM_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])


@dataclass(frozen=True, eq=False)
class FileAxes:
    """Unit and axes of a format.

    Attributes:
        unit: its name in the file.
        units_per_metre: factor from metres.
        file_from_world: (3, 3) rotation.
    """

    unit: str
    units_per_metre: float
    file_from_world: FloatArray

    def points(self, metres: Array) -> FloatArray:
        """Return points or offsets (..., 3) in the file's unit and axes."""
        return np.asarray(metres @ self.file_from_world.T * self.units_per_metre, dtype=np.float64)

    def rotations(self, matrices: Array) -> FloatArray:
        """Return rotations (..., 3, 3) in the file's axes."""
        rotated = self.file_from_world @ matrices @ self.file_from_world.T
        return np.asarray(rotated, dtype=np.float64)


AXES = {
    # Animation tools expect centimetres and Y up in BVH (Motion Builder, Blender's default).
    "bvh": FileAxes("cm", 100.0, _Y_UP_FROM_Z_UP),
    # OpenSim reads TRC with gravity along -Y.
    "trc": FileAxes("m", 1.0, _Y_UP_FROM_Z_UP),
    "trc_mm": FileAxes("mm", 1000.0, _Y_UP_FROM_Z_UP),
    # Tables for people and scripts stay in the world of the calibration.
    "csv": FileAxes("m", 1.0, np.eye(3)),
}
