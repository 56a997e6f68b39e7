"""A skinned person in the SMPL-X format (55 joints), and the free one that is always there.

Body frame, as in SMPL-X files: Y up, the body faces +Z, its left is +X, metres; the zero pose is
a T-pose with the palms down and the pelvis near the origin. To stand in the world (Z up) the root
rotation carries `WORLD_FROM_BODY`: `root = heading @ WORLD_FROM_BODY`. Everything that leaves
`BodyModel` is then in the world. With the heading at identity the body faces -Y, left is +X.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from importlib.resources import files

import numpy as np
from scipy.sparse import csr_array

from mocap.body import lbs
from mocap.core.errors import BodyError
from mocap.core.shapes import Array, FloatArray, IntArray, check_shapes, check_unique

WORLD_FROM_BODY: FloatArray = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
"""Rotation that stands the Y-up body upright in the Z-up world."""


@dataclass(frozen=True, eq=False)
class BodyModel:
    """A body mesh with shape components, a joint tree and skin weights.

    Attributes:
        name: identifies the model in artifacts.
        joint_names, parents: joint 0 is the root, parents come first, -1 for the root.
        template: (vertex, 3) of the mean body in the zero pose, body frame, metres.
        shape_components: (shape, vertex, 3) metres per standard deviation.
        skin_weights: (vertex, joint) sparse, rows sum to 1.
        joint_regressor: (joint, vertex) sparse and convex: joint centres from rest vertices.
        faces: (face, 3) vertex indices, counter-clockwise seen from outside.
        landmark_names, landmark_vertices: named points on the skin.
        mirror: (vertex,) index of each vertex's mirror image, or of the nearest to it.
        expression_names: of the expressions.
        expression_components: (expression, vertex, 3) metres per unit.
        pose_correctives: (9 * (joint - 1), vertex, 3) metres, see `lbs.pose_features`; none for a
            body without.
        hand_means: (2, 15, 3) rotation vectors of the left and right hand at ease, which some
            programs add to hand poses; here nothing is added.
        face_landmark_vertices: (51, 3) corners of the triangles of the SMPL-X face landmarks, or
            none; order in `mocap.body.smplx_format`.
        face_landmark_weights: (51, 3) barycentric.
        sex_names, sex_betas: (sex, shape) the mean shape of each sex, where it is known.
        licence_note: what must be said wherever the skin goes, "" for a free body.
        jaw_line_vertices, jaw_line_weights: (17, 3) as the face landmarks: the jaw line from the
            right ear over the chin to the left one, or none.
    """

    name: str
    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    template: FloatArray
    shape_components: Array
    skin_weights: csr_array
    joint_regressor: csr_array
    faces: IntArray
    landmark_names: tuple[str, ...]
    landmark_vertices: IntArray
    mirror: IntArray
    expression_names: tuple[str, ...]
    expression_components: Array
    pose_correctives: Array
    hand_means: FloatArray
    face_landmark_vertices: IntArray
    face_landmark_weights: FloatArray
    sex_names: tuple[str, ...]
    sex_betas: FloatArray
    licence_note: str = ""
    jaw_line_vertices: IntArray = field(default_factory=lambda: np.zeros((0, 3), dtype=np.int64))
    jaw_line_weights: FloatArray = field(default_factory=lambda: np.zeros((0, 3)))

    def __post_init__(self) -> None:
        """Check shapes and names."""
        check_shapes(
            self,
            joint_names="joint",
            parents="joint",
            template="vertex 3",
            shape_components="shape vertex 3",
            skin_weights="vertex joint",
            joint_regressor="joint vertex",
            faces="face 3",
            landmark_names="landmark",
            landmark_vertices="landmark",
            mirror="vertex",
            expression_names="expression",
            expression_components="expression vertex 3",
            pose_correctives="feature vertex 3",
            hand_means="2 15 3",
            face_landmark_vertices="face_landmark 3",
            face_landmark_weights="face_landmark 3",
            sex_names="sex",
            sex_betas="sex shape",
            jaw_line_vertices="jaw_line 3",
            jaw_line_weights="jaw_line 3",
        )
        check_unique(self, "joint_names", self.joint_names)
        check_unique(self, "landmark_names", self.landmark_names)

    @property
    def joint_count(self) -> int:
        """Number of joints."""
        return len(self.joint_names)

    @property
    def shape_count(self) -> int:
        """Number of shape components."""
        return len(self.shape_components)

    def joint(self, name: str) -> int:
        """Return the index of a joint."""
        return self.joint_names.index(name)

    def landmark(self, name: str) -> int:
        """Return the vertex of a landmark."""
        return int(self.landmark_vertices[self.landmark_names.index(name)])

    @cached_property
    def content_hash(self) -> str:
        """A hash of all that says where skin, joints and landmarks of a pose are."""
        digest = hashlib.sha256()
        for name, array in (
            ("joints", np.array(self.joint_names)),
            ("parents", np.array(self.parents)),
            ("template", self.template),
            ("shape", self.shape_components),
            *_sparse_parts("weights", self.skin_weights),
            *_sparse_parts("regressor", self.joint_regressor),
            ("faces", self.faces),
            ("landmarks", np.array(self.landmark_names)),
            ("landmark vertices", self.landmark_vertices),
            ("mirror", self.mirror),
            ("expressions", np.array(self.expression_names)),
            ("expression components", self.expression_components),
            ("correctives", self.pose_correctives),
            ("hands", self.hand_means),
            ("face landmark vertices", self.face_landmark_vertices),
            ("face landmark weights", self.face_landmark_weights),
            ("jaw line vertices", self.jaw_line_vertices),
            ("jaw line weights", self.jaw_line_weights),
        ):
            # Without its name and shape an array could pass for the end of the one before.
            digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    @cached_property
    def first_content_hash(self) -> str:
        """The hash that motions were stored with at first: of numbers alone, not of what they mean.

        It leaves out which joint a weight belongs to, faces and expressions.
        """
        digest = hashlib.sha256()
        for array in (
            self.template,
            self.shape_components,
            np.array(self.parents),
            self.skin_weights.data,
            self.joint_regressor.data,
        ):
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def has_hash(self, stored: str) -> bool:
        """Return whether an artifact that stores a hash was made with this body."""
        return stored == self.content_hash or stored == self.first_content_hash

    def sex_shape(self, sex: str) -> FloatArray:
        """Return the betas (shape,) of the mean "female" or "male" body; zeros for "neutral".

        Raises:
            BodyError: the model does not tell.
        """
        if sex == "neutral":
            return np.zeros(self.shape_count)
        if sex not in self.sex_names:
            raise BodyError(
                f"body '{self.name}' has no mean shape for '{sex}'; it has "
                f"{', '.join(('neutral', *self.sex_names))}."
            )
        return np.asarray(self.sex_betas[self.sex_names.index(sex)], dtype=np.float64)

    def rest_vertices(self, betas: Array | None = None) -> FloatArray:
        """Return the zero-pose skin (vertex, 3) of a shape, body frame, metres.

        `betas` are up to `shape_count` values in standard deviations; missing ones are zero.

        Raises:
            ValueError: for more values than the model has shape components.
        """
        return self._shaped(betas, slice(None))

    def joints(self, betas: Array | None = None) -> FloatArray:
        """Return the zero-pose joint centres (joint, 3) of a shape, body frame, metres."""
        return np.asarray(self.joint_regressor @ self.rest_vertices(betas), dtype=np.float64)

    def forward_kinematics(
        self,
        rotations: Array,
        betas: Array | None = None,
        transl: Array | None = None,
        *,
        expression: Array | None = None,
    ) -> tuple[FloatArray, FloatArray]:
        """Return joint positions (frame, joint, 3) and global rotations (frame, joint, 3, 3).

        Args:
            rotations: local, (frame, joint, 3, 3) or rotation vectors (frame, joint, 3).
            betas: shape; the mean body without.
            transl: (frame, 3) metres; the root is at joints(betas)[0] + transl, as in SMPL-X.
            expression: (frame, expression) units; in SMPL-X the joints of the head follow it
                because they are regressed from the skin. The free body's do not.
        """
        moved = np.zeros((len(rotations), 3)) if transl is None else np.asarray(transl)
        rest = self._expressive_joints(betas, expression)
        return lbs.forward_kinematics(rest, self.parents, rotations, moved)

    def skin(
        self,
        rotations: Array,
        betas: Array | None = None,
        transl: Array | None = None,
        *,
        expression: Array | None = None,
        vertices: Array | None = None,
        dtype: type[np.floating] = np.float64,
        posed: tuple[FloatArray, FloatArray] | None = None,
    ) -> Array:
        """Return the posed skin (frame, vertex, 3) in metres; arguments as `forward_kinematics`.

        `vertices` selects some vertices by index; `dtype` float32 is several times faster and
        right to a few micrometres for a body within a few metres of the origin; `posed` is what
        `forward_kinematics` gave for this pose, where that is known.
        """
        chosen = slice(None) if vertices is None else np.asarray(vertices, dtype=np.int64)
        rest_joints = self._expressive_joints(betas, expression)
        moved = np.zeros((len(rotations), 3)) if transl is None else np.asarray(transl)
        positions, turns = posed or lbs.forward_kinematics(
            rest_joints, self.parents, rotations, moved
        )
        rest = self._shaped(betas, chosen).astype(dtype)
        if expression is not None:
            rest = rest + _combine(expression, self.expression_components[:, chosen], dtype)
        if len(self.pose_correctives):
            features = lbs.pose_features(rotations)
            rest = rest + _combine(features, self.pose_correctives[:, chosen], dtype)
        weights = self.skin_weights[chosen].astype(dtype)
        return lbs.skin(rest, weights, rest_joints, positions, turns)

    def landmarks(
        self, rotations: Array, betas: Array | None = None, transl: Array | None = None
    ) -> Array:
        """Return the landmark positions (frame, landmark, 3), in the order of `landmark_names`."""
        return self.skin(rotations, betas, transl, vertices=self.landmark_vertices)

    def face_landmarks(
        self,
        rotations: Array,
        betas: Array | None = None,
        transl: Array | None = None,
        *,
        expression: Array | None = None,
    ) -> FloatArray:
        """Return the face landmarks (frame, 51, 3) in metres; none for a body without."""
        corners = self.skin(
            rotations,
            betas,
            transl,
            expression=expression,
            vertices=self.face_landmark_vertices.ravel(),
        ).reshape(len(rotations), -1, 3, 3)
        return np.asarray(np.einsum("flck,lc->flk", corners, self.face_landmark_weights))

    def dominant_joint(self) -> IntArray:
        """Return for each vertex the joint it follows most (vertex,): to colour body parts."""
        return np.asarray(self.skin_weights.toarray().argmax(axis=1), dtype=np.int64)

    def _shaped(self, betas: Array | None, chosen: IntArray | slice) -> FloatArray:
        """Return the chosen vertices of the zero-pose skin of a shape (vertex, 3)."""
        template = np.asarray(self.template[chosen], dtype=np.float64)
        if betas is None:
            return template
        values = np.asarray(betas, dtype=np.float64).reshape(-1)
        if len(values) > self.shape_count:
            raise ValueError(
                f"{len(values)} betas for body '{self.name}', which has {self.shape_count}"
            )
        moved = np.tensordot(values, self.shape_components[: len(values), chosen], axes=1)
        return np.asarray(template + moved, dtype=np.float64)

    def _expressive_joints(self, betas: Array | None, expression: Array | None) -> FloatArray:
        """Return the zero-pose joints (joint, 3), or (frame, joint, 3) with an expression."""
        joints = self.joints(betas)
        if expression is None:
            return joints
        return joints + _combine(expression, self.joint_expressions, np.float64)

    @cached_property
    def joint_expressions(self) -> FloatArray:
        """How the expressions move the joint centres (expression, joint, 3)."""
        moved = [self.joint_regressor @ each for each in self.expression_components]
        return np.array(moved, dtype=np.float64).reshape(-1, self.joint_count, 3)


def _sparse_parts(name: str, matrix: csr_array) -> list[tuple[str, Array]]:
    """Return what defines a sparse matrix, entries of a row in the order of their columns."""
    ordered = csr_array(matrix, copy=True)
    ordered.sum_duplicates()
    return [
        (f"{name} values", ordered.data),
        (f"{name} columns", ordered.indices.astype(np.int64)),
        (f"{name} rows", ordered.indptr.astype(np.int64)),
    ]


def _combine(values: Array, components: Array, dtype: type[np.floating]) -> Array:
    """Return the sums (frame, point, 3) of the first components, one row of values a frame."""
    rows = np.asarray(values, dtype=dtype)
    if rows.ndim != 2 or rows.shape[1] > len(components):
        raise ValueError(
            f"values of shape {rows.shape}; expected (frame, up to {len(components)} components)"
        )
    used = components[: rows.shape[1]].astype(dtype, copy=False)
    return np.tensordot(rows, used, axes=1)


@lru_cache(maxsize=1)
def load_free_body() -> BodyModel:
    """Load the free body that comes with the package (CC0, see data/NOTICE)."""
    source = files("mocap.body").joinpath("data", "free_body.npz")
    with source.open("rb") as stream, np.load(stream, allow_pickle=False) as data:
        vertex_count, joint_count = len(data["template"]), len(data["joint_names"])
        weights = csr_array(
            (data["skin_weight"].astype(np.float64), (data["skin_vertex"], data["skin_joint"])),
            shape=(vertex_count, joint_count),
        )
        regressor = csr_array(
            (
                data["regressor_weight"].astype(np.float64),
                (data["regressor_joint"], data["regressor_vertex"]),
            ),
            shape=(joint_count, vertex_count),
        )
        return BodyModel(
            name="free_body_2",
            joint_names=tuple(str(name) for name in data["joint_names"]),
            parents=tuple(int(parent) for parent in data["parents"]),
            template=data["template"].astype(np.float64),
            shape_components=data["shape_quanta"].astype(np.float32)
            * np.float32(data["quantum_m"]),
            skin_weights=_rows_sum_to_one(weights),
            joint_regressor=_rows_sum_to_one(regressor),
            faces=data["faces"].astype(np.int64),
            landmark_names=tuple(str(name) for name in data["landmark_names"]),
            landmark_vertices=data["landmark_vertices"].astype(np.int64),
            mirror=data["mirror"].astype(np.int64),
            expression_names=tuple(str(name) for name in data["expression_names"]),
            expression_components=_expressions(data, vertex_count),
            pose_correctives=np.zeros((0, vertex_count, 3), dtype=np.float32),
            hand_means=data["hand_means"].astype(np.float64),
            face_landmark_vertices=data["faces"][data["face_landmark_faces"]].astype(np.int64),
            face_landmark_weights=data["face_landmark_weights"].astype(np.float64),
            sex_names=tuple(str(name) for name in data["sex_names"]),
            sex_betas=data["sex_betas"].astype(np.float64),
            jaw_line_vertices=data["faces"][data["jaw_line_faces"]].astype(np.int64),
            jaw_line_weights=data["jaw_line_weights"].astype(np.float64),
        )


def _expressions(data: Mapping[str, Array], vertex_count: int) -> Array:
    """Spread the stored displacements of the face over all vertices."""
    quanta = data["expression_quanta"]
    components = np.zeros((len(quanta), vertex_count, 3), dtype=np.float32)
    components[:, data["expression_vertices"]] = quanta * np.float32(data["quantum_m"])
    return components


def _rows_sum_to_one(matrix: csr_array) -> csr_array:
    """Undo the rounding of weights stored in few bits."""
    row_sums = np.asarray(matrix.sum(axis=1)).reshape(-1, 1)
    return csr_array(matrix.multiply(1.0 / row_sums))
