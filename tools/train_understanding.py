"""Train the models of `mocap/understand/models` from motion data that lie outside the project.

    python tools/train_understanding.py DATA [--only actions,actions_graph,…] [--out FOLDER]

DATA holds `uiprmd/` and `cmu_actions/`. Seeded: the same data give the same model on the same
machine. One core, below 15 CPU minutes for all.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from understanding_training.clips import Clip, cmu_clips, random_clips, scripted_clips, uiprmd_clips

from mocap.core.store import Provenance, file_hash, save_artifact
from mocap.workflow.version import installed_version

MODELS = Path(__file__).resolve().parent.parent / "mocap" / "understand" / "models"
SEED = 0


def _actions(clips: Sequence[Clip], network: str = "tcn") -> Any:
    from understanding_training.sequences import training_sequences
    from understanding_training.train_actions import train_actions

    return train_actions(training_sequences(clips), network=network, seed=SEED)


def _exercises(clips: Sequence[Clip]) -> Any:
    from understanding_training.train_exercises import train_exercises

    return train_exercises(clips, seed=SEED)


def _lift(clips: Sequence[Clip]) -> Any:
    from understanding_training.train_lift import train_lift

    return train_lift([*clips, *random_clips()], seed=SEED)


TRAINERS: dict[str, Callable[[Sequence[Clip]], Any]] = {
    "actions": _actions,
    "actions_graph": partial(_actions, network="st-gcn"),
    "exercises": _exercises,
    "lift": _lift,
}


def main() -> None:
    """Train what was asked for and say how long each took."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--only", default=",".join(TRAINERS))
    parser.add_argument("--out", type=Path, default=MODELS)
    arguments = parser.parse_args()
    clips = [*uiprmd_clips(arguments.data), *cmu_clips(arguments.data), *scripted_clips()]
    inputs = {
        path.name: file_hash(path) for path in sorted(arguments.data.glob("*/*.npz"))
        if path.parent.name in ("uiprmd", "cmu_actions")
    }  # fmt: skip
    for name in arguments.only.split(","):
        start = time.process_time()
        model = TRAINERS[name](clips)
        record = Provenance("train_understanding", installed_version(), {"seed": SEED}, inputs)
        path = arguments.out / f"{name}.npz"
        save_artifact(model, path, record)
        seconds = time.process_time() - start
        print(f"{path}: {path.stat().st_size / 1024:.0f} kB, {seconds:.0f} CPU s")


if __name__ == "__main__":
    main()
