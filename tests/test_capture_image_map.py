from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.capture.image_map import ImageMap, black_bars, estimate_image_map, scaling
from mocap.capture.video import read_frames
from mocap.core.errors import SessionError


def framed(size: tuple[int, int], bars: tuple[int, int, int, int]) -> np.ndarray:
    """Grey frame (height, width) with black bars left, right, top, bottom and coding noise."""
    width, height = size
    rng = np.random.default_rng(0)
    image = rng.integers(60, 200, (height, width)).astype(np.uint8)
    dark = np.ones(image.shape, bool)
    dark[bars[2] : height - bars[3], bars[0] : width - bars[1]] = False
    image[dark] = rng.integers(0, 7, int(dark.sum()))
    return image


def test_bars_are_measured_over_all_frames() -> None:
    dark = np.zeros((60, 80), np.uint8)
    assert black_bars([dark, framed((80, 60), (3, 4, 5, 6))]) == (3, 4, 5, 6)
    assert black_bars([framed((80, 60), (0, 0, 0, 0))]) == (0, 0, 0, 0)
    assert black_bars([dark]) == (0, 0, 0, 0)
    assert black_bars([]) == (0, 0, 0, 0)


def test_same_size_is_the_identity_whatever_the_picture_shows() -> None:
    found = estimate_image_map("left", (80, 60), (80, 60), [np.zeros((60, 80), np.uint8)])
    assert found.is_identity


def test_plain_scaling_keeps_pixel_edges_not_centres() -> None:
    found = estimate_image_map("left", (960, 540), (1920, 1080), [])
    # The left edge of the first pixel is at -0.5 on both sides.
    np.testing.assert_allclose(found.apply(np.array([-0.5, -0.5])), [-0.5, -0.5])
    np.testing.assert_allclose(found.apply(np.array([959.5, 539.5])), [1919.5, 1079.5])


def test_rounding_of_sizes_is_still_plain_scaling() -> None:
    # 1920 x 1080 reduced to 854 x 480: the width was rounded from 853.3.
    found = estimate_image_map("left", (854, 480), (1920, 1080), [])
    assert found.matrix[0, 0] == pytest.approx(1080 / 480, rel=1e-3)


@pytest.mark.parametrize(
    ("video", "calibration", "bars", "scale", "shift"),
    [
        # 1088 x 1920 squeezed to width 1080 keeps 1905.9 rows: 7.06 black ones above and below.
        ((1080, 1920), (1088, 1920), (0, 0, 7, 7), 1088 / 1080, (0.0, -7.1)),
        # 4:3 inside 16:9: 240 black columns either side.
        ((1920, 1080), (1440, 1080), (240, 240, 0, 0), 1.0, (-240.0, 0.0)),
    ],
)
def test_black_bars_mean_letterboxing(
    video: tuple[int, int],
    calibration: tuple[int, int],
    bars: tuple[int, int, int, int],
    scale: float,
    shift: tuple[float, float],
) -> None:
    found = estimate_image_map("left", video, calibration, [framed(video, bars)])
    assert "black px" in found.description
    np.testing.assert_allclose(found.matrix[:, :2], scale * np.eye(2), atol=1e-9)
    np.testing.assert_allclose(found.matrix[:, 2], shift, atol=0.02)


@pytest.mark.parametrize("bars", [(0, 0, 0, 0), (0, 0, 20, 20), (0, 0, 14, 0)])
def test_another_shape_without_the_right_bars_is_refused(bars: tuple[int, int, int, int]) -> None:
    frames = [framed((1080, 1920), bars)]
    with pytest.raises(SessionError, match=r"camera 'left' recorded 1080 x 1920 px") as caught:
        estimate_image_map("left", (1080, 1920), (1088, 1920), frames)
    assert "[image_map.left] scale = 1.0" in str(caught.value)


def test_a_map_that_flips_is_refused() -> None:
    with pytest.raises(ValueError, match="flip"):
        ImageMap(np.array([[1.0, 0.0, 0.0], [0.0, -1.0, 0.0]]), "")


def test_missing_pixels_stay_missing() -> None:
    pixels = np.array([[np.nan, np.nan], [1.0, 2.0]])
    moved = scaling(2.0, (0.0, 0.0), "").apply(pixels)
    assert np.isnan(moved[0]).all()
    np.testing.assert_allclose(moved[1], [2.5, 4.5])


@pytest.mark.parametrize("camera", ["cam01", "cam02"])
def test_a_recorded_letterbox_agrees_with_its_background(real_data: Path, camera: str) -> None:
    video = real_data / "pose2sim_single" / "videos" / f"{camera}.mp4"
    frames = (image for _, image in read_frames(video, gray=True, step=45))
    found = estimate_image_map(camera, (1080, 1920), (1088, 1920), frames)
    # The static background matched against the calibration photos gives scales 1.0073 and 1.0076
    # and shifts of -7.05 and -7.28 px, each good to about half a pixel over the image.
    np.testing.assert_allclose(found.matrix, [[1.0074, 0, 0], [0, 1.0074, -7.2]], atol=0.25)
