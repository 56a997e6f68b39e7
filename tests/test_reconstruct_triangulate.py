from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.errors import ReconstructionError
from mocap.core.kernels.linear import invert_symmetric, solve_symmetric, unpack_symmetric
from mocap.core.points import Source
from mocap.core.shapes import FloatArray
from mocap.reconstruct.noise import drawn, estimate_noise_px
from mocap.reconstruct.triangulate import observed_pixels, triangulate
from mocap.synthetic.motion.chain import articulated_chain
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import ring

CHAIN = articulated_chain(60, 26)
XYZ = CHAIN.xyz[:, None]


def rig(cameras: int, arc_deg: float = 360.0) -> Calibration:
    return ring(cameras, image_size=(1280, 960), arc_deg=arc_deg, jitter=1.0, seed=2)


def observe(calibration: Calibration, **options: float) -> Tracks2D:
    return observe_points(calibration, XYZ, CHAIN.keypoint_names, seed=4, **options)


def errors_mm(estimate: FloatArray) -> FloatArray:
    distance = 1000.0 * np.linalg.norm(estimate - XYZ, axis=-1)
    return np.asarray(distance[~np.isnan(distance)])


def test_exact_observations_give_the_exact_points() -> None:
    calibration = rig(4)
    points = triangulate(observe(calibration, noise_px=0.0), calibration)
    # Gauss-Newton stops after a step below 0.1 mm; the next digit comes with it.
    assert errors_mm(points.xyz).max() < 0.01
    assert (points.source == Source.MEASURED).mean() > 0.99


def test_outliers_cost_almost_nothing_against_knowing_them() -> None:
    calibration = rig(8)
    noisy = observe(calibration, outliers=0.1, missing=0.1)
    truth = calibration.project(XYZ)
    wrong = np.linalg.norm(noisy.pixels - truth, axis=-1) > 20.0
    known = replace(noisy, pixels=np.where(wrong[..., None], np.nan, noisy.pixels))
    ours = errors_mm(triangulate(noisy, calibration).xyz)
    oracle = errors_mm(triangulate(known, calibration, max_error_px=100.0).xyz)
    # The gate of 7 sigma keeps every inlier; what differs are outliers that fall inside it (an
    # offset of 40 px or more never does) and the weights near the gate, worth a percent or two.
    assert np.median(ours) <= 1.03 * np.median(oracle)
    assert np.percentile(ours, 95) <= 1.05 * np.percentile(oracle, 95)


@pytest.mark.parametrize("cameras", [2, 4, 8])
def test_covariance_is_calibrated(cameras: int) -> None:
    calibration = rig(cameras, arc_deg=100.0 if cameras == 2 else 360.0)
    points = triangulate(observe(calibration, noise_px=2.0), calibration)
    solved = points.source == Source.MEASURED
    error = (points.xyz - XYZ)[solved]
    chi_square = np.einsum("ni,nij,nj->n", error, np.linalg.inv(points.covariance[solved]), error)
    # The squared Mahalanobis distance is chi-square with 3 degrees of freedom: median 2.37. With
    # 1500 points its standard error is 4 %; sigma is estimated to 3 %, hence 6 % in its square.
    assert np.median(chi_square) == pytest.approx(2.366, rel=0.15)


@pytest.mark.parametrize("noise_px", [1.0, 4.0, 12.0])
def test_noise_is_estimated_in_spite_of_outliers(noise_px: float) -> None:
    calibration = rig(6)
    tracks = observe(calibration, noise_px=noise_px, outliers=0.1)
    vectors, pixels = observed_pixels(tracks, calibration)
    # 1500 points x 9 degrees of freedom: 1 % sampling error; outliers add a few percent.
    assert estimate_noise_px(vectors, pixels) == pytest.approx(noise_px, rel=0.08)


