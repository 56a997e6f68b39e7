"""The one table of units and up-axes of every file format, and the conversion to them.

Inside, everything is metres with Z up. A format's axes are a rotation of ours, so what is left
handed or mirrored in a viewer is never so in the file.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.shapes import Array, FloatArray

# (x, y, z) -> (x, z, -y): Z up becomes Y up; a body that faces -Y here faces +Z there.
_Y_UP_FROM_Z_UP = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0], [0.0, -1.0, 0.0]])

UNITS_PER_METRE = {"m": 1.0, "cm": 100.0, "mm": 1000.0}
UP_AXES = ("y", "z")


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

    @property
    def up(self) -> str:
        """The upward axis of the file: `y` or `z`."""
        return "xyz"[int(np.argmax(self.file_from_world[:, 2]))]

    def points(self, metres: Array) -> FloatArray:
        """Return points or offsets (..., 3) in the file's unit and axes."""
        return np.asarray(metres @ self.file_from_world.T * self.units_per_metre, dtype=np.float64)

    def world_points(self, values: Array) -> FloatArray:
        """Return points or offsets (..., 3) of a file in metres, Z up."""
        return np.asarray(values @ self.file_from_world / self.units_per_metre, dtype=np.float64)

    def rotations(self, matrices: Array) -> FloatArray:
        """Return rotations (..., 3, 3) in the file's axes."""
        rotated = self.file_from_world @ matrices @ self.file_from_world.T
        return np.asarray(rotated, dtype=np.float64)

    def world_rotations(self, matrices: Array) -> FloatArray:
        """Return rotations (..., 3, 3) of a file in the Z-up world."""
        rotated = self.file_from_world.T @ matrices @ self.file_from_world
        return np.asarray(rotated, dtype=np.float64)


AXES = {
    # Animation tools expect centimetres and Y up in BVH (Motion Builder, Blender's default).
    "bvh": FileAxes("cm", 100.0, _Y_UP_FROM_Z_UP),
    "fbx": FileAxes("cm", 100.0, _Y_UP_FROM_Z_UP),
    # Fixed by the glTF 2.0 specification, section 3.4; the front of a character is +Z.
    "glb": FileAxes("m", 1.0, _Y_UP_FROM_Z_UP),
    "usd": FileAxes("m", 1.0, _Y_UP_FROM_Z_UP),
    # Neither format says which way is up. Viewers take OBJ as Y up; PLY is used by programs for
    # scans and point clouds, which stay in the world of the calibration.
    "obj": FileAxes("m", 1.0, _Y_UP_FROM_Z_UP),
    "ply": FileAxes("m", 1.0, np.eye(3)),
    # Biomechanics programs read C3D with Z up, millimetres.
    "c3d": FileAxes("mm", 1000.0, np.eye(3)),
    # OpenSim reads TRC and MOT with gravity along -Y.
    "trc": FileAxes("m", 1.0, _Y_UP_FROM_Z_UP),
    "trc_mm": FileAxes("mm", 1000.0, _Y_UP_FROM_Z_UP),
    "mot": FileAxes("m", 1.0, _Y_UP_FROM_Z_UP),
    # Tables for people and scripts stay in the world of the calibration.
    "csv": FileAxes("m", 1.0, np.eye(3)),
}


def axes_of(file_format: str, unit: str | None = None, up: str | None = None) -> FileAxes:
    """Return the axes of a format, with another unit or up-axis where asked.

    Raises:
        ExportError: unknown unit or axis.
    """
    axes = AXES[file_format]
    if unit is not None:
        if unit not in UNITS_PER_METRE:
            raise ExportError(f"unit '{unit}' is unknown; choose one of m, cm, mm.")
        axes = replace(axes, unit=unit, units_per_metre=UNITS_PER_METRE[unit])
    if up is not None:
        if up not in UP_AXES:
            raise ExportError(f"up-axis '{up}' is unknown; choose y or z.")
        axes = replace(axes, file_from_world=_Y_UP_FROM_Z_UP if up == "y" else np.eye(3))
    return axes
