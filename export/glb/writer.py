"""GLB (binary glTF 2.0): skeleton, skin with morphs, one animation and the cameras of the rig.

Metres, Y up, the body faces +Z in the rest pose. A vertex that follows more than four joints gets
further sets of weights (`JOINTS_1`), which some viewers ignore; see `SkeletonStyle.max_influences`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np

from mocap.core.body.mesh import SkinnedMesh
from mocap.core.camera import Calibration, Camera
from mocap.core.errors import ExportError
from mocap.core.rotation import quaternion_wxyz_from_matrix
from mocap.core.shapes import Array, FloatArray, IntArray
from mocap.export.axes import AXES
from mocap.export.character.character import (
    Character,
    FileSkeleton,
    SkeletonStyle,
    file_skeleton,
    skin_notes,
)
from mocap.export.character.influences import strongest
from mocap.export.character.names import renamed
from mocap.export.character.unwrap import SKIN_COLOUR, cut_open
from mocap.export.glb.buffer import (
    INDEX_TARGET,
    UNSIGNED_BYTE,
    UNSIGNED_INT,
    UNSIGNED_SHORT,
    VERTEX_TARGET,
    GlbBuffer,
)
from mocap.export.glb.objects import GltfObject
from mocap.export.quaternions import continuous, multiply

_SET = 4  # influences in one set of weights
_NEAR_M = 0.05

# OpenCV's camera looks along +Z with Y down; glTF's along -Z with Y up.
_GLTF_CAMERA_FROM_OPENCV = np.diag([1.0, -1.0, -1.0])


def write(
    characters: Character | Sequence[Character],
    path: Path | str,
    *,
    style: SkeletonStyle | None = None,
    take_name: str = "Take 001",
    calibration: Calibration | None = None,
) -> tuple[str, ...]:
    """Write characters with their motion; return what the format cannot say.

    Args:
        characters: one or several.
        path: file to write; replaced as a whole or not at all.
        style: joint names, bone axis, root bone, with or without skin.
        take_name: name of the animation.
        calibration: cameras to add; their distortion and principal point go into `extras`.

    Raises:
        ExportError: nothing to write, gaps, unknown options, or frame rates that differ.
    """
    style = style or SkeletonStyle()
    cast = [characters] if isinstance(characters, Character) else list(characters)
    if not cast:
        raise ExportError("there is no character, so there is nothing to write as GLB.")
    scene = _Scene()
    for character in cast:
        skeleton = file_skeleton(character, AXES["glb"], style)
        prefix = f"{character.name}:" if len(cast) > 1 else ""
        first = scene.add_skeleton(skeleton, prefix, character.name if prefix else "")
        if style.with_mesh and character.mesh is not None:
            mesh = strongest(character.mesh, style.max_influences)
            node = scene.add_skin(skeleton, mesh, first, f"{prefix}Body")
            expression = None if character.shape is None else character.shape.expression
            if expression is not None and mesh.morph_names:
                scene.add_expression(skeleton, expression, node)
        scene.add_motion(skeleton, first)
    for camera in calibration.cameras if calibration is not None else ():
        scene.add_camera(camera)
    document = scene.document(take_name, skin_notes(cast, style))
    if style.names.lower() == "vrm":
        document |= _vrm_animation(cast[0], style)
    scene.buffer.write(document, Path(path))
    return ()


def _vrm_animation(character: Character, style: SkeletonStyle) -> GltfObject:
    """Return the extension that makes a GLB a VRM animation (VRMC_vrm_animation 1.0).

    It names the nodes of the humanoid's bones; eyes have another way there and are left out.
    """
    ours = character.motion.joint_names
    theirs = renamed(ours, style.names)
    bones = {
        name: {"node": node + int(style.root_bone)}
        for node, (name, own) in enumerate(zip(theirs, ours, strict=True))
        if "eye" not in own
    }
    extension = {"specVersion": "1.0", "humanoid": {"humanBones": bones}}
    return {
        "extensionsUsed": ["VRMC_vrm_animation"],
        "extensions": {"VRMC_vrm_animation": extension},
    }


class _Scene:
    """A glTF document that grows."""

    def __init__(self) -> None:
        self.buffer = GlbBuffer()
        self.nodes: list[GltfObject] = []
        self.roots: list[int] = []
        self.meshes: list[GltfObject] = []
        self.skins: list[GltfObject] = []
        self.cameras: list[GltfObject] = []
        self.channels: list[GltfObject] = []
        self.samplers: list[GltfObject] = []

    def document(self, take_name: str, note: str) -> GltfObject:
        """Return the document without its buffer; a note becomes its copyright."""
        skin = {
            "name": "Skin",
            "pbrMetallicRoughness": {
                "baseColorFactor": [*SKIN_COLOUR, 1.0],
                "metallicFactor": 0.0,
                "roughnessFactor": 0.8,
            },
        }
        animation = {"name": take_name, "channels": self.channels, "samplers": self.samplers}
        asset = {"version": "2.0", "generator": "mocap-studio"}
        parts = {
            "asset": {**asset, "copyright": note} if note else asset,
            "scene": 0,
            "scenes": [{"nodes": self.roots}],
            "nodes": self.nodes,
            "meshes": self.meshes,
            "materials": [skin] if self.meshes else [],
            "skins": self.skins,
            "cameras": self.cameras,
            "animations": [animation],
        }
        return {key: value for key, value in parts.items() if value != []}

    def add_skeleton(self, skeleton: FileSkeleton, prefix: str, group: str) -> int:
        """Add one node per joint; return the number of the first."""
        first = len(self.nodes)
        for joint, name in enumerate(skeleton.joint_names):
            children = [first + k for k, up in enumerate(skeleton.parents) if up == joint]
            rotation = quaternion_wxyz_from_matrix(skeleton.rest_rotation(joint))
            node: GltfObject = {
                "name": prefix + name,
                "translation": skeleton.rest_translation(joint).tolist(),
                "rotation": rotation[[1, 2, 3, 0]].tolist(),
            }
            self.nodes.append({**node, "children": children} if children else node)
        root = first
        if group:
            # A node around each skeleton keeps several in one file apart.
            root = len(self.nodes)
            self.nodes.append({"name": group, "children": [first]})
        self.roots.append(root)
        return first

    def add_skin(self, skeleton: FileSkeleton, mesh: SkinnedMesh, first: int, name: str) -> int:
        """Add a mesh, bound to the skeleton whose nodes start at `first`; return its node."""
        inverse = np.linalg.inv(skeleton.rest_matrices()).transpose(0, 2, 1)
        inverse[:, :, 3] = [0.0, 0.0, 0.0, 1.0]
        joints = list(range(first, first + len(skeleton.joint_names)))
        binds = self.buffer.add_array(inverse.reshape(-1, 16), "MAT4")
        skin = {"joints": joints, "inverseBindMatrices": binds, "skeleton": first}
        self.skins.append(skin)
        face: GltfObject = {}
        if mesh.morph_names:
            names = list(mesh.morph_names)
            face = {"weights": [0.0] * len(names), "extras": {"targetNames": names}}
        self.meshes.append({"name": name, "primitives": [self._primitive(skeleton, mesh)], **face})
        self.nodes.append({"name": name, "mesh": len(self.meshes) - 1, "skin": len(self.skins) - 1})
        self.roots.append(len(self.nodes) - 1)
        return len(self.nodes) - 1

    def _primitive(self, skeleton: FileSkeleton, mesh: SkinnedMesh) -> GltfObject:
        """Add the arrays of a mesh."""
        cut = cut_open(mesh)
        vertices = skeleton.skin_vertices(mesh).astype(np.float32)[cut.vertices]
        normals = (mesh.normals() @ skeleton.axes.file_from_world.T)[cut.vertices]
        bounds = (vertices.min(axis=0).tolist(), vertices.max(axis=0).tolist())
        at = {"target": VERTEX_TARGET}
        # glTF counts v downwards.
        places = np.column_stack([cut.places[:, 0], 1.0 - cut.places[:, 1]]).astype(np.float32)
        attributes = {
            "POSITION": self.buffer.add_array(vertices, "VEC3", bounds=bounds, **at),
            "NORMAL": self.buffer.add_array(normals, "VEC3", **at),
            "TEXCOORD_0": self.buffer.add_array(places, "VEC2", **at),
        }
        joints, weights = (each[cut.vertices] for each in _sets(mesh, skeleton.mesh_joint))
        code = UNSIGNED_BYTE if len(skeleton.joint_names) <= 256 else UNSIGNED_SHORT
        for each in range(joints.shape[1] // _SET):
            part = slice(each * _SET, (each + 1) * _SET)
            attributes[f"JOINTS_{each}"] = self.buffer.add_array(
                joints[:, part], "VEC4", code, **at
            )
            attributes[f"WEIGHTS_{each}"] = self.buffer.add_array(weights[:, part], "VEC4", **at)
        corners = cut.faces.ravel()
        indices = self.buffer.add_array(corners, "SCALAR", UNSIGNED_INT, target=INDEX_TARGET)
        primitive = {"attributes": attributes, "indices": indices, "material": 0}
        moved = (skeleton.axes.points(morph)[cut.vertices] for morph in mesh.morphs)
        targets = [self._target(each) for each in moved]
        return {**primitive, "targets": targets} if targets else primitive

    def _target(self, moved: Array) -> dict[str, int]:
        """Add how a morph moves the vertices (vertex, 3)."""
        values = moved.astype(np.float32)
        bounds = (values.min(axis=0).tolist(), values.max(axis=0).tolist())
        options: GltfObject = {"target": VERTEX_TARGET, "bounds": bounds}
        return {"POSITION": self.buffer.add_array(values, "VEC3", **options)}

    def add_expression(self, skeleton: FileSkeleton, weights: FloatArray, node: int) -> None:
        """Add the channel of the morphs' weights (frame, morph) of a mesh."""
        values = self.buffer.add_array(weights.reshape(-1), "SCALAR")
        self._add_channel(self._clock(skeleton), values, node, "weights")

    def add_motion(self, skeleton: FileSkeleton, first: int) -> None:
        """Add the channels of all joints to the animation."""
        count, clock = skeleton.frame_count, self._clock(skeleton)
        for joint in range(len(skeleton.joint_names)):
            if joint in skeleton.translations:
                moves = self.buffer.add_array(skeleton.translations[joint], "VEC3")
                self._add_channel(clock, moves, first + joint, "translation")
            turns = self.buffer.add(partial(_rotations_xyzw, skeleton, joint), count, "VEC4")
            self._add_channel(clock, turns, first + joint, "rotation")

    def _clock(self, skeleton: FileSkeleton) -> int:
        """Add the times of the frames."""
        times = (np.arange(skeleton.frame_count) / skeleton.fps).astype(np.float32)
        bounds = ([float(times[0])], [float(times[-1])])
        clock: int = self.buffer.add_array(times, "SCALAR", bounds=bounds)
        return clock

    def _add_channel(self, clock: int, values: int, node: int, path: str) -> None:
        self.samplers.append({"input": clock, "output": values, "interpolation": "LINEAR"})
        target = {"node": node, "path": path}
        self.channels.append({"sampler": len(self.samplers) - 1, "target": target})

    def add_camera(self, camera: Camera) -> None:
        """Add a camera of the rig where it stood."""
        width, height = camera.image_size
        world_from_camera = camera.camera_from_world[:3, :3].T @ _GLTF_CAMERA_FROM_OPENCV
        file_from_world = AXES["glb"].file_from_world
        turn = quaternion_wxyz_from_matrix(file_from_world @ world_from_camera)
        lens = {
            "yfov": 2.0 * float(np.arctan(0.5 * height / camera.camera_matrix[1, 1])),
            "aspectRatio": width / height,
            "znear": _NEAR_M,
        }
        extras = {
            "image_size": [width, height],
            "camera_matrix": np.asarray(camera.camera_matrix).tolist(),
            "dist_coeffs": np.asarray(camera.dist_coeffs).tolist(),
            "lens_model": camera.lens_model,
        }
        self.cameras.append(
            {"name": camera.name, "type": "perspective", "perspective": lens, "extras": extras}
        )
        self.nodes.append(
            {
                "name": camera.name,
                "camera": len(self.cameras) - 1,
                "translation": AXES["glb"].points(camera.center).tolist(),
                "rotation": turn[[1, 2, 3, 0]].tolist(),
            }
        )
        self.roots.append(len(self.nodes) - 1)


def _rotations_xyzw(skeleton: FileSkeleton, joint: int) -> FloatArray:
    """Return a joint's local rotations (frame, 4), x first, without jumps of sign."""
    rest = quaternion_wxyz_from_matrix(skeleton.rest_rotation(joint))
    turns = continuous(multiply(rest, skeleton.turns_wxyz(joint)))
    return np.asarray(turns[:, [1, 2, 3, 0]])


def _sets(mesh: SkinnedMesh, shift: int) -> tuple[IntArray, Array]:
    """Return joints and weights (vertex, multiple of 4) that glTF accepts.

    Weights sum to 1 after rounding to 32 bits; joints without weight are 0.
    """
    missing = -mesh.weights.shape[1] % _SET
    weights = np.pad(mesh.weights, ((0, 0), (0, missing))).astype(np.float32)
    joints = np.pad(mesh.joints, ((0, 0), (0, missing))) + shift
    weights[:, 0] = 1.0 - weights[:, 1:].astype(np.float64).sum(axis=1)
    return np.where(weights > 0, joints, 0), weights
