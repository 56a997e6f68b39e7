"""A long soak: one program runs takes again and again while its input changes and runs are killed.

Two things are looked at. Within one process memory and open files must stay flat over many runs,
and after random kills and changes every result must be what a clean run gives.
"""

from __future__ import annotations

import gc
import os
import random
import shutil
from pathlib import Path

import numpy as np
from figures import Figure

import mocap
from faults_parts.children import Fault, ran
from faults_parts.deeds import nothing, state
from mocap.core.detections import Detections2D
from mocap.core.store import load_artifact, load_provenance, save_artifact
from mocap.synthetic.keypoint_session import walking_session

WARM_SHARE = 0.2
"""The first runs load models and compile; growth is counted after them."""

MOST_GROWTH = 0.1
"""Share of the memory after the warm runs. Allocators keep what they had at their fullest: a run or
two above the others are no leak, one that grows with every run is."""

CHANCE_OF_A_KILL = 0.5
_EVENTS = 120
"""A run of a take that is not current has about so many."""


def soak_figures(place: Path, runs: int, kills: int) -> list[Figure]:
    """Return how memory and files grew over `runs`, and what `kills` left wrong."""
    session = place / "soak"
    walking_session(session, 1, frames=60, cameras=4)
    takes = session / "takes" / "walk_01"
    kept = load_artifact(takes / "detections.npz", Detections2D)
    memory, files = [], []
    for number in range(runs):
        _changed(takes / "detections.npz", kept, number)
        mocap.run(session, choices=mocap.choices(report_videos=False))
        gc.collect()
        memory.append(_resident_mb())
        files.append(sum(1 for _ in Path("/proc/self/fd").iterdir()))
        if number % 20 == 0:
            print(f"  run {number}: {memory[-1]:.0f} MB, {files[-1]} files open", flush=True)
    warm = int(WARM_SHARE * runs)
    settled = np.median(memory[warm : warm + max(1, runs // 10)])
    last = np.median(memory[-max(1, runs // 10) :])
    return [
        Figure(f"soak, memory after {runs} runs", float(last), "MB"),
        Figure("soak, growth after the warm runs", float(last / settled - 1.0), "", MOST_GROWTH),
        Figure("soak, files left open", files[-1] - files[warm], "", 0),
        Figure(f"soak, {kills} changes and kills: takes unlike a clean run",
               _killed(place, session, kept, kills), "", 0),
    ]  # fmt: skip


def _changed(path: Path, kept: Detections2D, number: int) -> None:
    """Write detections whose content no run has seen before."""
    chance = np.random.default_rng(number)
    noisy = kept.pixels + chance.normal(0.0, 0.2, kept.pixels.shape).astype(kept.pixels.dtype)
    record = load_provenance(path)
    values = {name: getattr(kept, name) for name in kept.__dataclass_fields__}
    save_artifact(Detections2D(**{**values, "pixels": noisy}), path, record)


def _killed(place: Path, session: Path, kept: Detections2D, kills: int) -> int:
    """Change, run and kill at random; return how often the end was not that of a clean run."""
    chance, wrong = random.Random(1), 0
    for number in range(kills):
        _changed(session / "takes" / "walk_01" / "detections.npz", kept, 10_000 + number)
        clean = place / "clean"
        shutil.rmtree(clean, ignore_errors=True)
        clean.mkdir()
        for name in ("session.toml", "rig.toml", "calibration.toml"):
            shutil.copyfile(session / name, clean / name)
        (clean / "takes" / "walk_01").mkdir(parents=True)
        source = session / "takes" / "walk_01" / "detections.npz"
        shutil.copyfile(source, clean / "takes" / "walk_01" / source.name)
        while chance.random() < CHANCE_OF_A_KILL:
            fault = Fault(chance.randrange(_EVENTS), kill=True)
            ran(["run", str(session)], session, nothing, fault)
        for each in (session, clean):
            ran(["run", str(each)], each, nothing)
        wrong += state(session) != state(clean)
    return wrong


def _resident_mb() -> float:
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
