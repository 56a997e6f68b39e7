from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.capture.edits_file import IdentityEdit
from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D
from mocap.core.errors import ReconstructionError
from mocap.core.keypoints import COCO_17
from mocap.core.shapes import FloatArray
from mocap.reconstruct.associate import associate, associate_with_report
from mocap.synthetic.motion.chain import stick_person
from mocap.synthetic.observations import observe_people
from mocap.synthetic.rigs import ring

FPS = 30.0
NAMES = COCO_17.keypoint_names
MIRROR = list(COCO_17.mirror_indices())
# Detectors are wrong by 5-15 px at this image size.
NOISE_PX = 6.0


def rig(cameras: int, arc_deg: float = 360.0) -> Calibration:
    return ring(cameras, image_size=(1280, 960), arc_deg=arc_deg, jitter=1.0, seed=3)


def crowd(people: int, frames: int) -> FloatArray:
    """Return people (frame, person, keypoint, 3) standing about; the first is in the middle."""
    places = ((0.0, 0.0), (1.3, 0.6), (-1.2, 1.0), (0.5, -1.4), (-1.0, -1.0), (1.7, -0.6))
    return np.stack(
        [
            stick_person(frames, FPS, position_m=places[p], heading_deg=60.0 * p, phase=0.2 * p).xyz
            for p in range(people)
        ],
        axis=1,
    )


def detect(calibration: Calibration, xyz: FloatArray, seed: int = 5) -> Detections2D:
    return observe_people(
        calibration, xyz, NAMES, fps=FPS, noise_px=NOISE_PX, missing=0.05, seed=seed
    )


def keep(detections: Detections2D, kept: FloatArray) -> Detections2D:
    """Return only the detections (camera, frame, detection) marked."""
    mask = kept.astype(bool)
    return replace(
        detections,
        pixels=np.where(mask[..., None, None], detections.pixels, np.nan),
        confidence=np.where(mask[..., None], detections.confidence, 0.0),
        boxes=np.where(mask[..., None], detections.boxes, np.nan),
    )


def person_errors_px(pixels: FloatArray, calibration: Calibration, xyz: FloatArray) -> FloatArray:
    """Return the median error (camera, frame, person) of tracks against each true person."""
    error = np.linalg.norm(pixels[:, :, 0, None] - calibration.project(xyz), axis=-1)
    ordered = np.sort(np.nan_to_num(error, nan=np.inf), axis=-1)
    middle = np.maximum(np.count_nonzero(np.isfinite(error), axis=-1) - 1, 0) // 2
    return np.take_along_axis(ordered, middle[..., None], axis=-1)[..., 0]


def chosen(pixels: FloatArray, calibration: Calibration, xyz: FloatArray) -> FloatArray:
    """Return who (camera, frame) was chosen: the nearest true person, -1 where nobody."""
    error = person_errors_px(pixels, calibration, xyz)
    return np.where(np.isfinite(error.min(axis=-1)), error.argmin(axis=-1), -1)


@pytest.mark.parametrize(("cameras", "people"), [(2, 1), (3, 2), (4, 3), (16, 6)])
def test_one_person_is_followed_through_all_views(cameras: int, people: int) -> None:
    calibration = rig(cameras, arc_deg=100.0 if cameras == 2 else 360.0)
    xyz = crowd(people, 30)
    tracks = associate(detect(calibration, xyz), calibration, person="main")
    who = chosen(tracks.pixels, calibration, xyz)
    assert tracks.person_ids == (0,)
    assert len(np.unique(who)) == 1
    error = person_errors_px(tracks.pixels, calibration, xyz)[..., who[0, 0]]
    # Every view keeps its own noise: the median of a Rayleigh variable is 1.18 sigma.
    assert error.max() < 2.5 * NOISE_PX


def test_main_person_is_seen_longest_and_by_most_views() -> None:
    calibration = rig(4)
    xyz = crowd(2, 40)
    xyz[10:, 1] = np.nan
    tracks = associate(detect(calibration, xyz), calibration)
    assert (chosen(tracks.pixels, calibration, np.nan_to_num(xyz, nan=50.0)) == 0).all()


def test_person_missing_in_views_and_frames_is_found_again() -> None:
    calibration = rig(4)
    xyz = crowd(1, 60)
    detections = detect(calibration, xyz)
    kept = np.ones(detections.confidence.shape[:3])
    kept[0, 10:30] = 0.0
    kept[:, 35:45] = 0.0
    kept[2, 38:42] = 1.0
    tracks = associate(keep(detections, kept), calibration)
    seen = ~np.isnan(tracks.pixels[:, :, 0]).all(axis=(2, 3))
    # Where one view is left, the person is recognised from where the gap began and ended.
    np.testing.assert_array_equal(seen, kept[..., 0].astype(bool))


def test_person_who_comes_back_after_a_long_absence_is_the_same() -> None:
    calibration = rig(4)
    xyz = crowd(2, 150)
    xyz[30:120, 0] = np.nan
    xyz[5:, 1] = np.nan
    tracks = associate(detect(calibration, xyz), calibration)
    seen = (~np.isnan(tracks.pixels[:, :, 0]).all(axis=(2, 3))).all(axis=0)
    np.testing.assert_array_equal(seen, ~np.isnan(xyz[:, 0, 0, 0]))


