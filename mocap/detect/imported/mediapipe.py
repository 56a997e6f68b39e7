"""Landmarks of MediaPipe Pose as people write them down: shares of the image, 33 for a person.

JSON: a list of frames (or a table "frames") with "pose_landmarks" or "landmarks": 33 of `{"x", "y",
"visibility"}`, or a list of such lists, one for each person. CSV: a row for each frame with
columns such as `NOSE_x, NOSE_y, NOSE_visibility`, `x0, y0, v0` or `landmark_0_x`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.files.reading import reading
from mocap.core.keypoint_names import BLAZEPOSE_33
from mocap.core.shapes import FloatArray
from mocap.detect.imported.json_file import as_list, as_table
from mocap.detect.imported.keypoints import FileKeypoints, people_array, unseen_at_zero, with_frame

FORMAT = "MediaPipe landmarks"
LARGEST_SHARE = 4.0
"""Landmarks outside the image are guessed as far as this; larger numbers are pixels."""

_KEYS = ("pose_landmarks", "poseLandmarks", "landmarks")
_FRAME_KEYS = ("frame", "frame_index", "frame_idx", "frame_id", "index")
_COUNT = len(BLAZEPOSE_33)
_PUBLISHED = (
    "nose", "left_eye_inner", "left_eye", "left_eye_outer", "right_eye_inner", "right_eye",
    "right_eye_outer", "left_ear", "right_ear", "mouth_left", "mouth_right", "left_shoulder",
    "right_shoulder", "left_elbow", "right_elbow", "left_wrist", "right_wrist", "left_pinky",
    "right_pinky", "left_index", "right_index", "left_thumb", "right_thumb", "left_hip",
    "right_hip", "left_knee", "right_knee", "left_ankle", "right_ankle", "left_heel", "right_heel",
    "left_foot_index", "right_foot_index",
)  # fmt: skip
"""MediaPipe's own names, in its order."""


def frame_list(document: Any) -> list[Any] | None:
    """Return the frames of a document with landmarks; None when it has none."""
    if isinstance(document, Mapping):
        document = document.get("frames")
    first = document[0] if isinstance(document, list) and document else None
    return document if isinstance(first, Mapping) and _key(first) else None


def read_json(document: Any, path: Path) -> FileKeypoints:
    """Return the people of a document that `frame_list` knows."""
    with reading(path, FORMAT):
        frames: dict[int, FloatArray] = {}
        for place, entry in enumerate(frame_list(document) or []):
            table = as_table(entry)
            key = next((each for each in _FRAME_KEYS if each in table), None)
            number = place if key is None else int(table[key])
            with_frame(frames, number, people_array(_people(table[_key(table)])))
        return _finished(frames, ())


def columns_of(header: Sequence[str]) -> tuple[FloatArray, int | None] | None:
    """Return the columns of x, y and visibility (33, 3), -1 = none, and that of the frame number.

    None when they are not those of 33 landmarks.
    """
    found = np.full((_COUNT, 3), -1.0)
    frame = None
    for column, title in enumerate(each.strip().lower() for each in header):
        if title in _FRAME_KEYS:
            frame = column
        place = _landmark(title)
        if place is not None:
            found[place] = column
    return (found, frame) if (found[:, :2] >= 0).all() else None


def read_table(header: Sequence[str], rows: FloatArray, path: Path) -> FileKeypoints:
    """Return the person of a table whose header `columns_of` knows."""
    with reading(path, FORMAT):
        known = columns_of(header)
        assert known is not None
        columns, frame = known
        frames: dict[int, FloatArray] = {}
        for place, row in enumerate(rows):
            values = np.array(row)[columns.astype(np.int64)]
            values[columns < 0] = 1.0
            number = place if frame is None else int(row[frame])
            nobody = not np.isfinite(values[:, :2]).any()
            with_frame(frames, number, people_array([] if nobody else [values]))
        seen = (columns[:, 2] >= 0).all()
        said = "the table has no visibility: every landmark counts as seen"
        return _finished(frames, () if seen else (said,))


def _finished(frames: dict[int, FloatArray], said: tuple[str, ...]) -> FileKeypoints:
    frames = {number: unseen_at_zero(people) for number, people in frames.items()}
    largest = max(
        (float(np.nanmax(np.abs(each[..., :2]))) for each in frames.values()
         if np.isfinite(each[..., :2]).any()),
        default=0.0,
    )  # fmt: skip
    return FileKeypoints(
        FORMAT, frames, layout="blazepose_33", fractions=largest <= LARGEST_SHARE, said=said
    )


def _key(table: Mapping[str, Any]) -> str:
    return next((key for key in _KEYS if isinstance(table.get(key), list)), "")


def _people(landmarks: Any) -> list[FloatArray]:
    listed = as_list(landmarks)
    if not listed:
        return []
    if isinstance(listed[0], Mapping):
        listed = [listed]
    people = []
    for person in listed:
        points = np.array([_point(as_table(each)) for each in as_list(person)])
        if len(points) != _COUNT:
            raise ValueError(f"{len(points)} landmarks of a person, not {_COUNT}")
        people.append(points)
    return people


def _point(landmark: Mapping[str, Any]) -> tuple[float, float, float]:
    sure = landmark.get("visibility", 1.0)
    return float(landmark["x"]), float(landmark["y"]), 1.0 if sure is None else float(sure)


def _landmark(title: str) -> tuple[int, int] | None:
    """Return landmark number and axis (0 x, 1 y, 2 visibility) that a column is called."""
    axes = {"x": 0, "y": 1, "v": 2, "visibility": 2}
    turned = re.sub(r"^(x|y|v|visibility)_?(\d{1,2})$", r"\2_\1", title)
    numbered = re.fullmatch(r"(?:landmark_?|lm_?|pose_?)?(\d{1,2})_?(x|y|v|visibility)", turned)
    named = re.fullmatch(r"(.+?)[_. ](x|y|v|visibility)", title)
    if numbered is not None:
        return (int(numbered[1]), axes[numbered[2]]) if int(numbered[1]) < _COUNT else None
    if named and named[1].replace(" ", "_") in _PUBLISHED:
        return _PUBLISHED.index(named[1].replace(" ", "_")), axes[named[2]]
    return None
