"""Which exercise a person does, and how each repetition compares with their own reference."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray
from mocap.understand.action_model import ActionModel, load_action_model
from mocap.understand.actions import NONE_OF_THESE, action_windows
from mocap.understand.comparison import Difference, differences, duration_sentence
from mocap.understand.exercise_model import ExerciseModel, load_exercise_model
from mocap.understand.joints import JointClip
from mocap.understand.repetition_shape import (
    LEAST_FRAMES,
    busier_side,
    mirrored,
    repetition_statistics,
)

REFERENCE_REPETITIONS = 3
"""Without a reference take the first three repetitions are what the others are compared with."""

LEAST_CLAIMED = 0.5
"""Share of the windows of the repetitions in which the exercise must be recognised."""

Span = tuple[float, float]


@dataclass(frozen=True)
class RepetitionVerdict:
    """One repetition beside the reference.

    Attributes:
        start_s, end_s: seconds from the first frame of the take.
        likeness: score of the trained comparison; below 0 it differs as doubtful repetitions of
            this exercise did. NaN where the exercise is unknown or this one is a reference itself.
        doubtful: likeness below 0.
        is_reference: one of those that the others are compared with.
        differences: in words and degrees, outside the band of the reference.
        tempo: a sentence where it is much faster or slower, else empty.
    """

    start_s: float
    end_s: float
    likeness: float
    doubtful: bool
    is_reference: bool
    differences: tuple[Difference, ...]
    tempo: str

    def said(self) -> list[str]:
        """Return a sentence for each difference, and for the tempo where it differs."""
        return [*(each.sentence() for each in self.differences), *filter(None, [self.tempo])]


@dataclass(frozen=True)
class ExerciseReading:
    """What was read from a set of repetitions.

    Attributes:
        exercise: name, or "none of these".
        claimed_share: share of the windows in the repetitions that were claimed for it.
        likeliest: the exercise that most repetitions look like, claimed or not.
        working_side: "right", "left" or "both": the side that moves more.
        reference: in words: what the repetitions were compared with.
        repetitions: in order.
    """

    exercise: str
    claimed_share: float
    likeliest: str
    working_side: str
    reference: str
    repetitions: tuple[RepetitionVerdict, ...]


def read_exercise(
    clip: JointClip,
    spans: Sequence[Span],
    *,
    reference: tuple[JointClip, Sequence[Span]] | None = None,
    actions: ActionModel | None = None,
    exercises: ExerciseModel | None = None,
) -> ExerciseReading:
    """Return which exercise a set is, and how its repetitions compare.

    Args:
        clip: the joints of the take.
        spans: start and end of each repetition in seconds of the take.
        reference: another take of the same person with its good repetitions; None: the first
            three repetitions of this take.
        actions: None: the model that comes with the package.
        exercises: None: the model that comes with the package.

    Raises:
        InputError: there is no repetition long enough to look at.
        ModelError: a model cannot be loaded.
    """
    parts = [part for part in (cut_out(clip, span) for span in spans) if len(part) >= LEAST_FRAMES]
    kept = [span for span in spans if len(cut_out(clip, span)) >= LEAST_FRAMES]
    if not parts:
        raise InputError("there is no repetition to look at: nothing here goes out and comes back.")
    model = exercises or load_exercise_model()
    side = float(np.mean([busier_side(part) for part in parts]))
    shapes = np.array([repetition_statistics(p, clip.size_m, flip=side < 0.0) for p in parts])
    claimed, label = _claimed(clip, kept, model.labels, actions or load_action_model())
    known = claimed >= LEAST_CLAIMED
    voted = model.labels[int(np.bincount(model.recognise(shapes)).argmax())]
    likeliest = label if known else voted
    own, own_side, size_m, words = _reference(clip, parts, side, reference)
    likeness = np.full(len(parts), np.nan)
    if known:
        flips = [repetition_statistics(p, size_m, flip=own_side < 0.0) for p in own]
        number = model.labels.index(likeliest)
        likeness = model.likeness(number, shapes, np.mean(flips, axis=0))
    other_side = side * own_side < 0.0
    compared = [mirrored(p) for p in own] if other_side else own
    return ExerciseReading(
        exercise=likeliest if known else NONE_OF_THESE,
        claimed_share=claimed,
        likeliest=likeliest,
        working_side=_side_word(parts, side),
        reference=words + (", mirrored: there the other side works" if other_side else ""),
        repetitions=tuple(
            _verdict(span, part, float(score), compared, reference is None and k < len(own))
            for k, (span, part, score) in enumerate(zip(kept, parts, likeness, strict=True))
        ),
    )


def cut_out(clip: JointClip, span: Span) -> FloatArray:
    """Return the joints (frame, 13, 3) of a clip between two times."""
    inside = (clip.times_s >= span[0] - 1e-9) & (clip.times_s <= span[1] + 1e-9)
    return clip.xyz[inside]


def _claimed(
    clip: JointClip, spans: Sequence[Span], exercises: Sequence[str], model: ActionModel
) -> tuple[float, str]:
    """Return the exercise that most windows in the repetitions are claimed for, and their share."""
    windows = action_windows(clip, model=model)
    inside = [
        window.label
        for window in windows
        if any(start <= window.middle_s <= end for start, end in spans) or len(windows) == 1
    ]
    if not inside:
        return 0.0, exercises[0]
    shares = [inside.count(label) / len(inside) for label in exercises]
    return max(shares), exercises[int(np.argmax(shares))]


def _reference(
    clip: JointClip,
    parts: list[FloatArray],
    side: float,
    reference: tuple[JointClip, Sequence[Span]] | None,
) -> tuple[list[FloatArray], float, float, str]:
    """Return the reference repetitions, their working side, the size of the body, and words."""
    if reference is None:
        own = parts[:REFERENCE_REPETITIONS]
        return own, side, clip.size_m, f"the first {len(own)} repetitions of this take"
    other, spans = reference
    own = [part for part in (cut_out(other, s) for s in spans) if len(part) >= LEAST_FRAMES]
    if not own:
        raise InputError("the reference take has no repetition: nothing goes out and comes back.")
    own_side = float(np.mean([busier_side(part) for part in own]))
    return own, own_side, other.size_m, f"{len(own)} repetitions of the reference take"


def _side_word(parts: Sequence[FloatArray], side: float) -> str:
    """Return the working side; "both" where left and right move within a fifth of each other."""
    total = float(np.mean([np.abs(part.std(axis=0)).sum() for part in parts]))
    if abs(side) < 0.2 * total:
        return "both"
    return "right" if side > 0.0 else "left"


def _verdict(
    span: Span,
    part: FloatArray,
    likeness: float,
    own: Sequence[FloatArray],
    is_reference: bool,
) -> RepetitionVerdict:
    return RepetitionVerdict(
        start_s=span[0],
        end_s=span[1],
        likeness=float("nan") if is_reference else likeness,
        doubtful=bool(likeness < 0.0) and not is_reference,
        is_reference=is_reference,
        differences=() if is_reference else differences(part, own),
        tempo="" if is_reference else duration_sentence(len(part), [len(each) for each in own]),
    )