def test_swapped_view_is_put_right_and_counted() -> None:
    calibration = rig(4)
    xyz = crowd(2, 40)
    detections = detect(calibration, xyz)
    pixels, confidence = detections.pixels.copy(), detections.confidence.copy()
    pixels[1, 8:20] = pixels[1, 8:20][:, :, MIRROR]
    confidence[1, 8:20] = confidence[1, 8:20][:, :, MIRROR]
    swapped = replace(detections, pixels=pixels, confidence=confidence)
    tracks, report = associate_with_report(swapped, calibration)
    straight = associate(detections, calibration)
    np.testing.assert_array_equal(tracks.pixels, straight.pixels)
    assert report.people[0].swapped_by_camera == {"cam1": 0, "cam2": 12, "cam3": 0, "cam4": 0}
    assert any("'cam2' 12" in sentence for sentence in report.warnings())


def test_two_views_swapped_for_a_while_are_decided_by_time() -> None:
    calibration = rig(2, arc_deg=100.0)
    xyz = crowd(1, 40)
    detections = detect(calibration, xyz)
    pixels, confidence = detections.pixels.copy(), detections.confidence.copy()
    pixels[:, 15:20] = pixels[:, 15:20][:, :, :, MIRROR]
    confidence[:, 15:20] = confidence[:, 15:20][:, :, :, MIRROR]
    swapped = replace(detections, pixels=pixels, confidence=confidence)
    tracks, report = associate_with_report(swapped, calibration)
    assert person_errors_px(tracks.pixels, calibration, xyz).max() < 2.5 * NOISE_PX
    assert sum(report.people[0].swapped_by_camera.values()) == 10


def test_image_maps_bring_pixels_into_the_calibration() -> None:
    calibration = rig(3)
    xyz = crowd(1, 10)
    detections = detect(calibration, xyz)
    shrunk = detections.pixels.copy()
    shrunk[1] = (shrunk[1] - [4.0, 7.0]) / 2.0
    matrix = np.array([[2.0, 0.0, 4.0], [0.0, 2.0, 7.0]])
    tracks = associate(replace(detections, pixels=shrunk), calibration, image_maps={"cam2": matrix})
    np.testing.assert_allclose(tracks.pixels, associate(detections, calibration).pixels)
    with pytest.raises(ReconstructionError, match="image_maps names 'cam9'"):
        associate(detections, calibration, image_maps={"cam9": matrix})


def test_report_tells_which_camera_misses_the_person() -> None:
    calibration = rig(3)
    detections = detect(calibration, crowd(1, 20))
    kept = np.ones(detections.confidence.shape[:3])
    kept[2, 5:] = 0.0
    _, report = associate_with_report(keep(detections, kept), calibration)
    assert report.people[0].views_by_camera == {"cam1": 20, "cam2": 20, "cam3": 5}
    assert report.people[0].frames == 20
    assert [s for s in report.warnings() if "camera 'cam3' shows the person in 5 of 20" in s]


def test_nobody_is_an_error() -> None:
    calibration = rig(3)
    detections = detect(calibration, crowd(1, 12))
    nobody = keep(detections, np.zeros(detections.confidence.shape[:3]))
    with pytest.raises(ReconstructionError, match="0 people found in 12 frames of 3 cameras"):
        associate(nobody, calibration)


def test_no_slot_at_all_is_an_error() -> None:
    calibration = rig(2)
    empty = Detections2D(
        calibration.names,
        NAMES,
        FPS,
        np.zeros((2, 4, 0, 17, 2)),
        np.zeros((2, 4, 0, 17)),
        np.zeros((2, 4, 0, 4)),
    )
    with pytest.raises(ReconstructionError, match="0 people found in 4 frames of 2 cameras"):
        associate(empty, calibration)


def test_cameras_that_never_agree_are_an_error() -> None:
    calibration = rig(3)
    detections = detect(calibration, crowd(1, 12))
    frames = np.arange(12)
    kept = np.ones(detections.confidence.shape[:3])
    for camera in range(3):
        kept[camera, frames % 3 != camera] = 0.0
    with pytest.raises(ReconstructionError, match="no two cameras agree"):
        associate(keep(detections, kept), calibration)


def test_one_camera_is_an_error() -> None:
    calibration = rig(2)
    detections = detect(calibration, crowd(1, 5))
    single = Detections2D(
        ("cam1",),
        NAMES,
        FPS,
        detections.pixels[:1],
        detections.confidence[:1],
        detections.boxes[:1],
    )
    with pytest.raises(ReconstructionError, match="3D needs two cameras"):
        associate(single, calibration)


def test_images_left_out_change_nothing_but_the_frames_between() -> None:
    calibration, people = rig(4), crowd(2, 60)
    whole = detect(calibration, people)
    half = whole.every(2)
    times = np.array(whole.times_s)
    times[:, 1::2] = np.nan
    left_out = keep(whole, np.isfinite(times)[..., None] & (whole.confidence.max(axis=-1) > 0))
    edits = [IdentityEdit("drop", (1,), 21, 39)]
    found, report = associate_with_report(
        replace(left_out, times_s=times), calibration, edits=edits
    )
    as_slow, slowly = associate_with_report(
        half, calibration, edits=[IdentityEdit("drop", (1,), 11, 19)]
    )
    assert (found.fps, found.pixels.shape[1], as_slow.fps) == (FPS, 60, FPS / 2)
    np.testing.assert_array_equal(found.pixels[:, ::2], as_slow.pixels)
    np.testing.assert_array_equal(found.confidence[:, ::2], as_slow.confidence)
    assert np.isnan(found.pixels[:, 1::2]).all() and np.isnan(found.times_s[:, 1::2]).all()
    assert np.isnan(found.pixels[:, 22:39:2, 1]).all()
    for one, other in zip(report.people, slowly.people, strict=True):
        assert (one.first_frame, one.last_frame) == (2 * other.first_frame, 2 * other.last_frame)
        assert one.best_view[1:] == (2 * other.best_view[1], *other.best_view[2:])
        assert one.frames == other.frames
    assert (report.frame_count, report.fps) == (30, FPS)
