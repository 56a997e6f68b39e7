"""What a person's edits change about a fit: the span of the take, and which feet stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from mocap.capture.edits import SIDES, Edit
from mocap.core.body_motion import BY_FRAME, BodyMotion
from mocap.core.shapes import Array, BoolArray

if TYPE_CHECKING:
    from mocap.body.fit.views import CameraTracks


def views_of_part(seen: CameraTracks, frames: slice) -> CameraTracks:
    """Return what cameras saw in some frames."""
    return replace(seen, tracks=seen.tracks.part(frames))


def whole_take(motion: BodyMotion, frames: slice, frame_count: int) -> BodyMotion:
    """Return a motion that was fitted to some frames of a take, with a frame for every one of it.

    Frames keep their numbers: outside of the span the body holds still, and its error is unknown.
    """
    pad = (frames.start, frame_count - frames.stop)

    def held(values: Array) -> Array:
        return np.pad(values, [pad, *[(0, 0)] * (values.ndim - 1)], mode="edge")

    error = np.pad(motion.fit_error_mm, pad, constant_values=np.nan)
    changed: dict[str, Any] = {name: held(getattr(motion, name)) for name in BY_FRAME}
    return replace(motion, **{**changed, "fit_error_mm": error})


def said_contacts(
    edits: Sequence[Edit], person_id: int, frame_count: int, first_frame: int = 0
) -> tuple[BoolArray, BoolArray]:
    """Return (frame, side) where a foot stands, and where it is free, as a person said.

    Args:
        edits: of kind "contact", in order: later ones go before earlier ones.
        person_id: whose feet.
        frame_count: frames of the motion.
        first_frame: frame of the take at which the motion begins.
    """
    stands = np.zeros((frame_count, len(SIDES)), dtype=bool)
    free = np.zeros_like(stands)
    for edit in edits:
        if edit.person not in (None, person_id) or edit.side is None:
            continue
        span = edit.slice_of(first_frame + frame_count)
        part = slice(max(span.start - first_frame, 0), max(span.stop - first_frame, 0))
        side = SIDES.index(edit.side)
        stands[part, side] = edit.do == "stands"
        free[part, side] = edit.do == "free"
    return stands, free
