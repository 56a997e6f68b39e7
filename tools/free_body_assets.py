"""Read MakeHuman bodies, and name their bones after the joints of the SMPL-X tree.

Used by build_free_body.py, which says how to run it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from free_body_face import draw_face_units
from numpy.typing import NDArray

from mocap.body.smplx_format import FINGERS
from mocap.body.smplx_format import JOINT_NAMES as JOINTS

Array = NDArray[Any]

# MakeHuman puts the hip bones 0.22 m apart. Regression from the pelvis width (Harrington et al.
# 2007: 0.33 w + 7.3 mm to each side, w about 0.245 m for an adult of 1.69 m) gives 0.176 m.
HIP_SPACING_RATIO = 0.176 / 0.219

MAKEHUMAN_FINGER = {"thumb": 1, "index": 2, "middle": 3, "ring": 4, "pinky": 5}
INDEX = {name: index for index, name in enumerate(JOINTS)}

# Build: body part lengths and girths that the overall sliders do not move on their own.
LOCAL_CHANGES = [
    "measure-upperarm-length-incr", "measure-lowerarm-length-incr", "measure-upperleg-height-incr",
    "measure-lowerleg-height-incr", "measure-shoulder-dist-incr", "measure-napetowaist-dist-incr",
    "measure-waisttohip-dist-incr", "hip-scale-horiz-incr", "torso-scale-horiz-incr",
    "torso-scale-depth-incr", "measure-waist-circ-incr", "l-hand-scale-incr", "r-hand-scale-incr",
    "l-foot-scale-incr", "r-foot-scale-incr", "measure-neck-height-incr", "head-scale-vert-incr",
]  # fmt: skip


@dataclass(frozen=True, eq=False)
class Population:
    """Bodies in the MakeHuman rest pose, already in the file frame.

    vertices (body, vertex, 3) and heads (body, bone, 3) in metres; weights (vertex, bone);
    female (body,) from 0, male, to 1; face_units (unit, vertex, 3) displacements in metres.
    """

    vertices: Array
    heads: Array
    weights: Array
    faces: Array
    bones: tuple[str, ...]
    bone_parents: tuple[int, ...]
    female: Array
    face_units: Array

    def save(self, path: Path) -> None:
        """Keep the slow part of the build for the next run."""
        arrays: dict[str, Any] = {k: np.asarray(v) for k, v in vars(self).items()}
        np.savez(path, **arrays)

    @staticmethod
    def load(path: Path) -> Population:
        """Read what `save` kept."""
        with np.load(path, allow_pickle=False) as data:
            kept = {k: data[k] for k in data.files}
        kept["bones"] = tuple(str(b) for b in kept["bones"])
        kept["bone_parents"] = tuple(int(p) for p in kept["bone_parents"])
        return Population(**kept)


def draw_population(count: int, seed: int) -> Population:
    """Draw adults of random sex, age, build and proportions from the MakeHuman assets."""
    import anny
    import torch

    torch.set_num_threads(1)
    model = anny.Anny(
        rig="makehuman",
        topology="anny",
        local_changes=LOCAL_CHANGES,
        facial_actions="all",
        phenotypes="all",
    ).to(torch.float32)
    sliders, changes = draw_sliders(count, seed, model.phenotype_labels)
    vertices, heads = [], []
    for rows in np.array_split(np.arange(count), max(1, count // 50)):
        with torch.no_grad():
            out = model(
                pose_parameters=torch.eye(4).repeat(len(rows), model.bone_count, 1, 1),
                phenotype_kwargs={k: torch.tensor(v[rows]) for k, v in sliders.items()},
                local_changes_kwargs={k: torch.tensor(v[rows]) for k, v in changes.items()},
            )
        vertices.append(file_frame(out["rest_vertices"].numpy()))
        heads.append(file_frame(out["rest_bone_heads"].numpy()))
    weights = np.zeros((vertices[0].shape[1], len(model.bone_labels)))
    bone_index = model.vertex_bone_indices.numpy()
    rows_of = np.arange(len(weights))
    for slot, bone in enumerate(bone_index.T):
        np.add.at(weights, (rows_of, bone), model.vertex_bone_weights.numpy()[:, slot])
    return Population(
        np.concatenate(vertices),
        np.concatenate(heads),
        weights,
        np.asarray(model.faces),
        tuple(model.bone_labels),
        tuple(int(p) for p in model.bone_parents),
        sliders["gender"],
        draw_face_units(model),
    )


def draw_sliders(
    count: int, seed: int, labels: list[str]
) -> tuple[dict[str, Array], dict[str, Array]]:
    """Return MakeHuman slider values; the spreads give heights of 1.69 m +- 0.12 m."""
    rng = np.random.default_rng(seed)
    values = dict.fromkeys(labels, np.full(count, 0.5))
    values["gender"] = rng.uniform(0, 1, count)
    values["age"] = rng.uniform(0.62, 0.9, count)
    for name, mean, sd in (
        ("muscle", 0.5, 0.18),
        ("weight", 0.5, 0.18),
        ("height", 0.36, 0.09),
        ("proportions", 0.5, 0.2),
    ):
        values[name] = rng.normal(mean, sd, count)
    ancestry = rng.dirichlet([2, 2, 2], count).T
    values |= dict(zip(("african", "asian", "caucasian"), ancestry, strict=True))
    changes = {name: np.clip(rng.normal(0, 0.28, count), -0.9, 0.9) for name in LOCAL_CHANGES}
    for part in ("hand", "foot"):
        changes[f"r-{part}-scale-incr"] = changes[f"l-{part}-scale-incr"]
    sliders = {k: np.clip(v, 0.02, 0.98).astype(np.float32) for k, v in values.items()}
    return sliders, {k: v.astype(np.float32) for k, v in changes.items()}


def file_frame(xyz: Array) -> Array:
    """Turn MakeHuman's Z-up, facing -Y into Y-up, facing +Z."""
    return np.stack([xyz[..., 0], xyz[..., 2], -xyz[..., 1]], -1).astype(np.float32)


