"""Meshes, one file a frame: OBJ, PLY and GLB of skin vertices that were posed already.

A character that moves in one file is `mocap.export.glb`; these are for programs that take a mesh
per frame, and for looking at one.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np

from mocap.core.body.mesh import vertex_normals
from mocap.core.shapes import Array, IntArray
from mocap.core.store import atomic_write, write_text
from mocap.export.axes import AXES
from mocap.export.glb.buffer import INDEX_TARGET, UNSIGNED_INT, VERTEX_TARGET, GlbBuffer


def write_obj(path: Path, vertices: Array, faces: IntArray, note: str = "") -> None:
    """Write a mesh as Wavefront OBJ: text, metres, Y up.

    Args:
        path: file to write; replaced as a whole or not at all.
        vertices: (vertex, 3) metres in the world, Z up.
        faces: (face, 3) vertex indices.
        note: what must be said about the mesh; written as a comment.
    """
    points = AXES["obj"].points(vertices)
    lines = ["# mocap-studio; metres, Y up", *(f"# {line}" for line in note.splitlines())]
    lines += [f"v {x:.6f} {y:.6f} {z:.6f}" for x, y, z in points.tolist()]
    lines += [f"f {a} {b} {c}" for a, b, c in (np.asarray(faces) + 1).tolist()]
    write_text(path, "\n".join(lines) + "\n")


def write_ply(path: Path, vertices: Array, faces: IntArray, note: str = "") -> None:
    """Write a mesh as binary PLY: metres, Z up; arguments as `write_obj`."""
    points = AXES["ply"].points(vertices).astype("<f4")
    corners = np.zeros(len(faces), dtype=[("count", "u1"), ("vertex", "<i4", 3)])
    corners["count"], corners["vertex"] = 3, faces
    header = [
        "ply",
        "format binary_little_endian 1.0",
        "comment mocap-studio; metres, Z up",
        *(f"comment {line}" for line in note.splitlines()),
        f"element vertex {len(points)}",
        *(f"property float {axis}" for axis in "xyz"),
        f"element face {len(corners)}",
        "property list uchar int vertex_indices",
        "end_header\n",
    ]
    with atomic_write(path) as temporary, temporary.open("wb") as file:
        file.write("\n".join(header).encode("ascii"))
        file.write(points.tobytes() + corners.tobytes())


def write_glb(path: Path, vertices: Array, faces: IntArray, note: str = "") -> None:
    """Write a mesh as GLB (binary glTF 2.0): metres, Y up; arguments as `write_obj`."""
    points = AXES["glb"].points(vertices).astype(np.float32)
    normals = AXES["glb"].points(vertex_normals(vertices, faces)).astype(np.float32)
    buffer = GlbBuffer()
    bounds = (points.min(axis=0).tolist(), points.max(axis=0).tolist())
    primitive = {
        "attributes": {
            "POSITION": buffer.add_array(points, "VEC3", bounds=bounds, target=VERTEX_TARGET),
            "NORMAL": buffer.add_array(normals, "VEC3", target=VERTEX_TARGET),
        },
        "indices": buffer.add_array(
            np.asarray(faces).ravel(), "SCALAR", UNSIGNED_INT, target=INDEX_TARGET
        ),
    }
    asset = {"version": "2.0", "generator": "mocap-studio"}
    document: dict[str, object] = {
        "asset": {**asset, "copyright": note} if note else asset,
        "scene": 0,
        "scenes": [{"nodes": [0]}],
        "nodes": [{"name": "Body", "mesh": 0}],
        "meshes": [{"name": "Body", "primitives": [primitive]}],
    }
    buffer.write(document, path)


MESH_WRITERS: dict[str, Callable[[Path, Array, IntArray, str], None]] = {
    "obj": write_obj,
    "ply": write_ply,
    "glb": write_glb,
}
"""Writers of one mesh by suffix."""
