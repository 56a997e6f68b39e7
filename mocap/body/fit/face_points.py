"""Landmarks of the face as functions of jaw and expression, with derivatives.

In linear blend skinning a vertex v follows the jaw by a share w and the head by the rest; eyes and
neck count as head, they hardly move the face. From the head joint,

    p = (1 - w) v + w (R (v - J) + J) - H ,   v = v0 + E e + P f(R),   J = J0 + K e

with the expression e, its components E, the jaw's rotation R and joint J, the pose correctives P
of the jaw (features f(R): the entries of R - I) and the head joint H. A landmark lies between
three vertices: sums over them do not depend on the frame and are taken once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.body.landmarks import face_corners
from mocap.body.model import BodyModel
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import Array, FloatArray


@dataclass(frozen=True, eq=False)
class FacePoints:
    """Landmarks p = A + R B + w J - H; A, B and J are affine in what comes before the dot.

    Attributes:
        still, moved: (landmark, 3) parts of A and of B that do not change, metres.
        still_by, moved_by: (landmark, 3, expression) how the expression changes A and B.
        still_corrected, moved_corrected: (landmark, 3, 9) how the correctives of the jaw do.
    """

    still: FloatArray
    moved: FloatArray
    still_by: FloatArray
    moved_by: FloatArray
    still_corrected: FloatArray
    moved_corrected: FloatArray

    @property
    def expressions(self) -> int:
        """Number of expression components."""
        return int(self.still_by.shape[2])

    @property
    def _is_corrected(self) -> bool:
        return bool(self.still_corrected.any() or self.moved_corrected.any())

    def positions(self, values: FloatArray) -> FloatArray:
        """Return the landmarks (frame, landmark, 3) from the head joint, metres.

        `values` (frame, 3 + expression): rotation vector of the jaw, then the expression.
        """
        turn = matrix_from_rotvec(values[:, :3])
        fixed, turning = self._parts(turn, values[:, 3:])
        return np.asarray(fixed + turning @ np.swapaxes(turn, 1, 2))

    def jacobian(self, values: FloatArray) -> FloatArray:
        """Return how they move with the values (frame, landmark, 3, 3 + expression)."""
        turn = matrix_from_rotvec(values[:, :3])
        _, turning = self._parts(turn, values[:, 3:])
        out = np.zeros((len(values), len(self.still), 3, values.shape[1]))
        # R(x + dx) = R(x) exp(Jr dx): d(R q) = R (Jr dx x q), and dR = R [Jr dx]x.
        right = right_jacobian(values[:, :3])
        for axis in range(3):
            step = turn @ _cross_matrix(right[:, :, axis])
            by_turn = turning @ np.swapaxes(step, 1, 2)
            if self._is_corrected:
                flat = step.reshape(-1, 9)
                by_turn += _sums(self.still_corrected, flat)
                inner = _sums(self.moved_corrected, flat)
                by_turn += inner @ np.swapaxes(turn, 1, 2)
            out[..., axis] = by_turn
        out[..., 3:] = self.still_by + turn[:, None] @ self.moved_by
        return out

    def _parts(self, turn: FloatArray, expression: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return what stays with the head and what turns with the jaw (frame, landmark, 3)."""
        feature = (turn - np.eye(3)).reshape(-1, 9)
        fixed = self.still + _sums(self.still_by, expression)
        turning = self.moved + _sums(self.moved_by, expression)
        if self._is_corrected:
            fixed = fixed + _sums(self.still_corrected, feature)
            turning = turning + _sums(self.moved_corrected, feature)
        return np.asarray(fixed), np.asarray(turning)


def _sums(components: FloatArray, values: FloatArray) -> FloatArray:
    """Return sums (frame, landmark, 3) of components (landmark, 3, n) by values (frame, n)."""
    return np.asarray(np.tensordot(values, components, axes=(1, 2)))


def face_points(model: BodyModel, names: tuple[str, ...], betas: Array) -> FacePoints:
    """Return the landmarks of a shape by name, all of which the model must have."""
    corners, shares = (np.array(each) for each in zip(*_corners(model, names), strict=True))
    jaw, head = model.joint("jaw"), model.joint("head")
    joints = model.joints(betas)
    jaw_by = model.joint_expressions[:, jaw].T  # (3, expression)
    skin = model.rest_vertices(betas)[corners]  # (landmark, 3 corners, 3)
    skin_by = np.moveaxis(np.asarray(model.expression_components[:, corners], float), 0, -1)
    weight = model.skin_weights[corners.ravel()].toarray()[:, jaw].reshape(corners.shape)
    with_jaw, with_head = shares * weight, shares * (1.0 - weight)
    total = with_jaw.sum(axis=1)
    corrected = _jaw_correctives(model, jaw, corners)

    def between(share: FloatArray, values: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("kc,kc...->k...", share, values))

    joint = joints[jaw] * total[:, None]
    joint_by = jaw_by * total[:, None, None]
    return FacePoints(
        still=between(with_head, skin) + joint - joints[head],
        moved=between(with_jaw, skin) - joint,
        still_by=between(with_head, skin_by) + joint_by,
        moved_by=between(with_jaw, skin_by) - joint_by,
        still_corrected=between(with_head, corrected),
        moved_corrected=between(with_jaw, corrected),
    )


def _corners(model: BodyModel, names: tuple[str, ...]) -> list[tuple[list[int], list[float]]]:
    return [face_corners(model, name) for name in names]


def _jaw_correctives(model: BodyModel, jaw: int, corners: Array) -> FloatArray:
    """Return how the jaw's pose features move the corners (landmark, corner, 3, feature)."""
    if not len(model.pose_correctives):
        return np.zeros((*corners.shape, 3, 9))
    chosen = model.pose_correctives[9 * (jaw - 1) : 9 * jaw, corners]
    return np.moveaxis(np.asarray(chosen, dtype=np.float64), 0, -1)


def right_jacobian(vectors: FloatArray) -> FloatArray:
    """Return Jr (frame, 3, 3): exp(x + dx) = exp(x) exp(Jr dx) (Chirikjian 2012, eq. 10.86)."""
    angle = np.linalg.norm(vectors, axis=-1)[:, None, None]
    cross = _cross_matrix(vectors)
    small = angle < 1e-4
    safe = np.where(small, 1.0, angle)
    first = np.where(small, 0.5 - angle**2 / 24.0, (1.0 - np.cos(safe)) / safe**2)
    second = np.where(small, 1.0 / 6.0 - angle**2 / 120.0, (safe - np.sin(safe)) / safe**3)
    return np.asarray(np.eye(3) - first * cross + second * (cross @ cross))


def _cross_matrix(vectors: FloatArray) -> FloatArray:
    """Return [v]x (frame, 3, 3): [v]x u = v x u."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    zero = np.zeros_like(x)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
