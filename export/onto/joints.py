"""Which bone of a rig is which joint of ours: by names, by the tree, or by a file of the user's."""

from __future__ import annotations

import difflib
import itertools
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mocap.core.errors import InputError
from mocap.core.files.reading import read_toml
from mocap.export.onto.names import candidates, is_helper
from mocap.export.onto.rig import CharacterRig

_LIMBS = (
    ("shoulder", "elbow", "wrist"),
    ("hip", "knee", "ankle"),
)
NEEDED = (
    "pelvis",
    *(f"{side}_{joint}" for side in ("left", "right") for limb in _LIMBS for joint in limb),
)
"""Joints without which nothing can be put onto a rig."""

FINGERS = ("thumb", "index", "middle", "ring", "pinky")
KNOWN = (
    *NEEDED,
    "spine1",
    "spine2",
    "spine3",
    "neck",
    "head",
    *(
        f"{side}_{joint}"
        for side in ("left", "right")
        for joint in ("collar", "foot", *(f"{each}{k}" for each in FINGERS for k in (1, 2, 3)))
    ),
)
"""Joints that may be named in a map file."""


@dataclass(frozen=True, eq=False)
class JointMap:
    """Bones of a rig by our joints.

    Attributes:
        nodes: index of the node by our name, spine and neck excepted.
        spine: nodes from above the pelvis up to the one that carries the arms.
        neck: nodes between that one and the head.
    """

    nodes: dict[str, int]
    spine: tuple[int, ...]
    neck: tuple[int, ...]


def joint_map(rig: CharacterRig, where: str, map_file: Path | None = None) -> JointMap:
    """Return which node of a rig is which joint.

    Args:
        rig: nodes of the file.
        where: the file, for messages.
        map_file: lines `our_joint = "their joint"` that go before what the names say.

    Raises:
        InputError: joints are missing, or the map names what does not exist.
    """
    bones = {
        node: name
        for node, name in enumerate(rig.names)
        if rig.is_joint[node] or not rig.is_joint.any()
    }
    deform = {node: name for node, name in bones.items() if name.upper().startswith("DEF-")}
    found = candidates(deform or bones)
    by_hand = {} if map_file is None else read_map(map_file, rig)
    nodes = _consistent(rig, {**found, **{name: [node] for name, node in by_hand.items()}})
    _check(rig, nodes, where)
    nodes["pelvis"] = by_hand.get("pelvis", _root_of(rig, nodes))
    carrier = _carrier(rig, nodes)
    spine = _between(rig, nodes["pelvis"], carrier)
    head = nodes.get("head")
    neck: tuple[int, ...] = ()
    if head is not None and carrier in rig.ancestors(head):
        neck = _between(rig, carrier, rig.parents[head])
    elif head is not None:
        del nodes["head"]
    return JointMap(
        {k: v for k, v in nodes.items() if not k.startswith(("spine", "neck"))}, spine, neck
    )


def _consistent(rig: CharacterRig, found: dict[str, list[int]]) -> dict[str, int]:
    """Choose among candidates such that limbs hang together."""
    out = {name: nodes[0] for name, nodes in found.items()}
    for side in ("left", "right"):
        chains = [*_LIMBS, ("ankle", "foot"), ("collar", "shoulder")]
        chains += [("wrist", f"{each}1") for each in FINGERS]
        chains += [(f"{each}{k}", f"{each}{k + 1}") for each in FINGERS for k in (1, 2)]
        for chain in chains:
            for upper, lower in itertools.pairwise(chain):
                above = out.get(f"{side}_{upper}")
                if above is None or f"{side}_{lower}" not in found:
                    continue
                below = [node for node in found[f"{side}_{lower}"] if above in rig.ancestors(node)]
                if below:
                    out[f"{side}_{lower}"] = below[0]
                elif upper == "collar":
                    del out[f"{side}_collar"]
                elif upper == "ankle" or upper[-1].isdigit() or upper == "wrist":
                    del out[f"{side}_{lower}"]
    return out


def _root_of(rig: CharacterRig, nodes: dict[str, int]) -> int:
    """Return the lowest node above both legs and the arms: what moves the whole body."""
    both = [[nodes[name], *rig.ancestors(nodes[name])] for name in ("left_hip", "right_hip")]
    both.append(rig.ancestors(nodes["left_shoulder"]))
    shared = [node for node in both[0] if all(node in other for other in both[1:])]
    if not shared:
        raise InputError(
            f"no bone is above both legs and the arms ('{rig.names[nodes['left_hip']]}', "
            f"'{rig.names[nodes['left_shoulder']]}'): the character is in pieces."
        )
    named = nodes["pelvis"]
    return named if named in shared else shared[0]


