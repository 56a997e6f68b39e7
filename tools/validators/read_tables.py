"""Read BVH and C3D with other packages: tables/bin/python read_tables.py JOBS.json."""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np


def read_bvh(job: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Return facts and joints (frame, joint, 3) in metres, Z up."""
    import pybvh

    loaded = pybvh.read_bvh_file(job["file"], warn_on_world_up_disagreement=False)
    rows = [loaded.joint_names.index(name) for name in job["names"]]
    x, y, z = np.moveaxis(np.asarray(loaded.joint_positions())[:, rows] / 100.0, -1, 0)
    facts = {
        "fps": 1.0 / loaded.frame_time,
        "skeletons": 1,
        "roots": [loaded.root.name],
        "frames": len(x),
    }
    return facts, np.stack([x, -z, y], axis=-1)


def read_c3d(job: dict[str, Any]) -> tuple[dict[str, Any], Any]:
    """Return facts and markers (frame, marker, 4): metres and residual in mm."""
    import c3d

    with Path(job["file"]).open("rb") as file:
        reader = c3d.Reader(file)
        frames = np.array([points for _, points, _ in reader.read_frames(copy=True)])
        facts = {
            "fps": float(reader.point_rate),
            "labels": [label.strip() for label in reader.point_labels],
            "frames": len(frames),
        }
    values = frames[:, :, :4].copy()
    values[:, :, :3] /= 1000.0
    return facts, values


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    for one in json.loads(Path(sys.argv[1]).read_text()):
        found, values = {"bvh": read_bvh, "c3d": read_c3d}[one["kind"]](one)
        Path(one["out"] + ".json").write_text(json.dumps(found))
        np.asarray(values, dtype=np.float64).ravel().tofile(one["out"] + ".bin")
