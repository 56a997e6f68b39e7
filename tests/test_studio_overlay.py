"""Overlays are drawn where the cameras see them."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest
from walker import keypoints_on, walk

from mocap.core.detections import Tracks2D
from mocap.core.errors import InputError
from mocap.core.points import Source
from mocap.core.shapes import Array, FloatArray
from mocap.studio.pictures.overlay import (
    Overlay,
    contact_sheet,
    draw_overlay,
    encode_png,
    spread_frames,
)
from mocap.synthetic.rigs import ring


def overlay_of_a_walker(image_maps: dict[str, FloatArray] | None = None) -> Overlay:
    rig = ring(2, image_size=(640, 480), focal_px=500.0)
    points = keypoints_on(walk(frames=20))
    pixels = rig.project(points.xyz)
    confidence = np.where(np.isfinite(pixels[..., 0]), 1.0, 0.0)
    names = points.keypoint_names
    tracks = Tracks2D(rig.names, names, points.person_ids, points.fps, pixels, confidence)
    return Overlay(rig, tracks, points, image_maps or {})


def black(width: int = 640, height: int = 480) -> Array:
    return np.zeros((height, width, 3), dtype=np.uint8)


def test_skeleton_lies_on_the_projected_keypoints() -> None:
    overlay = overlay_of_a_walker()
    image = black()
    drawn = draw_overlay(overlay, "cam1", 5, image)
    assert not image.any()
    camera = overlay.calibration["cam1"]
    for x, y in np.round(camera.project(overlay.points.xyz[5, 0])).astype(int):
        assert drawn[y, x].any()
    # A hundred pixels to the right of the outermost keypoint there is nothing.
    right = int(overlay.tracks.pixels[0, 5, ..., 0].max()) + 100
    assert not drawn[:, right:].any()


def test_videos_of_another_size_are_mapped() -> None:
    """A video at half size: calibration = 2 video + 0.5, pixel centres being whole numbers."""
    to_calibration = np.array([[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]])
    overlay = overlay_of_a_walker({"cam1": to_calibration})
    expected = (overlay.tracks.pixels[0, 5] - 0.5) / 2.0
    np.testing.assert_allclose(overlay.detected("cam1", 5), expected)
    np.testing.assert_allclose(overlay.reprojected("cam1", 5), expected, atol=1e-6)
    np.testing.assert_array_equal(overlay.detected("cam2", 5), overlay.tracks.pixels[1, 5])


def test_filled_in_points_are_orange() -> None:
    overlay = overlay_of_a_walker()
    tracks = replace(overlay.tracks, pixels=np.full_like(overlay.tracks.pixels, np.nan))
    source = np.full_like(overlay.points.source, int(Source.INTERPOLATED))
    overlay = replace(overlay, tracks=tracks, points=replace(overlay.points, source=source))
    drawn = draw_overlay(overlay, "cam1", 5, black())
    wrist = overlay.points.keypoint_names.index("left_wrist")
    x, y = np.round(overlay.reprojected("cam1", 5)[0, wrist]).astype(int)
    np.testing.assert_array_equal(drawn[y, x], [255, 160, 0])


@pytest.mark.parametrize("close_up", [True, False])
def test_contact_sheet_has_a_row_per_camera_and_a_column_per_frame(close_up: bool) -> None:
    overlay = overlay_of_a_walker()
    frames = spread_frames(20, 3)
    images = {camera: dict.fromkeys(frames, black()) for camera in ("cam1", "cam2")}
    del images["cam2"][frames[-1]]
    sheet = contact_sheet(overlay, images, cell_px=200, close_up=close_up)
    assert sheet.shape[1] == 600 and sheet.shape[0] > 400 and sheet.dtype == np.uint8
    coloured = np.ptp(sheet.astype(int), axis=-1) > 60
    cells = [coloured[r : r + 200, c : c + 200].sum() for r in (0, 200) for c in (0, 200, 400)]
    assert min(cells[:5]) > 20 and cells[5] == 0
    decoded = cv2.imdecode(np.frombuffer(encode_png(sheet), np.uint8), cv2.IMREAD_COLOR)
    assert decoded is not None
    np.testing.assert_array_equal(decoded[..., ::-1], sheet)


def test_a_close_up_is_larger_than_the_whole_frame() -> None:
    overlay = overlay_of_a_walker()
    heights = []
    for close_up in (True, False):
        sheet = contact_sheet(overlay, {"cam1": {5: black()}}, cell_px=300, close_up=close_up)
        rows = np.flatnonzero((np.ptp(sheet[:300].astype(int), axis=-1) > 60).any(axis=1))
        heights.append(np.ptp(rows))
    assert heights[0] > 1.3 * heights[1]


def test_people_out_of_view_and_unknown_people_are_no_problem() -> None:
    overlay = overlay_of_a_walker()
    tracks = replace(overlay.tracks, pixels=np.full_like(overlay.tracks.pixels, np.nan))
    for xyz in (overlay.points.xyz + 9e5, np.full_like(overlay.points.xyz, np.nan)):
        nothing = replace(overlay, tracks=tracks, points=replace(overlay.points, xyz=xyz))
        assert not draw_overlay(nothing, "cam1", 0, black()).any()
        assert contact_sheet(nothing, {"cam1": {0: black()}}, cell_px=100).shape[1] == 100


def test_frames_are_spread_evenly() -> None:
    assert spread_frames(100, 4) == (12, 37, 62, 87)
    assert spread_frames(2, 4) == (0, 1)
    assert spread_frames(0, 4) == ()


def test_mistakes_are_named() -> None:
    overlay = overlay_of_a_walker()
    with pytest.raises(InputError, match="no camera 'top'"):
        draw_overlay(overlay, "top", 0, black())
    with pytest.raises(InputError, match="at least one frame"):
        contact_sheet(overlay, {"cam1": {}})
