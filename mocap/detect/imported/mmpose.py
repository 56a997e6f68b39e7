"""JSON of MMPose's inferencer and of rtmlib: lists of people for each frame.

MMPose: `{"meta_info": …, "instance_info": [{"frame_id", "instances": [{"keypoints": [[x, y], …],
"keypoint_scores": [c, …]}]}]}`, older ones the list alone. rtmlib: `[{"frame_id", "keypoints":
(person, keypoint, 2), "scores": (person, keypoint)}]`, or a file of such a table for each frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mocap.core.files.reading import reading
from mocap.core.shapes import FloatArray
from mocap.detect.imported.json_file import as_list, as_table, points_of
from mocap.detect.imported.keypoints import FileKeypoints, people_array, unseen_at_zero, with_frame

MMPOSE, RTMLIB = "MMPose JSON", "rtmlib JSON"
_FRAME_KEYS = ("frame_id", "frame", "frame_index", "frame_idx", "image_id")


def frame_list(document: Any) -> list[Any] | None:
    """Return the frames of a document of either; None when it is none."""
    if isinstance(document, Mapping):
        document = document.get("instance_info", document.get("frames"))
    first = document[0] if isinstance(document, list) and document else None
    return document if isinstance(first, Mapping) and is_frame(first) else None


def is_frame(table: Any) -> bool:
    """Tell whether a table is a frame of either."""
    if not isinstance(table, Mapping):
        return False
    return "instances" in table or {"keypoints", "scores"} <= set(table)


def read_frames(document: Any, path: Path) -> FileKeypoints:
    """Return the people of a document that `frame_list` knows.

    MMPose counts frames from 1 where it says a number; lists without numbers are in order.
    """
    listed = frame_list(document) or []
    what = MMPOSE if "instances" in listed[0] else RTMLIB
    with reading(path, what):
        frames: dict[int, FloatArray] = {}
        for place, entry in enumerate(listed):
            table = as_table(entry)
            key = next((each for each in _FRAME_KEYS if each in table), None)
            with_frame(frames, place if key is None else int(table[key]), people_of(table))
        return FileKeypoints(what, frames, names=_names(document))


def people_of(table: Mapping[str, Any]) -> FloatArray:
    """Return the people of a frame (person, keypoint, 3).

    Raises:
        ValueError, KeyError: it is none.
    """
    if "instances" in table:
        people = [
            points_of(as_table(each)["keypoints"], each["keypoint_scores"])
            for each in as_list(table["instances"])
        ]
    else:
        pairs = zip(as_list(table["keypoints"]), as_list(table["scores"]), strict=True)
        people = [points_of(xy, scores) for xy, scores in pairs]
    return unseen_at_zero(people_array(people))


def _names(document: Any) -> tuple[str, ...]:
    """Return the names that the notes of a document give to the keypoints."""
    if not isinstance(document, Mapping) or not isinstance(document.get("meta_info"), Mapping):
        return ()
    names = document["meta_info"].get("keypoint_id2name")
    if not isinstance(names, Mapping):
        return ()
    return tuple(str(names[key]) for key in sorted(names, key=int))
