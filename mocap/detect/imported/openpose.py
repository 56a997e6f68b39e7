"""OpenPose's JSON: a file for each frame, `{"people": [{"pose_keypoints_2d": [x, y, c, …]}]}`.

Pose2Sim keeps such files in folders of the camera's name, whichever network found them.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.shapes import FloatArray
from mocap.detect.imported.json_file import as_list, read_json_value
from mocap.detect.imported.keypoints import (
    FileKeypoints,
    flat_triplets,
    people_array,
    unseen_at_zero,
    with_frame,
)

FORMAT = "OpenPose JSON"
_BODY = ("pose_keypoints_2d", "pose_keypoints")  # the second until 2018
_HANDS = ("hand_left_keypoints_2d", "hand_right_keypoints_2d")
_FACE = "face_keypoints_2d"
HAND_POINTS, FACE_POINTS, FACE_MARKUP = 21, 70, 68


def is_openpose(document: Any) -> bool:
    """Tell whether a JSON document is a frame of OpenPose's."""
    return isinstance(document, Mapping) and isinstance(document.get("people"), list)


def read_openpose(files: Mapping[int, Path]) -> FileKeypoints:
    """Read the frames of a camera, by frame number.

    Raises:
        InputError: a file cannot be read or is none of OpenPose's.
    """
    from mocap.core.files.reading import reading

    found: dict[int, list[tuple[FloatArray, FloatArray | None]]] = {}
    empty = 0
    for number, path in files.items():
        document = read_json_value(path)
        with reading(path, "a frame of OpenPose's JSON"):
            if not is_openpose(document):
                raise ValueError("it has no list 'people'")
            everybody = [_person(each) for each in document["people"]]
        found[number] = [each for each in everybody if each is not None]
        empty += sum(each is None for each in everybody)
    parts = any(extra is not None for people in found.values() for _, extra in people)
    frames: dict[int, FloatArray] = {}
    for number, people in found.items():
        with reading(files[number], "a frame of OpenPose's JSON"):
            whole = [_joined(body, extra) if parts else body for body, extra in people]
            with_frame(frames, number, unseen_at_zero(people_array(whole)))
    said = [f"{empty} people without a keypoint are left out"] if empty else []
    if parts:
        said.append("the pupils of OpenPose's face are left out: the eyes are points of the body")
    return FileKeypoints(FORMAT, frames, layout="hands_face" if parts else "", said=tuple(said))


def _person(person: Any) -> tuple[FloatArray, FloatArray | None] | None:
    """Return body and, where one was looked for, hands and face; None for nobody."""
    body = flat_triplets(as_list(next((person[key] for key in _BODY if key in person), [])))
    hands = [flat_triplets(as_list(person.get(key) or [])) for key in _HANDS]
    face = flat_triplets(as_list(person.get(_FACE) or []))
    if not len(body):
        return None
    if not len(face) and not any(len(each) for each in hands):
        return body, None
    wanted = [*((each, HAND_POINTS) for each in hands), (face, FACE_POINTS)]
    filled = [each if len(each) else np.zeros((count, 3)) for each, count in wanted]
    for each, (_, count) in zip(filled, wanted, strict=True):
        if len(each) != count:
            raise ValueError(f"{len(each)} points of a hand or a face, not {count}")
    return body, np.concatenate([*filled[:2], filled[2][:FACE_MARKUP]])


def _joined(body: FloatArray, extra: FloatArray | None) -> FloatArray:
    if extra is None:
        extra = np.zeros((2 * HAND_POINTS + FACE_MARKUP, 3))
    return np.concatenate([body, extra])
