"""Find our joints among the names of a foreign rig.

Names of Mixamo, HumanIK, the Unreal mannequins, Rigify, VRM, Character Creator, Rokoko, Unity's
humanoid, Biped and Daz differ in words, sides and numbers but name the same bones.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_PREFIXES = re.compile(
    r"^(mixamorig\d*|cc_base|j_bip|j_sec|bip\d+|bip|valvebiped|def|armature|character\d*|rig)"
    r"[\s_.\-]+|^(mixamorig\d*)(?=[A-Z])",
    re.IGNORECASE,
)
# Bones that follow or drive others, ends, and the face: by part of the name, and by whole words.
_HELPER_PARTS = re.compile(
    r"twist|roll|pole|ctrl|control|helper|leaf|nub|socket|weapon|attach|corrective|breast|cloth"
    r"|skirt|metacarp|tongue|teeth|cheek|jiggle|interaction|camera|inhand",
    re.IGNORECASE,
)
_HELPER_WORDS = frozenset(
    {"ik", "fk", "end", "tip", "top", "ear", "eye", "jaw", "hair", "tail", "nose", "brow", "lip"}
    | {"palm", "share", "target", "mass", "center", "spring", "scale", "mch", "org", "vb"}
)
_PARTS = re.compile(
    r"twist|roll|pole|ctrl|control|helper|leaf|nub|socket|weapon|attach|corrective|breast|cloth"
    r"|skirt|metacarp|tongue|teeth|cheek|jiggle|interaction|camera|inhand",
    re.IGNORECASE,
)
_HELPER_WORDS = frozenset(
    (
        "ik",
        "end",
        "tip",
        "top",
        "ear",
        "eye",
        "jaw",
        "hair",
        "tail",
        "nose",
        "brow",
        "lip",
        "palm",
        "share",
        "target",
        "mass",
        "center",
        "spring",
        "scale",
        "mch",
        "org",
        "vb",
        "fk",
    )
)
_PARTS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_WORDS: dict[str, tuple[str, ...]] = {
    "pelvis": ("hips", "pelvis", "hip", "hipsroot", "lowerbody"),
    "neck": ("neck", "necklower", "lowerneck"),
    "head": ("head",),
    "collar": ("clavicle", "collar", "collarbone", "shoulder", "inshoulder"),
    "shoulder": ("upperarm", "uparm", "arm", "armupper", "shldr", "shldrbend", "shoulder"),
    "elbow": ("forearm", "lowerarm", "lowarm", "armlower", "forearmbend", "elbow"),
    "wrist": ("hand", "wrist"),
    "hip": ("upleg", "thigh", "upperleg", "legupper", "thighbend", "hip"),
    "knee": ("leg", "calf", "shin", "lowerleg", "lowleg", "leglower", "knee"),
    "ankle": ("ankle", "foot"),
    "foot": ("toebase", "toe", "toes", "ball", "foot"),
}
_SIDED = ("collar", "shoulder", "elbow", "wrist", "hip", "knee", "ankle", "foot")
_FINGERS = {
    "thumb": "thumb",
    "index": "index",
    "middle": "middle",
    "mid": "middle",
    "ring": "ring",
    "pinky": "pinky",
    "pinkie": "pinky",
    "little": "pinky",
}
_FINGER_ORDER = ("thumb", "index", "middle", "ring", "pinky")
_UNITY_BONES = {"proximal": 1, "intermediate": 2, "distal": 3}


@dataclass(frozen=True)
class Word:
    """A name taken apart: side (left, right or ""), word in small letters, digits."""

    side: str
    word: str
    digits: str

    @property
    def number(self) -> int:
        """The digits as a number, 0 without."""
        return int(self.digits or 0)


def taken_apart(name: str) -> Word:
    """Return side, word and digits in a name: `mixamorig:LeftUpLeg` is (left, upleg, "")."""
    bare = name.rsplit(":", 1)[-1].rsplit("|", 1)[-1]
    for _ in range(2):
        bare = _PREFIXES.sub("", bare)
    parts = _PARTS.findall(bare)
    side, words, digits = "", [], ""
    for position, part in enumerate(parts):
        lower = part.lower()
        rest = "".join(parts[position + 1 :])
        at_edge = position == 0 or not rest or rest.isdigit() or lower in ("left", "right")
        edge_side = {"l": "left", "r": "right", "left": "left", "right": "right"}.get(lower)
        if part.isdigit():
            digits += part
        elif edge_side and not side and at_edge:
            side = edge_side
        elif lower not in ("c", "f", "bip", "def", "base"):
            words.append(lower)
    word = "".join(words)
    if not side and len(word) > 2 and word[0] in "lr" and word[1:] in _KNOWN:
        # Daz writes lShin; small letters leave no edge.
        side, word = {"l": "left", "r": "right"}[word[0]], word[1:]
    return Word(side, word, digits)


_KNOWN = {word for words in _WORDS.values() for word in words} | set(_FINGERS)


def is_helper(name: str) -> bool:
    """Whether a name is that of a bone that follows others: twist, end, target, face."""
    bare = name.rsplit(":", 1)[-1]
    words = {part.lower() for part in _PARTS.findall(bare)}
    return _HELPER_PARTS.search(bare) is not None or bool(words & _HELPER_WORDS)


def finger(word: Word) -> tuple[str, int] | None:
    """Return (finger, bone from 1) that a name means, or None."""
    text = word.word.removeprefix("hand")
    for unity, bone in _UNITY_BONES.items():
        if text.endswith(unity):
            known = _FINGERS.get(text.removesuffix(unity))
            return None if known is None else (known, bone)
    if text in _FINGERS and word.digits:
        return _FINGERS[text], word.number
    if text == "finger" and word.digits:
        # Biped: Finger0, Finger01, Finger02 are the thumb's.
        which = int(word.digits[0])
        bone = int(word.digits[1:]) + 1 if len(word.digits) > 1 else 1
        return (_FINGER_ORDER[which], bone) if which < len(_FINGER_ORDER) else None
    return None


def candidates(names: dict[int, str]) -> dict[str, list[int]]:
    """Return which nodes may be which of our joints, the likeliest first.

    Words that mean two things (`shoulder`, `hip`, `leg`) are decided by which others there are.
    """
    apart = {node: taken_apart(name) for node, name in names.items() if not is_helper(name)}
    out: dict[str, list[int]] = {}
    for side in ("left", "right"):
        mine = {node: word for node, word in apart.items() if word.side == side}
        found = {joint: _matching(mine, _WORDS[joint]) for joint in _SIDED}
        if found["collar"] and found["collar"][:1] == found["shoulder"][:1]:
            # One `shoulder` for two joints: it is the upper arm when nothing else is.
            found["collar"] = []
        elif found["shoulder"][:1] and mine[found["shoulder"][0]].word == "shoulder":
            found["shoulder"] = found["shoulder"][:1]
        if found["foot"][:1] == found["ankle"][:1]:
            found["foot"] = []
        out |= {f"{side}_{joint}": nodes for joint, nodes in found.items() if nodes}
        for node, word in mine.items():
            bone = finger(word)
            if bone is not None:
                out.setdefault(f"{side}_{bone[0]}{bone[1]}", []).append(node)
        _from_one(out, side)
    middle = {node: word for node, word in apart.items() if not word.side}
    for joint in ("pelvis", "neck", "head"):
        nodes = _matching(middle, _WORDS[joint])
        if nodes:
            out[joint] = nodes
    return out


def _from_one(out: dict[str, list[int]], side: str) -> None:
    """Renumber fingers whose bones do not begin with 1: some rigs count from 0."""
    for name in _FINGER_ORDER:
        bones = [out.pop(f"{side}_{name}{number}", None) for number in range(10)]
        found = [bone for bone in bones if bone]
        for number, nodes in enumerate(found[:3], start=1):
            out[f"{side}_{name}{number}"] = nodes


def _matching(words: dict[int, Word], wanted: tuple[str, ...]) -> list[int]:
    """Return nodes by the order of the wanted words, lower numbers first."""
    found = [
        (wanted.index(word.word), word.number, node)
        for node, word in words.items()
        if word.word in wanted
    ]
    return [node for *_, node in sorted(found)]
