"""One word for a program: formats, names, joint frames, unit, up-axis and root that it wants."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from typing import Any

from mocap.core.errors import ExportError

TARGETS: dict[str, Mapping[str, Any]] = {
    # Bones along +Y are drawn along the limbs; FBX brings the frame rate along, GLB does not.
    "blender": {"formats": ("fbx",), "bone_axis": "y"},
    # One root bone on the floor with root motion, the mannequin's names, bones along +X, Z up.
    "unreal": {
        "formats": ("fbx",),
        "names": "ue5",
        "bone_axis": "x",
        "root_bone": True,
        "up": "z",
        "max_influences": 8,
    },
    # Unity's humanoid finds these names by itself; its skins take four bones by default.
    "unity": {"formats": ("fbx",), "names": "humanik", "max_influences": 4},
    # Joint orientation apart from rotation (PreRotation is Maya's jointOrient), bones along +X.
    "maya": {"formats": ("fbx",), "names": "humanik", "bone_axis": "x", "pre_rotation": True},
    # Characterising wants a T-pose at zero rotations and these names.
    "motionbuilder": {"formats": ("fbx",), "names": "humanik", "bone_axis": "none"},
    # The frames of Mixamo's rigs: a clip goes directly on one of its characters.
    "mixamo": {
        "formats": ("fbx",),
        "names": "mixamo",
        "name_prefix": "mixamorig:",
        "bone_axis": "mixamo",
        "max_influences": 4,
    },
    # A VRM animation: GLB whose humanoid bones are named by an extension.
    "vrm": {"formats": ("glb",), "names": "vrm", "bone_axis": "none", "max_influences": 4},
}
"""Fields of the export options by program; what the user says goes before them."""


def target(name: str) -> tuple[str, Mapping[str, Any]]:
    """Return a program's name and options; its case does not matter.

    Raises:
        ExportError: unknown program.
    """
    lower = name.strip().lower()
    if lower not in TARGETS:
        near = difflib.get_close_matches(lower, TARGETS, n=1)
        hint = f" Did you mean {near[0]}?" if near else ""
        raise ExportError(
            f"there are no settings for '{name}'; known are {', '.join(TARGETS)}.{hint}"
        )
    return lower, TARGETS[lower]
