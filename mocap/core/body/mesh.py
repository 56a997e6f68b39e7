"""A mesh that a skeleton moves: what character formats hold beside the bones."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from mocap.core.shapes import Array, FloatArray, IntArray, check_shapes

# Weights come from files with few bits; a sum further off is no set of weights.
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True, eq=False)
class SkinnedMesh:
    """A skin in the rest pose of a `SkeletonMotion`, and which joints move it.

    Attributes:
        vertices: (vertex, 3) metres, Z up, in the skeleton's rest pose with its root joint at the
            origin.
        faces: (face, 3) vertex indices, counter-clockwise seen from outside.
        joints: (vertex, influence) joints of the skeleton.
        weights: (vertex, influence) in [0, 1]; each row sums to 1, unused influences are 0.
        morph_names: of expressions of the face, which are added to the rest pose; or none.
        morphs: (morph, vertex, 3) metres per unit, Z up.
    """

    vertices: FloatArray
    faces: IntArray
    joints: IntArray
    weights: FloatArray
    morph_names: tuple[str, ...] = ()
    morphs: FloatArray = field(default_factory=lambda: np.zeros((0, 0, 3)))

    def __post_init__(self) -> None:
        """Check shapes, indices and weights."""
        expected = (len(self.morph_names), *self.vertices.shape)
        if (self.morph_names or len(self.morphs)) and self.morphs.shape != expected:
            raise ValueError(
                f"SkinnedMesh.morphs has shape {self.morphs.shape}; expected {expected}"
            )
        check_shapes(
            self,
            vertices="vertex 3",
            faces="face 3",
            joints="vertex influence",
            weights="vertex influence",
        )
        if self.faces.size and not 0 <= self.faces.min() <= self.faces.max() < len(self.vertices):
            raise ValueError("SkinnedMesh.faces names vertices that do not exist")
        sums = self.weights.sum(axis=1)
        if self.weights.size and (
            self.weights.min() < 0.0 or np.abs(sums - 1.0).max() > _SUM_TOLERANCE
        ):
            raise ValueError(
                "SkinnedMesh.weights must be in [0, 1] and sum to 1 in each row; sums lie in "
                f"[{sums.min():.4f}, {sums.max():.4f}]"
            )

    def posed(
        self,
        rest_positions: Array,
        positions: Array,
        rotations: Array,
        expression: Array | None = None,
    ) -> FloatArray:
        """Return the skin (vertex, 3) of one pose by linear blend skinning.

        Args:
            rest_positions: (joint, 3) in the rest pose, root at the origin, metres.
            positions: (joint, 3) of the pose, metres.
            rotations: (joint, 3, 3) from the rest pose to the pose, in the world.
            expression: (morph,) weights of the morphs; 0 by default.
        """
        rest = self.vertices
        if expression is not None:
            rest = rest + np.tensordot(expression, self.morphs, axes=1)
        rest_positions = np.asarray(rest_positions, dtype=np.float64)
        skin = np.zeros_like(self.vertices, dtype=np.float64)
        for joints, weights in zip(self.joints.T, self.weights.T, strict=True):
            used = weights > 0.0
            chosen = joints[used]
            arm = rest[used] - rest_positions[chosen]
            moved = np.einsum("vij,vj->vi", np.asarray(rotations)[chosen], arm)
            skin[used] += weights[used, None] * (moved + np.asarray(positions)[chosen])
        return skin

    def normals(self) -> FloatArray:
        """Return unit normals (vertex, 3), see `vertex_normals`."""
        return vertex_normals(self.vertices, self.faces)


def vertex_normals(vertices: Array, faces: IntArray) -> FloatArray:
    """Return unit normals (vertex, 3): the mean of the faces around, weighted by area.

    A vertex without a face, or between faces that cancel, gets the upward direction.
    """
    corners = vertices[faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    summed = np.stack(
        [
            np.bincount(
                faces.ravel(), weights=np.repeat(across[:, axis], 3), minlength=len(vertices)
            )
            for axis in range(3)
        ],
        axis=-1,
    )
    length = np.linalg.norm(summed, axis=1, keepdims=True)
    flat = length <= 1e-12 * max(float(length.max(initial=0.0)), 1e-300)
    upward = np.array([0.0, 0.0, 1.0])
    return np.asarray(np.where(flat, upward, summed / np.where(flat, 1.0, length)))
