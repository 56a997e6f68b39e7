"""Bundle adjustment of cameras and the joints of one person whose bones do not change.

Minimises  sum log(1 + |e|² / s²) + sum log(1 + (log b - log |v|)² / s_b²)  over all camera poses,
the joints of every frame and one length b for each kind of bone, left and right alike; e are
residuals in pixels, v the vector between the ends of a bone. Lengths are compared by their
LOGARITHM: compared in metres the whole world would shrink to make the misfit of bones smaller. The
joints of a frame are tied by bones and are eliminated together (Triggs et al. 2000, section 6).
Lenses are held, but for their focal lengths where `focal_sd` gives them room: one factor for fx and
fy of a camera, a Gaussian prior of its logarithm around the given one. Moving and turning the world
changes nothing, and what is held has no equation: steps are the shortest ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mocap.core.kernels.descent import Damping, Stop, descend
from mocap.core.lens import project_camera_points
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray, check_shapes
from mocap.core.transform import apply, rigid
from mocap.reconstruct.boardless.walk import (
    BONE_FIRST,
    BONE_KIND,
    BONE_SECOND,
    JOINTS,
    KINDS,
    SIGMA_OF_JOINT,
)

# Scatter of the logarithm of a bone's length in one frame: joints are not the ends of bones.
SIGMA_BONE = 0.06
# Turns and logarithms of focal lengths count by the path of a point this far away.
LEVER_M = 4.0
# Unknowns of a camera: a turn, a move, the logarithm of its focal length over the given one.
CAMERA = 7
UNKNOWNS = 3 * len(JOINTS)


@dataclass(frozen=True, eq=False)
class WalkBundle:
    """Cameras and joints.

    Attributes:
        lens: (camera, 13) K13.
        camera_from_world: (camera, 4, 4).
        points: (frame, joint, 3); NaN where a joint is not solved.
        log_bones: (kind,) logarithm of lengths in metres.
        pixels: (camera, frame, joint, 2); NaN is not seen.
        sigma_px: (camera,) noise of a joint, and the scale of the loss.
        log_focal: (camera,) logarithm of focal lengths over those of `lens`.
        focal_sd: how far those may be from zero (standard deviation); none: they are held.
    """

    lens: FloatArray
    camera_from_world: FloatArray
    points: FloatArray
    log_bones: FloatArray
    pixels: FloatArray
    sigma_px: FloatArray
    log_focal: FloatArray
    focal_sd: float | None = None

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(
            self, lens="camera 13", camera_from_world="camera 4 4", points="frame joint 3",
            log_bones=f"{KINDS}", pixels="camera frame joint 2", sigma_px="camera",
            log_focal="camera",
        )  # fmt: skip

    @property
    def own_lens(self) -> FloatArray:
        """(camera, 13) with the focal lengths of this scene."""
        lens = self.lens.copy()
        lens[:, :2] *= np.exp(self.log_focal)[:, None]
        return lens

    @property
    def focal_cost(self) -> float:
        """What the prior of focal lengths costs."""
        return (
            0.0 if self.focal_sd is None else float(np.sum((self.log_focal / self.focal_sd) ** 2))
        )


@dataclass(frozen=True, eq=False)
class NormalEquations:
    """The problem linearised: cameras and bones (g) dense, the joints of each frame apart.

    dense (g, g), dense_gradient (g,), joint (frame, 39, 39), joint_gradient (frame, 39), cross
    (frame, g, 39). Gradients point downhill.
    """

    dense: FloatArray
    dense_gradient: FloatArray
    joint: FloatArray
    joint_gradient: FloatArray
    cross: FloatArray
    cost: float


def _scaled_errors(scene: WalkBundle) -> FloatArray:
    """Return residuals in standard deviations (camera, frame, joint, 2); NaN is not seen."""
    out = np.full(scene.pixels.shape, np.nan)
    flat = scene.points.reshape(-1, 3)
    scratch = np.full((len(flat), 2, 3), np.nan)
    lens = scene.own_lens
    for c, pose in enumerate(scene.camera_from_world):
        put = np.full((len(flat), 2), np.nan)
        project_camera_points(lens[c], apply(pose, flat), put, scratch)
        out[c] = scene.pixels[c] - put.reshape(*scene.points.shape[:2], 2)
    return out / (scene.sigma_px[:, None, None] * SIGMA_OF_JOINT)[..., None]


def _bone_errors(scene: WalkBundle) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return vectors (frame, bone, 3), lengths and scaled errors (frame, bone); NaN is not seen."""
    vector = scene.points[:, BONE_FIRST] - scene.points[:, BONE_SECOND]
    length = np.linalg.norm(vector, axis=-1)
    length = np.where(length > 1e-6, length, np.nan)
    return vector, length, (scene.log_bones[BONE_KIND] - np.log(length)) / SIGMA_BONE


