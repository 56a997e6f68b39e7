"""A character as files hold it: a skeleton in the file's axes, its skin and its motion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.body.mesh import SkinnedMesh
from mocap.core.errors import ExportError
from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import Array, FloatArray
from mocap.export.axes import FileAxes
from mocap.export.character.bone_axes import rest_rotations
from mocap.export.character.names import renamed
from mocap.export.character.root_bone import ROOT_NAME, root_motion


@dataclass(frozen=True, eq=False)
class BodyShape:
    """What formats of body parameters say about the body that a motion belongs to.

    Attributes:
        model_name, model_hash: which body; betas mean something for this one only.
        betas: (shape,) in standard deviations.
        rest_root_m: (3,) root joint of this shape in the zero pose, body axes (Y up), metres.
        gender: `neutral`, `female` or `male`.
        expression: (frame, expression) weights of the body's expressions in every frame of the
            motion, or None for a still face.
    """

    model_name: str
    model_hash: str
    betas: FloatArray
    rest_root_m: FloatArray
    gender: str = "neutral"
    expression: FloatArray | None = None


@dataclass(frozen=True, eq=False)
class Character:
    """One person to write: a motion and, where there is one, the skin it moves.

    Attributes:
        motion: the moving skeleton.
        mesh: a skin whose joints are those of the motion, or None.
        name: tells several characters in one file apart.
        shape: of the body the motion was fitted with, or None.
        note: what must be said wherever the skin goes: a licence.
    """

    motion: SkeletonMotion
    mesh: SkinnedMesh | None = None
    name: str = "Character"
    shape: BodyShape | None = None
    note: str = ""

    def __post_init__(self) -> None:
        """Check that the skin belongs to the skeleton."""
        joints = 0 if self.mesh is None else int(self.mesh.joints.max(initial=-1)) + 1
        if joints > len(self.motion.joint_names):
            raise ValueError(
                f"the skin follows {joints} joints; the skeleton has {len(self.motion.joint_names)}"
            )


@dataclass(frozen=True)
class SkeletonStyle:
    """How a skeleton is dressed for a file.

    Attributes:
        names: preset of joint names, see `mocap.export.character.names`.
        name_prefix: put before every joint name (`mixamorig:`).
        bone_axis: axis along the bones: `none` (joint frames parallel to the file's axes, as in
            BVH), `y`, `x`, or `mixamo` (the frames of Mixamo's rigs).
        root_bone: add a bone on the floor under the pelvis that carries travel and heading.
        with_mesh: write the skin where there is one.
        max_influences: keep only so many joints for every vertex; None keeps all.
        pre_rotation: FBX keeps the rest rotation apart (`PreRotation`), so that zero rotations are
            the rest pose whatever the bone axis; assimp before version 6 reads that wrongly.
    """

    names: str = "smplx"
    name_prefix: str = ""
    bone_axis: str = "none"
    root_bone: bool = False
    with_mesh: bool = True
    max_influences: int | None = None
    pre_rotation: bool = False


@dataclass(frozen=True, eq=False)
class FileSkeleton:
    """A joint tree in the unit and axes of a file, standing on the floor in the bind pose.

    Attributes:
        joint_names, parents: as they are written.
        rest_positions: (joint, 3) in the bind pose, file units.
        rest_rotations: (joint, 3, 3) of the joint frames in the bind pose.
        rotations_wxyz: for each joint (frame, 4), its turn in the Z-up axes of its parent.
        translations: (frame, 3) in file units and parent's frame, for the joints that travel.
        axes: unit and axes.
        fps: frames per second.
        mesh_joint: index here of joint 0 of the motion.
    """

    joint_names: tuple[str, ...]
    parents: tuple[int, ...]
    rest_positions: FloatArray
    rest_rotations: FloatArray
    rotations_wxyz: tuple[FloatArray, ...]
    translations: dict[int, FloatArray]
    axes: FileAxes
    fps: float
    mesh_joint: int

    @property
    def frame_count(self) -> int:
        """Number of frames."""
        return len(self.rotations_wxyz[0])

    def rest_rotation(self, joint: int) -> FloatArray:
        """Return the bind rotation (3, 3) of a joint in its parent's frame."""
        parent = self.parents[joint]
        above = np.eye(3) if parent < 0 else self.rest_rotations[parent]
        return np.asarray(above.T @ self.rest_rotations[joint])

    def rest_translation(self, joint: int) -> FloatArray:
        """Return the bind position (3,) of a joint in its parent's frame, file units."""
        parent = self.parents[joint]
        if parent < 0:
            return np.asarray(self.rest_positions[joint])
        arm = self.rest_positions[joint] - self.rest_positions[parent]
        return np.asarray(self.rest_rotations[parent].T @ arm)

    def rest_matrices(self) -> FloatArray:
        """Return the bind pose (joint, 4, 4) in the world of the file."""
        out = np.tile(np.eye(4), (len(self.parents), 1, 1))
        out[:, :3, :3] = self.rest_rotations
        out[:, :3, 3] = self.rest_positions
        return out

    def turns_wxyz(self, joint: int) -> FloatArray:
        """Return unit quaternions (frame, 4) of a joint's turn away from the bind pose.

        In the joint's own bind frame: its local rotation is `rest_rotation @ turn`.
        """
        turns = np.asarray(self.rotations_wxyz[joint], dtype=np.float64)
        turns = turns / np.linalg.norm(turns, axis=1, keepdims=True)
        frame_from_world = self.rest_rotations[joint].T @ self.axes.file_from_world
        return np.concatenate([turns[:, :1], turns[:, 1:] @ frame_from_world.T], axis=1)

    def skin_vertices(self, mesh: SkinnedMesh) -> FloatArray:
        """Return the skin (vertex, 3) in the bind pose, file units."""
        return np.asarray(self.axes.points(mesh.vertices) + self.rest_positions[self.mesh_joint])


def skin_notes(cast: Sequence[Character], style: SkeletonStyle) -> str:
    """Return what must be said in a file about the skins it holds, one line each."""
    notes = [each.note for each in cast if style.with_mesh and each.mesh is not None and each.note]
    return "\n".join(dict.fromkeys(notes))


def file_skeleton(character: Character, axes: FileAxes, style: SkeletonStyle) -> FileSkeleton:
    """Return a character's skeleton as a file holds it.

    The bind pose is the rest pose of the motion with the lowest point of the skin (or the lowest
    joint) on the floor.

    Raises:
        ExportError: nothing to write, values that are not finite, unknown names or bone axis.
    """
    motion = character.motion
    check_motion(motion)
    rest = motion.rest_positions()
    lowest = rest if character.mesh is None else character.mesh.vertices
    rest[:, 2] -= float(lowest[:, 2].min())
    names: tuple[str, ...] = motion.joint_names
    parents = motion.parents
    columns = tuple(np.moveaxis(motion.local_rotations_wxyz, 1, 0))
    moving = {0: motion.root_positions}
    if style.root_bone:
        names, parents, rest = _with_root(names, parents, rest)
        travel = root_motion(motion)
        columns = (travel.heading_wxyz, travel.pelvis_wxyz, *columns[1:])
        moving = {0: travel.positions, 1: travel.pelvis_positions}
    oriented = rest_rotations(names, parents, rest, style.bone_axis)
    if style.bone_axis == "none":
        # Parallel to the file's axes, as in BVH: no rest rotation is left to be written.
        oriented = np.tile(axes.file_from_world.T, (len(names), 1, 1))
    above = {0: np.eye(3), 1: oriented[0]}
    return FileSkeleton(
        joint_names=renamed(names, style.names, style.name_prefix),
        parents=parents,
        rest_positions=axes.points(rest),
        rest_rotations=np.asarray(axes.file_from_world @ oriented),
        rotations_wxyz=columns,
        translations={
            # A frame's coordinates are the same in either world: only the root's are not.
            joint: (
                axes.points(values)
                if joint == 0
                else np.asarray(values @ above[joint] * axes.units_per_metre)
            )
            for joint, values in moving.items()
        },
        axes=axes,
        fps=motion.fps,
        mesh_joint=int(style.root_bone),
    )


def _with_root(
    names: Sequence[str], parents: Sequence[int], rest: FloatArray
) -> tuple[tuple[str, ...], tuple[int, ...], FloatArray]:
    """Return the tree with one more joint on the floor above (in the tree) the first."""
    if ROOT_NAME in names:
        raise ExportError(f"the skeleton already has a joint '{ROOT_NAME}'; leave out root_bone.")
    floor = rest[:1] * np.array([1.0, 1.0, 0.0])
    return (
        (ROOT_NAME, *names),
        (-1, *(parent + 1 for parent in parents)),
        np.concatenate([floor, rest]),
    )


def check_motion(motion: SkeletonMotion) -> None:
    """Check that a motion has frames and no gaps, which no animation format can hold.

    Raises:
        ExportError: naming how many frames are broken.
    """
    if not len(motion.root_positions):
        raise ExportError("the motion has no frames, so there is nothing to write.")
    if not motion.fps > 0:
        raise ExportError(f"the motion has {motion.fps} frames per second.")
    broken = broken_frames(motion)
    if broken.any():
        raise ExportError(
            f"{int(broken.sum())} of {len(broken)} frames hold values that are not numbers (first: "
            f"frame {int(np.argmax(broken))}). Animation files cannot hold gaps: choose to hold, "
            "interpolate or split at them."
        )


def broken_frames(motion: SkeletonMotion) -> Array:
    """Return (frame,) True where a position or rotation is not a finite number."""
    finite = np.isfinite(motion.root_positions).all(axis=1)
    return np.asarray(~(finite & np.isfinite(motion.local_rotations_wxyz).all(axis=(1, 2))))
