"""How often windows of new people get the right label, and how often new motion gets one."""

from __future__ import annotations

import time
from collections.abc import Sequence

import numpy as np
from figures import Figure
from understanding_training.clips import FOLDS, Clip
from understanding_training.train_actions import LABELS, WINDOW_FRAMES, train_actions
from understanding_training.windows import even_windows

from mocap.core.shapes import Array, BoolArray, IntArray
from mocap.understand.action_model import (
    DEFAULT_NETWORK,
    OTHER,
    STANDING,
    ActionModel,
    load_action_model,
)

UNTRAINED = ("jump", "inline_lunge", "straight_leg_raise", "arm_signals")
"""Left out of one training to see what motion that nobody taught is taken for."""

LIMITED = ("jump", "inline_lunge", "wash_window")
"""Of the motions without training, those whose false claims must stay below a line."""

LEAST_WINDOWS = 20
"""Labels with fewer test windows (single clips) are told but do not count in the mean."""


def action_figures(sequences: Sequence[Clip], network: str) -> tuple[list[Figure], str]:
    """Return the figures of three folds by person, and the confusion as text.

    The lines are those of the network that is used unless another is asked for; of another one
    the first fold tells enough.
    """
    right, truth, said, claimed, correct = [], [], [], [], []
    for fold in range(FOLDS if network == DEFAULT_NETWORK else 1):
        model = train_actions([clip for clip in sequences if clip.fold != fold], network=network)
        test = [clip for clip in sequences if clip.fold == fold and clip.label in LABELS]
        features, owners = even_windows(test, WINDOW_FRAMES)
        labels = np.array([LABELS.index(test[owner].label) for owner in owners])
        found, claim = judged(model, features)
        named = is_named(labels, LABELS)
        right.append(found == labels)
        truth.append(labels)
        said.append(found)
        claimed.append(claim[named])
        correct.append((found == labels)[named & claim])
    truth_, said_ = np.concatenate(truth), np.concatenate(said)
    recalls = [
        float((said_[truth_ == k] == k).mean())
        for k in range(len(LABELS))
        if (truth_ == k).sum() >= LEAST_WINDOWS
    ]

    def figure(name: str, value: float, line: float | None = None) -> Figure:
        shown = line if network == DEFAULT_NETWORK else None
        return Figure(f"{_word(network)}: {name}", value, "%", shown, ">=")

    figures = [
        figure("windows with the right label", _percent(right), 93.0),
        figure("mean over the labels", 100.0 * float(np.mean(recalls)), 92.0),
        figure("windows of known actions that are claimed", _percent(claimed)),
        figure("claimed windows that are right", _percent(correct), 97.0),
    ]
    return figures, confusion_text(truth_, said_)


def _word(network: str) -> str:
    return "actions" if network == DEFAULT_NETWORK else f"actions, {network}, one fold"


def untrained_figures(sequences: Sequence[Clip], network: str) -> list[Figure]:
    """Return how much motion of labels that were never trained is claimed to be something."""
    labels = tuple(label for label in LABELS if label not in UNTRAINED)
    model = train_actions([clip for clip in sequences if clip.fold != 0], labels, network=network)
    figures = []
    kinds = sorted({clip.label for clip in sequences} - set(labels))
    for kind in kinds:
        clips = [c for c in sequences if c.label == kind and (c.fold == 0 or c.origin == "cmu")]
        features, _ = even_windows(clips, WINDOW_FRAMES)
        _, claim = judged(model, features)
        limit = 20.0 if kind in LIMITED and network == DEFAULT_NETWORK else None
        name = f"{_word(network)}: {kind}, never trained, claimed as another"
        figures.append(Figure(name, 100.0 * float(claim.mean()), "%", limit))
    return figures


def judged(model: ActionModel, features: Array) -> tuple[IntArray, BoolArray]:
    """Return the likeliest label of windows and whether an action is claimed."""
    label, _, similarity = model.judge(features)
    near = similarity >= np.asarray(model.least_similarity)[label]
    return label, near & is_named(label, model.labels)


def is_named(labels: IntArray, names: Sequence[str]) -> BoolArray:
    """Return which labels are actions: neither standing nor anything else."""
    return ~np.isin(labels, [list(names).index(STANDING), list(names).index(OTHER)])


def time_figure(network: str) -> Figure:
    """Return the CPU time of one window of one person."""
    model = load_action_model(network=network)
    window = np.random.default_rng(0).normal(size=(1, WINDOW_FRAMES, 57)).astype(np.float32)
    model.judge(window)
    start = time.process_time()
    for _ in range(50):
        model.judge(window)
    return Figure(
        f"{_word(network)}: a window", (time.process_time() - start) / 50 * 1e3, "CPU ms", 5.0
    )


def confusion_text(truth: IntArray, said: IntArray) -> str:
    """Return the recall of every label and what it is taken for most."""
    lines = []
    for k, name in enumerate(LABELS):
        own = said[truth == k]
        if not len(own):
            continue
        counts = np.bincount(own, minlength=len(LABELS))
        counts[k] = 0
        worst = int(counts.argmax())
        taken = f"{LABELS[worst]} {counts[worst]}" if counts[worst] else "-"
        lines.append(f"  {name:<20} {(own == k).sum():>5} of {len(own):<5} else {taken}")
    return "\n".join(lines)


def _percent(parts: list[BoolArray]) -> float:
    return 100.0 * float(np.concatenate(parts).mean())
