"""The unknowns of a fit: which joints turn, about which axes, and what is usual for them.

Read from `data/pose_prior.toml`. Joints below which no keypoint lies are left at rest: nothing
could tell how they are turned.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import numpy as np

from mocap.body.fit.kernels import Shape, Tree
from mocap.body.fit.prior_kernels import Anatomy
from mocap.body.landmarks import BoundLandmarks, shape_joints
from mocap.body.model import BodyModel
from mocap.core.keypoints import mirrored_name
from mocap.core.shapes import Array, FloatArray, IntArray

# Bounds are soft: a degree beyond costs as much as this many degrees of a Gaussian.
LIMIT_SIGMA_DEG = 4.0

# sigma of pose_prior.toml holds for a frame at this rate.
PRIOR_FPS = 60.0

# Postures count in every frame, far more often than they are new; what a person keeps must count
# more than once not to be overruled. On random motions with and without a carrying angle of 10
# degrees 1 follows noise and 15 ignores it.
CONSTANT_COUNT = 4.0

_AXES = {"x": 0, "y": 1, "z": 2}
_MIRROR_ROTVEC = np.array([1.0, -1.0, -1.0])


@dataclass(frozen=True, eq=False)
class Group:
    """Joints that turn alike, and their prior in degrees.

    Attributes:
        joints: names.
        axes: indices of the axes they turn about.
        twist_axis: -1 for no prior.
        mean_deg, sigma_deg, low_deg, high_deg: (3,); a sigma of 0 means no prior.
        constant_deg: (3,) standard deviation of a constant of the person; 0 for none.
    """

    joints: tuple[str, ...]
    axes: tuple[int, ...]
    twist_axis: int
    mean_deg: FloatArray
    sigma_deg: FloatArray
    low_deg: FloatArray
    high_deg: FloatArray
    constant_deg: FloatArray


@lru_cache(maxsize=1)
def groups() -> tuple[Group, ...]:
    """Return all rotation groups, left and right."""
    text = files("mocap.body").joinpath("data", "pose_prior.toml").read_text(encoding="utf-8")
    found: list[Group] = []
    for entry in tomllib.loads(text)["group"]:
        families = [tuple(entry["joints"])] + [(name,) for name in entry.get("like", [])]
        for joints in families:
            group = _group(joints, entry)
            found.append(group)
            if joints[0].startswith("left_"):
                found.append(_mirrored(group))
    return tuple(found)


def _group(joints: tuple[str, ...], entry: Mapping[str, Any]) -> Group:
    def degrees(key: str, default: float) -> FloatArray:
        return np.array(entry.get(key, [default] * 3), dtype=np.float64)

    return Group(
        joints=joints,
        axes=tuple(_AXES[axis] for axis in entry["axes"]),
        twist_axis=_AXES.get(entry.get("twist", ""), -1),
        mean_deg=degrees("mean_deg", 0.0),
        sigma_deg=degrees("sigma_deg", 0.0),
        low_deg=degrees("low_deg", -360.0),
        high_deg=degrees("high_deg", 360.0),
        constant_deg=degrees("constant_deg", 0.0),
    )


def _mirrored(group: Group) -> Group:
    """Return the group of the other side: turns about y and z change their sign."""
    low, high = _MIRROR_ROTVEC * group.low_deg, _MIRROR_ROTVEC * group.high_deg
    return Group(
        joints=tuple(mirrored_name(joint) for joint in group.joints),
        axes=group.axes,
        twist_axis=group.twist_axis,
        mean_deg=_MIRROR_ROTVEC * group.mean_deg,
        sigma_deg=group.sigma_deg,
        low_deg=np.minimum(low, high),
        high_deg=np.maximum(low, high),
        constant_deg=group.constant_deg,
    )


@dataclass(frozen=True, eq=False)
class Layout:
    """A chain of joints of a model with its unknowns, ready for the kernels.

    Attributes:
        joints: (joint,) index in the model of each joint of the tree.
        groups: those that turn, in the order of `tree.columns`.
        tree: for the kernels.
        rest, rest_by_beta: (joint, 3), (joint, 3, shape) rest positions of the tree's joints.
        landmarks: the keypoints.
    """

    joints: IntArray
    groups: tuple[Group, ...]
    tree: Tree
    rest: FloatArray
    rest_by_beta: FloatArray
    landmarks: BoundLandmarks

    def shape(self, betas: Array, *, fixed: bool = False) -> Shape:
        """Return bones and pieces of a shape; `fixed` leaves out how the shape moves them."""
        above = np.maximum(self.tree.parents, 0)
        carrier = self.tree.piece_joint
        bones_by_beta = self.rest_by_beta - self.rest_by_beta[above]
        pieces_by_beta = self.landmarks.rest_by_beta - self.rest_by_beta[carrier]
        bones = self.rest - self.rest[above] + bones_by_beta @ betas
        pieces = self.landmarks.rest - self.rest[carrier] + pieces_by_beta @ betas
        if fixed:
            bones_by_beta, pieces_by_beta = bones_by_beta[..., :0], pieces_by_beta[..., :0]
        return Shape(
            np.ascontiguousarray(bones),
            np.ascontiguousarray(pieces),
            np.ascontiguousarray(bones_by_beta),
            np.ascontiguousarray(pieces_by_beta),
        )

    def anatomy(self, fps: float) -> Anatomy:
        """Return the prior of the groups at a frame rate, in radians."""
        per_frame = PRIOR_FPS / fps
        sigma = np.deg2rad(np.array([group.sigma_deg for group in self.groups]))
        weight = np.where(sigma > 0.0, per_frame / np.where(sigma > 0.0, sigma, 1.0) ** 2, 0.0)
        limit = np.full_like(sigma, per_frame / np.deg2rad(LIMIT_SIGMA_DEG) ** 2)
        spread = np.deg2rad(np.array([group.constant_deg for group in self.groups]))
        constant = np.where(spread > 0.0, np.cumsum(spread > 0.0).reshape(spread.shape) - 1, -1)
        return Anatomy(
            twist_axis=np.array([group.twist_axis for group in self.groups], dtype=np.int64),
            mean=np.deg2rad(np.array([group.mean_deg for group in self.groups])),
            weight=weight,
            low=np.deg2rad(np.array([group.low_deg for group in self.groups])),
            high=np.deg2rad(np.array([group.high_deg for group in self.groups])),
            limit_weight=limit,
            constant=constant.astype(np.int64),
            constant_weight=CONSTANT_COUNT / spread[spread > 0.0] ** 2,
        )

    def constants(self) -> FloatArray:
        """Return a person's constants (constant,) before anything is known: zeros."""
        return np.zeros(sum(int((group.constant_deg > 0.0).sum()) for group in self.groups))

    def local_rotations(self, turns: FloatArray, joint_count: int) -> FloatArray:
        """Return local rotations (frame, joint, 3, 3) of all joints of the model."""
        out = np.tile(np.eye(3), (len(turns), joint_count, 1, 1))
        for index, joint in enumerate(self.joints):
            group = self.tree.joint_group[index]
            if group >= 0:
                out[:, joint] = turns[:, group]
        return out


