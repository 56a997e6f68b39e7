"""What kernels are made of: parts that only kernels call, and what Python gets when it does."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

from mocap.core.kernels.arrays import median_of
from mocap.core.kernels.compiled import kernel, part
from mocap.core.shapes import FloatArray

PACKAGE = Path(__file__).resolve().parents[1] / "mocap"
KERNELS = ("kernel", "part", "inlined")


@part
def _twice(values: FloatArray, n: int) -> float:
    return float(2.0 * values[n])


@kernel  # type: ignore[untyped-decorator]
def _twice_all(values: FloatArray) -> float:
    total = 0.0
    for n in range(len(values)):
        total += _twice(values, n)
    return total


def test_a_part_is_compiled_into_its_kernel_and_runs_as_written_for_python() -> None:
    values = np.array([1.0, 2.0, 4.0])
    assert _twice_all(values) == 14.0
    _twice_all.recompile()  # it may have come whole from an earlier run
    assert _twice_all(values) == 14.0
    assert _twice.signatures  # type: ignore[attr-defined]
    assert _twice(values, 2) == 8.0
    # Compiled code would read beyond the array.
    with pytest.raises(IndexError):
        _twice(values, 3)


def test_median_of_the_first_values() -> None:
    rng = np.random.default_rng(1)
    for count in range(1, 8):
        values = rng.normal(size=8)
        expected = np.median(values[:count])
        assert median_of(values, count) == expected


def test_python_calls_no_part_of_a_kernel() -> None:
    # It would run uncompiled, a hundred times slower, without a word.
    trees = {
        path: ast.parse(text)
        for path in PACKAGE.rglob("*.py")
        if "kernels" in (text := path.read_text(encoding="utf-8")) or "core.lens" in text
    }
    parts = {
        (_module(path), each.name)
        for path, tree in trees.items()
        for each in ast.walk(tree)
        if isinstance(each, ast.FunctionDef) and _decorators(each) & {"part", "inlined"}
    }
    assert len(parts) > 50
    for path, tree in trees.items():
        here = {name for module, name in parts if module == _module(path)}
        for each in ast.walk(tree):
            if isinstance(each, ast.ImportFrom):
                here |= {one.name for one in each.names if (each.module, one.name) in parts}
        called = {
            node.func.id
            for each in tree.body
            if not (isinstance(each, ast.FunctionDef) and _decorators(each) & set(KERNELS))
            for node in ast.walk(each)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert called & here == set(), path


def _module(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)


def _decorators(function: ast.FunctionDef) -> set[str]:
    return {each.id for each in function.decorator_list if isinstance(each, ast.Name)}
