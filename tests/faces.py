"""Faces that talk and blink on a moving body: truth for the fit of jaw and expression."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline

from mocap.body.model import BodyModel
from mocap.core.keypoint_names import INNER_FACE, JAW_LINE
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.synthetic.footage.puppet import SyntheticMotion

FACE_68 = JAW_LINE + INNER_FACE

# A new target of the face every third of a second: brisk speech.
_KNOT_S = 0.3


@dataclass(frozen=True, eq=False)
class Face:
    """Jaw (frame, 3) rotation vectors, expression (frame, n), landmarks (frame, 68, 3)."""

    jaw: FloatArray
    expression: FloatArray
    xyz: FloatArray


def talking_face(body: BodyModel, motion: SyntheticMotion, *, seed: int) -> Face:
    """Return a face on a motion; its landmarks are taken from the skin of the whole body."""
    frames, fps = len(motion.rotations), motion.skeleton.fps
    rng = np.random.default_rng(seed)
    knots = np.arange(0.0, frames / fps + 3 * _KNOT_S, _KNOT_S)
    time = np.arange(frames) / fps
    expression = rng.normal(0.2, 0.3, (len(knots), len(body.expression_components)))
    opening = np.abs(rng.normal(8.0, 6.0, len(knots)))
    sideways = rng.normal(0.0, 2.0, len(knots))
    jaw = np.deg2rad(np.stack([opening, sideways, 0.0 * opening], axis=-1))
    return posed_face(
        body, motion, CubicSpline(knots, jaw)(time), CubicSpline(knots, expression)(time)
    )


def posed_face(
    body: BodyModel, motion: SyntheticMotion, jaw: FloatArray, expression: FloatArray
) -> Face:
    """Return a face with this jaw and expression."""
    rotations = motion.rotations.copy()
    rotations[:, body.joint("jaw")] = matrix_from_rotvec(jaw)
    corners = np.concatenate([body.jaw_line_vertices, body.face_landmark_vertices])
    shares = np.concatenate([body.jaw_line_weights, body.face_landmark_weights])
    skin = body.skin(
        rotations, motion.betas, motion.transl, expression=expression, vertices=corners.ravel()
    ).reshape(len(jaw), -1, 3, 3)
    return Face(jaw, expression, np.einsum("flck,lc->flk", skin, shares))


def with_correctives(body: BodyModel, *, seed: int) -> BodyModel:
    """Return the body with smooth pose correctives of a few millimetres a radian."""
    rng = np.random.default_rng(seed)
    waves = rng.normal(0.0, 20.0, (9 * (body.joint_count - 1), 1, 3))
    phase = (waves * body.template).sum(axis=-1)
    moved = 0.003 * np.sin(phase)[..., None] * rng.normal(0.0, 1.0, (len(waves), 1, 3))
    return replace(body, pose_correctives=moved.astype(np.float32))
