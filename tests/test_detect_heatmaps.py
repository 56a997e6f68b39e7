"""Positions read from synthetic heat maps are those of the Gaussians they were made from."""

from __future__ import annotations

import numpy as np
import pytest

from mocap.core.keypoints import COCO_17
from mocap.core.shapes import FloatArray
from mocap.detect.heatmaps import dark, mirror_average, peaks, quarter_step

HEIGHT, WIDTH = 64, 48


def gaussians(centers: FloatArray, sigma_px: float = 2.0) -> FloatArray:
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    offsets = np.stack([x, y], axis=-1) - centers[:, None, None, :]
    return np.asarray(np.exp(-(offsets**2).sum(axis=-1) / (2 * sigma_px**2)))


def random_centers(count: int, margin: float = 8.0) -> FloatArray:
    rng = np.random.default_rng(3)
    return rng.uniform([margin, margin], [WIDTH - margin, HEIGHT - margin], size=(count, 2))


def test_peaks_are_the_nearest_pixels() -> None:
    centers = random_centers(50)
    position, value = peaks(gaussians(centers))
    np.testing.assert_array_equal(position, np.round(centers))
    # The nearest pixel is at most sqrt(.5) px away: exp(-.5 / (2 * 4)) = .94 of the maximum.
    assert value.min() >= np.exp(-0.5 / 8)


def test_quarter_step_leaves_a_quarter_pixel_at_most() -> None:
    centers = random_centers(200)
    position, _ = quarter_step(gaussians(centers))
    # Rounding leaves at most .5 px to either side; a step of .25 towards the truth halves that.
    assert np.abs(position - centers).max() <= 0.25 + 1e-9


def test_quarter_step_beats_the_peak_alone() -> None:
    centers = random_centers(200)
    maps = gaussians(centers)
    by_peak = np.abs(peaks(maps)[0] - centers).mean()
    by_step = np.abs(quarter_step(maps)[0] - centers).mean()
    assert by_step < 0.55 * by_peak  # uniform in [0, .5]: mean .25 against .125


@pytest.mark.parametrize(("sigma_px", "blur_px"), [(2.0, 11), (3.0, 17)])
def test_dark_recovers_gaussians_exactly(sigma_px: float, blur_px: int) -> None:
    centers = random_centers(100, margin=14.0)
    position, value = dark(gaussians(centers, sigma_px), blur_px)
    # The logarithm of a Gaussian is a parabola: one Newton step is exact; what is left comes from
    # the truncated smoothing kernel.
    assert np.abs(position - centers).max() < 0.02
    np.testing.assert_allclose(value, peaks(gaussians(centers, sigma_px))[1])


def test_dark_is_steady_under_noise() -> None:
    centers = random_centers(200, margin=14.0)
    noise = np.random.default_rng(4).normal(0, 0.05, size=(200, HEIGHT, WIDTH))
    position, _ = dark(gaussians(centers) + noise, 11)
    # Cramer-Rao for a Gaussian of height 1: noise / sqrt(pi) = .03 px per axis; allow five times.
    assert np.median(np.abs(position - centers)) < 0.15


@pytest.mark.parametrize("decode", [quarter_step, lambda maps: dark(maps, 11)])
def test_peaks_at_the_border_and_flat_maps_stay_where_they_are(decode: object) -> None:
    maps = np.zeros((3, HEIGHT, WIDTH))
    maps[0, 0, 0] = maps[1, HEIGHT - 1, WIDTH - 1] = 1.0
    position, value = decode(maps)  # type: ignore[operator]
    np.testing.assert_array_equal(position, [[0, 0], [WIDTH - 1, HEIGHT - 1], [0, 0]])
    np.testing.assert_array_equal(value, [1.0, 1.0, 0.0])


def test_mirror_average_without_shift_undoes_the_mirror() -> None:
    centers = random_centers(17)
    maps = gaussians(centers)
    mirror = COCO_17.mirror_indices()
    of_mirrored_image = maps[list(mirror)][:, :, ::-1]
    np.testing.assert_array_equal(
        mirror_average(maps, of_mirrored_image, mirror, shift=False), maps
    )


def test_mirror_average_with_shift_undoes_the_stride() -> None:
    """A 4-pixel stride from the left edge puts a point at x = 4 u; from the right edge at 4 u + 3.

    Heat maps of the mirror image therefore lie a map pixel (less a quarter) too far left when
    they are mirrored back: the shift leaves a quarter, averaged an eighth.
    """
    input_width = 4 * WIDTH
    x = np.full((17, 1), 80.0)
    y = np.full((17, 1), 30.0)
    plain = gaussians(np.hstack([x / 4, y]))
    mirrored = gaussians(np.hstack([(input_width - 1 - x) / 4, y]))
    both = mirror_average(plain, mirrored, COCO_17.mirror_indices(), shift=True)
    position, _ = dark(both, 11)
    np.testing.assert_allclose(position[:, 0], 20.0 + 0.125, atol=0.02)