def _carrier(rig: CharacterRig, nodes: dict[str, int]) -> int:
    """Return the node that carries both arms."""
    right = rig.ancestors(nodes["right_shoulder"])
    shared = [node for node in rig.ancestors(nodes["left_shoulder"]) if node in right]
    return int(shared[0])


def _between(rig: CharacterRig, above: int, below: int) -> tuple[int, ...]:
    """Return the nodes under `above` down to `below`, helpers left out."""
    chain = [below, *rig.ancestors(below)]
    if above not in chain:
        return ()
    inner = chain[: chain.index(above)]
    return tuple(
        node for node in reversed(inner) if node == below or not is_helper(rig.names[node])
    )


def _check(rig: CharacterRig, nodes: dict[str, int], where: str) -> None:
    """Raise InputError naming needed joints that were not found, with near misses."""
    missing = [name for name in NEEDED if name not in nodes]
    if "pelvis" in missing and {"left_hip", "right_hip"} <= set(nodes):
        missing.remove("pelvis")
        nodes["pelvis"] = -1
    for side in ("left", "right"):
        for limb in _LIMBS:
            for upper, lower in itertools.pairwise(limb):
                names = f"{side}_{upper}", f"{side}_{lower}"
                if set(names) <= set(nodes) and nodes[names[0]] not in rig.ancestors(
                    nodes[names[1]]
                ):
                    raise InputError(
                        f"{where}: '{rig.names[nodes[names[1]]]}' was taken for {names[1]}, but it "
                        f"does not hang below {names[0]} ('{rig.names[nodes[names[0]]]}'). "
                        "Name both in a --map file."
                    )
    if missing:
        raise InputError(
            f"{where}: {len(missing)} joints were not found among its {len(rig.names)} nodes: "
            f"{', '.join(missing[:6])}{_near(rig, missing[0])}. List all with --list-joints and "
            'name the missing ones in a file for --map, a line each: left_knee = "their name".'
        )
    shared = sorted({name for name in nodes if list(nodes.values()).count(nodes[name]) > 1})
    if shared:
        raise InputError(
            f"{where}: {', '.join(shared)} would all be '{rig.names[nodes[shared[0]]]}'. Name each "
            "in a --map file."
        )


def _near(rig: CharacterRig, joint: str) -> str:
    """Return a hint at names that resemble a joint's."""
    close = difflib.get_close_matches(joint, rig.names, n=3, cutoff=0.5)
    return f" (near: {', '.join(close)})" if close else ""


def read_map(path: Path, rig: CharacterRig) -> dict[str, int]:
    """Return nodes by our joints as a TOML file of the user says.

    Raises:
        InputError: no such file, no TOML, or names that do not exist.
    """
    table = read_toml(path, 'a map (a line is left_knee = "their name")')
    out = {}
    for ours, theirs in table.items():
        if ours not in KNOWN:
            close = difflib.get_close_matches(ours, KNOWN, n=3)
            raise InputError(
                f"{path}: there is no joint '{ours}'; near: {', '.join(close) or 'none'}."
            )
        if theirs not in rig.names:
            close = difflib.get_close_matches(str(theirs), rig.names, n=3, cutoff=0.4)
            raise InputError(
                f"{path}: {ours} = '{theirs}', but the character has no such bone; near: "
                f"{', '.join(close) or 'none'}."
            )
        out[ours] = rig.names.index(theirs)
    return out


def listing(rig: CharacterRig, where: str, map_file: Path | None = None) -> list[str]:
    """Return lines for people: the map as far as it is known, then the tree as comments."""
    bones = {node: name for node, name in enumerate(rig.names) if rig.is_joint[node]}
    found = {name: nodes[0] for name, nodes in candidates(bones).items()}
    lines = [f"# {where}: save these lines, correct them, give them as --map"]
    try:
        known = joint_map(rig, where, map_file)
        found = dict(known.nodes)
    except InputError as problem:
        lines.append(f"# {problem}")
    lines += [f'{name} = "{rig.names[found[name]]}"' for name in KNOWN if name in found]
    depth = np.zeros(len(rig.names), dtype=int)
    for node, parent in enumerate(rig.parents):
        depth[node] = 0 if parent < 0 else depth[parent] + 1
    named = set(found.values())
    lines += ["# the tree (* = recognised)"]
    lines += [
        f"#{'  ' * depth[node]} {name}{' *' if node in named else ''}"
        for node, name in enumerate(rig.names)
    ]
    return lines
