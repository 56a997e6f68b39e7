"""Our joint angles and filters beside those of Kinetics Toolkit, on random rotations and values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from mocap.measure.angles import euler_angles
from mocap.measure.filters import butterworth

SEQUENCES = ("ZXY", "YXZ", "YXY")
FPS, CUTOFF_HZ = 100.0, 8.0
FRAMES = 400
# Only the padding of the ends differs between the filters; its effect fades within a second.
_ENDS = 100

Run = Callable[[dict[str, Any]], None]


def compared(run: Run, out: Path) -> Iterator[tuple[str, float, float]]:
    """Give what was compared, the greatest difference, and the most it may be.

    Args:
        run: lets Kinetics Toolkit do a job.
        out: folder for the files.
    """
    rng = np.random.default_rng(2)
    rotations = Rotation.random(FRAMES, rng=rng).as_matrix()
    values = np.cumsum(rng.normal(size=FRAMES))
    np.savez(out / "kinetics_in.npz", rotations=rotations, values=values)
    run(
        {
            "file": str(out / "kinetics_in.npz"),
            "out": str(out / "kinetics_out.npz"),
            "sequences": list(SEQUENCES),
            "fps": FPS,
            "cutoff_hz": CUTOFF_HZ,
        }
    )
    theirs = np.load(out / "kinetics_out.npz")
    for sequence in SEQUENCES:
        ours = np.rad2deg(euler_angles(rotations, sequence))
        other = theirs[sequence]
        if sequence == "YXY":
            # The same rotations on the branch of positive elevation.
            other = other * [1.0, -1.0, 1.0] - [180.0, 0.0, 180.0]
        apart = (ours - other + 180.0) % 360.0 - 180.0
        yield f"{sequence} (deg)", float(np.abs(apart).max()), 1e-6
    ours = butterworth(values, FPS, CUTOFF_HZ, corrected=False)
    middle = slice(_ENDS, -_ENDS)
    apart = np.abs(ours - theirs["filtered"])[middle]
    yield "Butterworth", float(apart.max()), 1e-6
