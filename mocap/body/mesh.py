"""The skin of a fitted body, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mocap.body.model import BodyModel
from mocap.body.smplx_file import FREE
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import BodyError
from mocap.core.shapes import Array, FloatArray, in_parts

# 16 skins of 14 000 vertices in float32 are 3 MB: few enough to hold, enough to share the overhead.
_FRAMES_AT_ONCE = 16


def check_same_body(model: BodyModel, motion: BodyMotion) -> None:
    """Refuse to pose a body with a motion that was fitted to another.

    Raises:
        BodyError: the motion belongs to another body, or to another version of it.
    """
    if motion.model_name == model.name and model.has_hash(motion.model_hash):
        return
    if motion.model_name != model.name:
        found = f"body '{motion.model_name}', not to '{model.name}'"
    else:
        found = f"another version of body '{model.name}'"
    raise BodyError(
        f"the motion of person {motion.person_id} was fitted to {found}. Name the file it was "
        f"fitted with, or '{FREE}', or fit it again."
    )


def posed_rotations(model: BodyModel, motion: BodyMotion, frames: Sequence[int]) -> FloatArray:
    """Return the local rotation vectors (frame, 55, 3) of some frames, mean hands added."""
    vectors = motion.rotation_vectors()[list(frames)]
    if not motion.flat_hand_mean:
        hands = model.hand_means.reshape(-1, 3)
        vectors[:, -len(hands) :] += hands
    return vectors


def posed_skins(
    model: BodyModel, motion: BodyMotion, frames: Sequence[int]
) -> Iterator[tuple[int, Array]]:
    """Yield (frame, skin (vertex, 3) float32) in the world, metres.

    Raises:
        BodyError: the motion was fitted to another body.
    """
    check_same_body(model, motion)
    for part in in_parts(len(frames), _FRAMES_AT_ONCE):
        chosen = list(frames[part])
        skins = model.skin(
            posed_rotations(model, motion, chosen),
            motion.betas,
            motion.transl[chosen],
            expression=motion.expression[chosen] if motion.expression.shape[1] else None,
            dtype=np.float32,
        )
        yield from zip(chosen, skins, strict=True)
