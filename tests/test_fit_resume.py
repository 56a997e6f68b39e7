"""A fit stage that was killed goes on person by person and step by step, to the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from stages import fit_stage
from test_cli_fit import POINTS_ONLY, save_points

from mocap.body.feet import lock as locking
from mocap.body.fit import solver
from mocap.body.fit import windows as windowing
from mocap.body.fit.observed import held
from mocap.capture.session import Session, Take
from mocap.core.errors import DetectionError
from mocap.core.files import replay
from mocap.core.points import Points3D
from mocap.core.shapes import Array
from mocap.core.store import Provenance, load_artifact, save_artifact
from mocap.workflow.fit.kept_steps import KeptSteps
from mocap.workflow.pipeline import run_stages


def take_of_two(root: Path) -> Take:
    session = Session.create(root, rig="four_corner", board="a1_5x7")
    (session.root / "takes" / "a").mkdir()
    take = Take("a", session.root / "takes" / "a", session)
    parts = []
    for seed in (1, 2):
        save_points(take, seed)
        parts.append(load_artifact(take.artifact("smoothed"), Points3D))

    def both(name: str) -> Array:
        return np.concatenate([getattr(each, name) for each in parts], axis=1)

    points = replace(
        parts[0],
        person_ids=(0, 1),
        xyz=both("xyz") + np.array([[[0.0, 0.0, 0.0]], [[2.0, 0.0, 0.0]]]),
        covariance=both("covariance"),
        source=both("source"),
        view_count=both("view_count"),
        reprojection_error_px=both("reprojection_error_px"),
    )
    save_artifact(points, take.artifact("smoothed"), Provenance("smooth", "0"))
    return take


def results(take: Take) -> dict[str, bytes]:
    paths = [take.body_path(0), take.body_path(1), take.fit_manifest_path]
    return {path.name: path.read_bytes() for path in paths}


@pytest.mark.parametrize("named", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_killed_fit_goes_on(named: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(windowing, "WINDOW_FRAMES", 30)
    monkeypatch.setattr(windowing, "MARGIN_FRAMES", 10)
    monkeypatch.setattr(replay, "KEEP_EVERY_S", 0.0)
    clean, killed = take_of_two(tmp_path / "clean"), take_of_two(tmp_path / "killed")
    if named:  # the shape of the subject is told first, by steps of its own
        for take in (clean, killed):
            path = take.session.root / "session.toml"
            path.write_text(path.read_text() + "\n[[subjects]]\nname = 'Ann'\n")
    clean, killed = (Session.open(each.session.root).take("a") for each in (clean, killed))
    steps, allowed = 0, 10**6
    real = KeptSteps.__call__

    def counted(kept: KeptSteps) -> None:
        nonlocal steps
        steps += 1
        if steps > allowed:
            raise DetectionError("killed")
        real(kept)

    monkeypatch.setattr(KeptSteps, "__call__", counted)
    run_stages([fit_stage(clean, POINTS_ONLY)], version="0")
    whole, done = steps, 0
    for allowed in (2, 6, 5):
        steps = 0
        with pytest.raises(DetectionError, match="killed"):
            run_stages([fit_stage(killed, POINTS_ONLY)], version="0")
        done += allowed
    steps, allowed = 0, 10**6
    run_stages([fit_stage(killed, POINTS_ONLY)], version="0")
    assert steps == whole - done  # nothing was done twice
    assert results(killed) == results(clean)
    assert not list(killed.fit_manifest_path.with_suffix("").glob("*"))
    assert not list((killed.root / ".partial" / "shape").glob("*"))


def test_a_fit_that_is_killed_within_a_step_goes_on_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Of a step, of what a take says of the shape and of the uncertainty windows are kept."""
    monkeypatch.setattr(windowing, "WINDOW_FRAMES", 30)
    monkeypatch.setattr(windowing, "MARGIN_FRAMES", 10)
    monkeypatch.setattr(held, "KEPT_FRAMES", 0)
    monkeypatch.setattr(replay, "KEEP_EVERY_S", 0.0)
    takes = []
    for name in ("clean", "killed"):
        session = Session.create(tmp_path / name, rig="four_corner", board="a1_5x7")
        path = session.root / "session.toml"
        path.write_text(path.read_text() + "\n[[subjects]]\nname = 'Ann'\n")
        takes.append(Take("a", session.root / "takes" / "a", Session.open(session.root)))
        takes[-1].root.mkdir()
        save_points(takes[-1], 1)
    clean, killed = takes
    made, allowed = 0, 10**6
    lock_feet = locking.lock_feet

    def counting(real: Any) -> Any:
        def counted(*arguments: Any) -> Any:
            nonlocal made
            made += 1
            if made > allowed:
                raise DetectionError("killed")
            return real(*arguments)

        return counted

    # What takes long: windows, and what the keypoints say of some frames.
    monkeypatch.setattr(windowing, "_eliminated", counting(windowing._eliminated))
    monkeypatch.setattr(solver, "points_terms", counting(solver.points_terms))
    monkeypatch.setattr(solver, "FRAMES_AT_ONCE", 20)
    run_stages([fit_stage(clean, POINTS_ONLY)], version="0")
    whole, done = made, 0
    for allowed in (1, 8, whole // 2 - 8, whole // 2 - 7, 3):
        made = 0
        with pytest.raises(DetectionError, match="killed"):
            run_stages([fit_stage(killed, POINTS_ONLY)], version="0")
        done += allowed

    def dies(*arguments: Any, **options: Any) -> Any:
        raise DetectionError("killed")

    made, allowed = 0, 10**6
    monkeypatch.setattr(locking, "lock_feet", dies)
    with pytest.raises(DetectionError, match="killed"):
        run_stages([fit_stage(killed, POINTS_ONLY)], version="0")
    assert made == whole - done  # nothing was done twice
    monkeypatch.setattr(locking, "lock_feet", lock_feet)
    run_stages([fit_stage(killed, POINTS_ONLY)], version="0")
    assert made == whole - done
    assert killed.body_path(0).read_bytes() == clean.body_path(0).read_bytes()
    assert killed.fit_manifest_path.read_bytes() == clean.fit_manifest_path.read_bytes()
    assert not list(killed.fit_manifest_path.with_suffix("").glob("*"))
