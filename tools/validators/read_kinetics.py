"""Euler angles and filters of Kinetics Toolkit: kinetics/bin/python read_kinetics.py JOBS.json."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np


def angles_deg(ktk: Any, rotations: Any, sequence: str) -> Any:
    """Return Euler angles (frame, 3) in degrees of rotations (frame, 3, 3)."""
    transforms = np.tile(np.eye(4), (len(rotations), 1, 1))
    transforms[:, :3, :3] = rotations
    return np.asarray(ktk.geometry.get_angles(transforms, sequence, degrees=True))


def low_passed(ktk: Any, values: Any, fps: float, cutoff_hz: float) -> Any:
    """Return values (frame,) after a Butterworth filter of 2nd order, there and back."""
    series = ktk.TimeSeries(time=np.arange(len(values)) / fps, data={"x": values})
    return np.asarray(ktk.filters.butter(series, fc=cutoff_hz, order=2, filtfilt=True).data["x"])


def main() -> None:
    """Compute the job's angles and filtered values; write them as one .npz."""
    job = json.loads(Path(sys.argv[1]).read_text())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import kineticstoolkit as ktk

        given = np.load(job["file"])
        out = {name: angles_deg(ktk, given["rotations"], name) for name in job["sequences"]}
        out["filtered"] = low_passed(ktk, given["values"], job["fps"], job["cutoff_hz"])
    np.savez(job["out"], **out)


if __name__ == "__main__":
    main()
