"""Which point of the body a keypoint is: read from `data/landmarks.toml`, bound to a model.

Detectors do not agree on where a hip is. `data/detector_offsets.toml` tells by how much each
detector's keypoints are displaced, in the frame of the bone they are fixed to, and how much they
scatter: measured on renders of the free body by `tools/estimate_landmark_offsets.py`.
"""

from __future__ import annotations

import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from mocap.body.anatomical_markers import bone_of, marker_vertices, mirrored_marker
from mocap.body.model import BodyModel
from mocap.core.errors import BodyError
from mocap.core.keypoint_names import INNER_FACE, JAW_LINE
from mocap.core.keypoints import mirrored_name
from mocap.core.shapes import Array, FloatArray, IntArray

# A keypoint that is exactly a landmark still scatters by the model's own error (its shapes cannot
# make every person) of about this much, per axis.
EXACT_SIGMA_M = 0.002

# Detectors that were measured put keypoints 5 to 30 mm from the landmarks.
UNMEASURED_SIGMA_M = 0.012

# Skin that follows a joint by less than this share is not worth a piece of its own.
_LEAST_SKIN_WEIGHT = 0.02

_MIRROR_X = np.array([-1.0, 1.0, 1.0])


@dataclass(frozen=True)
class Landmark:
    """A point of the body: what it is made of, and a displacement.

    Attributes:
        joints: joint centres; the point is their mean.
        skin: name of a landmark on the skin, or "".
        markers: bony landmarks of `mocap.body.anatomical_markers`; the point is their mean.
        face: name of a landmark of the face, or "".
        fixed_to: joint that carries the point, "" when the parts tell.
        offset_m: displacement in the zero pose, x left, y up, z front.
        sigma_m: scatter per axis that no averaging over time removes.
    """

    joints: tuple[str, ...] = ()
    skin: str = ""
    markers: tuple[str, ...] = ()
    face: str = ""
    fixed_to: str = ""
    offset_m: tuple[float, float, float] = (0.0, 0.0, 0.0)
    sigma_m: float = EXACT_SIGMA_M


@dataclass(frozen=True, eq=False)
class BoundLandmarks:
    """Keypoints as weighted pieces fixed to joints of a model.

    Attributes:
        keypoints: (known,) indices of the keypoints that are landmarks of the body.
        names: their names.
        sigma_m: (known,).
        start: (known + 1,) first piece of each.
        joint, weight: (piece,) what carries it and its share.
        rest: (piece, 3) in the zero pose of the mean body, metres.
        rest_by_beta: (piece, 3, shape).
    """

    keypoints: IntArray
    names: tuple[str, ...]
    sigma_m: FloatArray
    start: IntArray
    joint: IntArray
    weight: FloatArray
    rest: FloatArray
    rest_by_beta: FloatArray

    def rest_points(self, betas: Array) -> FloatArray:
        """Return the keypoints (known, 3) in the zero pose of a shape, body frame, metres."""
        moved = self.weight[:, None] * (self.rest + self.rest_by_beta @ np.asarray(betas))
        return np.asarray(np.add.reduceat(moved, self.start[:-1], axis=0))


@lru_cache(maxsize=1)
def _tables() -> dict[str, Any]:
    return _read("landmarks.toml")


def _read(name: str) -> dict[str, Any]:
    text = files("mocap.body").joinpath("data", name).read_text(encoding="utf-8")
    return tomllib.loads(text)


def landmark_of(keypoint: str) -> Landmark | None:
    """Return the landmark a keypoint's name means, None when it is no known point of the body."""
    right = keypoint.startswith("right_")
    name = mirrored_name(keypoint) if right else keypoint
    tables = _tables()

    def side(part: str) -> str:
        return mirrored_name(part) if right else part

    def scatter(entry: Mapping[str, Any]) -> float:
        return float(entry.get("sigma_mm", 1000.0 * EXACT_SIGMA_M)) / 1000.0

    if name in tables["joint"]:
        return Landmark(joints=(side(tables["joint"][name]),))
    if name in tables["skin"]:
        return Landmark(skin=side(tables["skin"][name]))
    if name in tables["mean"]:
        return Landmark(joints=tuple(tables["mean"][name]))
    if name in tables["fixed"]:
        entry = tables["fixed"][name]
        x, y, z = entry["offset_m"]
        return Landmark(fixed_to=side(entry["joint"]), offset_m=(-x if right else x, y, z))
    if name in tables["marker"]:
        entry = tables["marker"][name]
        markers = tuple(mirrored_marker(each) if right else each for each in entry["on"])
        return Landmark(markers=markers, fixed_to=bone_of(markers[0]), sigma_m=scatter(entry))
    if name in tables["face"]:
        return Landmark(face=keypoint, sigma_m=scatter(tables["face"][name]))
    return None


