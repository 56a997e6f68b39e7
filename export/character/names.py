"""Names of joints in other programs.

Each table maps SMPL-X names (ours) to another program's; `{Side}`, `{side}` and `{s}` stand for
Left/left/l and Right/right/r. Joints that a table does not name keep their name.
"""

from __future__ import annotations

from mocap.core.errors import ExportError

_FINGERS = ("thumb", "index", "middle", "ring", "pinky")

_HUMANIK = {
    "pelvis": "Hips",
    "spine1": "Spine",
    "spine2": "Spine1",
    "spine3": "Spine2",
    "neck": "Neck",
    "head": "Head",
    "jaw": "Jaw",
    "{side}_eye_smplhf": "{Side}Eye",
    "{side}_hip": "{Side}UpLeg",
    "{side}_knee": "{Side}Leg",
    "{side}_ankle": "{Side}Foot",
    "{side}_foot": "{Side}ToeBase",
    "{side}_collar": "{Side}Shoulder",
    "{side}_shoulder": "{Side}Arm",
    "{side}_elbow": "{Side}ForeArm",
    "{side}_wrist": "{Side}Hand",
    **{
        f"{{side}}_{finger}{bone}": f"{{Side}}Hand{finger.capitalize()}{bone}"
        for finger in _FINGERS
        for bone in (1, 2, 3)
    },
}
_UNREAL_LIMBS = {
    "pelvis": "pelvis",
    "neck": "neck_01",
    "head": "head",
    "{side}_hip": "thigh_{s}",
    "{side}_knee": "calf_{s}",
    "{side}_ankle": "foot_{s}",
    "{side}_foot": "ball_{s}",
    "{side}_collar": "clavicle_{s}",
    "{side}_shoulder": "upperarm_{s}",
    "{side}_elbow": "lowerarm_{s}",
    "{side}_wrist": "hand_{s}",
    **{
        f"{{side}}_{finger}{bone}": f"{finger}_0{bone}_{{s}}"
        for finger in _FINGERS
        for bone in (1, 2, 3)
    },
}
_VRM = {
    "pelvis": "hips",
    "spine1": "spine",
    "spine2": "chest",
    "spine3": "upperChest",
    "{side}_eye_smplhf": "{side}Eye",
    "{side}_hip": "{side}UpperLeg",
    "{side}_knee": "{side}LowerLeg",
    "{side}_ankle": "{side}Foot",
    "{side}_foot": "{side}Toes",
    "{side}_collar": "{side}Shoulder",
    "{side}_shoulder": "{side}UpperArm",
    "{side}_elbow": "{side}LowerArm",
    "{side}_wrist": "{side}Hand",
    "{side}_thumb1": "{side}ThumbMetacarpal",
    "{side}_thumb2": "{side}ThumbProximal",
    "{side}_thumb3": "{side}ThumbDistal",
    **{
        f"{{side}}_{ours}{bone}": f"{{side}}{theirs}{word}"
        for ours, theirs in (
            ("index", "Index"),
            ("middle", "Middle"),
            ("ring", "Ring"),
            ("pinky", "Little"),
        )
        for bone, word in enumerate(("Proximal", "Intermediate", "Distal"), start=1)
    },
}
_TABLES: dict[str, dict[str, str]] = {
    "smplx": {},
    # The prefix `mixamorig:` of Mixamo's own files is an option of the writers.
    "mixamo": _HUMANIK,
    # Maya and MotionBuilder characterise these names without help.
    "humanik": _HUMANIK,
    # Rokoko Studio's skeleton; its bones inside the palm (LeftInHandIndex) have no counterpart.
    "rokoko": _HUMANIK,
    # The UE4 mannequin has three spine bones, Manny and Quinn (UE5) have five: ours take the
    # first, the middle and the last, where the retargeter's spine chain begins and ends.
    "unreal": {"spine1": "spine_01", "spine2": "spine_02", "spine3": "spine_03", **_UNREAL_LIMBS},
    "vrm": _VRM,
    "ue5": {"spine1": "spine_01", "spine2": "spine_03", "spine3": "spine_05", **_UNREAL_LIMBS},
}

# Skeletons that are only read: the CMU library as BVH, with a joint below each end of the spine.
_ALSO_READ: dict[str, dict[str, str]] = {
    "cmu": {
        "pelvis": "Hips",
        "spine1": "lowerback",
        "spine2": "Chest",
        "spine3": "Chest2",
        "neck": "lowerneck",
        "head": "Head",
        **{
            f"{{side}}_{part}": f"{{Side}}{part.capitalize()}"
            for part in ["hip", "knee", "ankle", "collar", "shoulder", "elbow", "wrist"]
        },
        "{side}_foot": "{Side}Toe",
    },
}


def _both_sides(table: dict[str, str]) -> dict[str, str]:
    """Return a table with the sides spelled out."""
    out = {}
    for ours, theirs in table.items():
        for side in ("left", "right"):
            words = {"side": side, "Side": side.capitalize(), "s": side[0]}
            out[ours.format(**words)] = theirs.format(**words)
    return out


JOINT_NAMES: dict[str, dict[str, str]] = {
    preset: _both_sides(table) for preset, table in _TABLES.items()
}
"""Joint names by preset; joints that a preset does not name keep theirs."""


def renamed(joint_names: tuple[str, ...], preset: str, prefix: str = "") -> tuple[str, ...]:
    """Return joint names in the words of another tool, each behind a prefix.

    Raises:
        ExportError: unknown preset, or a prefix that files cannot hold.
    """
    if any(letter.isspace() or not letter.isprintable() for letter in prefix):
        raise ExportError(
            f"the prefix {prefix!r} holds a space or a control character, at which readers end a "
            "name. Use letters, digits, _ and :, as in mixamorig:"
        )
    preset = preset.lower()
    if preset not in JOINT_NAMES:
        known = ", ".join(JOINT_NAMES)
        raise ExportError(f"there is no set of joint names '{preset}'; choose one of {known}.")
    names = JOINT_NAMES[preset]
    return tuple(prefix + names.get(name, name) for name in joint_names)


def recognised(joint_names: tuple[str, ...]) -> dict[str, str]:
    """Return SMPL-X names by the names of another program, for the preset that fits best.

    A prefix up to the last colon (`mixamorig:`) is ignored. Names that no preset knows are left
    out.
    """
    bare = {name: name.rsplit(":", 1)[-1] for name in joint_names}
    best: dict[str, str] = {}
    tables = {**_TABLES, **_ALSO_READ, "smplx": {own: own for own in _HUMANIK}}
    for table in tables.values():
        ours = {theirs: own for own, theirs in _both_sides(table).items()}
        found = {name: ours[short] for name, short in bare.items() if short in ours}
        if len(found) > len(best):
            best = found
    return best
