"""Environments of their own for tools that run beside ours; never a dependency of the project."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

BENCHMARKS = Path(__file__).resolve().parents[1]


@dataclass(frozen=True)
class PeerEnvironment:
    """Where a tool is installed, and what of it.

    Attributes:
        title: of the tool.
        folder: name of the environment below `benchmarks/`.
        variable: of the environment; names an interpreter that has the tool already.
        requirement: the package, installed without what it asks for.
        imported: what the measured part imports of that.
    """

    title: str
    folder: str
    variable: str
    requirement: str
    imported: tuple[str, ...]

    def interpreter(self) -> Path | None:
        """Return the interpreter of the environment, if there is one."""
        named = os.environ.get(self.variable)
        if named:
            return Path(named)
        return self._python if self._whole.is_file() else None

    def set_up(self) -> None:
        """Create the environment where there is none."""
        if self.interpreter() is not None:
            return
        subprocess.run([sys.executable, "-m", "venv", str(BENCHMARKS / self.folder)], check=True)
        pip = [str(self._python), "-m", "pip", "install", "--quiet"]
        # In this order pip does not complain of all that the package asks for and nobody imports.
        subprocess.run([*pip, *self.imported], check=True)
        subprocess.run([*pip, "--no-deps", self.requirement], check=True)
        self._whole.touch()

    @property
    def _python(self) -> Path:
        return BENCHMARKS / self.folder / "bin" / "python"

    @property
    def _whole(self) -> Path:
        """A file that is there once everything is installed."""
        return BENCHMARKS / self.folder / "whole"

    def how_to_get_it(self, module: str) -> str:
        """Return the sentence for somebody who has no such environment."""
        return (
            f"\n{self.title} is not installed: make its environment ({self.folder}) with `cd "
            f"benchmarks; python -m pipeline_parts.{module} --setup`, or name an interpreter that "
            f"has it with {self.variable}. Left out."
        )
