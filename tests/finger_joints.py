"""Where fingers are in their hand, wherever the hand is."""

from __future__ import annotations

import numpy as np

from mocap.body.model import BodyModel
from mocap.core.shapes import FloatArray

FINGERS = ("thumb", "index", "middle", "ring", "pinky")


def in_hand(body: BodyModel, positions: FloatArray, turns: FloatArray) -> FloatArray:
    """Return finger joints (frame, 2, 15, 3) of both hands in the frames of their wrists."""
    hands = []
    for side in ("left", "right"):
        wrist = body.joint(f"{side}_wrist")
        joints = [body.joint(f"{side}_{each}{k}") for each in FINGERS for k in (1, 2, 3)]
        arm = positions[:, joints] - positions[:, [wrist]]
        hands.append(np.einsum("fba,fjb->fja", turns[:, wrist], arm))
    return np.stack(hands, axis=1)
