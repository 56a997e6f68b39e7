"""Recognition of actions and exercises, and what one camera tells, on people not in training.

Trains on two thirds of the people (one fold at a time) and asks about the last third; the models
that the package carries are asked about the sample session and scripted squats. Needs
MOCAP_REAL_DATA with `uiprmd` and `cmu_actions`.

    python benchmarks/understanding.py [--check] [--session FOLDER] [--only PART,...]

`--session` names a finished `mocap demo`; without one the parts that need it make their own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from figures import Figure, exit_code, print_figures

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tools"))

from understanding_parts import actions, exercises, one_view, whole_chain  # noqa: E402
from understanding_training.clips import (  # noqa: E402
    Clip,
    cmu_clips,
    random_clips,
    scripted_clips,
    uiprmd_clips,
)
from understanding_training.sequences import training_sequences  # noqa: E402

from mocap.understand.action_model import NETWORKS  # noqa: E402
from mocap.understand.lift_model import load_lift_model  # noqa: E402


@dataclass
class Material:
    """The data of a run, loaded when first asked for."""

    data: Path
    session_given: Path | None
    stack: ExitStack

    @cached_property
    def clips(self) -> list[Clip]:
        """Clips of both data sets and of scripted motion."""
        return [*uiprmd_clips(self.data), *cmu_clips(self.data), *scripted_clips()]

    @cached_property
    def session(self) -> Path:
        """A finished demo."""
        if self.session_given is not None:
            return self.session_given
        folder = Path(self.stack.enter_context(tempfile.TemporaryDirectory())) / "demo"
        command = [sys.executable, "-m", "mocap", "demo", str(folder)]
        subprocess.run(command, check=True, capture_output=True)
        return folder


def action_part(material: Material) -> list[Figure]:
    """Recognise actions of people who were not trained, by each network."""
    sequences = training_sequences(material.clips)
    figures = []
    for network in NETWORKS:
        found, confusion = actions.action_figures(sequences, network)
        print(f"Windows by label, {network}:\n{confusion}")
        untrained = actions.untrained_figures(sequences, network)
        figures += [*found, *untrained, actions.time_figure(network)]
    return figures


def exercise_part(material: Material) -> list[Figure]:
    """Name exercises and tell doubtful repetitions."""
    return exercises.exercise_figures(material.clips)


def one_view_part(material: Material) -> list[Figure]:
    """Lift views of people who were not trained, and of the sample session."""
    clips = [*material.clips, *random_clips()]
    held_out = one_view.held_out_figures(clips, load_lift_model())
    return [*held_out, *one_view.sample_figures(material.session)]


def chain_part(material: Material) -> list[Figure]:
    """Ask the models of the package about whole takes."""
    return whole_chain.figures(material.session)


PARTS: dict[str, Callable[[Material], list[Figure]]] = {
    "actions": action_part,
    "exercises": exercise_part,
    "one_view": one_view_part,
    "chain": chain_part,
}


def main() -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--session", type=Path, help="a finished mocap demo")
    parser.add_argument("--only", default=",".join(PARTS), help="parts, separated by commas")
    options = parser.parse_args()
    data = os.environ.get("MOCAP_REAL_DATA")
    if data is None:
        raise SystemExit("MOCAP_REAL_DATA must name the folder with uiprmd and cmu_actions.")
    with ExitStack() as stack:
        material = Material(Path(data), options.session, stack)
        figures = [each for part in options.only.split(",") for each in PARTS[part](material)]
    print_figures("Understanding motion", figures)
    return exit_code(figures, check=options.check)


if __name__ == "__main__":
    raise SystemExit(main())