def _cost(scene: WalkBundle, errors: FloatArray, bones: FloatArray) -> float:
    """Return the cost of a scene of scaled residuals and bones; NaN counts nothing."""
    joints = np.log1p(np.nansum(errors**2, axis=-1)).sum()
    return float(joints + np.log1p(np.nan_to_num(bones) ** 2).sum()) + scene.focal_cost


def cost_of(scene: WalkBundle) -> float:
    """Return what is made small."""
    return _cost(scene, _scaled_errors(scene), _bone_errors(scene)[2])


def linearise(scene: WalkBundle) -> NormalEquations:
    """Return the normal equations with Cauchy's weights."""
    cameras, frames, joints = scene.pixels.shape[:3]
    size = CAMERA * cameras + KINDS
    dense, right = np.zeros((size, size)), np.zeros(size)
    joint = np.zeros((frames, joints, 3, joints, 3))
    pull, cross = np.zeros((frames, joints, 3)), np.zeros((frames, size, joints, 3))
    flat, each = scene.points.reshape(-1, 3), np.arange(joints)
    errors = _scaled_errors(scene)
    put, slope = np.zeros((len(flat), 2)), np.zeros((len(flat), 2, 3))
    lens = scene.own_lens
    for c, pose in enumerate(scene.camera_from_world):
        inside = apply(pose, flat)
        project_camera_points(lens[c], inside, put, slope)
        error = errors[c].reshape(-1, 2)
        seen = np.isfinite(error[:, 0])
        error = np.where(seen[:, None], error, 0.0)
        weight = np.where(seen, 1.0 / (1.0 + np.sum(error**2, axis=1)), 0.0)
        sigma = np.tile(scene.sigma_px[c] * SIGMA_OF_JOINT, frames)
        by_place = np.where(seen[:, None, None], slope, 0.0) / sigma[:, None, None]
        by_point = by_place @ pose[:3, :3]
        turn = np.cross(np.nan_to_num(inside)[:, None], by_place)
        # Pixels lie at the principal point plus the focal length times a bent ray.
        by_focal = np.zeros((len(flat), 2))
        if scene.focal_sd is not None:
            by_focal[seen] = ((put - lens[c, 2:4]) / sigma[:, None])[seen]
        by_camera = np.concatenate([turn, by_place, by_focal[..., None]], axis=2)
        weighted = weight[:, None, None] * by_camera
        part = slice(CAMERA * c, CAMERA * (c + 1))
        dense[part, part] = np.einsum("nri,nrj->ij", weighted, by_camera)
        right[part] = np.einsum("nri,nr->i", weighted, error)
        mixed = np.swapaxes(weighted, 1, 2) @ by_point
        cross[:, part] = mixed.reshape(frames, joints, CAMERA, 3).transpose(0, 2, 1, 3)
        own = weight[:, None, None] * np.swapaxes(by_point, 1, 2)
        joint[:, each, :, each] += (own @ by_point).reshape(frames, joints, 3, 3).swapaxes(0, 1)
        pull += (own @ error[..., None]).reshape(frames, joints, 3)
    if scene.focal_sd is not None:
        focal = CAMERA * np.arange(cameras) + CAMERA - 1
        dense[focal, focal] += scene.focal_sd**-2
        right[focal] -= scene.log_focal / scene.focal_sd**2
    _add_bones(scene, CAMERA * cameras, dense, right, joint, pull, cross)
    return NormalEquations(
        dense,
        right,
        joint.reshape(frames, UNKNOWNS, UNKNOWNS),
        pull.reshape(frames, UNKNOWNS),
        cross.reshape(frames, size, UNKNOWNS),
        _cost(scene, errors, _bone_errors(scene)[2]),
    )


