"""SLEAP's own files, `.slp`: the tables of frames, instances and points, and names in JSON.

Tables and their columns: the SLP format as sleap-io describes it. Up to format 1.0 pixels were
counted from the edge of the first one, since 1.1 from its centre, as here. An instance that a
person placed or corrected goes before the prediction it was made from.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from mocap.core.shapes import Array, FloatArray
from mocap.detect.imported.keypoints import (
    MOST_KEYPOINTS,
    FileKeypoints,
    people_array,
    unseen_at_zero,
    with_frame,
)

SLEAP_PROJECT = "SLEAP file"
TABLES = ("frames", "instances", "points", "pred_points")
PLACED = 0
"""`instance_type` of an instance that a person placed; 1 is predicted."""

_CENTRED_SINCE = 1.1


def is_project(file: Any) -> bool:
    """Tell whether an HDF5 file has the tables of a `.slp`."""
    return {*TABLES, "metadata"} <= set(file)


def read_project(values: Callable[[str], Array], attributes: Mapping[str, Any]) -> FileKeypoints:
    """Return the people of a `.slp`.

    Args:
        values: returns a table of the file by its name.
        attributes: of its group "metadata".

    Raises:
        ValueError: tables do not fit together, several videos, or several skeletons.
    """
    names = _node_names(attributes)
    frames, instances, placed, predicted = (_table(values(name), name) for name in TABLES)
    videos = np.unique(frames["video"])
    if len(videos) > 1:
        raise ValueError(
            f"it holds {len(videos)} videos: save each as a file of its own (`sleap-convert`, or "
            "split the project)"
        )
    if len(instances) and (instances["skeleton"] != 0).any():
        raise ValueError("it holds instances of several skeletons")
    edge = 0.5 if float(attributes.get("format_id", 1.0)) < _CENTRED_SINCE else 0.0
    found: dict[int, FloatArray] = {}
    for row in frames:
        chosen = _instances(instances, int(row["instance_id_start"]), int(row["instance_id_end"]))
        tables = [placed if each["instance_type"] == PLACED else predicted for each in chosen]
        people = people_array(
            _points(table, each, len(names), edge)
            for table, each in zip(tables, chosen, strict=True)
        )
        seen = unseen_at_zero(people)
        with_frame(found, int(row["frame_idx"]), seen[(seen[..., 2] > 0.0).any(axis=1)])
    return FileKeypoints(SLEAP_PROJECT, found, names=names, said=_said(instances))


def _said(instances: Array) -> tuple[str, ...]:
    by_hand = int(np.count_nonzero(instances["instance_type"] == PLACED))
    if not by_hand:
        return ()
    return (
        f"{by_hand} of {len(instances)} instances were placed by hand: all of them count as sure",
    )


def _node_names(attributes: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the nodes in the order of the points of an instance."""
    text = attributes.get("json", "")
    document = json.loads(text.decode("utf-8") if isinstance(text, bytes) else str(text))
    nodes = [str(each["name"]) for each in document["nodes"]]
    skeletons = document["skeletons"]
    if len(skeletons) != 1:
        raise ValueError(f"it holds {len(skeletons)} skeletons")
    order = [int(each["id"]) for each in skeletons[0]["nodes"]]
    if not 0 < len(order) <= MOST_KEYPOINTS or not all(0 <= each < len(nodes) for each in order):
        raise ValueError(f"a skeleton of {len(order)} nodes among {len(nodes)}")
    return tuple(nodes[each] for each in order)


def _table(rows: Array, name: str) -> Array:
    if rows.dtype.names is None or rows.ndim != 1:
        raise ValueError(f"'{name}' is no table with columns")
    return rows


def _instances(table: Array, start: int, end: int) -> list[Any]:
    """Return the instances of a frame, without predictions that a person has corrected."""
    if not 0 <= start <= end <= len(table):
        raise ValueError(f"instances {start} to {end} of {len(table)}")
    rows = table[start:end]
    corrected = set(rows["from_predicted"][rows["instance_type"] == PLACED].tolist())
    return [
        each for each in rows
        if each["instance_type"] == PLACED or int(each["instance_id"]) not in corrected
    ]  # fmt: skip


def _points(table: Array, instance: Any, count: int, edge: float) -> FloatArray:
    """Return the points (node, 3) of an instance: x, y and how sure."""
    start, end = int(instance["point_id_start"]), int(instance["point_id_end"])
    if not 0 <= start <= end <= len(table) or end - start != count:
        raise ValueError(f"points {start} to {end} of {len(table)} for {count} nodes")
    rows = table[start:end]
    names = rows.dtype.names or ()
    sure = rows["score"] if "score" in names else rows["visible"]
    points = np.stack([rows["x"], rows["y"], sure], axis=-1).astype(np.float64)
    points[:, :2] -= edge
    return np.where(np.isfinite(points).all(axis=-1, keepdims=True), points, 0.0)
