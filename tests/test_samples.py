"""The sample session is complete, small, and shows what its truth says."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.capture.session import Session
from mocap.capture.video import probe, read_frames
from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import Array
from mocap.core.transform import apply
from mocap.synthetic.sample import SampleTruth, load_truth, save_truth

STUDIO = Path(__file__).parents[1] / "samples" / "studio"
MAX_MEGABYTES = 10.0


@pytest.fixture(scope="module")
def session() -> Session:
    return Session.open(STUDIO)


@pytest.fixture(scope="module")
def truth() -> SampleTruth:
    return load_truth(STUDIO)


def info_length(path: Path) -> float:
    return float(probe(path).times_s[-1])


def frame_of(path: Path, wanted: int) -> Array:
    return next(image for index, image in read_frames(path) if index == wanted)


def test_it_is_small_and_holds_nothing_else() -> None:
    files = [path for path in STUDIO.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < MAX_MEGABYTES * 1e6
    kinds = {path.suffix for path in files}
    assert kinds == {".mp4", ".toml", ".npz", ".md"}, "artifacts of a run were left in the sample"


def test_names_agree_with_the_rig(session: Session, truth: SampleTruth) -> None:
    names = set(session.rig().camera_names)
    assert set(truth.calibration.names) == names
    assert set(session.calibration_videos()) == names
    assert session.takes() == tuple(sorted(truth.takes))
    for take in session.takes():
        assert set(session.take(take).videos()) == names
    assert session.board().name == "a1_5x7"


def test_videos_are_as_long_and_as_fast_as_the_truth(session: Session, truth: SampleTruth) -> None:
    expected: dict[Path, tuple[int | None, float]] = {
        path: (len(truth.world_from_board), truth.calibration_fps)
        for path in session.calibration_videos().values()
    }
    for name, take in truth.takes.items():
        for path in session.take(name).videos().values():
            camera = truth.calibration.names.index(path.stem)
            expected[path] = (None, take.camera_fps[camera])
            assert take.start_s[camera] + info_length(path) < len(take.xyz) / take.fps + 0.02
    for path, (frame_count, fps) in expected.items():
        info = probe(path)
        assert frame_count is None or info.frame_count == frame_count
        assert info.fps == pytest.approx(fps)
        assert info.image_size == truth.calibration[path.stem].image_size


def test_keypoints_are_those_of_the_skeleton(truth: SampleTruth) -> None:
    for take in truth.takes.values():
        assert take.keypoint_names == COCO_17_FEET.keypoint_names
        joints = take.joints()
        for name in ("left_shoulder", "right_wrist", "left_hip", "right_ankle"):
            joint = joints[:, take.joint_names.index(name)]
            keypoint = take.xyz[:, take.keypoint_names.index(name)]
            np.testing.assert_allclose(keypoint, joint, atol=1e-6)


def test_person_stands_on_the_floor_and_faces_the_front(truth: SampleTruth) -> None:
    for take in truth.takes.values():
        xyz = dict(zip(take.keypoint_names, np.moveaxis(take.xyz, 1, 0), strict=True))
        # The big toe's landmark is on top of the toe, the heel's behind the heel: 1-4 cm up.
        lowest = np.minimum(xyz["left_big_toe"][:, 2], xyz["right_big_toe"][:, 2])
        assert (lowest > -0.01).all() and lowest.min() < 0.05
        assert xyz["nose"][:, 2].max() < 1.9
    dance = truth.takes["dance"]
    nose, ear = (
        dance.xyz[:, dance.keypoint_names.index(name)].mean(axis=0) for name in ("nose", "left_ear")
    )
    assert nose[1] < ear[1]


def test_shirt_is_seen_at_the_chest_in_every_camera(session: Session, truth: SampleTruth) -> None:
    take = truth.takes["dance"]
    frame = 20
    chest = take.joints()[frame, take.joint_names.index("spine2")]
    for name, path in session.take("dance").videos().items():
        u, v = np.rint(truth.calibration[name].project(chest)).astype(int)
        red, _, blue = frame_of(path, frame)[v, u].astype(int)
        assert red > 2 * blue, f"no red shirt at ({u}, {v}) of {name}"


def test_board_lies_still_at_the_end_and_two_cameras_read_it(
    session: Session, truth: SampleTruth
) -> None:
    import cv2

    last = len(truth.world_from_board) - 1
    two_seconds = round(2 * truth.calibration_fps)
    still = truth.world_from_board[-two_seconds:]
    np.testing.assert_array_equal(still, np.broadcast_to(still[0], still.shape))
    board = session.board()
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, board.dictionary))
    charuco = cv2.aruco.CharucoBoard(
        (board.columns, board.rows), board.square_length_m, board.marker_length_m, dictionary
    )
    detector = cv2.aruco.CharucoDetector(charuco)
    corners_world = apply(still[-1], board.corner_points())
    readers = 0
    for name, path in session.calibration_videos().items():
        grey = cv2.cvtColor(frame_of(path, last), cv2.COLOR_RGB2GRAY)
        corners, ids, _, _ = detector.detectBoard(grey)
        if ids is None or len(ids) < 6:
            continue
        readers += 1
        exact = truth.calibration[name].project(corners_world)[ids.ravel()]
        off = np.linalg.norm(corners.reshape(-1, 2) - exact, axis=1)
        # Slanted by 55 degrees at 4 m, squares are 10 px high: corners are good to half a pixel.
        assert np.median(off) < 0.5
    assert readers >= 2


def test_truth_survives_writing_and_reading(truth: SampleTruth, tmp_path: Path) -> None:
    save_truth(truth, tmp_path / "truth.npz")
    again = load_truth(tmp_path)
    assert again.calibration.names == truth.calibration.names
    np.testing.assert_array_equal(again.world_from_board, truth.world_from_board)
    assert [len(again.people(name)) for name in truth.takes] == [
        len(truth.people(name)) for name in truth.takes
    ]
    for name, take in truth.takes.items():
        np.testing.assert_array_equal(again.takes[name].xyz, take.xyz)
        np.testing.assert_array_equal(again.takes[name].joints(), take.joints())


def test_a_session_without_truth_says_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not rendered with known truth"):
        load_truth(tmp_path)


def test_one_take_shows_two_people_who_pass_each_other(truth: SampleTruth) -> None:
    first, second = truth.people("crossing")
    assert len(truth.people("dance")) == 1
    pelvis = first.joint_names.index("pelvis")
    apart = second.joints()[:, pelvis] - first.joints()[:, pelvis]
    # One comes from each side and they change sides, at arm's length and not through each other.
    assert apart[0, 0] > 1.5 and apart[-1, 0] < -1.5
    assert 0.4 < np.linalg.norm(apart, axis=1).min() < 0.7
    # Every camera has an instant at which one stands before the other.
    for camera in truth.calibration.cameras:
        pixels = camera.project(np.stack([first.joints(), second.joints()], axis=1))
        middle, size = pixels[:, :, pelvis], np.ptp(pixels[..., 1], axis=2)
        assert (np.abs(np.diff(middle[..., 0], axis=1)) < 0.1 * size.min()).any(), camera.name


def test_one_take_was_started_by_hand(truth: SampleTruth) -> None:
    take, together = truth.takes["dance_by_hand"], truth.takes["dance"]
    assert (together.start_s == 0).all() and (together.camera_fps == 30).all()
    np.testing.assert_allclose(np.sort(take.camera_fps), [30000 / 1001, 30, 30, 60])
    # Seconds apart, and by no whole number of frames.
    apart = (take.start_s[:, None] - take.start_s[None]) * 30
    off = np.abs(apart - np.round(apart))[np.triu_indices(4, 1)]
    assert np.ptp(take.start_s) > 0.9 and (off > 0.02).all()
    # It is the same dance: the truth of both is one motion.
    # A clip is lifted until its lowest sole is on the floor: some millimetres by its length.
    np.testing.assert_allclose(take.xyz[: len(together.xyz)], together.xyz, atol=0.005)
    cut = take.from_frame(15)
    np.testing.assert_array_equal(cut.xyz[0], take.xyz[15])
    assert cut.start_s[take.start_s.argmin()] == take.start_s.min() - 0.5
