"""Pieces that a killed run left, damaged: who goes on from them is told in a sentence."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import fuzz_mutations as mutations
import numpy as np
from fuzz_kinds import Reader

from mocap.body.fit.journal import Reached
from mocap.capture.decoding.playback import Place
from mocap.core.errors import DetectionError
from mocap.core.files.replay import FoundParts, Replay
from mocap.core.shapes import Array
from mocap.core.store import Provenance, load_artifact, save_artifact
from mocap.detect.detect import detect
from mocap.detect.following.pace import CAREFUL
from mocap.detect.following.stretches import Keeping, Stretch
from mocap.detect.people import Detection

FRAMES = 6
_BODY = np.stack([np.linspace(4.0, 20.0, 5), np.linspace(4.0, 40.0, 5)], axis=1)


class _Sees:
    """Finds one person, who walks."""

    keypoint_names = ("a", "b", "c", "d", "e")

    def find(self, image: Array) -> list[Detection]:
        at = _BODY + float(image[0, 0, 0])
        return [Detection(at, np.full(5, 0.8), np.array([0.0, 0.0, 30.0, 50.0]))]

    def read(self, image: Array, guess: Detection) -> Detection:
        return guess

    def glance(self, image: Array) -> list[Detection]:
        return self.find(image)

    def look(
        self, image: Array, around: Detection, *, mirrored: bool, room: bool = False
    ) -> Detection:
        return replace(self.find(image)[0], box=around.box)

    def with_feet(self, image: Array, person: Detection, *, read: bool) -> Detection:
        return person

    def __call__(self, image: Array) -> list[Detection]:
        return self.find(image)


def _detected(first: int, before: list[Stretch], keep: Callable[[Stretch], None]) -> object:
    frames = ((index, np.full((48, 64, 3), index, np.uint8)) for index in range(first, FRAMES))
    keeping = Keeping(before, lambda frame: Place(frame, frame, (1, 2)), keep, every_s=0.0)
    return detect(frames, _Sees(), pace=CAREFUL, keeping=keeping)


def _stretch(folder: Path) -> list[Path]:
    kept: list[Stretch] = []
    _detected(0, [], kept.append)
    save_artifact(kept[0], folder / "stretch.npz", Provenance("left", "1"))
    return [folder / "stretch.npz"]


def _go_on(path: Path) -> object:
    stretch = load_artifact(path, Stretch)
    if stretch.begin or stretch.end >= FRAMES:
        raise DetectionError("not the first")
    return _detected(stretch.end, [stretch], lambda _: None)


def _steps(folder: Path) -> list[Path]:
    nobody = np.zeros((0, 2, 3, 3)), np.zeros((0, 3)), np.zeros(4), np.zeros(1)
    reached = Reached(
        False, False, 1e-9, np.array([3.0, 2.0]), np.zeros((3, 2, 3, 3)), np.zeros((3, 3)),
        np.zeros(4), np.zeros(1), np.ones((3, 2, 3)), np.ones(3), np.zeros((0, 0)), *nobody,
        1.5, np.ones((3, 5, 6), np.float32), np.zeros((3, 5, 3)),
    )  # fmt: skip
    save_artifact(reached, folder / "steps.npz", Provenance("fit", "1"), pack=False)
    return [folder / "steps.npz"]


def _parts(folder: Path) -> list[Path]:
    found = FoundParts.of(0, [(np.zeros(3), np.ones(3)), 1.5])
    save_artifact(found, folder / "parts.npz", Provenance("sync", "1"))
    return [folder / "parts.npz"]


def _read_steps(path: Path) -> object:
    reached = load_artifact(path, Reached)
    return reached.state, reached.before, reached.step, reached.terms


def _read_parts(path: Path) -> object:
    remembered = Replay([load_artifact(path, FoundParts)], lambda _: None)
    return remembered(lambda: 0.0)


PIECES = (
    Reader("stretch", "stretch.npz", _go_on, _stretch, mutations.of_archive),
    Reader("steps", "steps.npz", _read_steps, _steps, mutations.of_archive),
    Reader("parts", "parts.npz", _read_parts, _parts, mutations.of_archive),
)