def make_layout(
    model: BodyModel,
    landmarks: BoundLandmarks,
    *,
    root: str = "pelvis",
    free_root: bool = True,
    still: Sequence[str] = (),
) -> Layout:
    """Return the unknowns of the joints from `root` downwards that some keypoint can tell of.

    Args:
        model: gives the joints.
        landmarks: the keypoints; all must be fixed to `root` or joints below it.
        root: the first joint of the chain.
        free_root: whether the root's position is unknown; it stays at the origin otherwise.
        still: joints that do not turn.
    """
    joints = _joints_below(model, model.joint(root), landmarks.joint)
    place = {int(joint): index for index, joint in enumerate(joints)}
    parents = np.array([place.get(model.parents[joint], -1) for joint in joints], dtype=np.int64)
    names = [model.joint_names[joint] for joint in joints]
    turning = [
        group
        for group in groups()
        if all(joint in names for joint in group.joints) and group.joints[0] not in still
    ]
    joint_group = np.full(len(joints), -1, dtype=np.int64)
    columns = np.full((len(turning), 3), -1, dtype=np.int64)
    unknowns = 3 if free_root else 0
    for index, group in enumerate(turning):
        for axis in group.axes:
            columns[index, axis] = unknowns
            unknowns += 1
        for joint in group.joints:
            joint_group[names.index(joint)] = index
    piece_joint = np.array([place[int(joint)] for joint in landmarks.joint], dtype=np.int64)
    used, slot = _used_columns(
        parents, joint_group, columns, landmarks.start, piece_joint, unknowns, free_root
    )
    tree = Tree(
        parents=parents,
        joint_group=joint_group,
        columns=columns,
        root_column=0 if free_root else -1,
        unknowns=unknowns,
        piece_start=landmarks.start,
        piece_joint=piece_joint,
        piece_weight=landmarks.weight,
        used=used,
        slot=slot,
    )
    return Layout(
        joints=joints,
        groups=tuple(turning),
        tree=tree,
        rest=model.joints()[joints],
        rest_by_beta=shape_joints(model)[joints],
        landmarks=landmarks,
    )


def _joints_below(model: BodyModel, root: int, carriers: IntArray) -> IntArray:
    """Return `root` and the joints below it that lead to a carrier, parents first."""
    needed = {root}
    for carrier in carriers:
        joint = int(carrier)
        path = []
        while joint >= 0 and joint not in needed:
            path.append(joint)
            joint = model.parents[joint]
        if joint >= 0:
            needed.update(path)
    return np.array(sorted(needed), dtype=np.int64)


def _used_columns(
    parents: IntArray,
    joint_group: IntArray,
    columns: IntArray,
    start: IntArray,
    piece_joint: IntArray,
    unknowns: int,
    free_root: bool,
) -> tuple[IntArray, IntArray]:
    """Return `Tree.used` and `Tree.slot`."""
    keypoints = len(start) - 1
    moves = np.zeros((keypoints, unknowns), dtype=bool)
    moves[:, :3] |= free_root
    for k in range(keypoints):
        for joint in piece_joint[start[k] : start[k + 1]]:
            above = int(joint)
            while above >= 0:
                group = joint_group[above]
                if group >= 0:
                    moves[k, columns[group][columns[group] >= 0]] = True
                above = int(parents[above])
    used = np.full((keypoints, max(int(moves.sum(axis=1).max(initial=0)), 1)), -1, dtype=np.int64)
    slot = np.full((keypoints, unknowns), -1, dtype=np.int64)
    for k in range(keypoints):
        found = np.flatnonzero(moves[k])
        used[k, : len(found)] = found
        slot[k, found] = np.arange(len(found))
    return used, slot
