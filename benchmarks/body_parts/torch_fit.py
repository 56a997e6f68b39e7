"""The usual way to fit a body: automatic differentiation with LBFGS or Adam, as a reference.

Same keypoints, same closed-form start, axis-angle rotations of 22 joints, smoothness of their
second differences and a plain pose prior; all frames at once in float32.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
import torch

from mocap.body.fit.layout import make_layout
from mocap.body.fit.shape import shape_from_bones
from mocap.body.fit.start import start_state
from mocap.body.landmarks import bind_landmarks, shape_joints
from mocap.body.model import BodyModel
from mocap.core.points import Points3D
from mocap.core.rotation import rotvec_from_matrix
from mocap.core.shapes import FloatArray

BODY_JOINTS = 22
# Weights of accelerations per frame² at 60 fps against squared metres: the best of a sweep for
# this family of motions.
ROOT_SMOOTHNESS, TURN_SMOOTHNESS = 20.0, 0.3
POSE_PRIOR, SHAPE_PRIOR = 1e-4, 1e-6


@dataclass(frozen=True, eq=False)
class TorchFit:
    """Joint positions (frame, 22, 3) in metres and CPU seconds."""

    joints: FloatArray
    seconds: float


class _Kinematics:
    """Joints and keypoints of a pose, differentiable."""

    def __init__(self, model: BodyModel, names: tuple[str, ...]) -> None:
        def tensor(values: FloatArray) -> torch.Tensor:
            return torch.tensor(np.asarray(values), dtype=torch.float32)

        landmarks = bind_landmarks(model, names)
        self.parents = model.parents[:BODY_JOINTS]
        self.rest = tensor(model.joints()[:BODY_JOINTS])
        self.by_beta = tensor(shape_joints(model)[:BODY_JOINTS])
        # Jaw and eyes do not move: what they carry is fixed to the head.
        head = model.joint("head")
        self.joint = torch.tensor(np.where(landmarks.joint < BODY_JOINTS, landmarks.joint, head))
        self.pieces = tensor(landmarks.rest)
        self.pieces_by_beta = tensor(landmarks.rest_by_beta)
        gather = np.zeros((len(landmarks.names), len(landmarks.joint)))
        for k in range(len(landmarks.names)):
            pieces = slice(landmarks.start[k], landmarks.start[k + 1])
            gather[k, pieces] = landmarks.weight[pieces]
        self.gather = tensor(gather)

    def __call__(
        self, rotvec: torch.Tensor, root: torch.Tensor, betas: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor]:
        local = _matrices(rotvec)
        rest = self.rest + self.by_beta @ betas
        turns, positions = [local[:, 0]], [root]
        for joint in range(1, BODY_JOINTS):
            above = self.parents[joint]
            bone = rest[joint] - rest[above]
            turns.append(turns[above] @ local[:, joint])
            positions.append(positions[above] + turns[above] @ bone)
        turn, position = torch.stack(turns, dim=1), torch.stack(positions, dim=1)
        pieces = self.pieces + self.pieces_by_beta @ betas - rest[self.joint]
        moved = (turn[:, self.joint] @ pieces[None, :, :, None])[..., 0] + position[:, self.joint]
        return position, torch.einsum("kp,tpc->tkc", self.gather, moved)


def _matrices(rotvec: torch.Tensor) -> torch.Tensor:
    angle = torch.sqrt((rotvec**2).sum(-1) + 1e-12)[..., None, None]
    zero = torch.zeros_like(rotvec[..., 0])
    x, y, z = rotvec.unbind(-1)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1)
    cross = cross.reshape(*rotvec.shape[:-1], 3, 3) / angle
    return torch.eye(3) + torch.sin(angle) * cross + (1 - torch.cos(angle)) * cross @ cross


def torch_fit(points: Points3D, model: BodyModel, optimiser: str) -> TorchFit:
    """Fit with "lbfgs" (200 evaluations) or "adam" (500 steps); one thread."""
    torch.set_num_threads(1)
    started = time.process_time()
    xyz = points.xyz[:, 0]
    landmarks = bind_landmarks(model, points.keypoint_names)
    betas_start = shape_from_bones(
        model, landmarks, xyz, np.trace(points.covariance[:, 0], axis1=-2, axis2=-1) / 3.0
    )
    layout = make_layout(model, landmarks)
    state = start_state(layout, model, xyz, betas_start)
    pose = rotvec_from_matrix(layout.local_rotations(state.turns, model.joint_count))
    kinematics = _Kinematics(model, points.keypoint_names)
    targets = torch.tensor(xyz, dtype=torch.float32)
    rotvec, root, betas = (
        torch.tensor(values, dtype=torch.float32, requires_grad=True)
        for values in (_continuous(pose[:, :BODY_JOINTS]), state.root, betas_start)
    )

    def loss() -> torch.Tensor:
        _, keypoints = kinematics(rotvec, root, betas)
        turns = rotvec[2:] - 2.0 * rotvec[1:-1] + rotvec[:-2]
        moves = root[2:] - 2.0 * root[1:-1] + root[:-2]
        return (
            ((keypoints - targets) ** 2).sum()
            + TURN_SMOOTHNESS * (turns**2).sum()
            + ROOT_SMOOTHNESS * (moves**2).sum()
            + POSE_PRIOR * (rotvec[:, 1:] ** 2).sum()
            + SHAPE_PRIOR * len(targets) * (betas**2).sum()
        )

    _optimise(loss, [rotvec, root, betas], optimiser)
    seconds = time.process_time() - started
    with torch.no_grad():
        joints, _ = kinematics(rotvec, root, betas)
    return TorchFit(joints.numpy().astype(np.float64), seconds)


def _continuous(rotvec: FloatArray) -> FloatArray:
    """Add full turns to rotation vectors (frame, joint, 3) so that they do not jump at half one."""
    out = rotvec.copy()
    for t in range(1, len(out)):
        angle = np.linalg.norm(out[t], axis=-1, keepdims=True)
        axis = out[t] / np.maximum(angle, 1e-9)
        turns = np.round((np.sum(out[t - 1] * axis, axis=-1, keepdims=True) - angle) / (2 * np.pi))
        out[t] += 2.0 * np.pi * turns * axis
    return out


def _optimise(loss: object, parameters: list[torch.Tensor], optimiser: str) -> None:
    assert callable(loss)
    if optimiser == "adam":
        adam = torch.optim.Adam(parameters, lr=0.02)
        for _ in range(500):
            adam.zero_grad()
            loss().backward()
            adam.step()
        return
    lbfgs = torch.optim.LBFGS(
        parameters,
        lr=1.0,
        max_iter=200,
        max_eval=200,
        history_size=20,
        line_search_fn="strong_wolfe",
        tolerance_grad=1e-9,
        tolerance_change=1e-12,
    )

    def closure() -> torch.Tensor:
        lbfgs.zero_grad()
        value: torch.Tensor = loss()
        value.backward()  # type: ignore[no-untyped-call]
        return value

    lbfgs.step(closure)  # type: ignore[no-untyped-call]
