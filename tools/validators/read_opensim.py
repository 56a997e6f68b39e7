"""Read TRC and MOT with OpenSim: opensim/bin/python read_opensim.py JOBS.json."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import numpy as np
import opensim


def read_trc(path: str) -> tuple[dict[str, Any], Any]:
    """Return facts and markers (frame, marker, 3) in metres, Z up; NaN where missing."""
    table = opensim.TimeSeriesTableVec3(path)
    times = np.array(table.getIndependentColumn())
    values = np.zeros((len(times), table.getNumColumns(), 3))
    for frame in range(len(times)):
        row = table.getRowAtIndex(frame)
        for marker in range(table.getNumColumns()):
            cell = row[marker]
            values[frame, marker] = cell[0], -cell[2], cell[1]
    facts = {
        "labels": list(table.getColumnLabels()),
        "units": table.getTableMetaDataString("Units"),
        "fps": (len(times) - 1) / (times[-1] - times[0]),
    }
    return facts, values


def read_mot(path: str) -> tuple[dict[str, Any], Any]:
    """Return facts and columns (frame, column)."""
    table = opensim.TimeSeriesTable(path)
    labels = list(table.getColumnLabels())
    values = np.array(
        [[table.getRowAtIndex(row)[column] for column in range(len(labels))]
         for row in range(table.getNumRows())]
    )  # fmt: skip
    times = np.array(table.getIndependentColumn())
    facts = {
        "labels": labels,
        "degrees": table.getTableMetaDataString("inDegrees"),
        "fps": (len(times) - 1) / (times[-1] - times[0]),
    }
    return facts, values


if __name__ == "__main__":
    opensim.Logger.setLevelString("Off")
    opensim.Logger.removeFileSink()
    for one in json.loads(Path(sys.argv[1]).read_text()):
        found, numbers = {"trc": read_trc, "mot": read_mot}[one["kind"]](one["file"])
        Path(one["out"] + ".json").write_text(json.dumps(found))
        numbers.astype(np.float64).ravel().tofile(one["out"] + ".bin")
