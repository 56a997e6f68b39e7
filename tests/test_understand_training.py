"""Seeds give the same model: two trainings on the same data write the same bytes."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from understand_clips import clip_of

from mocap.core.store import Provenance, save_artifact
from mocap.understand.action_model import NETWORKS, load_action_model

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tools"))


@pytest.mark.parametrize("network", NETWORKS)
def test_two_trainings_give_equal_bytes(
    tmp_path: Path, network: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from understanding_training import train_actions, train_network
    from understanding_training.clips import Clip

    monkeypatch.setattr(train_actions, "DRAWN_PER_LABEL", 40)
    monkeypatch.setattr(train_network, "BATCH", 8)
    clips = []
    for name, label in (("walk", "walk"), ("squat", "deep_squat"), ("dance", "other")):
        motion = clip_of(name)
        clips.append(Clip(motion.xyz, label, "script", name, 0, motion.size_m))
    contents = []
    for seed, file in ((0, "a"), (0, "b"), (1, "c")):
        model = train_actions.train_actions(
            clips, ("walk", "deep_squat", "other"), network=network, steps=3, seed=seed
        )
        path = tmp_path / f"{file}.npz"
        save_artifact(model, path, Provenance("train", "0"))
        contents.append(path.read_bytes())
    assert contents[0] == contents[1] != contents[2]


@pytest.mark.parametrize("network", NETWORKS)
def test_every_network_that_can_be_chosen_names_a_walk(network: str) -> None:
    from mocap.understand.actions import action_windows

    windows = action_windows(clip_of("walk"), model=load_action_model(network=network))
    # Half a second at both ends of the script is a start and a stop.
    assert np.mean([window.likeliest == "walk" for window in windows]) >= 0.75
