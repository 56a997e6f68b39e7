"""A skinned character with fast spins, and where its skin is."""

from __future__ import annotations

import numpy as np

from mocap.body.model import load_free_body
from mocap.body.skin import skinned_mesh
from mocap.core.shapes import FloatArray
from mocap.export.character.character import Character
from mocap.synthetic.motion.spinning import spinning_body


def spinning_character(frames: int = 90, fps: float = 60.0) -> Character:
    """Return the spinning free body with its skin."""
    return Character(spinning_body(frames, fps), skinned_mesh(load_free_body()), "Ann")


def posed_skin(character: Character, frame: int) -> FloatArray:
    """Return the skin (vertex, 3) of one frame in the world, metres."""
    assert character.mesh is not None
    positions, rotations = character.motion.forward_kinematics()
    rest = character.motion.rest_positions()
    return np.asarray(character.mesh.posed(rest, positions[frame], rotations[frame]))
