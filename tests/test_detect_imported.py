"""Keypoints of other tools: what was written comes back, and nothing else passes for it."""

from __future__ import annotations

import json
import shutil
import sys
import tracemalloc
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest

from mocap.capture.session import Session
from mocap.core.calibration_file import save_calibration
from mocap.core.errors import InputError, SessionError
from mocap.core.keypoints import BODY_25, BODY_25B, COCO_17, KEYPOINT_SETS, KeypointSet
from mocap.core.shapes import FloatArray
from mocap.detect.imported.cameras import camera_of
from mocap.detect.imported.detections import CameraFrame, detections_of
from mocap.detect.imported.hdf5 import read_hdf5, told
from mocap.detect.imported.keypoints import FileKeypoints
from mocap.detect.imported.layouts import LARGEST_BONE_RATIO, bone_ratio, layout_of
from mocap.detect.imported.openpose import read_openpose
from mocap.detect.imported.read import read_json_file
from mocap.synthetic.keypoint_files import WRITERS, openpose, rtmlib, sleap_project
from mocap.synthetic.motion.random_motion import random_motion, true_points
from mocap.synthetic.rigs import ring
from mocap.workflow.choices import choices
from mocap.workflow.imported.choices import KeypointsChoice
from mocap.workflow.imported.keypoints import import_keypoints
from mocap.workflow.progress import Quiet
from mocap.workflow.run import run_take

FRAMES, FPS = 6, 30.0


def seen_people(keypoint_set: KeypointSet, frames: int = FRAMES) -> dict[str, FloatArray]:
    """Return (frame, person, keypoint, 3) of two people by camera, some unseen."""
    names = keypoint_set.keypoint_names
    rig = ring(3)
    first = true_points(random_motion(frames, FPS, seed=3), names)
    xyz = np.stack([first, first + np.array([0.5, -0.4, 0.0])], axis=1)
    found = {}
    for index, camera in enumerate(rig.cameras):
        people = np.concatenate([camera.project(xyz), np.full((*xyz.shape[:3], 1), 0.75)], axis=-1)
        people[1, 0, 2 + index] = np.nan
        people[2, 1] = np.nan
        found[camera.name] = np.where(np.isfinite(people), people, np.nan)
    return found


@pytest.fixture
def session(tmp_path: Path) -> Session:
    session = Session.create(tmp_path / "s", rig="four_corner", board="a1_5x7", square_mm=109.6)
    save_calibration(ring(3), session.calibration_path)
    return session


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_comes_back(session: Session, tmp_path: Path, name: str) -> None:
    """Files keep four decimals; pixels are stored as float32, which is 1e-4 px at 2,000 px."""
    write, layout = WRITERS[name]
    wanted = seen_people(KEYPOINT_SETS[layout])
    folder = tmp_path / "files"
    folder.mkdir()
    for camera, people in wanted.items():
        write(folder, camera, people, KEYPOINT_SETS[layout], ring(3)[camera].image_size)
    take, found = import_keypoints(session, "a", folder, KeypointsChoice(fps=FPS), Quiet())
    assert found.layout.keypoint_set.name == layout
    assert found.detections.pixels.shape[1] == FRAMES
    for index, camera in enumerate(found.detections.camera_names):
        for frame in range(FRAMES):
            there = wanted[camera][frame]
            if name == "mediapipe_table":
                there = there[:1]
            there = there[np.isfinite(there).any(axis=(1, 2))]
            pixels = found.detections.pixels[index, frame]
            np.testing.assert_allclose(pixels[: len(there)], there[..., :2], atol=2e-3)
            assert np.isnan(pixels[len(there) :]).all()
            sure = 1.0 if name == "coco_annotations" else 0.75
            np.testing.assert_allclose(
                found.detections.confidence[index, frame, : len(there)],
                np.where(np.isfinite(there[..., 0]), sure, 0.0), atol=1e-4,
            )  # fmt: skip
    assert take.name in session.takes()


