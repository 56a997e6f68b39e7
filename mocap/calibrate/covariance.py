"""How certain a calibration is: standard deviations from the reduced normal equations.

The camera system left after eliminating the boards is the inverse covariance of the cameras, up
to the six motions of the whole world (Triggs et al. 2000, section 9). Those are fixed by asking
for the least total movement of the cameras ("inner constraints"), so that no camera is arbitrarily
perfect: the figures are those of the rig after best alignment.

The weights of the robust loss are smaller than one for sound corners too, so the inverse alone
would promise too little: by 4 % at six sigma. `noise_variance` puts that right.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.calibrate.adjust import (
    RigState,
    free_parameters,
    linearise,
    reduced_system,
    residuals,
)
from mocap.calibrate.lenses.plan import LensPlan
from mocap.calibrate.refine import MIN_SIGMA_PX, Refined
from mocap.calibrate.views import BoardViews
from mocap.core.shapes import FloatArray

# Weight of a turn against a move of the same effect, when the gauge is fixed.
ROTATION_WEIGHT = 1e-3


@dataclass(frozen=True, eq=False)
class Uncertainty:
    """Standard deviations per camera (camera,).

    Attributes:
        center_m: of the position, root of the trace.
        rotation_deg: of the rotation, root of the trace.
        focal_px: of the mean of fx and fy.
        principal_point_px: root of the trace over cx, cy.
    """

    center_m: FloatArray
    rotation_deg: FloatArray
    focal_px: FloatArray
    principal_point_px: FloatArray


def camera_covariance(
    views: BoardViews, refined: Refined, *, plan: LensPlan | None = None
) -> FloatArray:
    """Return the covariance (p camera, p camera) of all cameras with inner constraints.

    `p` is the number of unknowns of a camera, see `RigState.parameters`.
    """
    state = refined.state
    equations = linearise(views, state, refined.loss, refined.prior)
    reduced, _, _ = reduced_system(views, equations, 0.0)
    free = free_parameters(state, plan, gauge_free=True)
    reduced = free.T @ reduced @ free
    gauge, weight = _world_motions(state)
    # Poses are free one by one, so the motions of the world lie within the free directions.
    gauge, weight = free.T @ gauge, free.T @ weight
    # Scale parameters to like size first: focal lengths and k3 differ by six orders of magnitude.
    size = 1.0 / np.sqrt(np.maximum(np.diag(reduced), 1e-12))
    scaled = reduced * size[:, None] * size[None, :]
    constraint = (weight[:, None] * gauge) * size[:, None]
    constraint /= np.linalg.norm(constraint, axis=0)
    # What nothing is known of gets a deviation beyond all bounds instead of none.
    scaled[np.diag_indices_from(scaled)] += 1e-13
    covariance = np.linalg.inv(scaled + constraint @ constraint.T)
    covariance = covariance * size[:, None] * size[None, :]
    # Project away the gauge part that the constraint left at unit variance.
    pull = np.linalg.solve(gauge.T @ (weight[:, None] * gauge), (weight[:, None] * gauge).T)
    project = np.eye(len(reduced)) - gauge @ pull
    spread = free @ project
    unknowns = 6 * views.frame_count + free.shape[1] - gauge.shape[1]
    variance = noise_variance(residuals(views, state), refined.loss.scale_px, unknowns)
    return np.asarray(variance * spread @ covariance @ spread.T)


def noise_variance(errors_px: FloatArray, scale_px: float, unknowns: int) -> float:
    """Return what the inverse of Tukey's normal equations is multiplied with, in px².

    An M-estimate scatters by mean(psi²) / mean(psi')² times the inverse of the UNWEIGHTED normal
    equations (Huber & Ronchetti 2009, section 7.6), and ours are weighted: by w = (1 - u)², with
    u = r² / scale². For errors in a plane psi = r w, and the mean of the two slopes of psi is
    (1 - u)(1 - 3u). The unknowns have taken their part of the errors: 2 n / (2 n - unknowns).

    Args:
        errors_px: (n, 2) of all corners; NaN behind a camera.
        scale_px: of the loss.
        unknowns: how many the adjustment had.
    """
    squared = np.nan_to_num(np.sum(errors_px**2, axis=1), nan=np.inf)
    u = np.minimum(squared / scale_px**2, 1.0)
    weight = (1.0 - u) ** 2
    scatter = 0.5 * float(np.mean(np.where(u < 1.0, squared, 0.0) * weight**2))
    slope = float(np.mean((1.0 - u) * (1.0 - 3.0 * u)))
    told = 2 * len(errors_px)
    share = told / max(told - unknowns, 1)
    # Perfect data say nothing of their noise; the slope is negative where most corners are wrong.
    scatter = max(scatter, MIN_SIGMA_PX**2)
    return share * scatter * float(np.mean(weight)) / max(slope, 0.1) ** 2


def _world_motions(state: RigState) -> tuple[FloatArray, FloatArray]:
    """Return how the camera parameters move with the world, (p camera, 6), and their weights.

    World motion X -> X + omega x X + v leaves all images alike when camera poses change by
    T Exp(-(omega, v)) = Exp(-Ad(T)(omega, v)) T.
    """
    camera_from_world, per_camera = state.camera_from_world, state.parameters
    cameras = len(camera_from_world)
    gauge = np.zeros((cameras, per_camera, 6))
    rotation, shift = camera_from_world[:, :3, :3], camera_from_world[:, :3, 3]
    cross = np.zeros((cameras, 3, 3))
    cross[:, [2, 0, 1], [1, 2, 0]] = shift
    cross[:, [1, 2, 0], [2, 0, 1]] = -shift
    gauge[:, :3, :3] = rotation
    gauge[:, 3:6, :3] = cross @ rotation
    gauge[:, 3:6, 3:] = rotation
    # Positions fix the gauge; rotations only help where positions cannot, as with cameras in a row.
    weight = np.zeros((cameras, per_camera))
    weight[:, :3] = ROTATION_WEIGHT * max(float(np.mean(np.sum(shift**2, axis=1))), 1e-6)
    weight[:, 3:6] = 1.0
    return gauge.reshape(-1, 6), weight.ravel()


def uncertainty(state: RigState, covariance: FloatArray) -> Uncertainty:
    """Return standard deviations of every camera, of a covariance as `camera_covariance` has it."""
    cameras, per_camera = len(state.lens), state.parameters
    blocks = covariance.reshape(cameras, per_camera, cameras, per_camera)
    own = blocks[np.arange(cameras), :, np.arange(cameras), :]
    # Center -R't moves by -R' tau + (terms of omega cancel: omega x t turns t and R alike).
    center = np.trace(own[:, 3:6, 3:6], axis1=1, axis2=2)
    rotation = np.trace(own[:, :3, :3], axis1=1, axis2=2)
    focal = 0.25 * own[:, 6:8, 6:8].sum(axis=(1, 2))
    principal = np.trace(own[:, 8:10, 8:10], axis1=1, axis2=2)
    return Uncertainty(
        _root(center),
        np.rad2deg(_root(rotation)),
        np.sqrt(np.maximum(focal, 0.0)),
        np.sqrt(np.maximum(principal, 0.0)),
    )


def _root(variance: FloatArray) -> FloatArray:
    """Return standard deviations; infinite where rounding made a variance of nothing negative."""
    return np.where(variance < 0.0, np.inf, np.sqrt(np.abs(variance)))
