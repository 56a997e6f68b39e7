"""Bodies are drawn where the cameras see them."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.core.transform import look_at
from mocap.studio.pictures.mesh_overlay import MeshOverlay, draw_bodies, mesh_sheet, rendered

SIZE = (320, 240)
FOCAL_PX = 400.0
MATRIX = np.array([[FOCAL_PX, 0.0, 159.5], [0.0, FOCAL_PX, 119.5], [0.0, 0.0, 1.0]])
RADIUS_M, DISTANCE_M = 0.5, 3.0


def ball(centre: list[float], radius_m: float = RADIUS_M) -> tuple[FloatArray, IntArray]:
    """Return a fine ball: 60 by 120 steps, so its outline is round to 0.2 % of the radius."""
    rows, columns = 60, 120
    polar, turn = np.meshgrid(
        np.linspace(0, np.pi, rows + 1), np.linspace(0, 2 * np.pi, columns + 1), indexing="ij"
    )
    x, y, z = np.sin(polar) * np.cos(turn), np.sin(polar) * np.sin(turn), np.cos(polar)
    vertices = radius_m * np.stack([x, y, z], axis=-1).reshape(-1, 3) + centre
    a = (np.arange(rows)[:, None] * (columns + 1) + np.arange(columns)).ravel()
    b, c, d = a + columns + 1, a + columns + 2, a + 1
    return vertices, np.concatenate([np.stack([a, b, c], 1), np.stack([a, c, d], 1)])


def overlay_of(
    *balls: tuple[FloatArray, IntArray], maps: dict[str, FloatArray] | None = None
) -> MeshOverlay:
    pose = look_at(np.array([0.0, -DISTANCE_M, 0.0]), np.zeros(3))
    calibration = Calibration((Camera("left", SIZE, MATRIX, np.zeros(5), pose),))
    skins = {0: {person: vertices for person, (vertices, _) in enumerate(balls)}}
    faces = {person: faces for person, (_, faces) in enumerate(balls)}
    return MeshOverlay(calibration, maps or {}, skins, faces, 30.0)


def black() -> np.ndarray:
    return np.zeros((SIZE[1], SIZE[0], 3), dtype=np.uint8)


def silhouette(overlay: MeshOverlay, camera: str, frame: int, size: tuple[int, int]) -> BoolArray:
    """Return which pixels (height, width) of a frame of `size` (width, height) a body covers."""
    covered = np.zeros(size[::-1], dtype=bool)
    for person, skin in overlay.skins.get(frame, {}).items():
        pixels = overlay.pixels(camera, frame, person)
        lens = overlay.calibration[camera]
        _, mask = rendered(skin, pixels, overlay.faces[person], lens, size[::-1], 0)
        covered |= mask > 0
    return covered


def test_silhouette_of_a_ball_is_a_disc() -> None:
    covered = silhouette(overlay_of(ball([0.0, 0.0, 0.0])), "left", 0, SIZE)
    # A ball is seen under the angle asin(r / d).
    radius_px = FOCAL_PX * np.tan(np.arcsin(RADIUS_M / DISTANCE_M))
    # Filled polygons own the pixels their rim touches: half a pixel more all around.
    assert np.sqrt(covered.sum() / np.pi) == pytest.approx(radius_px + 0.5, abs=0.5)
    rows, columns = np.nonzero(covered)
    assert columns.mean() == pytest.approx(159.5, abs=0.3)
    assert rows.mean() == pytest.approx(119.5, abs=0.3)


def test_videos_of_another_size_are_mapped() -> None:
    """A video at half size: calibration = 2 video + 0.5, pixel centres being whole numbers."""
    half = np.array([[2.0, 0.0, 0.5], [0.0, 2.0, 0.5]])
    covered = silhouette(overlay_of(ball([0, 0, 0]), maps={"left": half}), "left", 0, (160, 120))
    radius_px = 0.5 * FOCAL_PX * np.tan(np.arcsin(RADIUS_M / DISTANCE_M))
    assert np.sqrt(covered.sum() / np.pi) == pytest.approx(radius_px + 0.5, abs=0.5)
    assert np.nonzero(covered)[1].mean() == pytest.approx(79.5, abs=0.3)


def test_the_frame_shows_through_and_the_outline_is_bright() -> None:
    overlay = overlay_of(ball([0.0, 0.0, 0.0]))
    striped = black()
    striped[:, ::2] = 200
    canvas = striped.copy()
    draw_bodies(overlay, "left", 0, canvas, np.zeros(2), 1.0)
    covered = silhouette(overlay, "left", 0, SIZE)
    inside = canvas[110:130, 150:170].astype(int)
    assert (inside[:, ::2] - inside[:, 1::2] > 50).all()  # 45 % of 200
    assert inside[..., 2].min() > inside[..., 0].min()  # the first person is blue
    assert (canvas[119, np.flatnonzero(covered[119])[0]] > 200).all()  # smoothed white
    beyond = ~covered
    beyond[1:-1, 1:-1] &= ~(covered[:-2, 1:-1] | covered[2:, 1:-1])
    beyond[1:-1, 1:-1] &= ~(covered[1:-1, :-2] | covered[1:-1, 2:])
    np.testing.assert_array_equal(canvas[beyond], striped[beyond])


def test_what_is_behind_the_camera_is_not_drawn() -> None:
    overlay = overlay_of(ball([0.0, -2 * DISTANCE_M, 0.0]))
    assert not silhouette(overlay, "left", 0, SIZE).any()
    canvas = black()
    draw_bodies(overlay, "left", 0, canvas, np.zeros(2), 1.0)
    assert not canvas.any()


def test_sheet_has_a_row_per_camera_and_a_column_per_frame() -> None:
    overlay = overlay_of(ball([0.5, 0.0, 0.0], 0.2), ball([-0.5, 0.0, 0.0], 0.2))
    images = {"left": {0: black(), 7: black()}}
    sheet = mesh_sheet(overlay, images, cell_px=200, note="licence")
    assert sheet.shape[1] == 400 and sheet.shape[0] > 200
    cells = sheet[:190, :200].astype(int), sheet[:190, 200:].astype(int)
    blue = (cells[0][..., 2] - cells[0][..., 0] > 40).sum()
    orange = (cells[0][..., 0] - cells[0][..., 2] > 40).sum()
    assert blue > 200 and orange > 200
    assert not (np.ptp(cells[1], axis=-1) > 40).any()  # nobody was fitted in frame 7
    with pytest.raises(InputError, match="at least one frame"):
        mesh_sheet(overlay, {"left": {}})
