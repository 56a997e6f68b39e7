"""A change over visits is told when it is more than chance, and only then."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from mocap.capture.session import Session
from mocap.cli import main
from mocap.measure.trend import trend_of

VISIT_SD = 1.0
"""Repetitions and days together: a degree, as of a mean of several repetitions."""


def gained(gain: float, seed: int) -> bool:
    rng = np.random.default_rng(seed)
    values = np.linspace(0.0, gain, 6) + rng.normal(0.0, VISIT_SD, 6)
    return trend_of(values.tolist(), [0.5] * 6).real


def test_five_degrees_over_six_visits_are_seen_and_none_are_not_invented() -> None:
    seeds = range(400)
    # A slope's error is sd / sqrt(17.5) a visit: 5 deg are 4.2 of it, with 4 degrees of freedom.
    assert np.mean([gained(5.0, seed) for seed in seeds]) > 0.85
    # Two degrees are 1.7 of it, within the noise: told in one case of five, as chance allows.
    assert np.mean([gained(2.0, seed) for seed in seeds]) < 0.3
    assert np.mean([gained(0.0, seed) for seed in seeds]) < 0.07


def test_bands_of_the_visits_are_the_least_scatter() -> None:
    line = [0.0, 1.0, 2.0, 3.0]
    assert trend_of(line).real
    doubtful = trend_of(line, [3.0] * 4)
    assert not doubtful.real and doubtful.visit_sd == pytest.approx(3.0)
    assert not np.isfinite(trend_of([1.0, 2.0]).change)
    assert np.isfinite(trend_of([1.0, float("nan"), 2.0, 3.0]).change)


def visit(root: Path, value: float) -> Path:
    Session.create(root, rig="four_corner", board="a3_7x10")
    config = root / "session.toml"
    config.write_text(config.read_text() + '\n[[subjects]]\nname = "Ann"\n')
    folder = root / "takes" / "knee"
    (folder / "measure" / "range-of-motion").mkdir(parents=True)
    (folder / "left.mp4").write_bytes(b"no video is needed to compare")
    head = "name,value,band,systematic,unit,untrusted_because,definition\n"
    rows = f"left_knee_flexion_rom,{value},1.0,5,deg,,range\nleft_knee_flexion_max,9,1,5,deg,no,x\n"
    (folder / "measure" / "range-of-motion" / "summary.csv").write_text(head + rows)
    return root


def test_visits_are_compared_from_the_command_line(tmp_path: Path) -> None:
    values = (90.0, 92.1, 93.8, 96.2)
    roots = [str(visit(tmp_path / f"visit_{k}", v)) for k, v in enumerate(values)]
    told = CliRunner().invoke(main, ["trend", "Ann", *roots])
    assert told.exit_code == 0, told.output
    assert "left_knee_flexion_rom: +6" in told.output and "1 of 1 measures" in told.output
    page = (tmp_path / "visit_3" / "trend" / "report.html").read_text(encoding="utf-8")
    assert "What changed" in page and "Left knee flexion range" in page
    few = CliRunner().invoke(main, ["trend", "Ann", *roots[:2]])
    assert few.exit_code == 1 and "needs 3 visits" in few.output
    nobody = CliRunner().invoke(main, ["trend", "Bob", *roots])
    assert nobody.exit_code == 1 and "nothing of 'Bob'" in nobody.output
