"""A strided temporal network that guesses depth from one view, in plain numpy.

27 frames of 13 image points become the pose of the middle frame, each coordinate with a standard
deviation (Pavllo et al. 2019 for the strided form; the deviations are learnt by the Gaussian
likelihood, Kendall and Gal 2017).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import Array, FloatArray
from mocap.understand.joints import JOINT_NAMES, LEFT_HIP, RIGHT_HIP

JOINTS = len(JOINT_NAMES)
FRAMES = 27
INPUTS = 3 * JOINTS
OUTPUTS = 5 * JOINTS
STRIDED = 2
"""Strided layers after the first: 27 frames = 3 * 3 * 3."""
MIXED = 4
LOG_SIGMA = (-6.0, 1.0)
"""Bounds of the logarithm of sigma, in body sizes: 4 mm to 5 m."""


@dataclass(frozen=True, eq=False)
class LiftNetwork:
    """Weights of the network; float32, names and shapes as in `lift_shapes`."""

    weights: Mapping[str, Array]

    def __call__(self, inputs: Array) -> tuple[FloatArray, FloatArray]:
        """Return the middle frame's joints for inputs (window, 27, 39) of `view_inputs`.

        Returns:
            (window, 13, 3) joints from the middle of the hips, right, down and away from the
            camera, in body sizes; and their standard deviations (window, 13, 3), the first two
            equal.
        """
        w = self.weights
        hidden = _strided(np.asarray(inputs, np.float32), w["first"], w["first_bias"])
        for k in range(STRIDED):
            middle = hidden[:, 1::3]
            hidden = middle + _mixed(
                _strided(hidden, w[f"stride_{k}"], w[f"stride_{k}_bias"]), w, k
            )
        for k in range(STRIDED, MIXED):
            hidden = hidden + _mixed(hidden, w, k)
        out = (hidden[:, 0] @ w["out"].T + w["out_bias"]).astype(np.float64)
        joints = out[:, : 3 * JOINTS].reshape(-1, JOINTS, 3)
        log_sigma = np.clip(out[:, 3 * JOINTS :].reshape(-1, JOINTS, 2), *LOG_SIGMA)
        return joints, np.exp(log_sigma)[..., [0, 0, 1]]


def lift_shapes(channels: int) -> dict[str, tuple[int, ...]]:
    """Return the shape of every weight, by name."""
    shapes: dict[str, tuple[int, ...]] = {
        "first": (channels, INPUTS, 3), "first_bias": (channels,),
        "out": (OUTPUTS, channels), "out_bias": (OUTPUTS,),
    }  # fmt: skip
    for k in range(STRIDED):
        shapes[f"stride_{k}"] = (channels, channels, 3)
        shapes[f"stride_{k}_bias"] = (channels,)
    for k in range(MIXED):
        shapes[f"mix_{k}"] = (channels, channels)
        shapes[f"mix_{k}_bias"] = (channels,)
    return shapes


def _strided(x: Array, kernel: Array, bias: Array) -> Array:
    """Convolve three frames at a time (window, frame, channel) with stride 3, then relu."""
    triples = x.reshape(len(x), x.shape[1] // 3, 3 * x.shape[2])
    flat = kernel.transpose(0, 2, 1).reshape(len(kernel), -1)
    return np.maximum(triples @ flat.T + bias, 0.0)


def _mixed(x: Array, w: Mapping[str, Array], k: int) -> Array:
    return np.maximum(x @ w[f"mix_{k}"].T + w[f"mix_{k}_bias"], 0.0)


def pelvis_turn(pelvis: FloatArray) -> FloatArray:
    """Return rotations (..., 3, 3) of the camera that bring the ray to the pelvis onto its axis.

    Rows are right (level with the camera's own horizontal), down and forward.

    Args:
        pelvis: (..., 3) directions or positions in the camera's frame.
    """
    forward = pelvis / np.linalg.norm(pelvis, axis=-1, keepdims=True)
    right = np.stack([forward[..., 2], np.zeros(forward.shape[:-1]), -forward[..., 0]], axis=-1)
    right = right / np.linalg.norm(right, axis=-1, keepdims=True)
    return np.stack([right, np.cross(forward, right), forward], axis=-2)


def turned_rays(rays: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Turn undistorted rays (frame, 13, 2) so that the pelvis is straight ahead in every frame.

    Returns:
        turned rays (frame, 13, 2) and the rotations (frame, 3, 3) that did it.
    """
    turn = pelvis_turn(_homogeneous(0.5 * (rays[:, LEFT_HIP] + rays[:, RIGHT_HIP])))
    turned = np.einsum("fij,fkj->fki", turn, _homogeneous(rays))
    return turned[..., :2] / turned[..., 2:], turn


def _homogeneous(rays: FloatArray) -> FloatArray:
    return np.concatenate([rays, np.ones((*rays.shape[:-1], 1))], axis=-1)


def view_inputs(turned: FloatArray, seen: Array) -> Array:
    """Return what the network takes (window, frame, 39) of turned rays (window, frame, 13, 2).

    Centred on the middle of the hips, divided by the spread of all seen points of the window:
    how far away somebody is must not matter; 1 for each joint that is seen.
    """
    pelvis = 0.5 * (turned[:, :, LEFT_HIP : LEFT_HIP + 1] + turned[:, :, RIGHT_HIP : RIGHT_HIP + 1])
    centred = turned - pelvis
    weight = np.asarray(seen, np.float64)[..., None]
    square = (weight * centred * centred).sum(axis=(1, 2, 3))
    spread = np.sqrt(square / np.maximum(weight.sum(axis=(1, 2, 3)), 1.0))
    scaled = centred / np.maximum(spread, 1e-9)[:, None, None, None] * weight
    joined = np.concatenate([scaled, weight], axis=-1)
    return joined.reshape(*joined.shape[:2], INPUTS).astype(np.float32)
