"""Twist bones of foreign rigs: each takes its share of the turn about its limb."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np

from mocap.export.onto.joints import JointMap
from mocap.export.onto.rig import CharacterRig

_TWIST = re.compile(r"twist|roll|share", re.IGNORECASE)

# (bone, its far end, joint above): the forearm is twisted by the hand, the upper arm at its root.
_FROM_END = (("elbow", "wrist"), ("knee", "ankle"))
_FROM_ROOT = (("shoulder", "elbow", "collar"), ("hip", "knee", "pelvis"))


@dataclass(frozen=True)
class TwistShare:
    """What one twist bone does.

    Attributes:
        limb, end: nodes at the near and the far end of its limb.
        source: node whose turn about the limb, seen from the limb, is shared.
        share: how much of it, at the place of the bone along the limb.
    """

    limb: int
    end: int
    source: int
    share: float


def twist_shares(rig: CharacterRig, joints: JointMap) -> dict[int, TwistShare]:
    """Return what the twist bones of a rig do, by node.

    A bone at share s of a forearm turns by s of the hand's twist; one of an upper arm gives back
    1 - s of the twist its limb has against the shoulder, so that the skin there is not wrung.
    """
    out = {}
    taken = set(joints.nodes.values()) | set(joints.spine) | set(joints.neck)
    for side in ("left", "right"):
        for near, far in _FROM_END:
            limb, end = joints.nodes[f"{side}_{near}"], joints.nodes[f"{side}_{far}"]
            for node, place in _twist_bones(rig, limb, end, taken):
                out[node] = TwistShare(limb, end, end, place)
        for near, far, root in _FROM_ROOT:
            limb, end = joints.nodes[f"{side}_{near}"], joints.nodes[f"{side}_{far}"]
            above = joints.nodes.get(root if root == "pelvis" else f"{side}_{root}")
            if above is None:
                continue
            for node, place in _twist_bones(rig, limb, end, taken):
                out[node] = TwistShare(limb, end, above, 1.0 - place)
    return out


def _twist_bones(
    rig: CharacterRig, limb: int, end: int, taken: set[int]
) -> list[tuple[int, float]]:
    """Return (node, place along the limb in [0, 1]) of twist bones below a limb."""
    world = rig.world()
    start, stop = world[limb, :3, 3], world[end, :3, 3]
    length = float(np.sum((stop - start) ** 2))
    out = []
    for node in rig.children(limb):
        if node in taken or not _TWIST.search(rig.names[node]) or end in rig.children(node):
            continue
        place = float((world[node, :3, 3] - start) @ (stop - start)) / max(length, 1e-12)
        out.append((node, min(max(place, 0.0), 1.0)))
    return out
