"""A survey of the room proves scale and world of a rig, and what does not fit is named."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mocap.capture.session import Session
from mocap.cli.main import main
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.transform import rigid
from mocap.synthetic.rigs import ring

# Marks on the floor, on a wall and on a box, in the room's own world.
MARKS = {
    "A": (0.0, 0.0, 0.0),
    "B": (1.5, 0.0, 0.0),
    "C": (0.0, 1.2, 0.0),
    "D": (1.0, 1.0, 0.8),
    "E": (-0.6, 0.5, 1.4),
}
# From the room's world to that of the rig: as a rig stands that was never put on the floor.
RIG_FROM_ROOM = rigid(matrix_from_rotvec(np.array([0.9, -0.4, 2.0])), np.array([0.4, -1.0, 2.2]))


@pytest.fixture
def rig() -> Calibration:
    return ring(3, jitter=1.0, seed=4)


@pytest.fixture
def session(tmp_path: Path, rig: Calibration) -> Path:
    """Return a session without a board whose rig stands in a world of its own."""
    folder = tmp_path / "lab"
    given = tmp_path / "given.toml"
    save_calibration(rig.transformed(RIG_FROM_ROOM), given)
    run = CliRunner().invoke(main, ["new", str(folder), "--calibration", str(given)])
    assert run.exit_code == 0, run.output
    return folder


def survey(
    folder: Path,
    rig: Calibration,
    *,
    marks: Mapping[str, tuple[float, float, float]] = MARKS,
    told: Mapping[str, tuple[float, float, float]] | None = None,
    tapes: tuple[tuple[str, str, float], ...] = (),
    clicks: Mapping[str, tuple[float, float]] | None = None,
) -> Path:
    """Write a survey: half a pixel of clicks, `told` coordinates, tapes (ends, mm)."""
    random = np.random.default_rng(1)
    lines = []
    for name, place in marks.items():
        seen = {}
        for camera in rig.cameras:
            u, v = camera.project(np.array(place)) + random.normal(0.0, 0.5, 2)
            du, dv = (clicks or {}).get(f"{name}/{camera.name}", (0.0, 0.0))
            seen[camera.name] = f"[{u + du:.2f}, {v + dv:.2f}]"
        lines += ["[[points]]", f'name = "{name}"']
        lines += [f"pixels = {{ {', '.join(f'{k} = {v}' for k, v in seen.items())} }}"]
        if name in (MARKS if told is None else told):
            lines.append(f"world_m = {list((MARKS if told is None else told)[name])}")
    for first, second, length_mm in tapes:
        lines += ["[[distances]]", f'between = ["{first}", "{second}"]', f"length_mm = {length_mm}"]
    path = folder / "survey.toml"
    path.write_text("\n".join(lines) + "\n")
    return path


def test_a_right_rig_is_proved_and_nothing_is_changed(session: Path, rig: Calibration) -> None:
    path = survey(session, rig, tapes=(("A", "B", 1500.0), ("A", "C", 1200.0)))
    before = Session.open(session).calibration_path.read_bytes()
    run = CliRunner().invoke(main, ["survey", str(session), str(path)])
    assert run.exit_code == 0, run.output
    assert "The scale is right: " in run.output and "5 surveyed points fit to" in run.output
    assert Session.open(session).calibration_path.read_bytes() == before


def test_the_world_is_put_on_surveyed_points(session: Path, rig: Calibration) -> None:
    path = survey(session, rig)
    run = CliRunner().invoke(main, ["survey", str(session), str(path), "--world"])
    assert run.exit_code == 0, run.output
    found = Session.open(session).calibration()
    # Half a pixel at 4 m and f = 960 px is 2 mm for a view; five marks of three views.
    for name in rig.names:
        assert np.linalg.norm(found[name].center - rig[name].center) < 0.02
    assert (session / "calibration_before_survey_1.toml").is_file()
    assert found.metadata["world_from"] == "surveyed points in survey.toml"


def test_a_wrong_scale_is_told_and_taken_from_the_tape(session: Path, rig: Calibration) -> None:
    wrong = Session.open(session)
    save_calibration(rig.transformed(RIG_FROM_ROOM, 1.03), wrong.calibration_path)
    path = survey(session, rig, told={}, tapes=(("A", "B", 1500.0), ("A", "C", 1200.0)))
    run = CliRunner().invoke(main, ["survey", str(session), str(path)])
    assert run.exit_code == 1
    assert "taped 1500.0 (+" in run.output  # the distances are listed before the verdict
    assert "% too long. Take the tape's scale" in run.output
    run = CliRunner().invoke(main, ["survey", str(session), str(path), "--scale"])
    assert run.exit_code == 0, run.output
    centers = np.stack([camera.center for camera in wrong.calibration().cameras])
    true = np.stack([camera.center for camera in rig.cameras])
    ratio = np.linalg.norm(centers[1] - centers[0]) / np.linalg.norm(true[1] - true[0])
    # Two marks of 1.5 m to 2 mm and a tape to 1.5 mm: a scale to .2 %, three of that.
    assert ratio == pytest.approx(1.0, abs=0.006)


@pytest.mark.parametrize(
    ("change", "options", "message"),
    [
        ({"clicks": {"D/cam2": (25.0, 0.0)}}, [], r"point 'D': its pixels in .* px off in 'cam"),
        (
            {"told": {**MARKS, "D": (1.0, 1.0, 0.6)}},
            ["--world"],
            r"without point 'D' the others fit to",
        ),
        (
            {"told": {name: (x, -y, z) for name, (x, y, z) in MARKS.items()}},
            ["--world"],
            "those of a left hand",
        ),
        (
            {"told": {name: (x, -y, -z) for name, (x, y, z) in MARKS.items()}},
            ["--world"],
            "stand on their heads",
        ),
        (
            {"told": {"A": MARKS["A"], "B": MARKS["B"], "C": (0.7, 0.0, 0.0)},
             "marks": {**MARKS, "C": (0.7, 0.0, 0.0)}},
            ["--world"],
            "lie on one line",
        ),
        ({"told": {"A": MARKS["A"], "B": MARKS["B"]}}, ["--world"], "2 points have surveyed"),
        (
            {"tapes": (("A", "B", 1500.0), ("A", "C", 1260.0))},
            [],
            "distances contradict each other",
        ),
        ({}, ["--scale"], r"has no \[\[distances\]\]"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_named(
    session: Path, rig: Calibration, change: dict[str, object], options: list[str], message: str
) -> None:
    path = survey(session, rig, **change)  # type: ignore[arg-type]
    before = Session.open(session).calibration_path.read_bytes()
    run = CliRunner().invoke(main, ["survey", str(session), str(path), *options])
    assert run.exit_code == 1
    assert re.search(message, run.output), run.output
    assert Session.open(session).calibration_path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "has no [[points]]"),
        ("[[points]]\nname = 'A'\n", "lacks 'pixels'"),
        ("[[points]]\nname = 'A'\npixels = { cam1 = [1.0] }\n", "list of 2 numbers"),
        ("[[points]]\nname = 'A'\npixels = { cam1 = [500.0, 400.0] }\n", "two must show it"),
        ("[[points]]\nname = 'A'\npixels = { cam9 = [500, 400], cam1 = [1, 2] }\n", "'cam9'"),
        (
            "[[points]]\nname = 'A'\npixels = { cam1 = [500, 400] }\n"
            "[[distances]]\nbetween = ['A', 'Z']\nlength_mm = 3\n",
            "ends at 'Z'",
        ),
        ("[[points]]\nname = 'A'\npixels = { cam1 = [5, 4] }\nplace = 3\n", "unknown key 'place'"),
    ],
)
def test_broken_surveys_are_explained(session: Path, text: str, message: str) -> None:
    path = session / "survey.toml"
    path.write_text(text)
    run = CliRunner().invoke(main, ["survey", str(session), str(path)])
    assert run.exit_code == 1 and message in run.output.replace("\n", " "), run.output
