"""Results of stages with damaged numbers, read and used by what comes after them."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import fuzz_mutations as mutations
from fuzz_kinds import Reader

from mocap.body.skeleton.build import skeleton_from_points
from mocap.core.clocks import load_clocks, recorded_clocks, save_clocks
from mocap.core.errors import MocapError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D
from mocap.core.store import Provenance, load_artifact, save_artifact, write_text
from mocap.measure.angles import joint_angles
from mocap.measure.exercises.gait import measure_gait
from mocap.measure.exercises.jump import measure_jump
from mocap.measure.exercises.range_of_motion import measure_range_of_motion
from mocap.measure.exercises.squat import measure_squat
from mocap.measure.pitching.pitching import PitchingOptions, measure_pitching
from mocap.measure.segments.points import segments_from_points
from mocap.synthetic.motion.motion import body_keypoints, walk
from mocap.synthetic.motion.random_motion import measured_points
from mocap.workflow.pipeline import Made, files_stage
from mocap.workflow.sync import sync_curves
from mocap.workflow.understand.actions import strips
from mocap.workflow.understand.exercise import set_of

FPS = 30.0


def _walk(folder: Path) -> list[Path]:
    names = COCO_17_FEET.keypoint_names
    xyz = body_keypoints(walk(2.5, FPS, seed=1))
    points = measured_points(xyz, names, FPS, sigma_m=0.004, seed=2)
    save_artifact(points, folder / "points.npz", Provenance("smooth", "1"))
    return [folder / "points.npz"]


def _measured(path: Path) -> None:
    """Measure impossible points in every way: each gives a result or a sentence."""
    points = load_artifact(path, Points3D)
    person = points.of_person(points.person_ids[0])
    segments = segments_from_points(person)
    _every(
        lambda: joint_angles(segments),
        lambda: measure_gait(segments, points=person, samples=2),
        lambda: measure_squat(segments, points=person, mass_kg=70.0, samples=2),
        lambda: measure_jump(segments, points=person, samples=2),
        lambda: measure_range_of_motion(segments, points=person, samples=2),
        lambda: measure_pitching(segments, PitchingOptions(hand="right"), points=person),
    )


def _understood(path: Path) -> None:
    points = load_artifact(path, Points3D)
    first = points.person_ids[0]
    _every(
        lambda: strips(points, (first,)),
        lambda: set_of(points, first),
        lambda: skeleton_from_points(points, first),
    )


def _every(*ways: Callable[[], object]) -> None:
    """Go every way; each may be refused with a sentence."""
    for way in ways:
        with suppress(MocapError):
            way()


def _clocks(folder: Path) -> list[Path]:
    curves = {"lags_s": [-1.0, 0.0, 1.0], "left": [0.1, 0.9, 0.2]}
    save_clocks(recorded_clocks(("left", "right")), folder / "sync.json", {"curves": curves})
    return [folder / "sync.json"]


def _read_clocks(path: Path) -> object:
    return load_clocks(path), sync_curves(path)


def _manifest(folder: Path) -> list[Path]:
    write_text(folder / "a.csv", "1\n")
    path = folder / "export.json"
    stage = files_stage(
        "export", path, inputs={}, options={}, make=lambda: Made([folder / "a.csv"])
    )
    stage.build(Provenance("export", "1", {"é": 1}, {"smoothed": "0" * 64}))
    return [path]


def _read_manifest(path: Path) -> object:
    write_text(path.parent / "a.csv", "1\n")
    return files_stage("export", path, inputs={}, options={}, make=lambda: Made([])).stored()


RESULTS = (
    Reader("measured", "points.npz", _measured, _walk, mutations.of_archive),
    Reader("understood", "points.npz", _understood, _walk, mutations.of_archive),
    Reader("clocks", "sync.json", _read_clocks, _clocks),
    Reader("manifest", "export.json", _read_manifest, _manifest),
)
