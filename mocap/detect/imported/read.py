"""Read the keypoints of one camera, whichever tool wrote them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mocap.core.errors import InputError
from mocap.core.files.reading import reading
from mocap.core.shapes import FloatArray
from mocap.detect.imported import coco, mediapipe, mmpose, openpose
from mocap.detect.imported.cameras import CameraFiles
from mocap.detect.imported.json_file import read_json_value
from mocap.detect.imported.keypoints import FileKeypoints, with_frame
from mocap.detect.imported.tables import read_table

KNOWN = (
    "OpenPose and Pose2Sim (a JSON for each frame), COCO results and annotations, AlphaPose, "
    "MMPose, rtmlib and MediaPipe (JSON), DeepLabCut and SLEAP (CSV, HDF5, .slp), MediaPipe (CSV)"
)


def read_camera(files: CameraFiles) -> FileKeypoints:
    """Return the people of a camera's files.

    Raises:
        InputError: a file is damaged, or of no tool that is known.
    """
    if files.whole is None:
        return _frames(files.frames)
    suffix = files.whole.suffix.lower()
    if suffix == ".csv":
        return read_table(files.whole)
    if suffix in (".h5", ".hdf5", ".slp"):
        from mocap.detect.imported.hdf5 import read_hdf5

        return read_hdf5(files.whole)
    return read_json_file(files.whole)


def read_json_file(path: Path) -> FileKeypoints:
    """Return the people of a JSON file that holds all frames of a camera.

    Raises:
        InputError: it is damaged, or of no tool that is known.
    """
    document = read_json_value(path)
    with reading(path, "a file of keypoints"):
        if openpose.is_openpose(document):
            return openpose.read_openpose({0: path})
        if coco.is_results(document):
            return coco.read_results(document, path)
        if coco.is_annotations(document):
            return coco.read_annotations(document, path)
        if mmpose.frame_list(document) is not None:
            return mmpose.read_frames(document, path)
        if mediapipe.frame_list(document) is not None:
            return mediapipe.read_json(document, path)
    raise InputError(
        f"{path} holds {_what(document)}: no keypoints that are known. Known are {KNOWN}."
    )


def _frames(files: Mapping[int, Path]) -> FileKeypoints:
    """Return the people of a file for each frame."""
    first = next(iter(files.values()))
    document = read_json_value(first)
    if openpose.is_openpose(document):
        return openpose.read_openpose(files)
    if not mmpose.is_frame(document):
        raise InputError(
            f"{first} holds {_what(document)}: no frame of keypoints that is known. Known are "
            f"{KNOWN}."
        )
    frames: dict[int, FloatArray] = {}
    for number, path in files.items():
        document = read_json_value(path)
        with reading(path, "a frame of MMPose or rtmlib"):
            with_frame(frames, number, mmpose.people_of(document))
    return FileKeypoints(mmpose.MMPOSE if "instances" in document else mmpose.RTMLIB, frames)


def _what(document: Any) -> str:
    """Say in a few words what a document is."""
    if isinstance(document, Mapping):
        return f"a table of {', '.join(str(key)[:20] for key in list(document)[:5]) or 'nothing'}"
    if isinstance(document, list):
        return f"a list of {_what(document[0]) if document else 'nothing'}"[:120]
    return f"{str(document)[:30]!r}"
