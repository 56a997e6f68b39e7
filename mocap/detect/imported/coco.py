"""COCO's results and annotations, and AlphaPose's, which are COCO's with file names for numbers.

Results: a list of `{"image_id", "keypoints": [x, y, c, …], "score"}`. Annotations: tables
"images", "annotations" and "categories", with a visibility of 0 (not labelled), 1 (hidden) or 2
for a confidence.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.files.reading import reading
from mocap.core.shapes import FloatArray
from mocap.detect.imported.json_file import as_list, as_table, frame_number
from mocap.detect.imported.keypoints import (
    FileKeypoints,
    flat_triplets,
    people_array,
    unseen_at_zero,
    with_frame,
)

RESULTS, ANNOTATIONS, ALPHAPOSE = "COCO results", "COCO annotations", "AlphaPose JSON"
_LABELLED = np.array([0.0, 0.5, 1.0])
"""Confidence by COCO's visibility: not there, hidden but placed by hand, seen."""


def is_results(document: Any) -> bool:
    """Tell whether a document is a list of COCO's results or AlphaPose's."""
    first = document[0] if isinstance(document, list) and document else None
    return isinstance(first, Mapping) and {"image_id", "keypoints"} <= set(first)


def is_annotations(document: Any) -> bool:
    """Tell whether a document is a table of COCO's annotations."""
    return isinstance(document, Mapping) and {"images", "annotations"} <= set(document)


def read_results(document: Any, path: Path) -> FileKeypoints:
    """Return the people of a list of results; images are numbers, or names that end in one."""
    alphapose = isinstance(document[0]["image_id"], str)
    what = ALPHAPOSE if alphapose else RESULTS
    with reading(path, what):
        by_frame: dict[int, list[FloatArray]] = {}
        empty = 0
        for entry in as_list(document):
            table = as_table(entry)
            number = _image_number(table["image_id"])
            points = flat_triplets(as_list(table["keypoints"]))
            people = by_frame.setdefault(number, [])
            if len(points):
                people.append(points)
            empty += not len(points)
        frames = _framed(by_frame)
    said = (f"{empty} people without a keypoint are left out",) if empty else ()
    return FileKeypoints(what, frames, said=said)


def read_annotations(document: Any, path: Path) -> FileKeypoints:
    """Return the people of COCO's annotations, with image size and keypoint names."""
    with reading(path, ANNOTATIONS):
        images = [as_table(each) for each in as_list(document["images"])]
        number_of = {each["id"]: _image_number(each.get("file_name") or each["id"])
                     for each in images}  # fmt: skip
        sizes = {(int(each["width"]), int(each["height"])) for each in images if "width" in each}
        by_frame: dict[int, list[FloatArray]] = {number: [] for number in number_of.values()}
        for entry in as_list(document["annotations"]):
            table = as_table(entry)
            points = flat_triplets(as_list(table.get("keypoints", [])))
            if len(points):
                seen = np.clip(np.nan_to_num(points[:, 2]), 0, 2).astype(np.int64)
                points[:, 2] = _LABELLED[seen]
                by_frame[number_of[table["image_id"]]].append(points)
        frames = _framed(by_frame)
        categories = [as_table(each) for each in as_list(document.get("categories", []))]
        listed: object = next((each["keypoints"] for each in categories if "keypoints" in each), [])
        names = tuple(str(each) for each in as_list(listed))
    return FileKeypoints(
        ANNOTATIONS, frames, names=names, image_size=sizes.pop() if len(sizes) == 1 else None
    )


def _image_number(value: Any) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return frame_number(str(value).rpartition(".")[0] or str(value))


def _framed(by_frame: Mapping[int, list[FloatArray]]) -> dict[int, FloatArray]:
    frames: dict[int, FloatArray] = {}
    for number, people in by_frame.items():
        with_frame(frames, number, unseen_at_zero(people_array(people)))
    return frames
