"""Read files with Blender's importers: blender/bin/python read_blender.py JOBS.json.

Runs in its own process and environment; nothing of mocap-studio is imported here.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import bpy
import numpy as np

IMPORTERS = {
    "fbx_python": lambda path: bpy.ops.import_scene.fbx(filepath=path),
    "fbx_cpp": lambda path: bpy.ops.wm.fbx_import(filepath=path),
    "glb": lambda path: bpy.ops.import_scene.gltf(filepath=path),
    "bvh": lambda path: bpy.ops.import_anim.bvh(
        filepath=path, global_scale=0.01, update_scene_fps=True, update_scene_duration=True
    ),
    "usd": lambda path: bpy.ops.wm.usd_import(filepath=path),
}


def play(armature: Any, take: str) -> None:
    """Let an armature do one of several actions of a file."""
    data = armature.animation_data or armature.animation_data_create()
    for track in list(data.nla_tracks):
        data.nla_tracks.remove(track)
    data.action = next(each for each in bpy.data.actions if take in each.name)
    data.action_slot = data.action_suitable_slots[0]


def read(job: dict[str, Any]) -> None:
    """Import one file and write joints, skin and facts."""
    import addon_utils  # exists only after bpy

    bpy.ops.wm.read_factory_settings(use_empty=True)
    for addon in ("io_scene_fbx", "io_anim_bvh", "io_scene_gltf2"):
        addon_utils.enable(addon)
    scene = bpy.context.scene
    if job["importer"] in ("glb", "usd"):
        # glTF has seconds, and Blender keeps the scene's rate for USD too.
        scene.render.fps = round(job["fps"])
    IMPORTERS[job["importer"]](job["file"])
    armatures = [each for each in scene.objects if each.type == "ARMATURE"]
    # The one that has the joints asked for.
    armature = next(each for each in armatures if job["names"][0] in each.data.bones)
    if job.get("take"):
        play(armature, job["take"])
    action = armature.animation_data.action
    first, last = action.frame_range
    meshes = [
        each
        for each in scene.objects
        if each.type == "MESH" and any(part.type == "ARMATURE" for part in each.modifiers)
    ]
    joints = np.zeros((job["frames"], len(job["names"]), 3))
    skins = []
    for frame in range(job["frames"]):
        # The Python FBX importer takes 59.94 for 60 when it places keys: 0.1 % too far apart.
        at = first + frame * (last - first) / max(job["frames"] - 1, 1)
        whole = int(np.floor(at + 1e-4))
        scene.frame_set(whole, subframe=float(max(0.0, at - whole)))
        graph = bpy.context.evaluated_depsgraph_get()
        posed = armature.evaluated_get(graph)
        for column, name in enumerate(job["names"]):
            joints[frame, column] = (posed.matrix_world @ posed.pose.bones[name].matrix).translation
        if meshes and frame in job["skin_frames"]:
            body = meshes[0].evaluated_get(graph)
            mesh = body.to_mesh()
            points = np.zeros(len(mesh.vertices) * 3)
            mesh.vertices.foreach_get("co", points)
            world = np.array(body.matrix_world)
            skins.append(points.reshape(-1, 3) @ world[:3, :3].T + world[:3, 3])
    facts = {
        "skeletons": len(armatures),
        "roots": [
            bone.name for each in armatures for bone in each.data.bones if bone.parent is None
        ],
        "bones": len(armature.data.bones),
        "fps": scene.render.fps / scene.render.fps_base,
        "frames": float(last - first + 1),
        "vertices": len(skins[0]) if skins else 0,
        "scale": list(armature.scale),
    }
    Path(job["out"] + ".json").write_text(json.dumps(facts))
    np.concatenate([joints.ravel(), *(each.ravel() for each in skins)]).tofile(job["out"] + ".bin")


if __name__ == "__main__":
    for one in json.loads(Path(sys.argv[1]).read_text()):
        read(one)
