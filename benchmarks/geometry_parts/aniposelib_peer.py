"""Calibrate with aniposelib in a process of its own: reads corners, writes cameras and CPU time.

Run by `calibration.py` with the interpreter of a separate environment; this file must not
import the project.
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from aniposelib.boards import CharucoBoard
from aniposelib.cameras import CameraGroup


def main() -> None:
    """Read the problem (argv 1), calibrate with default settings, write the result (argv 2)."""
    with np.load(sys.argv[1]) as problem:
        data = {key: problem[key] for key in problem.files}
    columns, rows = int(data["columns"]), int(data["rows"])
    square = float(data["square_length_m"])
    board = CharucoBoard(columns, rows, square, 0.75 * square, marker_bits=4, dict_size=50)
    count = int(data["cameras"])
    group = CameraGroup.from_names([f"cam{i + 1}" for i in range(count)])
    all_rows = []
    for index, camera in enumerate(group.cameras):
        camera.set_size(tuple(int(v) for v in data["image_size"]))
        detections = camera_rows(data, index)
        board.fill_points_rows(detections)
        all_rows.append(detections)
    np.random.seed(0)  # noqa: NPY002 - the generator aniposelib draws from
    start = time.process_time()
    group.calibrate_rows(all_rows, board, verbose=False)
    seconds = time.process_time() - start
    Path(sys.argv[2]).write_text(
        json.dumps({"cpu_s": seconds, "vectors": [vector(c) for c in group.cameras]})
    )


def camera_rows(data: dict[str, np.ndarray], index: int) -> list[dict[str, object]]:
    """Return the detections of one camera in aniposelib's form."""
    mine = data["camera"] == index
    frame, ids, pixels = data["frame"][mine], data["corner_id"][mine], data["pixels"][mine]
    rows: list[dict[str, object]] = []
    for number in np.unique(frame):
        here = frame == number
        if here.sum() >= 6:
            rows.append(
                {
                    "framenum": (0, int(number)),
                    "corners": pixels[here].reshape(-1, 1, 2).astype(np.float32),
                    "ids": ids[here].reshape(-1, 1).astype(np.int32),
                }
            )
    return rows


def vector(camera: Any) -> list[float]:
    """Return rotation vector, translation, fx fy cx cy, k1 k2 p1 p2 k3."""
    matrix = np.asarray(camera.get_camera_matrix(), dtype=float)
    distortion = np.zeros(5)
    given = np.asarray(camera.get_distortions(), dtype=float).ravel()[:5]
    distortion[: len(given)] = given
    return [
        *np.ravel(camera.get_rotation()).astype(float),
        *np.ravel(camera.get_translation()).astype(float),
        matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2],
        *distortion,
    ]  # fmt: skip


if __name__ == "__main__":
    main()
