"""Write characters as FBX with Blender: blender/bin/python make_fbx.py JOBS.json.

Each job is (GLB file, FBX file): rigs as Blender's exporter makes them, with leaf bones.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import bpy

if __name__ == "__main__":
    import addon_utils  # exists only after bpy

    for source, target in json.loads(Path(sys.argv[1]).read_text()):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        for addon in ("io_scene_fbx", "io_scene_gltf2"):
            addon_utils.enable(addon)
        bpy.ops.import_scene.gltf(filepath=source)
        bpy.ops.export_scene.fbx(filepath=target, add_leaf_bones=True)
