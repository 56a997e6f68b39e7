from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.errors import ReconstructionError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Source
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.transform import rigid
from mocap.reconstruct.associate import associate_with_report
from mocap.reconstruct.rig.check import camera_bias
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.motion.chain import articulated_chain
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import ring

CHAIN = articulated_chain(120, 26)


def scene(cameras: int, noise_px: float = 4.0) -> tuple[Calibration, Tracks2D]:
    calibration = ring(cameras, image_size=(1280, 960), jitter=1.0, seed=2)
    tracks = observe_points(
        calibration, CHAIN.xyz[:, None], CHAIN.keypoint_names, noise_px=noise_px, seed=6
    )
    return calibration, tracks


def test_good_rig_is_not_accused() -> None:
    calibration, tracks = scene(4)
    bias = camera_bias(triangulate(tracks, calibration), tracks, calibration)
    assert bias.warnings == ()
    # 3000 comparisons of 4 px noise (8 px with the prediction's): 0.2 px.
    assert np.max(bias.magnitude_px) < 0.8


@pytest.mark.parametrize("cameras", [3, 4, 8])
def test_shifted_camera_is_named_with_size_and_direction(cameras: int) -> None:
    calibration, tracks = scene(cameras)
    pixels = tracks.pixels.copy()
    pixels[1] += [-12.0, 9.0]
    shifted = replace(tracks, pixels=pixels)
    bias = camera_bias(triangulate(shifted, calibration), shifted, calibration)
    # The others predict without it: the size is right, to the noise of a median.
    np.testing.assert_allclose(bias.offset_px[1], [-12.0, 9.0], atol=1.0)
    expected = "camera 'cam2' sees the body 15 px (12 px left, 9 px down)"
    assert any(expected in sentence for sentence in bias.warnings)
    # With three cameras each pair that predicts the third may be the wrong one.
    assert cameras == 3 or expected in bias.warnings[0]


def test_turned_camera_is_found() -> None:
    calibration, tracks = scene(4)
    camera = calibration.cameras[2]
    turn = rigid(matrix_from_rotvec(np.array([0.0, np.radians(1.0), 0.0])), np.zeros(3))
    cameras = list(calibration.cameras)
    cameras[2] = replace(camera, camera_from_world=turn @ camera.camera_from_world)
    wrong = replace(calibration, cameras=tuple(cameras))
    bias = camera_bias(triangulate(tracks, wrong), tracks, wrong)
    assert np.argmax(bias.magnitude_px) == 2
    # One degree of pan is focal length times 0.0175, a little more off the axis.
    expected = camera.camera_matrix[0, 0] * np.radians(1.0)
    assert bias.magnitude_px[2] == pytest.approx(expected, rel=0.15)


def test_two_cameras_cannot_accuse_each_other() -> None:
    calibration, tracks = scene(2)
    bias = camera_bias(triangulate(tracks, calibration), tracks, calibration)
    assert np.isnan(bias.offset_px).all()
    assert bias.warnings == ()


def test_nothing_triangulated_is_an_error() -> None:
    calibration, tracks = scene(3)
    points = triangulate(tracks, calibration)
    nothing = replace(points, source=np.full_like(points.source, Source.MISSING))
    with pytest.raises(ReconstructionError, match="cameras cannot be compared"):
        camera_bias(nothing, tracks, calibration)


# Position in the reference detector's 25 keypoints of each of ours.
REFERENCE_ORDER = (
    0, 16, 15, 18, 17, 5, 2, 6, 3, 7, 4, 12, 9, 13, 10, 14, 11, 19, 21, 22, 24,
)  # fmt: skip

# The videos of two cameras are 1080 px wide, letterboxed, against a calibration of 1088.
IMAGE_MAPS = {
    "cam01": np.array([[1.0073, 0.0, 0.0], [0.0, 1.0073, -7.05]]),
    "cam02": np.array([[1.0075, 0.0, 0.0], [0.0, 1.0075, -7.28]]),
}


def real_rig(folder: Path) -> Calibration:
    """Return the calibration shipped with the recording."""
    table = json.loads((folder / "reference" / "cams_opencv.json").read_text())
    return Calibration(
        tuple(
            Camera(
                name,
                (1088, 1920),
                np.array(each["K"]),
                np.array([*each["d64"], 0.0]),
                rigid(np.array(each["R"]), np.array(each["t"])),
            )
            for name, each in table.items()
        )
    )


def real_detections(folder: Path, calibration: Calibration) -> Detections2D:
    """Return the reference keypoints of one detector."""
    people = [
        [
            [
                np.array(person["pose_keypoints_2d"]).reshape(-1, 3)[list(REFERENCE_ORDER)]
                for person in json.loads(path.read_text())["people"]
            ]
            for path in sorted((folder / "reference/body25b_json" / f"{name}_json").glob("*.json"))
        ]
        for name in calibration.names
    ]
    frames = min(len(camera) for camera in people)
    slots = max(len(frame) for camera in people for frame in camera)
    table = np.zeros((len(people), frames, slots, len(REFERENCE_ORDER), 3))
    for c, camera in enumerate(people):
        for f, frame in enumerate(camera[:frames]):
            table[c, f, : len(frame)] = np.array(frame) if frame else 0.0
    confidence = np.clip(table[..., 2], 0.0, 1.0)
    pixels = np.where(confidence[..., None] > 0.0, table[..., :2], np.nan)
    boxes = np.full((*table.shape[:3], 4), np.nan)
    return Detections2D(
        calibration.names, COCO_17_FEET.keypoint_names, 60.0, pixels, confidence, boxes
    )


def test_recorded_person_is_reconstructed_and_the_shipped_rig_flagged(real_data: Path) -> None:
    folder = real_data / "pose2sim_single"
    calibration = real_rig(folder)
    tracks, report = associate_with_report(
        real_detections(folder, calibration),
        calibration,
        image_maps=IMAGE_MAPS,
        person="main",
    )
    # One person balances in the middle of all views; a bystander is visible in two of them.
    assert all(views == 100 for views in report.people[0].views_by_camera.values())
    points = triangulate(tracks, calibration)
    assert points.share(Source.MEASURED) > 0.98
    # The shipped extrinsics leave 14 px in the median, whatever one does.
    assert 10.0 < np.nanmedian(points.reprojection_error_px) < 18.0
    smoothed = smooth(points, tracks, calibration)
    assert smoothed.share(Source.MEASURED) > 0.97
    body = slice(5, 17)

    def jitter_mm(xyz: np.ndarray) -> float:
        return 1000.0 * float(np.sqrt(np.nanmean(np.diff(xyz[:, 0, body], n=2, axis=0) ** 2)))

    assert jitter_mm(smoothed.xyz) < 0.15 * jitter_mm(points.xyz)
    # A standing man: head to heel between 1.4 and 2.0 m, in metres and Z up.
    height = np.nanmedian(smoothed.xyz[:, 0, 0, 2] - smoothed.xyz[:, 0, 18, 2])
    assert 1.3 < height < 1.9
    bias = camera_bias(points, tracks, calibration)
    # Leaving one camera out, each is 8 to 36 px off: the rig is wrong, and must be told.
    assert bias.magnitude_px.max() > 10.0
    assert len(bias.warnings) >= 3
