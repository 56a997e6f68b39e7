"""What a person does over time: labels of windows, joined to spans, with how sure they are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mocap.core.errors import InputError
from mocap.core.shapes import BoolArray, FloatArray
from mocap.understand.action_model import OTHER, STANDING, ActionModel, load_action_model
from mocap.understand.joints import LEFT_HIP, RATE_HZ, RIGHT_HIP, JointClip
from mocap.understand.window_features import window_features

WINDOW_S = 2.0
HOP_S = 0.5
UNSEEN = "unseen"
"""Said where the hips or half of the joints were not seen: nothing can be told."""

LEAST_SEEN = 0.5
"""Share of joints and frames of a window below which nothing is said."""

NONE_OF_THESE = "none of these"


@dataclass(frozen=True)
class ActionWindow:
    """What one window shows.

    Attributes:
        start_s, end_s: of the window, seconds from the first frame of the take.
        label: one of the model's labels, `NONE_OF_THESE` or `UNSEEN`.
        confidence: probability of the likeliest label by the classifier; 0 where unseen.
        similarity: cosine to the nearest training window of that label; 0 where unseen.
        likeliest: the likeliest label even where it is not claimed; empty where unseen.
    """

    start_s: float
    end_s: float
    label: str
    confidence: float
    similarity: float
    likeliest: str

    @property
    def middle_s(self) -> float:
        """The middle of the window."""
        return 0.5 * (self.start_s + self.end_s)


@dataclass(frozen=True)
class ActionSpan:
    """Consecutive windows of one label.

    Attributes:
        start_s, end_s: from half a hop before the first window's middle to half a hop after the
            last one's, seconds from the first frame of the take; the ends of the take belong to
            the first and the last.
        label: of all its windows.
        confidence: mean of theirs.
    """

    start_s: float
    end_s: float
    label: str
    confidence: float


def action_windows(
    clip: JointClip,
    *,
    model: ActionModel | None = None,
    window_s: float = WINDOW_S,
    hop_s: float = HOP_S,
) -> tuple[ActionWindow, ...]:
    """Return what windows of a clip show, one every `hop_s` seconds.

    A clip shorter than a window is one window. Each window is judged by itself, so that the same
    function serves a stream: give it the last two seconds.

    Raises:
        InputError: a window shorter than 1 s or longer than 10 s, or a hop that is not positive.
        ModelError: the model cannot be loaded.
    """
    if not 1.0 <= window_s <= 10.0:
        raise InputError(f"a window of {window_s:g} s; recognition takes 1 to 10 seconds.")
    if not hop_s > 0.0:
        raise InputError(f"a hop of {hop_s:g} s; it must be positive.")
    known = model or load_action_model()
    frames = min(round(window_s * RATE_HZ), len(clip.xyz))
    hop = max(1, round(hop_s * RATE_HZ))
    starts = range(0, max(1, len(clip.xyz) - frames + 1), hop)
    return tuple(_judged(clip, known, list(starts), frames))


def _judged(
    clip: JointClip, model: ActionModel, starts: list[int], frames: int
) -> Iterator[ActionWindow]:
    at = np.array(starts)[:, None] + np.arange(frames)
    xyz, seen = clip.xyz[at], clip.seen[at]
    features = window_features(xyz, np.full(len(at), clip.size_m), seen)
    labels, confidence, similarity = model.judge(features)
    for k, start in enumerate(starts):
        begin, end = clip.times_s[start], clip.times_s[start + frames - 1]
        if not _enough(seen[k]):
            yield ActionWindow(float(begin), float(end), UNSEEN, 0.0, 0.0, "")
            continue
        likeliest = model.labels[labels[k]]
        near = similarity[k] >= model.least_similarity[labels[k]]
        # Standing is never mistaken for an action of interest: it needs no distance.
        claimed = likeliest == STANDING or (near and likeliest != OTHER)
        yield ActionWindow(
            float(begin),
            float(end),
            likeliest if claimed else NONE_OF_THESE,
            round(float(confidence[k]), 4),
            round(float(similarity[k]), 4),
            likeliest,
        )


def _enough(seen: BoolArray) -> bool:
    """Tell whether a window (frame, joint) shows enough of a person."""
    hips = seen[:, [LEFT_HIP, RIGHT_HIP]].all(axis=1).mean()
    return bool(hips >= LEAST_SEEN and seen.mean() >= LEAST_SEEN)


def action_spans(windows: tuple[ActionWindow, ...]) -> tuple[ActionSpan, ...]:
    """Join consecutive windows of one label."""
    if not windows:
        return ()
    middles = np.array([window.middle_s for window in windows])
    borders = np.concatenate(
        [[windows[0].start_s], 0.5 * (middles[1:] + middles[:-1]), [windows[-1].end_s]]
    )
    spans = []
    first = 0
    for k in range(1, len(windows) + 1):
        if k == len(windows) or windows[k].label != windows[first].label:
            spans.append(_span(windows[first:k], borders[[first, k]]))
            first = k
    return tuple(spans)


def _span(windows: tuple[ActionWindow, ...], borders: FloatArray) -> ActionSpan:
    return ActionSpan(
        float(borders[0]),
        float(borders[1]),
        windows[0].label,
        float(np.mean([window.confidence for window in windows])),
    )
