"""When the feet of a skeleton stand: by heels and balls that hang on its ankles."""

from __future__ import annotations

import numpy as np

from mocap.core.body.footing import SIDES, contacts_of
from mocap.core.motion import SkeletonMotion
from mocap.export.onto.solved import Standing

# A heel is so far behind the ankle and so high, and the ball's joint so high, on an adult's foot
# that stands flat: 25 cm of foot, measured on the free body's mean shape.
_HEEL_BEHIND_M, _HEEL_HIGH_M, _BALL_HIGH_M = 0.045, 0.012, 0.027

# As in the foot lock of a fit: stances that are sure at their best.
_LEAST_CONFIDENCE = 0.5


def standing_of(motion: SkeletonMotion, floor_m: float | None = None) -> Standing | None:
    """Return when a skeleton's feet stand; None where it has no balls of the feet.

    Args:
        motion: SMPL-X names, metres, Z up.
        floor_m: height of the floor; estimated from the feet when not given.
    """
    index = {name: joint for joint, name in enumerate(motion.joint_names)}
    if not {f"{side}_{each}" for side in SIDES for each in ("ankle", "foot")} <= set(index):
        return None
    places, turns = motion.forward_kinematics()
    parts = np.zeros((len(places), 2, 2, 3))
    for side, name in enumerate(SIDES):
        ankle, ball = index[f"{name}_ankle"], index[f"{name}_foot"]
        ankle_high = _BALL_HIGH_M - motion.rest_offsets[ball][2]
        heel = np.array([0.0, _HEEL_BEHIND_M, _HEEL_HIGH_M - ankle_high])
        parts[:, side, 0] = places[:, ankle] + turns[:, ankle] @ heel
        parts[:, side, 1] = places[:, ball]
    found = contacts_of(
        parts,
        np.tile([_HEEL_HIGH_M, _BALL_HIGH_M], (2, 1)),
        motion.fps,
        floor_m=floor_m,
        least_confidence=_LEAST_CONFIDENCE,
    )
    return Standing(found.standing, found.floor_m)