def _add_bones(
    scene: WalkBundle,
    first: int,
    dense: FloatArray,
    right: FloatArray,
    joint: FloatArray,
    pull: FloatArray,
    cross: FloatArray,
) -> None:
    """Add the bones to the normal equations; `first` is the place of the first kind of bone.

    The error grows by 1 / s_b with the logarithm of the kind and by -v / (|v|² s_b) with the first
    end of the bone, by the opposite with its second.
    """
    vector, length, error = _bone_errors(scene)
    seen = np.isfinite(error)
    error = np.where(seen, error, 0.0)
    weight = np.where(seen, 1.0 / (1.0 + error**2), 0.0)
    slope = np.where(seen[..., None], -vector / length[..., None] ** 2, 0.0) / SIGMA_BONE
    for n, (a, b, kind) in enumerate(zip(BONE_FIRST, BONE_SECOND, BONE_KIND, strict=True)):
        w, s, k = weight[:, n], slope[:, n], first + kind
        square = w[:, None, None] * s[:, :, None] * s[:, None, :]
        for i, j, sign in ((a, a, 1.0), (b, b, 1.0), (a, b, -1.0), (b, a, -1.0)):
            joint[:, i, :, j] += sign * square
        force = (w * error[:, n])[:, None] * s
        pull[:, a] -= force
        pull[:, b] += force
        dense[k, k] += w.sum() / SIGMA_BONE**2
        right[k] -= (w * error[:, n]).sum() / SIGMA_BONE
        cross[:, k, a] += (w / SIGMA_BONE)[:, None] * s
        cross[:, k, b] -= (w / SIGMA_BONE)[:, None] * s


def solve_step(equations: NormalEquations, damping: float) -> tuple[FloatArray, FloatArray]:
    """Return the damped step of cameras and bones (g,) and of the joints (frame, 39)."""
    joint = equations.joint.copy()
    index = np.arange(UNKNOWNS)
    diagonal = joint[:, index, index]
    # A joint that is not solved has no equation: the floor gives it no step instead of any.
    joint[:, index, index] += damping * diagonal + 1e-9 * diagonal.max(initial=1.0) + 1e-9
    inverse = np.linalg.inv(joint)
    lost = equations.cross @ inverse
    dense = equations.dense + damping * np.diag(np.diag(equations.dense))
    dense -= np.einsum("fik,fjk->ij", lost, equations.cross, optimize=True)
    right = equations.dense_gradient - np.einsum("fik,fk->i", lost, equations.joint_gradient)
    unit = np.ones(len(right))
    turns = np.isin(np.arange(len(right) - KINDS) % CAMERA, (0, 1, 2, CAMERA - 1))
    unit[: len(turns)][turns] = 1.0 / LEVER_M
    step = unit * np.linalg.lstsq(unit[:, None] * dense * unit, unit * right, rcond=1e-11)[0]
    rest = equations.joint_gradient - np.einsum("fik,i->fk", equations.cross, step)
    return step, np.einsum("fij,fj->fi", inverse, rest)


def moved(scene: WalkBundle, step: FloatArray, joints: FloatArray) -> WalkBundle:
    """Return the scene after a step of cameras and bones (g,) and joints (frame, 39)."""
    cameras = step[:-KINDS].reshape(-1, CAMERA)
    motion = rigid(matrix_from_rotvec(cameras[:, :3]), cameras[:, 3:6])
    return replace(
        scene,
        camera_from_world=motion @ scene.camera_from_world,
        points=scene.points + joints.reshape(scene.points.shape),
        log_bones=scene.log_bones + step[-KINDS:],
        log_focal=scene.log_focal + cameras[:, 6],
    )


def bundle(scene: WalkBundle, *, max_iterations: int, min_gain_share: float = 2e-5) -> WalkBundle:
    """Return the scene of least cost."""

    def attempt(
        at: WalkBundle, equations: NormalEquations, damping: float
    ) -> tuple[WalkBundle, float]:
        trial = moved(at, *solve_step(equations, damping))
        errors = _scaled_errors(trial)
        # A seen joint that a step puts behind its camera has no pixel: such a step is refused.
        lost = np.isnan(errors) & np.isfinite(_scaled_errors(at))
        return trial, np.inf if lost.any() else _cost(trial, errors, _bone_errors(trial)[2])

    found = descend(
        scene,
        linearise,
        attempt,
        Damping(1e-3, least=1e-9),
        Stop(max_iterations, gain_share=min_gain_share),
    ).state
    u, _, vt = np.linalg.svd(found.camera_from_world[:, :3, :3])
    return replace(found, camera_from_world=rigid(u @ vt, found.camera_from_world[:, :3, 3]))
