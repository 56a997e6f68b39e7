"""The shape of the house: who may import whom, what is packaged, how long a file may be."""

from __future__ import annotations

import ast
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
LEVELS = {
    "core": 0,
    "capture": 1,
    "calibrate": 2,
    "detect": 2,
    "reconstruct": 2,
    "body": 2,
    "measure": 2,
    "sync": 2,
    "understand": 2,
    "studio": 3,
    "workflow": 4,
    "cli": 5,
}
# Scenes with known truth use the body and the rig; only the demo and the tests use them.
SYNTHETIC_MAY_IMPORT = {"core", "capture", "body", "synthetic"}
MAX_LINES = 400
MAX_FILES = 22
HEAVY = ("numpy", "scipy", "cv2", "numba", "torch", "openvino", "av", "plotly", "reportlab")


def python_files(*folders: str) -> list[Path]:
    found = (path for folder in folders for path in (ROOT / folder).rglob("*.py"))
    # Environments that benchmarks and validators make for other tools are no code of ours.
    return sorted(path for path in found if ".venv" not in str(path) and "-venv" not in str(path))


@cache
def imported_modules(path: Path) -> tuple[str, ...]:
    return tuple(_imported(path))


def _imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def rooms(path: Path) -> set[str]:
    """Return the rooms of `mocap` that a file imports: {"core", "capture"}."""
    names = [name.split(".") for name in imported_modules(path)]
    return {parts[1] for parts in names if parts[0] == "mocap" and len(parts) > 1}


@pytest.mark.parametrize("room", sorted(LEVELS))
def test_rooms_import_downwards_only(room: str) -> None:
    for path in python_files(f"mocap/{room}"):
        for other in rooms(path) & set(LEVELS) - {room}:
            assert LEVELS[other] < LEVELS[room], f"{path} imports mocap.{other}"
        if room not in ("workflow", "cli"):
            assert "synthetic" not in rooms(path), f"{path} imports mocap.synthetic"


def test_click_and_the_command_line_stay_at_the_top() -> None:
    for path in python_files("mocap", "export", "benchmarks", "tools"):
        if (ROOT / "mocap/cli") in path.parents or path.name == "__main__.py":
            continue
        names = set(imported_modules(path))
        assert "click" not in names and "cli" not in rooms(path), path


def test_synthetic_imports_no_stage_but_the_body() -> None:
    for path in python_files("mocap/synthetic"):
        extra = rooms(path) & (set(LEVELS) | {"synthetic", "export"}) - SYNTHETIC_MAY_IMPORT
        assert not extra, f"{path} imports {extra}"


def test_export_imports_only_core() -> None:
    for path in python_files("export"):
        extra = rooms(path) - {"core", "export"}
        assert not extra, f"{path} imports {extra}"


def test_nobody_imports_the_top_level_folders_by_their_folder_name() -> None:
    for path in python_files("mocap", "export", "tests", "benchmarks", "tools"):
        for name in imported_modules(path):
            assert name.split(".")[0] not in ("export", "rigs", "calibration_boards"), path


def test_torch_lives_in_the_network_files_only() -> None:
    for path in python_files("mocap", "export"):
        if any(name.split(".")[0] == "torch" for name in imported_modules(path)):
            assert path.parent.relative_to(ROOT) == Path("mocap/detect/hrnet"), path


def test_every_package_folder_is_packaged() -> None:
    config = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]
    listed = {folder_of(name, config["package-dir"]) for name in config["packages"]}
    candidates = python_files("mocap", "export", "rigs", "calibration_boards")
    present = {
        str(path.parent.relative_to(ROOT)) for path in candidates if path.name == "__init__.py"
    }
    assert present <= listed
    assert all((ROOT / folder).is_dir() for folder in listed)


def folder_of(package: str, package_dir: dict[str, str]) -> str:
    """Return where a package lies: `package-dir` also moves what is below a package."""
    for moved, folder in package_dir.items():
        if package == moved or package.startswith(moved + "."):
            return (folder + package.removeprefix(moved)).replace(".", "/")
    return package.replace(".", "/")


def test_folders_stay_small() -> None:
    for folder in {path.parent for path in python_files("mocap", "export", "benchmarks", "tools")}:
        files = [path for path in python_files(str(folder)) if path.parent == folder]
        assert len(files) <= MAX_FILES, f"{folder} has {len(files)} files"


def test_files_stay_short() -> None:
    for path in python_files("mocap", "export", "benchmarks", "tools"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= MAX_LINES, f"{path} has {lines} lines"


@pytest.mark.parametrize("module", ["mocap", "mocap.cli"])
def test_nothing_heavy_is_imported_at_the_start(module: str) -> None:
    # `mocap --help` must answer at once; each command imports what it needs.
    code = f"import sys, {module}; print(*sorted(m for m in {HEAVY!r} if m in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == ""
