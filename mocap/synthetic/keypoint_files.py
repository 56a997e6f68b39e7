"""Files of keypoints in the formats of other tools, for tests, benchmarks and the fuzzer."""

from __future__ import annotations

import csv
import json
import pickle
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.keypoints import KeypointSet
from mocap.core.shapes import FloatArray

Written = Callable[[Path, str, FloatArray, KeypointSet, tuple[int, int]], None]
"""Writes the people (frame, person, keypoint, 3) of a camera into a folder; NaN = not seen."""


def _rows(people: FloatArray) -> list[FloatArray]:
    """Return the people of a frame who show something, with 0, 0, 0 for what is not seen."""
    return [np.nan_to_num(each) for each in people if np.isfinite(each).any()]


def _flat(person: FloatArray) -> list[float]:
    return [round(float(value), 4) for value in person.ravel()]


def _json(path: Path, document: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def openpose(folder: Path, camera: str, people: FloatArray, _: KeypointSet, __: Any) -> None:
    """Write OpenPose's files into one folder: `left_000000000012_keypoints.json`."""
    for frame, each in enumerate(people):
        entries = [{"person_id": [-1], "pose_keypoints_2d": _flat(row)} for row in _rows(each)]
        entries.append({"person_id": [-1], "pose_keypoints_2d": []})
        _json(folder / f"{camera}_{frame:012d}_keypoints.json", {"version": 1.3, "people": entries})


def openpose_whole(folder: Path, camera: str, people: FloatArray, _: KeypointSet, __: Any) -> None:
    """Write OpenPose's files with hands and face, of a set whose names end in them."""
    body = people.shape[2] - 2 * 21 - 68
    for frame, each in enumerate(people):
        entries = []
        for row in _rows(each):
            left, right, face = np.split(row[body:], [21, 42])
            entries.append({
                "pose_keypoints_2d": _flat(row[:body]),
                "hand_left_keypoints_2d": _flat(left),
                "hand_right_keypoints_2d": _flat(right),
                "face_keypoints_2d": _flat(np.concatenate([face, np.zeros((2, 3))])),
            })  # fmt: skip
        _json(folder / f"{camera}_{frame:012d}_keypoints.json", {"people": entries})


def pose2sim(folder: Path, camera: str, people: FloatArray, _: KeypointSet, __: Any) -> None:
    """Write Pose2Sim's folders: `pose/left_json/left.0012.json`."""
    for frame, each in enumerate(people):
        entries = [{"pose_keypoints_2d": _flat(row), "face_keypoints_2d": []}
                   for row in _rows(each)]  # fmt: skip
        _json(folder / "pose" / f"{camera}_json" / f"{camera}.{frame:04d}.json",
              {"people": entries})  # fmt: skip


def _results(people: FloatArray, image_id: Callable[[int], Any]) -> list[dict[str, object]]:
    return [
        {"image_id": image_id(frame), "category_id": 1, "keypoints": _flat(row), "score": 0.9}
        for frame, each in enumerate(people)
        for row in _rows(each)
    ]


def coco_results(folder: Path, camera: str, people: FloatArray, _: KeypointSet, __: Any) -> None:
    """Write a list of COCO's results."""
    _json(folder / f"{camera}.json", _results(people, lambda frame: frame))


def alphapose(folder: Path, camera: str, people: FloatArray, _: KeypointSet, __: Any) -> None:
    """Write `alphapose-results.json` into a folder of the camera's."""
    document = _results(people, lambda frame: f"{frame}.jpg")
    _json(folder / camera / "alphapose-results.json", [{**each, "idx": 0} for each in document])


def coco_annotations(
    folder: Path, camera: str, people: FloatArray, names: KeypointSet, size: tuple[int, int]
) -> None:
    """Write COCO's tables; visibility 2 for what is seen."""
    images = [{"id": 100 + frame, "file_name": f"{frame:06d}.jpg", "width": size[0],
               "height": size[1]} for frame in range(len(people))]  # fmt: skip
    annotations = [
        {"image_id": 100 + frame, "category_id": 1,
         "keypoints": _flat(np.column_stack([row[:, :2], np.where(row[:, 2] > 0, 2, 0)]))}
        for frame, each in enumerate(people) for row in _rows(each)
    ]  # fmt: skip
    categories = [{"id": 1, "name": "person", "keypoints": list(names.keypoint_names)}]
    _json(folder / f"{camera}.json",
          {"images": images, "annotations": annotations, "categories": categories})  # fmt: skip


def mmpose(
    folder: Path, camera: str, people: FloatArray, names: KeypointSet, _: tuple[int, int]
) -> None:
    """Write MMPose's predictions; its frames count from 1."""
    info = [{"frame_id": frame + 1,
             "instances": [{"keypoints": row[:, :2].tolist(), "keypoint_scores": row[:, 2].tolist()}
                           for row in _rows(each)]}
            for frame, each in enumerate(people)]  # fmt: skip
    named = {str(index): name for index, name in enumerate(names.keypoint_names)}
    _json(folder / f"results_{camera}.json",
          {"meta_info": {"dataset_name": "x", "keypoint_id2name": named},
           "instance_info": info})  # fmt: skip


def rtmlib(folder: Path, camera: str, people: FloatArray, _: KeypointSet, __: Any) -> None:
    """Write what rtmlib returns, frame by frame."""
    _json(folder / f"{camera}.json", [
        {"keypoints": [row[:, :2].tolist() for row in _rows(each)],
         "scores": [row[:, 2].tolist() for row in _rows(each)]} for each in people
    ])  # fmt: skip


def mediapipe(
    folder: Path, camera: str, people: FloatArray, _: KeypointSet, size: tuple[int, int]
) -> None:
    """Write landmarks as shares of the image."""
    frames = []
    for frame, each in enumerate(people):
        landmarks = [
            [{"x": float((x + 0.5) / size[0]), "y": float((y + 0.5) / size[1]), "z": 0.0,
              "visibility": float(c)} for x, y, c in row]
            for row in _rows(each)
        ]  # fmt: skip
        frames.append({"frame": frame, "pose_landmarks": landmarks})
    _json(folder / f"{camera}.json", {"frames": frames})


def mediapipe_table(
    folder: Path, camera: str, people: FloatArray, _: KeypointSet, size: tuple[int, int]
) -> None:
    """Write the landmarks of one person as a table."""
    columns = [f"{axis}{k}" for k in range(33) for axis in "xyv"]
    with (folder / f"{camera}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["frame", *columns])
        for frame, each in enumerate(people):
            row = np.nan_to_num(each[0], nan=-0.5)
            shares = np.column_stack([(row[:, :2] + 0.5) / size, np.maximum(row[:, 2], 0.0)])
            table.writerow([frame, *shares.ravel().tolist()])


def _deeplabcut_titles(people: int, names: KeypointSet) -> list[tuple[str, str, str, str]]:
    return [("net", f"person{k}", name, axis) for k in range(people)
            for name in names.keypoint_names for axis in ("x", "y", "likelihood")]  # fmt: skip


def deeplabcut_table(
    folder: Path, camera: str, people: FloatArray, names: KeypointSet, _: tuple[int, int]
) -> None:
    """Write the table of a project with several individuals."""
    titles = list(zip(*_deeplabcut_titles(people.shape[1], names), strict=True))
    rows = ("scorer", "individuals", "bodyparts", "coords")
    with (folder / f"{camera}DLC_resnet50.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        for name, values in zip(rows, titles, strict=True):
            table.writerow([name, *values])
        for frame, each in enumerate(people):
            row = ("" if np.isnan(value) else float(value) for value in each.ravel())
            table.writerow([frame, *row])


def deeplabcut(
    folder: Path, camera: str, people: FloatArray, names: KeypointSet, _: tuple[int, int]
) -> None:
    """Write the HDF5 file of the same project, as pandas keeps a table."""
    import h5py

    flat = people.reshape(len(people), -1).astype(np.float64)
    rows = np.zeros(len(flat), [("index", "<i8"), ("values_block_0", "<f8", (flat.shape[1],))])
    rows["index"], rows["values_block_0"] = np.arange(len(flat)), flat
    with h5py.File(folder / f"{camera}DLC_resnet50.h5", "w") as file:
        group = file.create_group("df_with_missing")
        group.create_dataset("table", data=rows)
        axes = [(1, _deeplabcut_titles(people.shape[1], names))]
        group.attrs["non_index_axes"] = np.bytes_(pickle.dumps(axes, 0))


def sleap(
    folder: Path, camera: str, people: FloatArray, names: KeypointSet, _: tuple[int, int]
) -> None:
    """Write SLEAP's analysis file."""
    import h5py

    with h5py.File(folder / f"{camera}.analysis.h5", "w") as file:
        file["tracks"] = np.transpose(people[..., :2], (1, 3, 2, 0))
        file["point_scores"] = np.transpose(people[..., 2], (1, 2, 0))
        file["node_names"] = np.array([name.encode() for name in names.keypoint_names])


def sleap_project(
    folder: Path, camera: str, people: FloatArray, names: KeypointSet, _: tuple[int, int]
) -> None:
    """Write SLEAP's own file, all predicted, in the old way of counting pixels from the edge."""
    import h5py

    count = len(names.keypoint_names)
    frames: list[tuple[Any, ...]] = []
    instances: list[tuple[Any, ...]] = []
    points: list[tuple[Any, ...]] = []
    for frame, each in enumerate(people):
        there = each[np.isfinite(each).any(axis=(1, 2))]
        frames.append((frame, 0, frame, len(instances), len(instances) + len(there)))
        for person in there:
            start = len(points)
            row = (len(instances), 1, frame, 0, -1, -1, 0.9, start, start + count)
            instances.append(row)
            points += [(x + 0.5, y + 0.5, np.isfinite(x), True, sure) for x, y, sure in person]
    integers = ("frame_id", "video", "frame_idx", "instance_id_start", "instance_id_end")
    columns = ("instance_id", "instance_type", "frame_id", "skeleton", "track", "from_predicted",
               "score", "point_id_start", "point_id_end")  # fmt: skip
    of_points = [("x", "f8"), ("y", "f8"), ("visible", "?"), ("complete", "?")]
    # Node numbers of a skeleton are places in the list of all nodes, in any order.
    listed = [{"name": name, "weight": 1.0} for name in reversed(names.keypoint_names)]
    skeleton = {"nodes": [{"id": count - 1 - k} for k in range(count)]}
    with h5py.File(folder / f"{camera}.slp", "w") as file:
        metadata = file.create_group("metadata")
        metadata.attrs["format_id"] = 1.0
        metadata.attrs["json"] = np.bytes_(json.dumps({"nodes": listed, "skeletons": [skeleton]}))
        file["frames"] = np.array(frames, [(name, "i8") for name in integers])
        file["instances"] = np.array(
            instances, [(name, "f4" if name == "score" else "i8") for name in columns]
        )
        file["points"] = np.zeros(0, of_points)
        file["pred_points"] = np.array(points, [*of_points, ("score", "f8")])


def sleap_table(
    folder: Path, camera: str, people: FloatArray, names: KeypointSet, _: tuple[int, int]
) -> None:
    """Write SLEAP's table: a row for each person and frame."""
    columns = [f"{name}.{axis}" for name in names.keypoint_names for axis in ("x", "y", "score")]
    with (folder / f"{camera}.csv").open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(["track", "frame_idx", "instance.score", *columns])
        for frame, each in enumerate(people):
            for person in each[np.isfinite(each).any(axis=(1, 2))]:
                values = ("" if np.isnan(value) else float(value) for value in person.ravel())
                table.writerow(["", frame, 0.9, *values])


WRITERS: Mapping[str, tuple[Written, str]] = {
    "openpose": (openpose, "body_25"),
    "openpose_whole": (openpose_whole, "body_25_hands_face"),
    "openpose_coco": (openpose, "coco_18"),
    "pose2sim": (pose2sim, "body_25b"),
    "pose2sim_halpe": (pose2sim, "halpe_26"),
    "coco_results": (coco_results, "coco_17"),
    "coco_annotations": (coco_annotations, "coco_17"),
    "alphapose": (alphapose, "halpe_136"),
    "mmpose": (mmpose, "wholebody_133"),
    "rtmlib": (rtmlib, "halpe_26"),
    "mediapipe": (mediapipe, "blazepose_33"),
    "mediapipe_table": (mediapipe_table, "blazepose_33"),
    "deeplabcut": (deeplabcut, "coco_17"),
    "deeplabcut_table": (deeplabcut_table, "coco_17_feet"),
    "sleap": (sleap, "coco_17"),
    "sleap_project": (sleap_project, "coco_17"),
    "sleap_table": (sleap_table, "coco_17"),
}
"""Every format with the keypoint set of its files here."""
