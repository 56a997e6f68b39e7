"""Clocks: there and back, on disk, and never a silent NaN."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mocap.core.clocks import (
    CameraClock,
    Clocks,
    Verdict,
    load_clocks,
    recorded_clocks,
    save_clocks,
)
from mocap.core.errors import InputError

LATE = CameraClock(
    "right", 3.412, 80.0, 20.0, 4e-4, 9.0, "motion", Verdict.SURE, 0.81, 12.0, {"sound": 3.408}
)
CLOCKS = Clocks(
    "left", (CameraClock("left", verdict=Verdict.REFERENCE), LATE), 0.5, {"left-right": 0.0}
)


def test_local_and_common_are_inverse() -> None:
    local = np.linspace(0.0, 40.0, 7)
    np.testing.assert_allclose(LATE.local(LATE.common(local)), local, atol=1e-12)
    assert LATE.common(np.array([20.0]))[0] == pytest.approx(23.412)
    # 80 millionths over 20 s are 1.6 ms.
    assert LATE.common(np.array([40.0]))[0] == pytest.approx(43.4136)


def test_written_and_read(tmp_path: Path) -> None:
    path = tmp_path / "sync.json"
    save_clocks(CLOCKS, path, {"note": "for people"})
    again = load_clocks(path)
    assert again.reference == "left" and again["right"] == LATE
    assert np.isnan(again["left"].sigma_s) and "NaN" not in path.read_text()
    assert again.loop_residuals_s == {"left-right": 0.0}


@pytest.mark.parametrize("text", ["", "{}", '{"reference": "a", "cameras": {"a": {}}}', "[1]"])
def test_damage_is_one_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "sync.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"sync\.json is damaged"):
        load_clocks(path)


def test_an_offset_that_is_no_number_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sync.json"
    save_clocks(Clocks("left", (CameraClock("left", float("nan")),)), path)
    with pytest.raises(InputError, match="not finite"):
        load_clocks(path)


def test_recorded_clocks_and_unknown_cameras() -> None:
    assert recorded_clocks(("a", "b"), "b").reference == "b"
    kept = recorded_clocks(("a", "b"))
    assert kept.reference == "a" and kept["b"].offset_s == 0.0
    with pytest.raises(InputError, match="no camera 'c'"):
        kept["c"]
    with pytest.raises(ValueError, match="reference"):
        Clocks("c", kept.cameras)
