"""Objects of an FBX file: bones, skin, bind pose, and what connects them.

Objects and connections are two separate parts of a file: the objects are written as they come,
the connections are kept and written at the end.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from mocap.core.body.mesh import SkinnedMesh
from mocap.core.shapes import Array, FloatArray
from mocap.export.character.character import FileSkeleton
from mocap.export.character.unwrap import SKIN_COLOUR, unwrapped
from mocap.export.euler import euler_angles
from mocap.export.fbx.binary import FbxStream, Property

# Drawn size of a joint in the file's units; it has no meaning for the motion.
_JOINT_SIZE = 5.0
_IDENTITY = np.eye(4)


class FbxScene:
    """Writes objects with running numbers and remembers their connections."""

    def __init__(self, stream: FbxStream) -> None:
        """Start an empty scene."""
        self.stream = stream
        self.counts: Counter[str] = Counter()
        self._last_id = 1_000_000
        self._connections: list[tuple[Property, ...]] = []

    @contextmanager
    def object(self, kind: str, name: str, class_name: str, subclass: str = "") -> Iterator[int]:
        """Write an object; its fields are written inside the block. Gives its number."""
        self._last_id += 1
        self.counts[kind] += 1
        number = self._last_id
        title = f"{name}\x00\x01{class_name}"
        with self.stream.record(kind, np.int64(number), title, subclass):
            yield number

    @contextmanager
    def properties(self) -> Iterator[None]:
        """Write a block of `property` entries."""
        with self.stream.record("Properties70"):
            yield

    def property(self, name: str, kind: str, label: str, flags: str, *values: Property) -> None:
        """Write one entry of a property block."""
        self.stream.leaf("P", name, kind, label, flags, *values)

    def connect(self, child: int, parent: int, parent_property: str | None = None) -> None:
        """Connect an object to another (0 is the scene) or to one of its properties."""
        pair = (np.int64(child), np.int64(parent))
        if parent_property is None:
            self._connections.append(("OO", *pair))
        else:
            self._connections.append(("OP", *pair, parent_property))

    def write_connections(self) -> None:
        """Write the connections of all objects."""
        with self.stream.record("Connections"):
            for connection in self._connections:
                self.stream.leaf("C", *connection)


def fbx_angles_deg(rotations: Array) -> FloatArray:
    """Return FBX angles (frame, 3) about X, Y, Z of rotations (frame, 3, 3).

    FBX's order "XYZ" turns about X first in the world: R = Rz Ry Rx.
    """
    angles = euler_angles(np.asarray(rotations)[:, None], "ZYX")[:, 0, ::-1]
    return np.asarray(np.rad2deg(angles), dtype=np.float64)


def write_group(scene: FbxScene, name: str) -> int:
    """Write a node that only holds others: keeps skeletons in one file apart."""
    with scene.object("NodeAttribute", name, "NodeAttribute", "Null") as attribute:
        scene.stream.leaf("TypeFlags", "Null")
    group = _write_model(scene, name, "Null", np.zeros(3), np.eye(3))
    scene.connect(attribute, group)
    scene.connect(group, 0)
    return group


def write_bones(
    scene: FbxScene,
    skeleton: FileSkeleton,
    namespace: str,
    group: int = 0,
    *,
    pre_rotation: bool = False,
) -> list[int]:
    """Write one limb node per joint below a group (0: the scene); return their numbers."""
    bones: list[int] = []
    for joint, name in enumerate(skeleton.joint_names):
        title = namespace + name
        with scene.object("NodeAttribute", title, "NodeAttribute", "LimbNode") as attribute:
            with scene.properties():
                scene.property("Size", "double", "Number", "", _JOINT_SIZE)
            scene.stream.leaf("TypeFlags", "Skeleton")
        turn = skeleton.rest_rotation(joint)
        at = skeleton.rest_translation(joint)
        bone = _write_model(scene, title, "LimbNode", at, turn, pre_rotation=pre_rotation)
        parent = skeleton.parents[joint]
        scene.connect(attribute, bone)
        scene.connect(bone, bones[parent] if parent >= 0 else group)
        bones.append(bone)
    return bones


def _write_model(
    scene: FbxScene,
    name: str,
    kind: str,
    translation: Array,
    rest_rotation: Array,
    *,
    pre_rotation: bool = False,
) -> int:
    """Write a node of the scene; `pre_rotation` keeps its rest apart, so that 0 is rest."""
    angles = fbx_angles_deg(np.asarray(rest_rotation)[None])[0].tolist()
    with scene.object("Model", name, "Model", kind) as number:
        scene.stream.leaf("Version", 232)
        with scene.properties():
            scene.property("RotationActive", "bool", "", "", 1)
            scene.property("InheritType", "enum", "", "", 1)
            scene.property("ScalingMax", "Vector3D", "Vector", "", 0.0, 0.0, 0.0)
            scene.property("DefaultAttributeIndex", "int", "Integer", "", 0)
            if pre_rotation and any(angles):
                scene.property("PreRotation", "Vector3D", "Vector", "", *angles)
                angles = [0.0, 0.0, 0.0]
            at = np.asarray(translation).tolist()
            scene.property("Lcl Translation", "Lcl Translation", "", "A", *at)
            scene.property("Lcl Rotation", "Lcl Rotation", "", "A", *angles)
            scene.property("Lcl Scaling", "Lcl Scaling", "", "A", 1.0, 1.0, 1.0)
        scene.stream.leaf("Shading", True)
        scene.stream.leaf("Culling", "CullingOff")
    return number


def write_skin(
    scene: FbxScene,
    skeleton: FileSkeleton,
    mesh: SkinnedMesh,
    bones: Sequence[int],
    name: str,
) -> None:
    """Write the skin of a skeleton: geometry, material, weights and bind pose."""
    geometry = _write_geometry(scene, skeleton, mesh, name)
    model = _write_model(scene, name, "Mesh", np.zeros(3), np.eye(3))
    scene.connect(geometry, model)
    scene.connect(model, 0)
    with scene.object("Material", name, "Material") as material:
        scene.stream.leaf("Version", 102)
        scene.stream.leaf("ShadingModel", "phong")
        scene.stream.leaf("MultiLayer", 0)
        with scene.properties():
            scene.property("DiffuseColor", "Color", "", "A", *SKIN_COLOUR)
    scene.connect(material, model)
    matrices = skeleton.rest_matrices()
    _write_clusters(scene, skeleton, mesh, bones, geometry, matrices)
    nodes = [(model, _IDENTITY), *zip(bones, matrices, strict=True)]
    with scene.object("Pose", name, "Pose", "BindPose"):
        scene.stream.leaf("Type", "BindPose")
        scene.stream.leaf("Version", 100)
        scene.stream.leaf("NbPoseNodes", len(nodes))
        for node, matrix in nodes:
            with scene.stream.record("PoseNode"):
                scene.stream.leaf("Node", np.int64(node))
                scene.stream.leaf("Matrix", _columns(matrix))


def _columns(matrix: Array) -> FloatArray:
    """Return a matrix (4, 4) column by column, as FBX stores it."""
    return np.asarray(matrix, dtype=np.float64).T.ravel()


def _write_geometry(scene: FbxScene, skeleton: FileSkeleton, mesh: SkinnedMesh, name: str) -> int:
    """Write vertices, triangles, and a normal and a texture coordinate per corner."""
    polygons = mesh.faces.astype(np.int32)
    # The last corner of a polygon is marked by its bitwise complement.
    polygons[:, -1] ^= -1
    normals = (mesh.normals() @ skeleton.axes.file_from_world.T)[mesh.faces.ravel()]
    stream = scene.stream
    with scene.object("Geometry", name, "Geometry", "Mesh") as number:
        with scene.properties():
            pass
        stream.leaf("GeometryVersion", 124)
        stream.leaf("Vertices", skeleton.skin_vertices(mesh).ravel())
        stream.leaf("PolygonVertexIndex", polygons.ravel())
        _write_layer(stream, "Normal", "ByPolygonVertex", "Direct", "Normals", normals.ravel())
        picture = unwrapped(mesh)
        with stream.record("LayerElementUV", 0):
            stream.leaf("Version", 101)
            stream.leaf("Name", "UVMap")
            stream.leaf("MappingInformationType", "ByPolygonVertex")
            stream.leaf("ReferenceInformationType", "IndexToDirect")
            stream.leaf("UV", picture.places.ravel())
            stream.leaf("UVIndex", picture.corners.ravel().astype(np.int32))
        nothing = np.zeros(1, dtype=np.int32)
        _write_layer(stream, "Material", "AllSame", "IndexToDirect", "Materials", nothing)
        with stream.record("Layer", 0):
            stream.leaf("Version", 100)
            for kind in ("LayerElementNormal", "LayerElementUV", "LayerElementMaterial"):
                with stream.record("LayerElement"):
                    stream.leaf("Type", kind)
                    stream.leaf("TypedIndex", 0)
    return number


def _write_layer(
    stream: FbxStream, kind: str, mapping: str, reference: str, field: str, values: Array
) -> None:
    """Write what each corner or the whole mesh has: normals or a material."""
    with stream.record(f"LayerElement{kind}", 0):
        stream.leaf("Version", 101)
        stream.leaf("Name", "")
        stream.leaf("MappingInformationType", mapping)
        stream.leaf("ReferenceInformationType", reference)
        stream.leaf(field, values)


def _write_clusters(
    scene: FbxScene,
    skeleton: FileSkeleton,
    mesh: SkinnedMesh,
    bones: Sequence[int],
    geometry: int,
    matrices: FloatArray,
) -> None:
    """Write which joint moves which vertices by how much."""
    stream = scene.stream
    with scene.object("Deformer", "Skin", "Deformer", "Skin") as skin:
        stream.leaf("Version", 101)
        stream.leaf("Link_DeformAcuracy", 50.0)  # spelled so in the format
    scene.connect(skin, geometry)
    vertex, influence = np.nonzero(mesh.weights)
    joint = mesh.joints[vertex, influence] + skeleton.mesh_joint
    weight = mesh.weights[vertex, influence]
    for each, name in enumerate(skeleton.joint_names):
        with scene.object("Deformer", name, "SubDeformer", "Cluster") as cluster:
            stream.leaf("Version", 100)
            stream.leaf("UserData", "", "")
            mine = joint == each
            if mine.any():
                stream.leaf("Indexes", vertex[mine].astype(np.int32))
                stream.leaf("Weights", weight[mine].astype(np.float64))
            stream.leaf("Transform", _columns(np.linalg.inv(matrices[each])))
            stream.leaf("TransformLink", _columns(matrices[each]))
        scene.connect(cluster, skin)
        scene.connect(bones[each], cluster)
