"""MOT and STO tables as OpenSim reads them: a short header, then tab-separated columns.

`.mot` holds coordinates of a model (angles in degrees, lengths in metres); `.sto` is the same
table for anything else. A skeleton has no OpenSim coordinates of its own: `write_motion` writes
its joint rotations, for plots and statistics. Coordinates of an OpenSim model come from
`mocap.export.opensim_ik`.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.rotation import matrix_from_quaternion_wxyz
from mocap.core.shapes import Array
from mocap.core.store import write_text
from mocap.export.axes import AXES
from mocap.export.character.character import check_motion
from mocap.export.character.names import renamed
from mocap.export.euler import euler_angles

# Angles of the pelvis and limbs in the order biomechanics uses: flexion about the lateral axis
# first (X of a T-pose that faces +Z), then abduction (Z), then turning (Y).
_ORDER = "XZY"


def write_table(
    columns: Mapping[str, Array], path: Path | str, *, fps: float, in_degrees: bool = True
) -> tuple[str, ...]:
    """Write columns (frame,) over time; unknown values are `nan`, which OpenSim reads.

    Args:
        columns: values by column name; all of one length.
        path: file to write; its suffix `.mot` or `.sto` makes no difference to the content.
        fps: frames per second; the first frame is at 0 s.
        in_degrees: what the header says about angles.

    Raises:
        ExportError: no columns or frames, lengths that differ, or names with tabs.
    """
    path = Path(path)
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1 or 0 in lengths:
        raise ExportError(
            f"a table needs columns of one length; got {sorted(lengths) or 'no columns'}."
        )
    bad = [name for name in columns if not name or set(name) & set("\t\r\n")]
    if bad:
        raise ExportError(f"column names cannot hold tabs or line breaks: {bad}.")
    values = np.stack([np.asarray(each, dtype=np.float64) for each in columns.values()], axis=1)
    lines = [
        path.stem,
        "version=1",
        f"nRows={len(values)}",
        f"nColumns={len(columns) + 1}",
        f"inDegrees={'yes' if in_degrees else 'no'}",
        "endheader",
        "\t".join(["time", *columns]),
    ]
    for frame, row in enumerate(values):
        lines.append("\t".join([f"{frame / fps:.8f}", *(f"{value:.8f}" for value in row)]))
    write_text(path, "\n".join(lines) + "\n")
    return ()


def write(motion: SkeletonMotion, path: Path | str, *, names: str = "smplx") -> tuple[str, ...]:
    """Write root position (m, Y up) and every joint's rotation as three angles in degrees.

    The angles of a joint turn about its X, then Z, then Y axis in the T-pose that faces +Z
    (left is +X); they are continuous in time. Columns are `<joint>_rx`, `_rz`, `_ry`.

    Raises:
        ExportError: no frames, gaps, or unknown names.
    """
    check_motion(motion)
    axes = AXES["mot"]
    root = axes.points(motion.root_positions)
    joint_names = renamed(motion.joint_names, names)
    columns = {f"{joint_names[0]}_t{axis}": root[:, i] for i, axis in enumerate("xyz")}
    turns = axes.rotations(matrix_from_quaternion_wxyz(motion.local_rotations_wxyz))
    angles = np.rad2deg(euler_angles(turns, _ORDER))
    for joint, name in enumerate(joint_names):
        for column, axis in enumerate(_ORDER.lower()):
            columns[f"{name}_r{axis}"] = angles[:, joint, column]
    return write_table(columns, path, fps=motion.fps)
