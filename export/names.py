"""Names of joints and markers in other tools."""

from __future__ import annotations

from mocap.core.errors import ExportError

_MIXAMO_PARTS = {
    "hip": "UpLeg",
    "knee": "Leg",
    "ankle": "Foot",
    "foot": "ToeBase",
    "collar": "Shoulder",
    "shoulder": "Arm",
    "elbow": "ForeArm",
    "wrist": "Hand",
}
_UNREAL_PARTS = {
    "hip": "thigh",
    "knee": "calf",
    "ankle": "foot",
    "foot": "ball",
    "collar": "clavicle",
    "shoulder": "upperarm",
    "elbow": "lowerarm",
    "wrist": "hand",
}

JOINT_NAMES: dict[str, dict[str, str]] = {
    "smplx": {},
    "mixamo": {
        "pelvis": "Hips",
        "spine1": "Spine",
        "spine2": "Spine1",
        "spine3": "Spine2",
        "neck": "Neck",
        "head": "Head",
        **{
            f"{side}_{part}": side.capitalize() + name
            for side in ("left", "right")
            for part, name in _MIXAMO_PARTS.items()
        },
    },
    "unreal": {
        "pelvis": "pelvis",
        "spine1": "spine_01",
        "spine2": "spine_02",
        "spine3": "spine_03",
        "neck": "neck_01",
        "head": "head",
        **{
            f"{side}_{part}": f"{name}_{side[0]}"
            for side in ("left", "right")
            for part, name in _UNREAL_PARTS.items()
        },
    },
}
"""Joint names by preset; joints that a preset does not name keep theirs.

`mixamo` is also what HumanIK (MotionBuilder, Maya) recognises.
"""


def renamed(joint_names: tuple[str, ...], preset: str) -> tuple[str, ...]:
    """Return joint names in the words of another tool.

    Raises:
        ExportError: unknown preset.
    """
    if preset not in JOINT_NAMES:
        known = ", ".join(JOINT_NAMES)
        raise ExportError(f"there is no set of joint names '{preset}'; choose one of {known}.")
    names = JOINT_NAMES[preset]
    return tuple(names.get(name, name) for name in joint_names)