def test_a_take_of_keypoints_alone_is_run(session: Session, tmp_path: Path) -> None:
    """From files to a report, and nothing looks for a video."""
    folder = tmp_path / "files"
    folder.mkdir()
    for camera, people in seen_people(COCO_17, 45).items():
        openpose(folder, camera, people[:, :1], COCO_17, (1920, 1080))
    take, _ = import_keypoints(session, "a", folder, KeypointsChoice(fps=FPS), Quiet())
    done = run_take(
        take, choices(), Quiet(), stages=("detect", "sync", "associate", "triangulate", "smooth",
                                          "report"),
    )  # fmt: skip
    assert [each.stage for each in done] == ["sync", "associate", "triangulate", "smooth", "report"]
    assert take.report_path.is_file()
    with pytest.raises(SessionError, match="no videos to find keypoints in"):
        run_take(take, choices(), Quiet(), stages=("detect",))
    with pytest.raises(InputError, match="has keypoints already"):
        import_keypoints(session, "a", folder, KeypointsChoice(fps=FPS), Quiet())


def test_25_points_are_told_apart_by_where_they_lie() -> None:
    """Not even people of two sets of one size are taken for each other."""
    for keypoint_set, other in ((BODY_25, BODY_25B), (BODY_25B, BODY_25)):
        people = np.concatenate([each[:, 0] for each in seen_people(keypoint_set).values()])
        assert bone_ratio(people[..., :2], keypoint_set) < LARGEST_BONE_RATIO
        assert bone_ratio(people[..., :2], other) > LARGEST_BONE_RATIO


@pytest.mark.parametrize(
    ("document", "sentence"),
    [
        ({"people": 3}, "holds a table of people: no keypoints that are known. Known are OpenPose"),
        ([{"image_id": 3, "keypoints": [1, 2]}], "is damaged or not COCO results .* no triplets"),
        ([{"joints": []}], "a list of a table of joints: no keypoints that are known"),
        ({"people": [{"pose_keypoints_2d": [1, "a", 2]}]}, "is damaged or not a frame"),
        ([{"image_id": "x.jpg", "keypoints": [1, 2, 3]}], "has no frame number"),
        ({"instance_info": [{"instances": [{"keypoints": [[1, 2]], "keypoint_scores": []}]}]},
         "do not fit together"),
        ({"frames": [{"pose_landmarks": [{"x": 1, "y": 2}]}]}, "1 landmarks of a person, not 33"),
    ],
)  # fmt: skip
def test_damaged_and_unknown_documents(tmp_path: Path, document: object, sentence: str) -> None:
    path = tmp_path / "left.json"
    path.write_text(json.dumps(document))
    with pytest.raises(InputError, match=sentence) as caught:
        read_json_file(path)
    assert "\n" not in str(caught.value)


