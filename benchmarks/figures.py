"""Figures with the line they must hold, printed as one table."""

from __future__ import annotations

import operator
import sys
from collections.abc import Sequence
from dataclasses import dataclass

# Environment of a process whose CPU time counts: every thread pool has one thread.
SINGLE_THREAD = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
    "JAX_PLATFORMS": "cpu",
    "XLA_FLAGS": "--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1",
}

_MEETS = {"<=": operator.le, ">=": operator.ge}


@dataclass(frozen=True)
class Figure:
    """One measured figure.

    Attributes:
        name: what was measured.
        value: the figure.
        unit: its unit, or "".
        line: the value that must hold, or None for a figure that is only told.
        direction: "<=" or ">=": which side of the line is good.
    """

    name: str
    value: float
    unit: str
    line: float | None = None
    direction: str = "<="

    @property
    def holds(self) -> bool:
        """Whether the figure is on the good side of its line; NaN never is."""
        return self.line is None or bool(_MEETS[self.direction](self.value, self.line))

    @property
    def limit(self) -> str:
        """The line as text."""
        return "" if self.line is None else f"{self.direction} {self.line:g} {self.unit}"


def print_figures(title: str, figures: Sequence[Figure]) -> None:
    """Print a table of figures and whether each holds its line."""
    width = max((len(figure.name) for figure in figures), default=0)
    print(f"\n{title}")
    for figure in figures:
        verdict = "" if figure.line is None else ("ok" if figure.holds else "MISSED")
        value = f"{figure.value:.4g} {figure.unit}"
        print(f"  {figure.name:<{width}}  {value:>14}  {figure.limit:>16}  {verdict}")


def exit_code(figures: Sequence[Figure], *, check: bool) -> int:
    """Return 1 and name every missed line when `check` is set, else 0."""
    missed = [figure for figure in figures if not figure.holds]
    for figure in missed:
        print(f"missed: {figure.name} is {figure.value:.4g} {figure.unit}, line {figure.limit}",
              file=sys.stderr)  # fmt: skip
    return 1 if check and missed else 0
