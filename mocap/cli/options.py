"""Options that several commands share."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from mocap.cli.stages import Choices

Command = TypeVar("Command", bound=Callable[..., Any])

session_argument = click.argument("session", type=click.Path(path_type=Path, file_okay=False))
take_argument = click.argument("take")


def detector_options(command: Command) -> Command:
    """Add --detector, --weights and --feet."""
    command = click.option(
        "--feet/--no-feet", default=True, show_default=True, help="Also find heels and toes."
    )(command)
    command = click.option(
        "--weights",
        type=click.Path(path_type=Path, dir_okay=False),
        help="Weights of your own instead of those `mocap models fetch` got.",
    )(command)
    return click.option(
        "--detector",
        default="movenet",
        show_default=True,
        help="Network that finds people; `mocap models list` names them.",
    )(command)


def export_options(command: Command) -> Command:
    """Add --to, --names, --order and --fill-long-gaps."""
    command = click.option(
        "--fill-long-gaps",
        is_flag=True,
        help="Bridge gaps of any length in the skeleton instead of refusing.",
    )(command)
    command = click.option(
        "--order", default="ZXY", show_default=True, help="Order of BVH rotation channels."
    )(command)
    command = click.option(
        "--names", default="smplx", show_default=True, help="Preset of BVH joint names."
    )(command)
    return click.option(
        "--to",
        default="bvh,trc,csv",
        show_default=True,
        help="Formats to write, separated by commas.",
    )(command)


def choices(
    *,
    detector: str = "movenet",
    weights: Path | None = None,
    feet: bool = True,
    to: str = "bvh,trc,csv",
    names: str = "smplx",
    order: str = "ZXY",
    fill_long_gaps: bool = False,
) -> Choices:
    """Return what was chosen on the command line.

    Raises:
        InputError: the file of weights does not exist.
    """
    from mocap.cli.detecting import DetectorChoice
    from mocap.cli.exporting import ExportChoice
    from mocap.cli.stages import Choices
    from mocap.core.errors import InputError

    if weights is not None and not weights.is_file():
        raise InputError(f"the file of weights {weights} does not exist. Correct --weights.")
    formats = tuple(dict.fromkeys(each.strip().lower() for each in to.split(",") if each.strip()))
    return Choices(
        DetectorChoice(detector, weights, feet),
        ExportChoice(formats, names, order, fill_long_gaps),
    )