def face_keypoints(names: tuple[str, ...], *, rigid: bool | None = None) -> tuple[str, ...]:
    """Return the names of face landmarks: all, or only those that (do not) keep their place.

    `rigid` ones lie on the skull, whatever the face does.
    """
    table = _tables()["face"]
    left = {name: table.get(mirrored_name(name), table.get(name)) for name in names}
    return tuple(
        name
        for name, entry in left.items()
        if entry is not None and rigid in (None, entry.get("rigid", False))
    )


def bones() -> dict[tuple[str, str], float]:
    """Return pairs of keypoints at constant distance and the standard deviation in metres."""
    found = {}
    for pair, sigma_mm in _tables()["bones_mm"].items():
        a, b = pair.split()
        found[a, b] = sigma_mm / 1000.0
        mirrored = (mirrored_name(a), mirrored_name(b))
        if set(mirrored) != {a, b}:
            found[mirrored] = sigma_mm / 1000.0
    return found


@dataclass(frozen=True)
class Offsets:
    """How a detector's keypoints are displaced from the landmarks.

    Attributes:
        name: of the detector, "" for exact landmarks.
        offset_m: by keypoint, in the zero pose, of the mean body.
        sigma_m: by keypoint.
    """

    name: str = ""
    offset_m: dict[str, tuple[float, float, float]] = field(default_factory=dict)
    sigma_m: dict[str, float] = field(default_factory=dict)


def offsets_of(detector: str | None) -> Offsets:
    """Return the measured displacements of a detector's keypoints; none for None.

    Networks that find different keypoints are joined by "+": movenet_blazepose+mediapipe_hands.

    Raises:
        BodyError: nothing was measured for this detector.
    """
    if detector is None:
        return Offsets()
    measured = _read("detector_offsets.toml")
    offset_m, sigma_m = {}, {}
    for network in detector.split("+"):
        if network not in measured:
            raise BodyError(
                f"no keypoint offsets were measured for detector '{network}'; known are "
                f"{', '.join(measured) or 'none'}. Fit without offsets or name one of them."
            )
        for keypoint, entry in measured[network]["keypoint"].items():
            x, y, z = (value / 1000.0 for value in entry["offset_mm"])
            for name, sign in ((keypoint, 1.0), (mirrored_name(keypoint), -1.0)):
                if name not in offset_m:
                    offset_m[name] = (sign * x, y, z)
                    sigma_m[name] = entry["sigma_mm"] / 1000.0
    return Offsets(detector, offset_m, sigma_m)


def unmeasured_offsets(keypoint_names: tuple[str, ...]) -> Offsets:
    """Return what to assume of a detector that was not measured: nowhere exactly there."""
    return Offsets("unmeasured", {}, dict.fromkeys(keypoint_names, UNMEASURED_SIGMA_M))


def bind_landmarks(
    model: BodyModel,
    keypoint_names: tuple[str, ...],
    offsets: Offsets | None = None,
    *,
    leave_out: Collection[str] = (),
) -> BoundLandmarks:
    """Return the landmarks of a model that these keypoints are.

    Keypoints that are no known point of the body, and those in `leave_out`, are left out; so are
    points of the face that a body from a file does not have (`mocap body check` says so).

    Raises:
        BodyError: a marker is wanted and the body has no skin where it should lie.
    """
    displaced = offsets or Offsets()
    joints = model.joints()
    joints_by_beta = shape_joints(model)
    known, sigma, start = [], [], [0]
    carriers: list[int] = []
    weights: list[float] = []
    rest: list[FloatArray] = []
    by_beta: list[FloatArray] = []
    for index, name in enumerate(keypoint_names):
        landmark = landmark_of(name)
        if landmark is None or name in leave_out or not _exists(model, landmark):
            continue
        moved = np.array(landmark.offset_m) + displaced.offset_m.get(name, (0.0, 0.0, 0.0))
        for joint, weight, point, change in _pieces(model, landmark, joints, joints_by_beta):
            carriers.append(joint)
            weights.append(weight)
            rest.append(point + moved)
            by_beta.append(change)
        known.append(index)
        sigma.append(displaced.sigma_m.get(name, landmark.sigma_m))
        start.append(len(carriers))
    return BoundLandmarks(
        keypoints=np.array(known, dtype=np.int64),
        names=tuple(keypoint_names[index] for index in known),
        sigma_m=np.array(sigma),
        start=np.array(start, dtype=np.int64),
        joint=np.array(carriers, dtype=np.int64),
        weight=np.array(weights),
        rest=np.array(rest).reshape(-1, 3),
        rest_by_beta=np.array(by_beta).reshape(-1, 3, model.shape_count),
    )


