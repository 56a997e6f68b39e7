"""Bundle adjustment of camera poses and free points: the lenses stay as they are.

Minimises  sum rho(|observed - projected|²)  with Cauchy's rho over the poses of all cameras and
all points, the points eliminated (Schur complement). Triggs et al. 2000, "Bundle Adjustment - A
Modern Synthesis", sections 4, 6 and 9. Moving, turning or scaling the whole world changes no
pixel: steps are the shortest ones, and whoever calls puts the world back (`rig_anchor`). Cost is
linear in the number of points.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.kernels.descent import Damping, Stop, descend
from mocap.core.lens import project_camera_points
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray, check_shapes
from mocap.core.transform import apply, rigid
from mocap.reconstruct.rig.kernels import subtract_points

FIRST_DAMPING = 1e-3
# Motions of the world that leave all images alike: three moves, three turns, one scale.
WORLD_MOTIONS = 7
# Turns are counted by the path of a point this far away, so that they compare with moves.
LEVER_M = 4.0
POSE = 6


@dataclass(frozen=True, eq=False)
class Bundle:
    """Cameras, points, and where the cameras saw them.

    Attributes:
        lens: (camera, 13) K13, see `core.lens`.
        camera_from_world: (camera, 4, 4).
        points: (point, 3) in metres.
        pixels: (point, camera, 2); NaN is not seen.
    """

    lens: FloatArray
    camera_from_world: FloatArray
    points: FloatArray
    pixels: FloatArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(
            self,
            lens="camera 13",
            camera_from_world="camera 4 4",
            points="point 3",
            pixels="point camera 2",
        )


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """The robust problem linearised at one scene; gradients point downhill.

    Attributes:
        camera_hessian, camera_gradient: (camera, 6, 6), (camera, 6); order omega, tau.
        point_hessian, point_gradient: (point, 3, 3), (point, 3).
        cross: (point, camera, 6, 3).
        cost: px².
    """

    camera_hessian: FloatArray
    camera_gradient: FloatArray
    point_hessian: FloatArray
    point_gradient: FloatArray
    cross: FloatArray
    cost: float


def residuals(scene: Bundle) -> FloatArray:
    """Return observed minus projected pixels (point, camera, 2); NaN where not seen."""
    out = np.full_like(scene.pixels, np.nan)
    scratch = np.full((len(scene.points), 2, 3), np.nan)
    for c, pose in enumerate(scene.camera_from_world):
        project_camera_points(scene.lens[c], apply(pose, scene.points), out[:, c], scratch)
    return scene.pixels - out


def cost_of(errors: FloatArray, scale_px: float) -> float:
    """Return Cauchy's cost in px² of residuals (point, camera, 2); NaN counts nothing."""
    squared = np.nansum(errors**2, axis=-1)
    return float(scale_px**2 * np.log1p(squared / scale_px**2).sum())


def linearise(scene: Bundle, scale_px: float) -> NormalEquations:
    """Return the normal equations of all poses and points with Cauchy's weights.

    A camera moves by T <- Exp(omega, tau) T, so a point x in it moves by omega x x + tau.
    """
    count, cameras = scene.pixels.shape[:2]
    camera_hessian, camera_gradient = np.zeros((cameras, POSE, POSE)), np.zeros((cameras, POSE))
    point_hessian, point_gradient = np.zeros((count, 3, 3)), np.zeros((count, 3))
    cross = np.zeros((count, cameras, POSE, 3))
    cost = 0.0
    projected, d_camera = np.zeros((count, 2)), np.zeros((count, 2, 3))
    for c, pose in enumerate(scene.camera_from_world):
        inside = apply(pose, scene.points)
        project_camera_points(scene.lens[c], inside, projected, d_camera)
        error = scene.pixels[:, c] - projected
        seen = ~np.isnan(error[:, 0])
        error = np.where(seen[:, None], error, 0.0)
        cost += cost_of(error, scale_px)
        weight = np.where(seen, 1.0 / (1.0 + (error**2).sum(axis=1) / scale_px**2), 0.0)
        d_pixel = np.where(seen[:, None, None], d_camera, 0.0)
        by_point = d_pixel @ pose[:3, :3]
        # e . (omega x x) = omega . (x x e): the rows of d pixel / d omega are x x row.
        by_pose = np.concatenate([np.cross(inside[:, None], d_pixel), d_pixel], axis=2)
        weighted = weight[:, None, None] * by_pose
        camera_hessian[c] = np.einsum("nri,nrj->ij", weighted, by_pose)
        camera_gradient[c] = np.einsum("nri,nr->i", weighted, error)
        cross[:, c] = np.swapaxes(weighted, 1, 2) @ by_point
        turned = weight[:, None, None] * np.swapaxes(by_point, 1, 2)
        point_hessian += turned @ by_point
        point_gradient += (turned @ error[..., None])[..., 0]
    return NormalEquations(
        camera_hessian, camera_gradient, point_hessian, point_gradient, cross, cost
    )


