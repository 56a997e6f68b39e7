"""Actions over time: known ones named, unknown ones not, nothing said of what was not seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from understand_clips import clip_of

from mocap.core.errors import InputError, ModelError
from mocap.core.store import Provenance, save_artifact
from mocap.studio.understand.actions import PersonStrip, timeline_rows
from mocap.understand.action_model import load_action_model
from mocap.understand.actions import (
    NONE_OF_THESE,
    UNSEEN,
    ActionWindow,
    action_spans,
    action_windows,
)
from mocap.understand.joints import JointClip
from mocap.workflow.understand.actions import named


@pytest.mark.parametrize(("motion", "label"), [("walk", "walk"), ("squat", "deep_squat")])
def test_scripted_motion_is_named(motion: str, label: str) -> None:
    # Seeds below 30 are in the training; this one is another body and another script.
    windows = action_windows(clip_of(motion, seconds=8.0, seed=4711))
    # Two of the windows at most lie where the person stands before and after.
    assert sum(window.label == label for window in windows) >= len(windows) - 4


def test_a_dance_is_none_of_these() -> None:
    windows = action_windows(clip_of("dance", seconds=10.0, seed=4711))
    none = np.mean([window.label == NONE_OF_THESE for window in windows])
    assert none >= 0.8  # the gate of the benchmark on the sample dance


def test_unseen_hips_say_nothing() -> None:
    clip = clip_of("walk")
    seen = clip.seen.copy()
    seen[:, 7] = False
    windows = action_windows(JointClip(clip.times_s, clip.xyz, seen, clip.size_m))
    assert {window.label for window in windows} == {UNSEEN}
    assert all(window.confidence == 0.0 for window in windows)


def test_a_window_is_judged_by_itself() -> None:
    # What a live stream needs: the last two seconds give what the whole take gave there.
    clip = clip_of("walk", seconds=8.0)
    whole = action_windows(clip)
    start = 45
    part = JointClip(
        clip.times_s[start : start + 60],
        clip.xyz[start : start + 60],
        clip.seen[start : start + 60],
        clip.size_m,
    )
    assert action_windows(part) == (whole[start // 15],)


def test_short_takes_are_one_window() -> None:
    clip = clip_of("walk")
    short = JointClip(clip.times_s[:20], clip.xyz[:20], clip.seen[:20], clip.size_m)
    assert len(action_windows(short)) == 1


@pytest.mark.parametrize(("window_s", "hop_s"), [(0.2, 0.5), (60.0, 0.5), (2.0, 0.0)])
def test_absurd_windows_are_refused(window_s: float, hop_s: float) -> None:
    with pytest.raises(InputError):
        action_windows(clip_of("walk"), window_s=window_s, hop_s=hop_s)


def test_spans_cover_the_take_without_gaps() -> None:
    def window(start: float, label: str) -> ActionWindow:
        return ActionWindow(start, start + 2.0, label, 0.8, 0.9, label)

    windows = [window(0.0, "walk"), window(0.5, "walk"), window(1.0, "stand"), window(1.5, "walk")]
    spans = action_spans(tuple(windows))
    assert [span.label for span in spans] == ["walk", "stand", "walk"]
    assert spans[0].start_s == 0.0
    assert spans[-1].end_s == 3.5
    assert [span.end_s for span in spans[:-1]] == [span.start_s for span in spans[1:]]
    assert action_spans(()) == ()


def test_a_damaged_model_is_one_sentence(tmp_path: Path) -> None:
    path = tmp_path / "actions.npz"
    model = load_action_model()
    record = Provenance("train_understanding", "0")
    save_artifact(model, path, record)
    assert load_action_model(path).labels == model.labels
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(ModelError, match="train_understanding") as caught:
        load_action_model(path)
    # Nothing makes a model again: what artifacts advise does not help.
    assert "rebuilt" not in str(caught.value) and str(caught.value).count(str(path)) == 1
    path.unlink()
    with pytest.raises(ModelError, match="does not exist"):
        load_action_model(path)


@pytest.mark.parametrize(
    "change",
    [
        {"weights": np.zeros(7, np.float16)},
        {"prototype_labels": np.full(10, 99)},
        {"labels": ("walk", "walk")},
        {"least_similarity": np.full(19, np.nan)},
        {"channels": -1},
    ],
)
def test_a_model_whose_parts_do_not_fit_cannot_exist(change: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        replace(load_action_model(), **change)  # type: ignore[arg-type]


def test_people_are_called_by_their_names() -> None:
    people = (PersonStrip(3, "person 3", (), (), ()), PersonStrip(0, "person 0", (), (), ()))
    called = named(people, {3: "Anna"})
    assert [each.name for each in called] == ["Anna", "person 0"]
    assert [row["person"] for row in timeline_rows(called)] == [3, 0]
