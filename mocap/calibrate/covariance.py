"""How certain a calibration is: standard deviations from the reduced normal equations.

The camera system left after eliminating the boards is the inverse covariance of the cameras, up
to the six motions of the whole world (Triggs et al. 2000, section 9). Those are fixed by asking
for the least total movement of the cameras ("inner constraints"), so that no camera is arbitrarily
perfect: the figures are those of the rig after best alignment.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.calibrate.adjust import linearise, reduced_system
from mocap.calibrate.refine import Refined
from mocap.calibrate.views import BoardViews
from mocap.core.shapes import BoolArray, FloatArray

PER_CAMERA = 15
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
    views: BoardViews, refined: Refined, *, lens_fixed: BoolArray | None = None
) -> FloatArray:
    """Return the covariance (15 camera, 15 camera) of all cameras with inner constraints."""
    state = refined.state
    equations = linearise(views, state, refined.loss, refined.prior)
    reduced, _, _ = reduced_system(views, equations, 0.0)
    if lens_fixed is not None:
        held = np.zeros((len(state.lens), PER_CAMERA), dtype=bool)
        held[lens_fixed, 6:] = True
        reduced[np.flatnonzero(held.ravel()), np.flatnonzero(held.ravel())] = 1e12
    gauge, weight = _world_motions(state.camera_from_world)
    # Scale parameters to like size first: focal lengths and k3 differ by six orders of magnitude.
    size = 1.0 / np.sqrt(np.maximum(np.diag(reduced), 1e-12))
    scaled = reduced * size[:, None] * size[None, :]
    constraint = (weight[:, None] * gauge) * size[:, None]
    constraint /= np.linalg.norm(constraint, axis=0)
    covariance = np.linalg.inv(scaled + constraint @ constraint.T)
    covariance = covariance * size[:, None] * size[None, :]
    # Project away the gauge part that the constraint left at unit variance.
    pull = np.linalg.solve(gauge.T @ (weight[:, None] * gauge), (weight[:, None] * gauge).T)
    project = np.eye(len(reduced)) - gauge @ pull
    return np.asarray(refined.sigma_px**2 * project @ covariance @ project.T)


def _world_motions(camera_from_world: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return how the camera parameters move with the world, (15 camera, 6), and their weights.

    World motion X -> X + omega x X + v leaves all images alike when camera poses change by
    T Exp(-(omega, v)) = Exp(-Ad(T)(omega, v)) T.
    """
    cameras = len(camera_from_world)
    gauge = np.zeros((cameras, PER_CAMERA, 6))
    rotation, shift = camera_from_world[:, :3, :3], camera_from_world[:, :3, 3]
    cross = np.zeros((cameras, 3, 3))
    cross[:, [2, 0, 1], [1, 2, 0]] = shift
    cross[:, [1, 2, 0], [2, 0, 1]] = -shift
    gauge[:, :3, :3] = rotation
    gauge[:, 3:6, :3] = cross @ rotation
    gauge[:, 3:6, 3:] = rotation
    # Positions fix the gauge; rotations only help where positions cannot, as with cameras in a row.
    weight = np.zeros((cameras, PER_CAMERA))
    weight[:, :3] = ROTATION_WEIGHT * max(float(np.mean(np.sum(shift**2, axis=1))), 1e-6)
    weight[:, 3:6] = 1.0
    return gauge.reshape(-1, 6), weight.ravel()


def uncertainty(
    views: BoardViews, refined: Refined, *, lens_fixed: BoolArray | None = None
) -> Uncertainty:
    """Return standard deviations of position, rotation and lens of every camera."""
    state = refined.state
    covariance = camera_covariance(views, refined, lens_fixed=lens_fixed)
    cameras = len(state.lens)
    blocks = covariance.reshape(cameras, PER_CAMERA, cameras, PER_CAMERA)
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