def test_the_noise_of_a_take_hardly_knows_of_an_edit() -> None:
    calibration = rig(4)
    tracks = observe(calibration, noise_px=3.0, outliers=0.1)
    vectors, pixels = observed_pixels(tracks, calibration)
    axes = (tracks.pixels.shape[1], 1, len(tracks.keypoint_names))

    def noise(seen: FloatArray) -> float:
        return estimate_noise_px(vectors, seen, axes)

    def without_frame(frame: int) -> FloatArray:
        left = pixels.reshape(*axes, -1, 2).copy()
        left[frame] = np.nan
        return left.reshape(pixels.shape)

    whole = noise(pixels)
    usable = np.ones(axes, dtype=bool)
    for frame in range(0, axes[0], max(1, axes[0] // 10)):
        fewer = usable.copy()
        fewer[frame] = False
        gone = np.setdiff1d(drawn(usable, 100), drawn(fewer, 100))
        assert set(gone // axes[2]) <= {frame}
        # Of the 800 points drawn some 13 are exchanged. A point's own sigma scatters by a third, so
        # that its density at the median is about 1.25 / sigma; 13 others move the median by
        # sqrt(13 / 2) / (800 x 1.25) = .3 %.
        assert noise(without_frame(frame)) == pytest.approx(whole, rel=5e-3)


def test_more_cameras_than_pairs_can_be_tried() -> None:
    calibration = rig(16)
    points = triangulate(observe(calibration, outliers=0.3), calibration)
    # 2 px at 960 px focal length and 4 m are 8 mm a view; eleven good views on a ring leave
    # 8/sqrt(11) mm up and 8/sqrt(5.5) mm in each horizontal direction: 5 mm median, 12 mm at 99 %.
    assert np.median(errors_mm(points.xyz)) < 6.0
    assert np.percentile(errors_mm(points.xyz), 99) < 15.0


def test_camera_behind_the_person_is_ignored() -> None:
    calibration = rig(4)
    tracks = observe(calibration, noise_px=0.5)
    # The last camera is turned round: everything is behind it, though it reports pixels.
    turned = calibration.cameras[3].camera_from_world.copy()
    turned[[0, 2]] *= -1.0
    moved = replace(
        calibration,
        cameras=(
            *calibration.cameras[:3],
            replace(calibration.cameras[3], camera_from_world=turned),
        ),
    )
    points = triangulate(tracks, moved)
    assert points.view_count.max() == 3
    assert np.median(errors_mm(points.xyz)) < 4.0


def test_keypoint_never_seen_is_missing() -> None:
    calibration = rig(3)
    tracks = observe(calibration)
    pixels = tracks.pixels.copy()
    pixels[:, :, 0, 5] = np.nan
    points = triangulate(replace(tracks, pixels=pixels), calibration)
    assert (points.source[:, 0, 5] == Source.MISSING).all()
    assert np.isnan(points.xyz[:, 0, 5]).all()
    assert (points.view_count[:, 0, 5] == 0).all()
    assert np.isnan(points.covariance[:, 0, 5]).all()


def test_keypoints_without_confidence_are_ignored() -> None:
    calibration = rig(3)
    tracks = observe(calibration, noise_px=1.0)
    pixels, confidence = tracks.pixels.copy(), tracks.confidence.copy()
    pixels[0, :, 0, 3] += 500.0
    confidence[0, :, 0, 3] = 0.1
    points = triangulate(replace(tracks, pixels=pixels, confidence=confidence), calibration)
    assert points.view_count[:, 0, 3].max() == 2
    # Two views 120 deg apart, 1 px: about 4 mm a view.
    assert np.nanmedian(np.linalg.norm(points.xyz[:, 0, 3] - XYZ[:, 0, 3], axis=-1)) < 0.012


def test_one_frame_is_enough() -> None:
    calibration = rig(4)
    tracks = observe_points(calibration, XYZ[:1], CHAIN.keypoint_names, noise_px=1.0)
    points = triangulate(tracks, calibration)
    assert points.xyz.shape == (1, 1, 26, 3)
    assert np.nanmax(np.linalg.norm(points.xyz - XYZ[:1], axis=-1)) < 0.03


def test_parallel_rays_are_no_measurement() -> None:
    calibration = rig(2, arc_deg=0.5)
    points = triangulate(observe(calibration, noise_px=4.0), calibration, sigma_px=4.0)
    # Cameras 3.5 cm apart at 4 m: depth is uncertain by metres.
    assert (points.source == Source.MISSING).mean() > 0.95 or np.nanmax(points.sigma_m) < 0.5


def test_reprojection_error_is_of_the_size_of_the_noise() -> None:
    calibration = rig(8)
    points = triangulate(observe(calibration, noise_px=2.0), calibration)
    # Median of a Rayleigh variable 1.18 sigma, shrunk by the 3 parameters of 16 residuals.
    assert np.nanmedian(points.reprojection_error_px) == pytest.approx(
        2.0 * 1.177 * np.sqrt(13 / 16), rel=0.1
    )


def test_one_camera_is_refused() -> None:
    calibration = rig(2).subset(["cam1"])
    with pytest.raises(ReconstructionError, match="needs two cameras"):
        triangulate(observe(calibration), calibration)


def test_nothing_seen_is_refused() -> None:
    calibration = rig(3)
    tracks = observe(calibration)
    nothing = replace(tracks, pixels=np.full_like(tracks.pixels, np.nan))
    with pytest.raises(ReconstructionError, match="no keypoint was seen by two cameras"):
        triangulate(nothing, calibration)


def test_packed_symmetric_matrices() -> None:
    random = np.random.default_rng(0)
    root = random.normal(size=(20, 3, 3))
    packed = (root @ root.swapaxes(1, 2))[:, (0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2)]
    full = unpack_symmetric(packed)
    inverse = unpack_symmetric(invert_symmetric(np.ascontiguousarray(packed)))
    np.testing.assert_allclose(full @ inverse, np.tile(np.eye(3), (20, 1, 1)), atol=1e-6)
    assert not solve_symmetric(np.array([1.0, 0, 0, 1, 0, 0]), np.ones(3), np.zeros(3))
