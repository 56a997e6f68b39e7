from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from mocap.core.camera import Calibration
from mocap.core.errors import InputError, ReconstructionError
from mocap.core.kernels.linear import unpack_symmetric
from mocap.core.points import Points3D, Source
from mocap.core.shapes import FloatArray
from mocap.reconstruct.band_kernels import (
    band_shape,
    factor_bands,
    selected_inverse,
    solve_bands,
)
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.smoothing_kernels import (
    bone_terms,
    conjugate_gradients,
    hessian_product,
    motion_terms,
    reprojection_terms,
)
from mocap.reconstruct.trajectory import MAX_SIGMA_M
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.motion.chain import ChainMotion, articulated_chain
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import ring

RANDOM = np.random.default_rng(7)
CHAIN = articulated_chain(300, 26)


def rig(cameras: int) -> Calibration:
    return ring(cameras, image_size=(1280, 960), jitter=1.0, seed=2)


def reconstruct(
    motion: ChainMotion,
    cameras: int = 6,
    *,
    noise_px: float = 2.0,
    outliers: float = 0.0,
    missing: float = 0.0,
    seed: int = 3,
    hide: tuple[slice, int] | None = None,
) -> tuple[Points3D, Points3D]:
    """Return the triangulated and the smoothed points of a motion."""
    calibration = rig(cameras)
    tracks = observe_points(
        calibration,
        motion.xyz[:, None],
        motion.keypoint_names,
        fps=motion.fps,
        noise_px=noise_px,
        outliers=outliers,
        missing=missing,
        seed=seed,
    )
    if hide is not None:
        pixels = tracks.pixels.copy()
        pixels[:, hide[0], 0, hide[1]] = np.nan
        tracks = replace(tracks, pixels=pixels)
    points = triangulate(tracks, calibration)
    return points, smooth(points, tracks, calibration, bones=motion.bones)


def errors_mm(points: Points3D, motion: ChainMotion) -> FloatArray:
    return np.asarray(1000.0 * np.linalg.norm(points.xyz[:, 0] - motion.xyz, axis=-1))


def test_beats_triangulation_with_outliers_left_in() -> None:
    raw, smoothed = reconstruct(CHAIN, 8, outliers=0.1, missing=0.1)
    before, after = errors_mm(raw, CHAIN), errors_mm(smoothed, CHAIN)
    # Neighbouring frames share what moves slowly: half of the noise at 60 fps and 17 m/s².
    assert np.nanmedian(after) < 0.55 * np.nanmedian(before)
    assert np.nanpercentile(after, 95) < 0.55 * np.nanpercentile(before, 95)
    # No outlier survives: 40 px at 4 m would be 170 mm.
    assert np.nanmax(after) < 60.0
    assert (smoothed.source != Source.MISSING).all()


def test_covariance_is_honest() -> None:
    _, smoothed = reconstruct(CHAIN, 6)
    error = smoothed.xyz[:, 0] - CHAIN.xyz
    chi_square = np.einsum(
        "fki,fkij,fkj->fk", error, np.linalg.inv(smoothed.covariance[:, 0]), error
    )
    # Ideal 2.37. Real motion is smoother than the prior believes, so that the error is smaller
    # than stated; it must not be larger, and not less than 2/3 of it (a factor 2.25 in chi²).
    assert 2.37 / 2.25 < np.median(chi_square) < 2.37 * 1.1


def test_quiet_keypoints_are_quiet_and_a_throw_keeps_its_speed() -> None:
    fps, frames = 120.0, 360
    time = np.arange(frames) / fps
    still = CHAIN.xyz[0] + 0.01 * np.sin(2.0 * np.pi * 0.4 * time)[:, None, None]
    u = np.clip((time - 1.5) / 0.13, 0.0, 1.0)
    back = np.clip((time - 1.9) / 0.5, 0.0, 1.0)
    # 1.2 m in 0.13 s and slowly back: 17 m/s and 400 m/s² at the peaks (minimum jerk).
    out, home = (10 * x**3 - 15 * x**4 + 6 * x**5 for x in (u, back))
    reach = 1.2 * (out - home)
    wrist, hip = 10, 11
    still[:, wrist] += reach[:, None] * np.array([0.8, 0.5, 0.33])
    throw = ChainMotion(CHAIN.keypoint_names, (), fps, still)
    _, smoothed = reconstruct(throw, 6, outliers=0.05)

    def speed(xyz: FloatArray) -> FloatArray:
        return np.asarray(np.linalg.norm(xyz[2:] - xyz[:-2], axis=-1) * fps / 2.0)

    ours, truth = speed(smoothed.xyz[:, 0]), speed(still)
    # Velocity noise of one frame is sigma * fps / sqrt(2) = 0.4 m/s of 17: 2.5 %.
    assert ours[:, wrist].max() == pytest.approx(truth[:, wrist].max(), rel=0.03)
    # The hip sways at 3 cm/s; raw velocity noise would be 0.4 m/s.
    assert np.sqrt(np.mean((ours[:, hip] - truth[:, hip]) ** 2)) < 0.02


