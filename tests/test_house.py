"""The house keeps its measures: the same that `python tools/house.py` prints."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import pytest

TOOL = Path(__file__).resolve().parent.parent / "tools" / "house.py"


@pytest.fixture(scope="module")
def house() -> ModuleType:
    import sys

    spec = importlib.util.spec_from_file_location("house", TOOL)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Dataclasses look their module up by name.
    sys.modules["house"] = module
    spec.loader.exec_module(module)
    return module


def test_every_measure_holds(house: ModuleType) -> None:
    broken = [f"{each.name}: {each.found}" for each in house.measures() if not each.holds]
    assert not broken, "\n".join(broken)


def test_circles_are_found(house: ModuleType) -> None:
    graph = {"a": {"b"}, "b": {"c"}, "c": {"a", "d"}, "d": {"e"}, "e": set()}
    groups = sorted(house._components(graph), key=len)
    assert groups[-1] == ["a", "b", "c"] and [len(group) for group in groups] == [1, 1, 3]


def test_circles_through_functions_and_types_count(
    house: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = tmp_path / "mocap" / "room"
    room.mkdir(parents=True)
    (room / "one.py").write_text("def f():\n    from mocap.room import two\n")
    (room / "two.py").write_text("from mocap.room.one import f\n")
    (room / "three.py").write_text(
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from mocap.room.four import g\n"
    )
    (room / "four.py").write_text("from mocap.room.three import h\n")
    monkeypatch.setattr(house, "ROOT", tmp_path)
    assert sorted(house.circles()) == [
        ["mocap.room.four", "mocap.room.three"],
        ["mocap.room.one", "mocap.room.two"],
    ]