def joint_of_bone(bone: str, ancestors: set[str]) -> str:
    """Return the joint that a MakeHuman bone moves with."""
    name, _, suffix = bone.partition(".")
    side = {"L": "left", "R": "right"}.get(suffix, "")
    if "jaw" in ancestors:
        return "jaw"
    if name == "eye":
        return f"{side}_eye_smplhf"
    if "head" in ancestors:
        return "head"
    if name.startswith("finger"):
        finger = FINGERS[[MAKEHUMAN_FINGER[f] for f in FINGERS].index(int(name[6]))]
        return f"{side}_{finger}{name[-1]}"
    for start, joint in (
        ("neck", "neck"), ("root", "pelvis"), ("pelvis", "pelvis"), ("spine05", "pelvis"),
        ("spine04", "spine1"), ("spine03", "spine1"), ("spine02", "spine2"),
        ("spine01", "spine3"), ("breast", "spine3"), ("upperleg", f"{side}_hip"),
        ("lowerleg", f"{side}_knee"), ("foot", f"{side}_ankle"), ("toe", f"{side}_foot"),
        ("clavicle", f"{side}_collar"), ("shoulder01", f"{side}_collar"),
        ("upperarm", f"{side}_shoulder"), ("lowerarm", f"{side}_elbow"),
        ("wrist", f"{side}_wrist"), ("metacarpal", f"{side}_wrist"),
    ):  # fmt: skip
        if name.startswith(start):
            return joint
    raise KeyError(bone)


def joint_weights(population: Population) -> Array:
    """Sum the bones' skin weights joint by joint -> (vertex, joint), rows sum to 1."""
    weights = np.zeros((population.weights.shape[0], len(JOINTS)))
    for column, bone in enumerate(population.bones):
        ancestors, k = set(), column
        while k >= 0:
            ancestors.add(population.bones[k])
            k = population.bone_parents[k]
        weights[:, INDEX[joint_of_bone(bone, ancestors)]] += population.weights[:, column]
    weights[weights < 1e-3] = 0
    return np.asarray(weights / weights.sum(1, keepdims=True))


def bones_of_joint(joint: str) -> list[str]:
    """Return the bones whose heads, averaged, are the centre of a joint."""
    side, _, rest = joint.partition("_")
    suffix = {"left": ".L", "right": ".R"}.get(side, "")
    part = rest if suffix else joint
    single = {
        "hip": "upperleg01", "knee": "lowerleg01", "ankle": "foot", "collar": "clavicle",
        "shoulder": "upperarm01", "elbow": "lowerarm01", "wrist": "wrist", "eye_smplhf": "eye",
        "spine1": "spine04", "spine2": "spine02", "spine3": "spine01", "neck": "neck01",
        "head": "head", "jaw": "jaw",
    }  # fmt: skip
    if part == "pelvis":
        return ["spine05", "spine04"]
    if part == "foot":
        return [f"toe{k}-1{suffix}" for k in range(1, 6)]
    if part in single:
        return [single[part] + suffix]
    return [f"finger{MAKEHUMAN_FINGER[part[:-1]]}-{part[-1]}{suffix}"]


def rest_joints(population: Population) -> Array:
    """Return joint centres (body, joint, 3) in the MakeHuman pose, hips moved inwards."""
    where = {bone: k for k, bone in enumerate(population.bones)}
    centres = np.stack(
        [population.heads[:, [where[b] for b in bones_of_joint(j)]].mean(1) for j in JOINTS], 1
    ).astype(float)
    centres[:, [INDEX["left_hip"], INDEX["right_hip"]], 0] *= HIP_SPACING_RATIO
    return centres