def reduced_system(
    equations: NormalEquations, damping: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the camera system (6 camera, 6 camera), its right side, and the point inverses."""
    count, cameras = equations.cross.shape[:2]
    size = POSE * cameras
    hessian = equations.point_hessian.copy()
    diagonal = np.arange(3)
    # The floor keeps points that all views distrust from blowing up; they weigh nothing.
    trace = np.trace(hessian, axis1=1, axis2=2)
    hessian[:, diagonal, diagonal] *= 1.0 + damping
    hessian[:, diagonal, diagonal] += 1e-13 * trace[:, None] + 1e-12
    inverse = np.asarray(np.linalg.inv(hessian), dtype=np.float64)
    cross = equations.cross.reshape(count, size, 3)
    lost = cross @ inverse
    reduced = np.zeros((size, size))
    for c in range(cameras):
        part = slice(POSE * c, POSE * (c + 1))
        block = equations.camera_hessian[c]
        reduced[part, part] += block + damping * np.diag(np.diag(block))
    subtract_points(lost, cross, reduced)
    pulled = np.einsum("nij,nj->i", lost, equations.point_gradient)
    right: FloatArray = equations.camera_gradient.ravel() - pulled
    return reduced, right, inverse


def solve_step(equations: NormalEquations, damping: float) -> tuple[FloatArray, FloatArray]:
    """Return the damped step of the cameras (camera, 6) and of the points (point, 3)."""
    reduced, right, inverse = reduced_system(equations, damping)
    size = _sizes(len(equations.camera_gradient))
    step = size * np.linalg.lstsq(size[:, None] * reduced * size, size * right, rcond=1e-12)[0]
    camera_step = step.reshape(-1, POSE)
    pulled = np.einsum("ncij,ci->nj", equations.cross, camera_step)
    point_step = np.einsum("nij,nj->ni", inverse, equations.point_gradient - pulled)
    return camera_step, point_step


def moved(scene: Bundle, camera_step: FloatArray, point_step: FloatArray) -> Bundle:
    """Return the scene after a step of cameras (camera, 6) and points (point, 3)."""
    motion = rigid(matrix_from_rotvec(camera_step[:, :3]), camera_step[:, 3:])
    return replace(
        scene,
        camera_from_world=motion @ scene.camera_from_world,
        points=scene.points + point_step,
    )


def adjust(scene: Bundle, scale_px: float, *, max_iterations: int, min_gain_share: float) -> Bundle:
    """Return the scene with the least robust cost, by Levenberg-Marquardt.

    Stops when a step lowers the cost by less than a share of itself, or when none lowers it.
    """

    def attempt(scene: Bundle, equations: NormalEquations, damping: float) -> tuple[Bundle, float]:
        trial = moved(scene, *solve_step(equations, damping))
        errors = residuals(trial)
        # A seen point that a step puts behind its camera has no pixel: such a step is refused.
        lost = np.isnan(errors) & ~np.isnan(scene.pixels) & ~np.isnan(residuals(scene))
        return trial, np.inf if lost.any() else cost_of(errors, scale_px)

    return descend(
        scene,
        lambda at: linearise(at, scale_px),
        attempt,
        Damping(FIRST_DAMPING, least=1e-9),
        Stop(max_iterations, gain_share=min_gain_share),
    ).state


def pose_covariance(scene: Bundle, scale_px: float) -> FloatArray:
    """Return the covariance (camera, 6, 6) of the poses, rad and m in each camera's own frame.

    Of the rig after best alignment (inner constraints, with turns counted by their path at
    `LEVER_M`), from the scatter of the residuals: every keypoint counts as independent,
    which those of successive frames are not.
    """
    equations = linearise(scene, scale_px)
    reduced, _, _ = reduced_system(equations, 0.0)
    size = _sizes(len(scene.lens))
    values, vectors = np.linalg.eigh(size[:, None] * reduced * size)
    values, vectors = values[WORLD_MOTIONS:], vectors[:, WORLD_MOTIONS:]
    inverse = (vectors / np.maximum(values, 1e-12 * values[-1])) @ vectors.T
    squared = np.sum(residuals(scene) ** 2, axis=-1)
    squared = squared[~np.isnan(squared)]
    weight = 1.0 / (1.0 + squared / scale_px**2)
    unknowns = 3 * len(scene.points) + POSE * len(scene.lens)
    freedom = max(2 * len(squared) - unknowns, 1)
    # Sandwich of an M-estimator in the isotropic case (Huber 1981, section 7.6).
    variance = np.sum(weight**2 * squared) / freedom / max(float(weight.mean()), 1e-6)
    covariance = variance * size[:, None] * inverse * size
    blocks = [slice(POSE * c, POSE * (c + 1)) for c in range(len(scene.lens))]
    return np.stack([covariance[part, part] for part in blocks])


def _sizes(cameras: int) -> FloatArray:
    """Return the size (6 camera,) of one unit of effect: turns in 1 / LEVER_M rad, moves in m."""
    return np.tile(np.array([1.0 / LEVER_M] * 3 + [1.0] * 3), cameras)
