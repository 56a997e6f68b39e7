"""Examples in docstrings say what happens when they are run."""

from __future__ import annotations

import doctest
import re
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from known_session import known_people, known_session

ROOT = Path(__file__).resolve().parent.parent


def modules_with_examples() -> list[str]:
    """Return the modules whose docstrings hold examples: `mocap.export` lies in export/."""
    found = []
    for folder, package in (("mocap", "mocap"), ("export", "mocap.export")):
        for path in sorted((ROOT / folder).rglob("*.py")):
            if ">>> " in path.read_text(encoding="utf-8"):
                parts = path.relative_to(ROOT / folder).with_suffix("").parts
                found.append(".".join([package, *parts]).removesuffix(".__init__"))
    return found


EXAMPLES = modules_with_examples()


@pytest.mark.parametrize("module", EXAMPLES)
def test_examples_in_docstrings(
    module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with np.printoptions(precision=6):
        result = doctest.testmod(import_module(module), optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.attempted > 0 and result.failed == 0


def test_the_public_functions_have_examples() -> None:
    assert {
        "mocap.body.fit.fit",
        "mocap.body.skeleton.build",
        "mocap.calibrate.interchange.formats",
        "mocap.capture.session",
        "mocap.core.store",
        "mocap.detect.detect",
        "mocap.export.bvh.reader",
        "mocap.export.bvh.writer",
        "mocap.measure.angles",
        "mocap.reconstruct.associate",
        "mocap.reconstruct.smooth",
        "mocap.reconstruct.triangulate",
    } <= set(EXAMPLES)


def python_blocks(page: Path) -> list[str]:
    """Return the Python of a page, block by block."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text(encoding="utf-8"), re.S | re.M)


PAGES = [page for page in (ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md")))]


@pytest.mark.parametrize(
    "page", [each for each in PAGES if python_blocks(each)], ids=lambda page: page.name
)
def test_python_of_the_documentation_runs(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    rig, xyz = known_session(Path("2026-05-04_lab"), "dance_01")
    names: dict[str, Any] = {"__name__": page.name}
    with known_people(rig, xyz):
        for block in python_blocks(page):
            exec(compile(block, str(page), "exec"), names)
    # what came out is the motion that was recorded: 0.3 px are 1 to 4 mm at 3 to 5 m here
    if "points" in names:
        error_m = np.linalg.norm(names["points"].xyz[:, 0] - xyz, axis=-1)
        assert np.nanmedian(error_m) < 0.005
    assert all(each.stat().st_size > 0 for each in tmp_path.glob("*.bvh"))


def test_the_readme_and_the_python_page_have_python() -> None:
    assert python_blocks(ROOT / "README.md") and python_blocks(ROOT / "docs" / "python.md")
