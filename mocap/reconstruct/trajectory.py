"""The maximum-a-posteriori trajectories of one person's keypoints.

Gauss-Newton on the cost of `smoothing_kernels`. Each linear system is solved by conjugate
gradients; the preconditioner is the exact banded factor of every keypoint's data and acceleration
terms, so that only the bones are left to the iterations. The acceleration scales and the bone
lengths are re-estimated at every step. Cost and memory are linear in frames.

Gaps. A bone's length is not linear in its ends: turned by d across its direction, a bone of length
L seems longer by d² / 2 L. While the ends are known to a few centimetres that is nothing; where
nobody sees them for seconds the motion prior leaves them metres of room, and the tangent to a
sphere of 0.4 m says nothing about its other side. Steps along it stretch the bones by metres, the
next step snaps them back, and the accelerations of this dance are then taken for the person's. So
each bone's variance grows by what its linearisation is worth at the present uncertainty
(`bone_variances`, the second-order term of Gaussian filters: Bar-Shalom, Li & Kirubarajan 2001,
section 10.3.2), lengths are measured where both ends are seen, and convergence is judged where
something is known.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.reconstruct.acceleration import (
    innovation_weights,
    memory_of,
    squared_innovations,
    update_scales,
)
from mocap.reconstruct.band_kernels import band_shape, factor_bands, selected_inverse
from mocap.reconstruct.smoothing_kernels import (
    bone_terms,
    conjugate_gradients,
    motion_terms,
    reprojection_terms,
)

# The first steps see farther than the final gate, so that a start a few centimetres off (in a
# gap, say) still finds its observations.
FIRST_GATE_FACTORS = (3.0, 1.5)

MAX_STEPS = 12
# Converged when the root mean square step is below this: a tenth of a posterior sigma at best.
# Values less certain than 8 mm need not settle further than this share of their sigma, and where
# nobody sees them than a quarter: there the compressed skeleton between two poses buckles outwards
# slowly, by fractions of a sigma a step, while everything seen stands still.
CONVERGED_STEP_M = 2e-4
CONVERGED_STEP_SIGMAS = 0.025
CONVERGED_UNSEEN_STEP_SIGMAS = 0.25

# A value whose standard deviation (per axis) exceeds this is a guess, not an estimate. It is
# reported as MISSING, and whether it has settled is of no interest.
MAX_SIGMA_M = 0.1

# Keeps the matrix regular where data say nothing: a step of 30 m costs as much as one sigma.
_DAMPING = 1e-3


@dataclass(frozen=True, eq=False)
class TrajectoryProblem:
    """What is known about one person's keypoints.

    Attributes:
        vectors: (camera, 15).
        pixels: (keypoint, frame, camera, 2), NaN = not seen.
        fps: frames per second.
        sigma_px: detector noise per axis.
        gate_px: distance at which Tukey's weight reaches zero.
        bones: (bone, 2) keypoint indices.
        bone_sigma_m: standard deviation of a bone's length over time.
    """

    vectors: FloatArray
    pixels: FloatArray
    fps: float
    sigma_px: float
    gate_px: float
    bones: IntArray
    bone_sigma_m: float


@dataclass(frozen=True, eq=False)
class Trajectories:
    """The estimate, its uncertainty and how it was reached.

    Attributes:
        points: (keypoint, frame, 3) metres.
        covariance: (keypoint, frame, 6) packed, m². Bones are left out of it: they would only
            make it smaller.
        squared_errors: (keypoint, frame, camera) px²; infinite behind a camera, NaN not seen.
        scales: (keypoint, frame) estimated acceleration scale, m/s².
        steps: Gauss-Newton steps taken.
        converged: whether the last step was small.
    """

    points: FloatArray
    covariance: FloatArray
    squared_errors: FloatArray
    scales: FloatArray
    steps: int
    converged: bool


class _System:
    """The linearised problem at the current points; arrays are reused between steps."""

    def __init__(self, problem: TrajectoryProblem) -> None:
        keypoints, frames, cameras, _ = problem.pixels.shape
        self.problem = problem
        self.memory = memory_of(problem.fps)
        self.information = np.zeros((keypoints, frames, 6))
        self.gradient = np.zeros((keypoints, frames, 3))
        self.squared_errors = np.zeros((keypoints, frames, cameras))
        self.seen: BoolArray = np.asarray(~np.isnan(problem.pixels[..., 0]).all(axis=2))
        self.covariance = np.zeros((keypoints, frames, 6))
        self.innovation_variance = np.zeros((keypoints, frames))
        self.directions = np.zeros((len(problem.bones), frames, 3))
        self.factors = np.zeros(band_shape(keypoints, frames))
        self.weights = np.zeros((keypoints, frames))

    def linearise(
        self,
        points: FloatArray,
        scales: FloatArray,
        gate_px: float,
        used: BoolArray | None = None,
    ) -> None:
        """Set up the normal equations and the banded factors; `used` frames only, or all."""
        problem = self.problem
        self.reproject(points, gate_px)
        if used is not None:
            self.information[~used] = 0.0
            self.gradient[~used] = 0.0
        self.weights = innovation_weights(scales, problem.fps)
        motion_terms(points, self.weights, self.memory, self.gradient)
        factor_bands(self.information, self.weights, self.memory, _DAMPING, self.factors)
        selected_inverse(self.factors, self.memory, self.covariance, self.innovation_variance)
        lengths = bone_lengths(points, problem.bones, self.seen if used is None else used)
        variances = bone_variances(self.variance(), problem.bones, lengths, problem.bone_sigma_m)
        bone_terms(points, problem.bones, lengths, 1.0 / variances, self.directions, self.gradient)

    def variance(self) -> FloatArray:
        """Return the posterior variance (keypoint, frame), mean over the axes, in m²."""
        packed = self.covariance
        return np.asarray((packed[..., 0] + packed[..., 3] + packed[..., 5]) / 3.0)

    def reproject(self, points: FloatArray, gate_px: float) -> None:
        """Fill the reprojection part of the normal equations and the squared errors."""
        problem = self.problem
        count = points.shape[0] * points.shape[1]
        reprojection_terms(
            problem.vectors,
            problem.pixels.reshape(count, -1, 2),
            points.reshape(count, 3),
            gate_px,
            problem.sigma_px,
            self.information.reshape(count, 6),
            self.gradient.reshape(count, 3),
            self.squared_errors.reshape(count, -1),
        )

    def step(self) -> FloatArray:
        """Return the Gauss-Newton step (keypoint, frame, 3)."""
        step = np.zeros_like(self.gradient)
        conjugate_gradients(
            self.information,
            self.weights,
            self.memory,
            self.directions,
            self.problem.bones,
            self.factors,
            self.gradient,
            step,
        )
        return step


def estimate_trajectories(
    problem: TrajectoryProblem, start: FloatArray, reliable: BoolArray, scales: FloatArray
) -> Trajectories:
    """Return the trajectories near `start` (keypoint, frame, 3), re-estimating `scales`.

    The first step uses the observations of the frames (keypoint, frame) that are `reliable` only:
    it draws the motion model through them, so that the other frames start near the truth.
    """
    system = _System(problem)
    points = start.copy()
    steps, converged = 0, False
    while steps < MAX_STEPS and not converged:
        factor = FIRST_GATE_FACTORS[steps] if steps < len(FIRST_GATE_FACTORS) else 1.0
        used = reliable if steps == 0 else None
        system.linearise(points, scales, factor * problem.gate_px, used)
        step = system.step()
        points += step
        steps += 1
        scales = update_scales(
            scales,
            squared_innovations(points, problem.fps),
            system.innovation_variance,
            system.seen,
            problem.fps,
        )
        converged = factor == 1.0 and _settled(step, system.variance(), system.seen)
    # The covariance is that of the last system: its step was far below any standard deviation.
    system.reproject(points, problem.gate_px)
    covariance = system.covariance
    return Trajectories(points, covariance, system.squared_errors, scales, steps, converged)


def _settled(step: FloatArray, variance: FloatArray, seen: BoolArray) -> bool:
    """Return whether a step (keypoint, frame, 3) moved what is known by next to nothing."""
    known = variance < MAX_SIGMA_M**2
    if not known.any():
        return True
    sigma = np.sqrt(variance[known])
    share = np.where(seen[known], CONVERGED_STEP_SIGMAS, CONVERGED_UNSEEN_STEP_SIGMAS)
    allowed = np.maximum(CONVERGED_STEP_M, share * sigma)
    return bool(np.mean((step[known] / allowed[:, None]) ** 2) < 1.0)


def bone_lengths(points: FloatArray, bones: IntArray, seen: BoolArray) -> FloatArray:
    """Return the median length (bone,) of points (keypoint, frame, 3) while both ends are `seen`.

    A bone whose ends are never seen together takes the median over the whole take.
    """
    if len(bones) == 0:
        return np.zeros(0)
    difference = points[bones[:, 1]] - points[bones[:, 0]]
    length = np.sqrt(np.sum(difference**2, axis=2))
    both = seen[bones[:, 0]] & seen[bones[:, 1]]
    both[~both.any(axis=1)] = True
    return np.array([np.median(row[ok]) for row, ok in zip(length, both, strict=True)])


def bone_variances(
    variance: FloatArray, bones: IntArray, lengths: FloatArray, bone_sigma_m: float
) -> FloatArray:
    """Return the variance (bone, frame) in m² of each bone's linearised length.

    Args:
        variance: (keypoint, frame) of the keypoints, per axis, in m².
        bones: (bone, 2) keypoint indices.
        lengths: (bone,) in metres.
        bone_sigma_m: standard deviation of a bone's length over time.

    Ends that differ by d across the bone, Gaussian with variance v on each of two axes, make it
    seem longer by |d|² / 2 L, whose mean square is 2 v² / L². The ends count as independent, which
    overstates v while they move together.
    """
    across = variance[bones[:, 0]] + variance[bones[:, 1]]
    return np.asarray(bone_sigma_m**2 + 2.0 * (across / np.maximum(lengths, 1e-3)[:, None]) ** 2)
