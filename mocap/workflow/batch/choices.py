"""What a person may say about where and how a batch runs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mocap.core.options import option
from mocap.workflow.choices import Choices, choices


@dataclass(frozen=True)
class BatchChoice:
    """Where the stages of a batch run, and where the page of it is written."""

    workers: int | None = option(
        None, "Processes on this machine.  [default: one a core, or fewer takes]", least=1
    )
    cluster: Path | None = option(
        None, "TOML file that says which machines: a scheduler that runs, or SLURM, PBS or LSF."
    )
    page: Path = option(Path("batch.html"), "Page of the whole batch.")
    accept_calibration: bool = option(
        False,
        "Go on with calibrations whose verdict is FAIL; what comes of it is not to be trusted.",
    )


def parted(said: Mapping[str, Any]) -> tuple[Choices, BatchChoice]:
    """Return what was said of takes, and what of the batch.

    Raises:
        InputError: as `choices`.
    """
    names = {each.name for each in fields(BatchChoice)}
    batch = BatchChoice(**{name: value for name, value in said.items() if name in names})
    return choices(**{name: value for name, value in said.items() if name not in names}), batch