def test_gap_is_filled_labelled_and_uncertain() -> None:
    _, smoothed = reconstruct(CHAIN, 6, hide=(slice(100, 112), 7))
    source, sigma = smoothed.source[:, 0, 7], smoothed.sigma_m[:, 0, 7]
    assert (source[100:112] == Source.INTERPOLATED).all()
    assert (source[:100] == Source.MEASURED).mean() > 0.98
    assert sigma[106] > 2.0 * sigma[90]
    # Inside 0.2 s at 17 m/s² the spread is a few centimetres; sigma must tell its size.
    assert errors_mm(smoothed, CHAIN)[106, 7] < 4.0 * 1000.0 * np.sqrt(3.0) * sigma[106]
    assert (smoothed.view_count[100:112, 0, 7] == 0).all()


def test_ends_are_extrapolated_only_as_far_as_the_data_support() -> None:
    _, smoothed = reconstruct(CHAIN, 6, hide=(slice(200, 300), 7))
    source = smoothed.source[:, 0, 7]
    assert source[200] == Source.EXTRAPOLATED
    assert source[299] == Source.MISSING
    assert np.isnan(smoothed.xyz[299, 0, 7]).all()
    assert np.nanmax(smoothed.sigma_m[:, 0, 7]) <= MAX_SIGMA_M


def test_frame_rate_does_not_matter() -> None:
    slow, fast = articulated_chain(150, 26, fps=30.0), articulated_chain(1200, 26, fps=240.0)
    error = {}
    for motion in (slow, fast):
        _, smoothed = reconstruct(motion, 6)
        error[motion.fps] = float(np.nanmedian(errors_mm(smoothed, motion)))
    # Eight times the frames share the same motion: better, never worse.
    assert error[240.0] < 0.75 * error[30.0]


def test_never_seen_keypoint_stays_missing() -> None:
    _, smoothed = reconstruct(CHAIN, 4, hide=(slice(None), 3))
    assert (smoothed.source[:, 0, 3] == Source.MISSING).all()
    assert np.isnan(smoothed.xyz[:, 0, 3]).all()
    assert (smoothed.source[:, 0, 4] != Source.MISSING).all()


@pytest.mark.parametrize("frames", [1, 2, 3, 5])
def test_few_frames(frames: int) -> None:
    short = ChainMotion(CHAIN.keypoint_names, CHAIN.bones, 60.0, CHAIN.xyz[:frames])
    raw, smoothed = reconstruct(short, 6, noise_px=1.0)
    assert smoothed.xyz.shape == raw.xyz.shape
    # 1 px at 4 m and 960 px is 4 mm a view.
    assert np.nanmax(errors_mm(smoothed, short)) < 25.0


def test_two_people_are_independent() -> None:
    calibration = rig(5)
    both = np.stack([CHAIN.xyz[:60], CHAIN.xyz[:60] + np.array([0.5, 0.0, 0.0])], axis=1)
    tracks = observe_points(calibration, both, CHAIN.keypoint_names, seed=5)
    smoothed = smooth(triangulate(tracks, calibration), tracks, calibration, bones=CHAIN.bones)
    assert np.nanmedian(np.linalg.norm(smoothed.xyz - both, axis=-1)) < 0.006


def test_unknown_keypoints_need_bones() -> None:
    calibration = rig(3)
    tracks = observe_points(calibration, CHAIN.xyz[:5, None], CHAIN.keypoint_names)
    points = triangulate(tracks, calibration)
    with pytest.raises(InputError, match="no known keypoint set"):
        smooth(points, tracks, calibration)
    assert smooth(points, tracks, calibration, bones=()).xyz.shape == points.xyz.shape


def test_points_of_another_take_are_refused() -> None:
    calibration = rig(3)
    tracks = observe_points(calibration, CHAIN.xyz[:5, None], CHAIN.keypoint_names)
    other = observe_points(calibration, CHAIN.xyz[:6, None], CHAIN.keypoint_names)
    with pytest.raises(ReconstructionError, match="were not made from"):
        smooth(triangulate(tracks, calibration), other, calibration, bones=())


def central_difference(cost: Callable[[FloatArray], float], at: FloatArray) -> FloatArray:
    """Return d cost / d at by central differences of 1e-6."""
    gradient = np.zeros(at.size)
    for index in range(at.size):
        step = np.zeros_like(at)
        step.flat[index] = 1e-6
        gradient[index] = (cost(at + step) - cost(at - step)) / 2e-6
    return gradient.reshape(at.shape)


def test_gradient_of_the_motion_terms() -> None:
    points, weights = RANDOM.normal(size=(2, 7, 3)), RANDOM.uniform(0.5, 2.0, (2, 7))
    gradient = np.zeros_like(points)
    motion_terms(points, weights, 0.7, gradient)
    numeric = central_difference(lambda x: motion_terms(x, weights, 0.7, np.zeros_like(x)), points)
    # The kernels give minus half of the gradient, as J'e does; differences of 1e-6 keep 6 digits.
    np.testing.assert_allclose(gradient, -0.5 * numeric, rtol=1e-5, atol=1e-5)


