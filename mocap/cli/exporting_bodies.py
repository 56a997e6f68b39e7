"""Fitted bodies as the exporters take them: characters with skin, markers, segments."""

from __future__ import annotations

from dataclasses import replace

from mocap.body.body_skeleton import skeleton_of
from mocap.body.model import BodyModel
from mocap.body.skin import skinned_mesh
from mocap.core.body_motion import BodyMotion
from mocap.export.character import BodyShape, Character

_GENDERS = ("female", "male")


def body_character(
    motion: BodyMotion, model: BodyModel, name: str, *, with_mesh: bool = True
) -> Character:
    """Return a fitted body as a character: its skeleton, its shape and, if asked, its skin.

    Raises:
        BodyError: the motion belongs to another body.
    """
    character = Character(
        skeleton_of(motion, model),
        name=name,
        shape=BodyShape(
            model_name=motion.model_name,
            model_hash=motion.model_hash,
            betas=motion.betas,
            rest_root_m=model.joints(motion.betas)[0],
            gender=_gender(model.name),
        ),
    )
    if not with_mesh:
        return character
    return replace(character, mesh=skinned_mesh(model, motion.betas), note=model.licence_note)


def _gender(model_name: str) -> str:
    """Return the sex a body file is made for; a body for everybody is neutral."""
    last = model_name.rpartition("_")[2]
    return last if last in _GENDERS else "neutral"
