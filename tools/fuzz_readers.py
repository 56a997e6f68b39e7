"""Every reader of this project with honest files to damage."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import fuzz_mutations as mutations
import numpy as np
from fuzz_calibrations import (
    CALIBIO,
    QCA,
    SURVEY,
    dlt,
    dlt_lenses,
    foreign,
    opencap,
    read_dlt,
    read_with_lenses,
)
from fuzz_forks import in_forks
from fuzz_kinds import Reader, written
from fuzz_models import MODELS
from fuzz_pieces import PIECES
from fuzz_results import RESULTS

from mocap.calibrate.interchange.formats import read_foreign
from mocap.calibrate.verdict.report import (
    CalibrationReport,
    CameraReport,
    Finding,
    PairReport,
    Verdict,
)
from mocap.calibrate.verdict.survey_file import load_survey
from mocap.capture.boards import load_definition
from mocap.capture.edits import load_edits
from mocap.capture.rigs import load_rig
from mocap.capture.session import Session
from mocap.capture.session_file import SessionConfig, load_config
from mocap.capture.take_file import load_take_settings
from mocap.capture.video import probe, read_frames
from mocap.core.calibration_file import load_calibration, save_calibration
from mocap.core.detections import Corners, Detections2D, Tracks2D
from mocap.core.files.documents import load_document, save_document
from mocap.core.keypoints import KEYPOINT_SETS
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D
from mocap.core.store import Provenance, load_artifact, load_provenance, save_artifact
from mocap.detect.imported.cameras import CameraFiles
from mocap.detect.imported.detections import CameraFrame, detections_of
from mocap.detect.imported.read import read_camera
from mocap.detect.onnx.card import load_onnx_card
from mocap.detect.onnx.inputs import open_network
from mocap.export.bvh import reader as bvh_reader
from mocap.export.bvh import writer as bvh_writer
from mocap.export.character.character import Character
from mocap.export.character.dummy import dummy_mesh
from mocap.export.fbx import reader as fbx_reader
from mocap.export.fbx import writer as fbx_writer
from mocap.export.glb import reader as glb_reader
from mocap.export.glb import writer as glb_writer
from mocap.export.onto.job import read_hero
from mocap.export.opensim_ik import read_table
from mocap.measure.events import Event, MeasuredEvents
from mocap.synthetic.footage.encode import VideoWriter
from mocap.synthetic.keypoint_files import WRITERS
from mocap.synthetic.motion.random_motion import random_motion, true_points
from mocap.synthetic.motion.spinning import spinning_body
from mocap.synthetic.onnx_networks import write_network
from mocap.synthetic.rigs import ring
from mocap.synthetic.sample import load_truth
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.measure.take import read_norms
from mocap.workflow.rig.calibration_report import load_calibration_report, save_calibration_report

ROOT = Path(__file__).resolve().parents[1]


def _artifact(path: Path, artifact: object) -> list[Path]:
    notes = {"text": "é", "numbers": [1, 2.5, None], "deep": {"a": {"b": [True]}}}
    save_artifact(
        artifact, path, Provenance("detect", "1", {"a": 1}, {"b": "0" * 64}, ("w",), notes)
    )
    return [path]


def _detections(folder: Path) -> list[Path]:
    pixels = np.arange(2 * 3 * 1 * 2 * 2, dtype=np.float32).reshape(2, 3, 1, 2, 2)
    people = Detections2D(
        ("left", "right"), ("nose", "neck"), 30.0, pixels, np.ones((2, 3, 1, 2), np.float32),
        np.ones((2, 3, 1, 4), np.float32),
    )  # fmt: skip
    return _artifact(folder / "detections.npz", people)


def _tracks(folder: Path) -> list[Path]:
    pixels = np.arange(2 * 3 * 1 * 2 * 2, dtype=np.float32).reshape(2, 3, 1, 2, 2)
    tracks = Tracks2D(
        ("left", "right"), ("nose", "neck"), (0,), 30.0, pixels, np.ones((2, 3, 1, 2), np.float32)
    )
    return _artifact(folder / "tracks.npz", tracks)


def _points(folder: Path) -> list[Path]:
    points = Points3D(
        ("nose", "neck"), (0, 1), 30.0, np.zeros((3, 2, 2, 3)), np.zeros((3, 2, 2, 3, 3)),
        np.zeros((3, 2, 2)), np.zeros((3, 2, 2), np.int64), np.zeros((3, 2, 2), np.int64),
    )  # fmt: skip
    return _artifact(folder / "points3d.npz", points)


def _corners(folder: Path) -> list[Path]:
    corners = Corners("left", (640, 480), 10, np.arange(4), np.arange(4), np.zeros((4, 2)), ("n",))
    return _artifact(folder / "corners.npz", corners)


def _load(cls: type) -> Callable[[Path], object]:
    def read(path: Path) -> object:
        load_provenance(path)
        return load_artifact(path, cls)

    return read


def _events(folder: Path) -> list[Path]:
    strikes = (Event("left_heel_strike", 3.0, 12.5), Event("right_toe_off", 9.5, 12.5))
    made = Provenance("measure gait", "1", inputs={"smoothed": "0" * 64})
    save_document(MeasuredEvents("gait", 0, 30.0, (strikes,)), folder / "events.json", made)
    return [folder / "events.json"]


def _figures(folder: Path) -> list[Path]:
    camera = CameraReport(
        "left", (640, 480), 40, 900, 0.9, ((3,) * 5,) * 5, 0.01, 0.3, 0.2, (((0.1, 0.0),) * 5,) * 5,
        500.0, 0.5, 3.0, 1.0, (0.0, 1.0, 2.0), 1.5, 0.02, None,
    )  # fmt: skip
    report = CalibrationReport(
        Verdict.WARN, (Finding(Verdict.WARN, "little", "more"),), "a1_5x7", 60, 0.2, (camera,),
        (PairReport("left", "right", 5.6, 20, 19, None),), (), None, True, 9, ("seen",),
    )  # fmt: skip
    save_calibration_report(report, folder / "calibration_report.json")
    return [folder / "calibration_report.json"]


def _report(path: Path) -> object:
    folder = path.parent
    config = SessionConfig(rig="four_corner", board="a1_5x7")
    return load_calibration_report(Session(folder, config))


def _calibration(folder: Path) -> list[Path]:
    save_calibration(ring(2), folder / "calibration.toml")
    return [folder / "calibration.toml"]


_SESSION = """rig = "four_corner"
board = "a1_5x7"
square_mm = 39.8
notes = "é"
cameras = ["left", "right"]
[[subjects]]
name = "A"
height_m = 1.75
mass_kg = 70.0
sex = "female"
hand = "right"
[image_map.left]
scale = 1.0
offset_px = [0.0, 0.5]
[image_map.right]
matrix = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
"""

_EDITS = """[[ignore]]
camera = "left"
keypoints = ["nose", "left_ear"]
[[gap]]
do = "bridge"
keypoints = ["nose"]
from_frame = 1
to_frame = 2
[[event]]
do = "set"
name = "ball_release"
frame = 10.5
[[identity]]
do = "name"
people = [0]
name = "Anna"
"""
_TAKE = """subject = "A"
[[throws]]
foot_contact_s = 1.2
ball_release_s = 1.792
[ergonomics]
reba_load = 1
arm_supported = true
"""

_NORMS = "name,phase,p05,p50,p95\nelbow,,1,2,3\nknee,0.5,1.0,2.0,3.0\nknee,0.6,1.0,2.0,3.0\n"

_STO = (
    "name\nversion=1\nnRows=2\nnColumns=2\ninDegrees=yes\nendheader\ntime\ta\n0.0\t1.0\n0.1\t2.0\n"
)


def _shipped(pattern: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        return sorted(ROOT.glob(pattern))

    return make


def _images(path: Path) -> object:
    """Read a folder of images whose `frames.toml` is the damaged file."""
    import cv2

    image = path.parent / "frame_0.png"
    if not image.is_file():
        cv2.imwrite(str(image), np.zeros((4, 4, 3), np.uint8))
    return probe(path.parent)


def _bvh(folder: Path) -> list[Path]:
    motion = SkeletonMotion(
        ("hips", "knee", "foot"), (-1, 0, 1), np.array([[0, 0, 0], [0, 0, -0.4], [0, 0, -0.4]]),
        np.tile([1.0, 0, 0, 0], (3, 3, 1)), np.ones((3, 3)), 30.0,
    )  # fmt: skip
    path = folder / "motion.bvh"
    bvh_writer.write(motion, path)
    return [path]


def _heroes(folder: Path, suffix: str) -> list[Path]:
    """Write a character with a skin, for a motion to be put onto."""
    motion = spinning_body(2)
    path = folder / f"hero{suffix}"
    writer = glb_writer if suffix == ".glb" else fbx_writer
    writer.write(Character(motion, dummy_mesh(motion)), path)
    return [path]


def _characters(folder: Path, suffix: str) -> list[Path]:
    character = Character(bvh_reader.read(_bvh(folder)[0]))
    path = folder / f"motion{suffix}"
    (glb_writer if suffix == ".glb" else fbx_writer).write(character, path)
    return [path]


def _video(folder: Path) -> list[Path]:
    chance = np.random.default_rng(0)
    paths = []
    for suffix in (".mp4", ".mkv", ".avi"):
        path = folder / f"left{suffix}"
        with VideoWriter(path, (64, 48), 30.0) as writer:
            for _ in range(6):
                writer.write(chance.integers(0, 255, (48, 64, 3), dtype=np.uint8))
        paths.append(path)
    return paths


def _watch(path: Path) -> object:
    return probe(path), sum(1 for _ in read_frames(path))


def _keypoints(*names: str) -> Callable[[Path], list[Path]]:
    """Return who writes a file of two people in each of these formats."""

    def make(folder: Path) -> list[Path]:
        made = []
        for name in names:
            write, layout = WRITERS[name]
            keypoint_set = KEYPOINT_SETS[layout]
            points = true_points(random_motion(3, 30.0, seed=3), keypoint_set.keypoint_names)
            pixels = 100.0 * points[..., ::2] * (1.0, -1.0) + (300.0, 250.0)
            people = np.stack([np.dstack([pixels + k, np.full(pixels.shape[:2], 0.7)])
                               for k in (0.0, 40.0)], axis=1)  # fmt: skip
            place = folder / name
            place.mkdir(exist_ok=True)
            write(place, "left", people, keypoint_set, (640, 480))
            made += sorted(path for path in place.rglob("*") if path.is_file())
        return made

    return make


def _import(path: Path) -> object:
    found = read_camera(CameraFiles({}, path))
    return detections_of({"left": found}, {"left": CameraFrame((640, 480))}, 30.0)


def _network(folder: Path) -> list[Path]:
    card = load_onnx_card("rtmpose").image
    return [write_network(folder / "small.onnx", "simcc", (64, 64), 17, mean=card.mean)]


READERS = (
    Reader("detections", "detections.npz", _load(Detections2D), _detections, mutations.of_archive),
    Reader("tracks", "tracks.npz", _load(Tracks2D), _tracks, mutations.of_archive),
    Reader("points", "points3d.npz", _load(Points3D), _points, mutations.of_archive),
    Reader("corners", "corners.npz", _load(Corners), _corners, mutations.of_archive),
    Reader(
        "truth", "truth.npz", load_truth, _shipped("samples/*/truth.npz"), mutations.of_archive
    ),
    Reader("calibration", "calibration.toml", load_calibration, _calibration),
    Reader("foreign", "foreign.toml", read_foreign, foreign),
    Reader("qualisys", "foreign.qca.txt", read_foreign, written("a.qca.txt", QCA)),
    Reader("calibio", "calib.json", read_foreign, written("calib.json", CALIBIO)),
    Reader("dlt", "dltCoefs.csv", read_dlt, dlt),
    Reader("dlt lenses", "dltCoefs_lenses.csv", read_with_lenses, dlt_lenses),
    Reader("opencap", "cam.pickle", read_foreign, opencap, mutations.of_bytes),
    Reader("session", "session.toml", load_config, written("session.toml", _SESSION)),
    Reader("take", "take.toml", load_take_settings, written("take.toml", _TAKE)),
    Reader("survey", "survey.toml", load_survey, written("survey.toml", SURVEY)),
    Reader("edits", "edits.toml", load_edits, written("edits.toml", _EDITS)),
    Reader("rig", "rig.toml", lambda path: load_rig(str(path)), _shipped("rigs/*.toml")),
    Reader(
        "board", "board.toml", lambda path: load_definition(str(path)),
        _shipped("calibration_boards/*.toml"),
    ),
    Reader(
        "events", "events.json", lambda path: load_document(path, MeasuredEvents), _events
    ),
    Reader("report", "calibration_report.json", _report, _figures),
    Reader("frames", "frames.toml", _images, written("frames.toml", "fps = 60.0\n")),
    Reader("norms", "norms.csv", read_norms, written("norms.csv", _NORMS)),
    Reader("table", "table.sto", read_table, written("table.sto", _STO)),
    Reader("bvh", "motion.bvh", bvh_reader.read, _bvh),
    Reader(
        "glb", "motion.glb", glb_reader.read, lambda folder: _characters(folder, ".glb"),
        mutations.of_bytes,
    ),
    Reader(
        "fbx", "motion.fbx", fbx_reader.read, lambda folder: _characters(folder, ".fbx"),
        mutations.of_bytes,
    ),
    Reader(
        "hero_glb", "hero.glb", read_hero, lambda folder: _heroes(folder, ".glb"),
        mutations.of_bytes,
    ),
    Reader(
        "hero_fbx", "hero.fbx", read_hero, lambda folder: _heroes(folder, ".fbx"),
        mutations.of_bytes,
    ),
    Reader(
        "hashes", "hashes.json", lambda path: FileHashes(path, path.parent)(path),
        written("hashes.json", json.dumps({"hashes.json": [1, 2, "a"]})),
    ),
    Reader(
        "keypoints", "left.json", _import,
        _keypoints("openpose", "openpose_whole", "coco_results", "coco_annotations", "alphapose",
                   "mmpose", "rtmlib", "mediapipe"),
    ),
    Reader(
        "keypoint_table", "left.csv", _import,
        _keypoints("mediapipe_table", "deeplabcut_table", "sleap_table"),
    ),
    Reader(
        "keypoint_hdf5", "left.h5", in_forks(_import),
        _keypoints("deeplabcut", "sleap", "sleap_project"), mutations.of_bytes,
    ),
    Reader(
        "card", "card.toml", lambda path: load_onnx_card(str(path)),
        _shipped("mocap/detect/onnx/cards/*.toml"),
    ),
    Reader(
        "onnx", "small.onnx", lambda path: open_network(path, load_onnx_card("rtmpose"), 1),
        _network, mutations.of_bytes,
    ),
    Reader("video", "left.mp4", _watch, _video, mutations.of_bytes),
    *MODELS,
    *RESULTS,
    *PIECES,
)  # fmt: skip