def test_gradient_of_the_bone_terms() -> None:
    points = RANDOM.normal(size=(3, 4, 3))
    bones, lengths = np.array([[0, 1], [1, 2]]), np.array([0.5, 2.0])
    weights = np.array([3.0, 0.7])[:, None] * np.array([1.0, 0.5, 2.0, 0.1])

    def cost(x: FloatArray, gradient: FloatArray) -> float:
        return float(bone_terms(x, bones, lengths, weights, np.zeros((2, 4, 3)), gradient))

    gradient = np.zeros_like(points)
    cost(points, gradient)
    numeric = central_difference(lambda x: cost(x, np.zeros_like(x)), points)
    np.testing.assert_allclose(gradient, -0.5 * numeric, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("offset_px", [1.0, 9.0, 30.0])
def test_gradient_of_the_reprojection_terms(offset_px: float) -> None:
    calibration = rig(3)
    points = CHAIN.xyz[0, :4].copy()
    pixels = np.ascontiguousarray(calibration.project(points).swapaxes(0, 1)) + offset_px
    vectors = calibration.vectors()

    def cost(x: FloatArray, gradient: FloatArray) -> float:
        errors = np.zeros((4, 3))
        return float(
            reprojection_terms(vectors, pixels, x, 14.0, 2.0, np.zeros((4, 6)), gradient, errors)
        )

    gradient = np.zeros_like(points)
    cost(points, gradient)
    numeric = central_difference(lambda x: cost(x, np.zeros_like(x)), points)
    np.testing.assert_allclose(gradient, -0.5 * numeric, rtol=1e-4, atol=1e-2)


def dense_motion_hessian(weights: FloatArray, memory: float) -> FloatArray:
    """Return the motion Hessian (3 F, 3 F) of one keypoint from its definition."""
    frames = len(weights)
    rows = np.zeros((frames - 2, frames))
    rows[0, :3] = 1.0, -2.0, 1.0
    for t in range(3, frames):
        rows[t - 2, t - 3 : t + 1] = -memory, 1.0 + 2.0 * memory, -2.0 - memory, 1.0
    scale = weights[2:].copy()
    scale[0] *= 1.0 - memory**2
    return np.asarray(np.kron(rows.T @ np.diag(scale) @ rows, np.eye(3)))


def test_banded_factor_and_selected_inverse_equal_dense_algebra() -> None:
    keypoints, frames, memory = 2, 9, 0.6
    root = RANDOM.normal(size=(keypoints, frames, 3, 3))
    blocks = root @ root.swapaxes(-1, -2)
    information = np.ascontiguousarray(blocks[..., (0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2)])
    weights = RANDOM.uniform(0.5, 2.0, (keypoints, frames))
    factors = np.zeros(band_shape(keypoints, frames))
    factor_bands(information, weights, memory, 0.1, factors)
    right = RANDOM.normal(size=(keypoints, frames, 3))
    solution = np.zeros_like(right)
    solve_bands(factors, right, solution)
    covariance, variance = np.zeros((keypoints, frames, 6)), np.zeros((keypoints, frames))
    selected_inverse(factors, memory, covariance, variance)
    for k in range(keypoints):
        dense = dense_motion_hessian(weights[k], memory) + 0.1 * np.eye(3 * frames)
        for t in range(frames):
            dense[3 * t : 3 * t + 3, 3 * t : 3 * t + 3] += blocks[k, t]
        inverse = np.linalg.inv(dense)
        np.testing.assert_allclose(solution[k].ravel(), inverse @ right[k].ravel(), atol=1e-9)
        for t in range(frames):
            block = inverse[3 * t : 3 * t + 3, 3 * t : 3 * t + 3]
            np.testing.assert_allclose(unpack_symmetric(covariance[k, t]), block, atol=1e-9)
        row = np.zeros((3, 3 * frames))
        row[:, 3:15] = np.kron([-memory, 1 + 2 * memory, -2 - memory, 1.0], np.eye(3))
        assert variance[k, 4] == pytest.approx(np.trace(row @ inverse @ row.T), rel=1e-9)


def test_conjugate_gradients_solve_the_system_with_bones() -> None:
    keypoints, frames, memory = 3, 6, 0.5
    information = np.zeros((keypoints, frames, 6))
    information[..., (0, 3, 5)] = RANDOM.uniform(1.0, 5.0, (keypoints, frames, 3))
    weights = RANDOM.uniform(0.5, 2.0, (keypoints, frames))
    bones = np.array([[0, 1], [1, 2]])
    directions = RANDOM.normal(size=(2, frames, 3))
    factors = np.zeros(band_shape(keypoints, frames))
    factor_bands(information, weights, memory, 0.0, factors)
    right = RANDOM.normal(size=(keypoints, frames, 3))
    step, product = np.zeros_like(right), np.zeros_like(right)
    arguments = (information, weights, memory, directions, bones)
    conjugate_gradients(*arguments, factors, right.copy(), step)
    hessian_product(*arguments, step, product)
    # The iterations stop at 1e-4 of the energy, i.e. 1 % of the residual.
    assert np.linalg.norm(product - right) < 0.03 * np.linalg.norm(right)