def test_unknown_layouts_are_refused(session: Session, tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    people = seen_people(COCO_17)
    for camera, each in people.items():
        openpose(folder, camera, each[:, :, :16], COCO_17, (1920, 1080))
    with pytest.raises(InputError, match=r"16 keypoints of a person is not known\. Known are coco"):
        import_keypoints(session, "a", folder, KeypointsChoice(fps=FPS), Quiet())
    chance = np.random.default_rng(0).permutation(17)
    for camera, each in people.items():
        openpose(folder, camera, each[:, :, chance], COCO_17, (1920, 1080))
    with pytest.raises(InputError, match="do not lie as those of coco_17 do"):
        import_keypoints(session, "a", folder, KeypointsChoice(fps=FPS), Quiet())
    with pytest.raises(InputError, match="Give --fps"):
        import_keypoints(session, "a", folder, KeypointsChoice(), Quiet())
    wrong = KeypointsChoice(fps=FPS, image_size=("100x100",))
    with pytest.raises(InputError, match="lie outside its image of 100 x 100 px"):
        for camera, each in people.items():
            openpose(folder, camera, each, COCO_17, (1920, 1080))
        import_keypoints(session, "a", folder, wrong, Quiet())


def test_names_of_a_file_are_mapped(tmp_path: Path) -> None:
    people = seen_people(COCO_17)[ring(3).names[0]]
    folder = tmp_path / "f"
    folder.mkdir()
    rtmlib(folder, "left", people, COCO_17, (1920, 1080))
    plain = read_json_file(folder / "left.json")
    theirs = tuple(name.replace("left_", "L").replace("right_", "R") for name in
                   COCO_17.keypoint_names)  # fmt: skip
    named = type(plain)(plain.format, plain.frames, names=(*theirs[:-1], "tail"))
    layout = layout_of({"left": named}, None, {})
    assert layout.keypoint_set is COCO_17
    assert layout.places.tolist() == [*range(16), -1]
    assert "their names are not known: tail" in " ".join(layout.said)
    mapped = layout_of({"left": named}, None, {"tail": "right_ankle"})
    assert mapped.places.tolist() == list(range(17))


def test_cameras_are_found_by_whole_words() -> None:
    cameras = ("cam1", "cam10", "left")
    assert camera_of("cam10_json", cameras, {}) == "cam10"
    assert camera_of("cam1DLC_resnet50.csv", cameras, {}) == "cam1"
    assert camera_of("cleft.json", cameras, {}) is None
    assert camera_of("result_LEFT_000.json", cameras, {}) == "left"


def test_frames_of_other_keypoints_are_refused() -> None:
    people = {0: np.ones((1, 25, 3)), 1: np.ones((1, 17, 3))}
    found = FileKeypoints("OpenPose JSON", people)
    with pytest.raises(InputError, match="have 17 keypoints in frame 1 and 25 in another"):
        detections_of({"left": found}, {"left": CameraFrame((640, 480))}, 30.0,
                      keypoints="body_25")  # fmt: skip
    named = FileKeypoints("COCO", {0: np.ones((1, 3, 3))}, names=("nose", "neck"))
    with pytest.raises(InputError, match="have 3 keypoints, and the file names 2"):
        detections_of({"left": named}, {"left": CameraFrame((640, 480))}, 30.0)


def test_a_number_in_column_titles_does_not_ask_for_memory(tmp_path: Path) -> None:
    path = tmp_path / "numbered.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.create_dataset("table", data=np.zeros(2, [("index", "<i8"), ("block", "<f8", (3,))]))
        # 1, remembered under a number: an array up to that number would take a gigabyte.
        remembered = b"\x80\x02K\x01r" + (2**26).to_bytes(4, "little") + b"."
        group.attrs["non_index_axes"] = np.void(remembered)
    tracemalloc.start()
    try:
        assert "damage" in told(path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


def test_a_file_that_breaks_the_library_of_hdf5_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "breaks.h5"
    with h5py.File(path, "w") as file:
        file["tracks"] = np.zeros(3)
    monkeypatch.setattr(sys, "executable", shutil.which("false"))
    with pytest.raises(InputError, match=r"breaks.h5 is damaged.*HDF5's own library broke on it"):
        read_hdf5(path)


def test_hdf5_runs_no_code(tmp_path: Path) -> None:
    """A pickle that would call a function is refused before it does."""
    import pickle

    import h5py

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[()]]:
            return (Path(tmp_path / "made").touch, ())

    path = tmp_path / "left.h5"
    with h5py.File(path, "w") as file:
        group = file.create_group("df_with_missing")
        group.create_dataset("table", data=np.zeros(1, [("index", "<i8"), ("v", "<f8", (3,))]))
        group.attrs["non_index_axes"] = np.bytes_(pickle.dumps([(1, [Evil()])], 0))
    with pytest.raises(InputError, match="could run code"):
        read_hdf5(path)
    assert not (tmp_path / "made").exists()
    path.write_bytes(path.read_bytes()[:700])
    with pytest.raises(InputError, match="is damaged or not an HDF5 file"):
        read_hdf5(path)


def test_the_files_of_a_real_take(real_data: Path) -> None:
    folder = real_data / "pose2sim_single/reference/body25b_json/cam01_json"
    files = {int(path.stem[-4:]): path for path in sorted(folder.glob("*.json"))}
    found = read_openpose(files)
    assert len(found.frames) == 100
    assert layout_of({"cam01": found}, None, {}).keypoint_set is BODY_25B


def test_sizes_and_lengths_must_fit_the_videos(tmp_path: Path) -> None:
    people = seen_people(COCO_17)[ring(3).names[0]]
    rtmlib(tmp_path, "left", people, COCO_17, (1920, 1080))
    found = read_json_file(tmp_path / "left.json")
    filmed = CameraFrame((1920, 1080), FRAMES, np.arange(FRAMES) / 29.0)
    made = detections_of({"left": found}, {"left": filmed}, FPS).detections
    assert filmed.times_s is not None
    np.testing.assert_allclose(made.times_s, filmed.times_s[None])
    with pytest.raises(InputError, match="keypoints of frame 5, but its video has 4 frames"):
        detections_of({"left": found}, {"left": replace(filmed, frame_count=4)}, FPS)
    other = replace(found, image_size=(1280, 720))
    with pytest.raises(InputError, match="are of images of 1280 x 720 px, the recording has 1920"):
        detections_of({"left": other}, {"left": filmed}, FPS)
    # Numbers from 1 to the length of the video: its first frame is 1.
    late = replace(found, frames={number + 1: each for number, each in found.frames.items()})
    shifted = detections_of({"left": late}, {"left": filmed}, FPS)
    np.testing.assert_array_equal(shifted.detections.pixels, made.pixels)
    assert any("numbered from 1" in each for each in shifted.said)
    stamps = replace(found, frames={0: found.frames[0], 10**12: found.frames[1]})
    with pytest.raises(InputError, match="these are no frame numbers"):
        detections_of({"left": stamps}, {"left": filmed}, FPS)
    nobody = replace(found, frames={0: np.zeros((0, 0, 3))})
    with pytest.raises(InputError, match="there is nobody in the keypoints"):
        detections_of({"left": nobody}, {"left": filmed}, FPS)


def test_a_sleap_file_prefers_what_a_person_placed(tmp_path: Path) -> None:
    """The corrected instance stands for its prediction; files of several videos are refused."""
    people = seen_people(COCO_17)["cam1"][:4]
    path = tmp_path / "cam1.slp"
    sleap_project(tmp_path, "cam1", people, COCO_17, (1920, 1080))
    with h5py.File(path, "r+") as file:
        instances, points = file["instances"][:], file["pred_points"][:]
        placed = np.zeros(17, file["points"].dtype)
        placed["x"], placed["y"], placed["visible"] = 300.5, 200.5, True
        placed["visible"][3] = False
        row = instances[0].copy()
        row["instance_type"], row["from_predicted"] = 0, row["instance_id"]
        row["instance_id"], row["point_id_start"], row["point_id_end"] = 99, 0, 17
        changed = np.insert(instances, 1, row)
        for name in ("instances", "points"):
            del file[name]
        file["instances"], file["points"] = changed, placed
        frames = file["frames"][:]
        frames["instance_id_start"][1:] += 1
        frames["instance_id_end"] += 1
        del file["frames"]
        file["frames"] = frames
    found = read_hdf5(path)
    assert len(found.frames[0]) == 2 and "1 of" in found.said[0]
    (first,) = [each for each in found.frames[0] if (each[:3, 0] == 300.0).all()]
    assert np.isnan(first[3]).sum() == 2 and first[3, 2] == 0.0 and first[0, 2] == 1.0
    assert len(found.frames[1]) == 2 and len(points)
    with h5py.File(path, "r+") as file:
        frames = file["frames"][:]
        frames["video"][-1] = 1
        del file["frames"]
        file["frames"] = frames
    with pytest.raises(InputError, match="2 videos"):
        read_hdf5(path)


def test_21_points_of_a_hand_are_those_of_the_side_that_is_said(tmp_path: Path) -> None:
    """Nothing tells a left hand from a right one: it is asked; nor are they taken for a body."""
    hand = seen_people(KEYPOINT_SETS["hands_42"])["cam1"][:, 0, 21:]
    path = tmp_path / "cam1.json"
    people = [
        {"keypoints": each[:, :2].tolist(), "keypoint_scores": each[:, 2].tolist()}
        for each in np.nan_to_num(hand)
    ]
    frames = [{"frame_id": k, "instances": [each]} for k, each in enumerate(people)]
    path.write_text(json.dumps(frames))
    found = {"cam1": read_json_file(path)}
    with pytest.raises(InputError, match=r"(left|right)_hand_21 or (left|right)_hand_21"):
        layout_of(found, None, {})
    layout = layout_of(found, "right_hand_21", {})
    assert layout.keypoint_set.keypoint_names[0] == "right_hand_root"
    assert layout.keypoint_set.mirror_indices() == tuple(range(21))
