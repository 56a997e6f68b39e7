"""Associate, triangulate and filter with Pose2Sim in a process of its own: CPU time of each step.

Run by `peers.py` with the interpreter of a separate environment; this file must not import the
project. Argument: a folder with `Config.toml`, `calibration` and `pose` as Pose2Sim lays it out,
and `take.json` (names of the keypoints, frames per second, the keypoint to associate by). Writes
`peer.npz`: points (frame, keypoint, 3) in metres with Z up, NaN where none are given, and seconds.
"""

from __future__ import annotations

import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from Pose2Sim.filtering import filter_all
from Pose2Sim.personAssociation import associate_all
from Pose2Sim.triangulation import triangulate_all


def main() -> None:
    """Run the three steps."""
    imported_s = time.process_time()
    logging.disable(logging.CRITICAL)
    folder = Path(sys.argv[1])
    told = json.loads((folder / "take.json").read_text(encoding="utf-8"))
    names, settings = told["names"], settings_of(folder, told)
    seconds = {}
    for name, step in (
        ("associate", associate_all),
        ("triangulate", triangulate_all),
        ("filter", filter_all),
    ):
        began = time.process_time()
        step(settings)
        seconds[name] = time.process_time() - began
    (path,) = (folder / "pose-3d").glob("*_filt_*.trc")
    xyz = read_trc(path, told["frames"], len(names))
    np.savez(folder / "peer.npz", xyz=xyz, imported_s=imported_s, steps=list(seconds),
             seconds=list(seconds.values()), all_s=time.process_time())  # fmt: skip


def settings_of(folder: Path, told: dict[str, Any]) -> dict[str, Any]:
    """Return the package's own settings, but that large gaps stay open and nothing is drawn."""
    children = [{"name": name, "id": index} for index, name in enumerate(told["names"])]
    return {
        "project": {"project_dir": str(folder), "frame_rate": told["fps"], "multi_person": False,
                    "frame_range": "all"},
        "pose": {"pose_model": "TOLD", "TOLD": {"name": "root", "id": None, "children": children}},
        "personAssociation": {"single_person": {
            "likelihood_threshold_association": 0.3, "reproj_error_threshold_association": 20,
            "tracked_keypoint": told["tracked"],
        }},
        "triangulation": {
            "reproj_error_threshold_triangulation": 15,
            "likelihood_threshold_triangulation": 0.3, "min_cameras_for_triangulation": 2,
            "interp_if_gap_smaller_than": 20, "interpolation": "linear",
            "sections_to_keep": "all", "fill_large_gaps_with": "nan", "undistort_points": False,
            "show_interp_indices": False, "make_c3d": False,
        },
        "filtering": {
            "reject_outliers": True, "filter": True, "type": "butterworth",
            "display_figures": False, "save_filt_plots": False, "make_c3d": False,
            "butterworth": {"cut_off_frequency": 6, "order": 4},
        },
    }  # fmt: skip


def read_trc(path: Path, frames: int, keypoints: int) -> np.ndarray:
    """Return the points of a file with Y up in a world with Z up, every frame in its place."""
    xyz = np.full((frames, keypoints, 3), np.nan)
    for line in path.read_text(encoding="utf-8").splitlines()[5:]:
        cells = line.split("\t")
        if not cells[0].strip():
            continue
        values = [float(cell) if cell.strip() else np.nan for cell in cells[2:]]
        values += [np.nan] * (3 * keypoints - len(values))
        xyz[int(cells[0])] = np.reshape(values[: 3 * keypoints], (keypoints, 3))[:, [2, 0, 1]]
    return xyz


if __name__ == "__main__":
    main()
