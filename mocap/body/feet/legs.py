"""The legs of a fitted body as `mocap.core.body.legs` solves them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mocap.body.feet.contact import SIDES, parts_of
from mocap.body.model import BodyModel
from mocap.core.body.legs import LegPair
from mocap.core.body_motion import BodyMotion
from mocap.core.rotation import rotvec_from_matrix

_LEG = ("hip", "knee", "ankle")


class Legs(LegPair):
    """Both legs of a body's motion; `solved` is the motion whose feet are where they were asked."""

    def __init__(self, motion: BodyMotion, model: BodyModel) -> None:
        """Take the legs as they are; memory does not grow with the length of the take's skin."""
        self.motion, self._model = motion, model
        frames = motion.frame_count
        chosen = [0, *(model.joint(f"{side}_{name}") for side in SIDES for name in _LEG)]
        positions, turns = np.zeros((frames, 7, 3)), np.zeros((frames, 7, 3, 3))
        vectors = motion.rotation_vectors()
        for part in parts_of(frames):
            found = model.forward_kinematics(vectors[part], motion.betas, motion.transl[part])
            positions[part], turns[part] = found[0][:, chosen], found[1][:, chosen]
        self._pelvis_turn = turns[:, 0]
        super().__init__(
            positions[:, 1:].reshape(frames, 2, 3, 3),
            turns[:, 1:].reshape(frames, 2, 3, 3, 3),
            motion.fps,
        )

    def solved(self) -> BodyMotion:
        """Return the motion whose ankles are where they should be, as far as legs reach."""
        root, legs = self.solve()
        pose = self.motion.body_pose.copy()
        for side, leg in zip(SIDES, legs, strict=True):
            world = (self._pelvis_turn, leg.hip, leg.knee, leg.ankle)
            for name, above, turn in zip(_LEG, world[:-1], world[1:], strict=True):
                local = np.swapaxes(above, -1, -2) @ turn
                # The root has no place in `body_pose`.
                pose[:, self._model.joint(f"{side}_{name}") - 1] = rotvec_from_matrix(local)
        return replace(self.motion, transl=self.motion.transl + root, body_pose=pose)