Piece = tuple[int, float, FloatArray, FloatArray]


def _pieces(
    model: BodyModel, landmark: Landmark, joints: FloatArray, joints_by_beta: FloatArray
) -> list[Piece]:
    """Return joint, weight, rest position (3,) and its change with the shape (3, shape)."""
    if landmark.markers:
        vertices = [marker_vertices(model)[name] for name in landmark.markers]
        bone, share = model.joint(landmark.fixed_to), 1.0 / len(vertices)
        return [(bone, share, *_vertex(model, vertex)) for vertex in vertices]
    if landmark.face:
        return _skin_pieces(model, *face_corners(model, landmark.face))
    if landmark.fixed_to:
        joint = model.joint(landmark.fixed_to)
        return [(joint, 1.0, joints[joint], joints_by_beta[joint])]
    if landmark.skin:
        return _skin_pieces(model, [model.landmark(landmark.skin)], [1.0])
    share = 1.0 / len(landmark.joints)
    found = []
    for name in landmark.joints:
        joint = model.joint(name)
        # A joint's centre is moved by the bone that ends there; the root carries itself.
        carrier = max(model.parents[joint], 0)
        found.append((carrier, share, joints[joint], joints_by_beta[joint]))
    return found


def _skin_pieces(model: BodyModel, vertices: Sequence[int], shares: Sequence[float]) -> list[Piece]:
    """Return the pieces of a point between vertices: one for each joint that it follows."""
    follow = np.asarray(shares)[:, None] * model.skin_weights[list(vertices)].toarray()
    by_joint = follow.sum(axis=0)
    kept = np.flatnonzero(by_joint > _LEAST_SKIN_WEIGHT)
    total = by_joint[kept].sum()
    points, changes = zip(*(_vertex(model, vertex) for vertex in vertices), strict=True)
    found = []
    for joint in kept:
        of_joint = follow[:, joint] / by_joint[joint]
        point = np.tensordot(of_joint, np.array(points), axes=1)
        change = np.tensordot(of_joint, np.array(changes), axes=1)
        found.append((int(joint), float(by_joint[joint] / total), point, change))
    return found


def _vertex(model: BodyModel, vertex: int) -> tuple[FloatArray, FloatArray]:
    """Return where a vertex is (3,) and how it moves with the shape (3, shape)."""
    point = np.asarray(model.template[vertex], dtype=np.float64)
    return point, np.asarray(model.shape_components[:, vertex], dtype=np.float64).T


def face_corners(model: BodyModel, name: str) -> tuple[list[int], list[float]]:
    """Return the vertices between which a landmark of the face lies, and their shares.

    Raises:
        ValueError: the body does not have it.
    """
    if name in JAW_LINE:
        index = JAW_LINE.index(name)
        corners, shares = model.jaw_line_vertices, model.jaw_line_weights
    else:
        index = INNER_FACE.index(name)
        corners, shares = model.face_landmark_vertices, model.face_landmark_weights
    if index >= len(corners):
        raise ValueError(f"body '{model.name}' has no {name}")
    return corners[index].tolist(), shares[index].tolist()


def _exists(model: BodyModel, landmark: Landmark) -> bool:
    if not landmark.face:
        return True
    corners = model.jaw_line_vertices if landmark.face in JAW_LINE else model.face_landmark_vertices
    return len(corners) > 0


def shape_joints(model: BodyModel) -> FloatArray:
    """Return how the joint centres move with the shape: (joint, 3, shape) metres."""
    by_vertex = np.moveaxis(np.asarray(model.shape_components, dtype=np.float64), 0, 2)
    flat = model.joint_regressor @ by_vertex.reshape(len(model.template), -1)
    return np.asarray(flat).reshape(model.joint_count, 3, model.shape_count)
