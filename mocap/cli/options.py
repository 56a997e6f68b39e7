"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import MISSING, Field, fields
from pathlib import Path
from typing import Any, TypeVar

import click

from mocap.core.options import option_name
from mocap.detect.known import OwnNetwork
from mocap.workflow.choices import Choices, DetectorChoice, ExportChoice, FitChoice, SyncChoice

Command = TypeVar("Command", bound=Callable[..., Any])


FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)


class Number(click.FloatRange):
    """A number within limits that is finite: click takes nan for within all limits."""

    def __init__(
        self, least: float | None = None, most: float | None = None, *, above: bool = False
    ) -> None:
        """Allow `least` to `most`; with `above` not `least` itself."""
        super().__init__(least, most, min_open=above)
        self.name = "float" if least is None and most is None else self.name

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number, refusing what is none, not finite, or outside."""
        number = float(super().convert(value, param, ctx))
        if not math.isfinite(number):
            self.fail(f"{number} is no finite number.", param, ctx)
        return number

    def _describe_range(self) -> str:
        return super()._describe_range() if self.name == "float range" else ""


class _SessionFolder(click.Path):
    """A session, opened."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from mocap.capture.session import Session

        return Session.open(Path(str(super().convert(value, param, ctx))))


SESSION = _SessionFolder()


def _keep_session(ctx: click.Context, _: click.Parameter, session: Any) -> None:
    ctx.meta["session"] = session


def _opened_take(ctx: click.Context, _: click.Parameter, name: str) -> Any:
    return ctx.meta["session"].take(name)


def take_argument(command: Command) -> Command:
    """Add SESSION and TAKE as one `take: Take`, opened."""
    command = click.argument("take", callback=_opened_take)(command)
    return click.argument("session", type=SESSION, expose_value=False, callback=_keep_session)(
        command
    )


session_argument = click.argument("session", type=SESSION)
"""Gives a command SESSION, opened."""
takes_argument = click.argument("takes", nargs=-1, metavar="[TAKE]...")
unit_option = click.option(
    "--unit",
    type=click.Choice(["m", "mm"]),
    default="m",
    help="Length unit of a calibration that does not say its own.",
)
force_option = click.option("--force", is_flag=True, help="Run it even when it is current.")


_PLAIN = {"Path": FILE, "Path | None": FILE, "float": Number(), "float | None": Number()}


def _kind(each: Field[Any]) -> Any:
    """Return how click reads a field; None: as text."""
    words, kind = each.metadata["words"], str(each.type)
    least, above, most = (each.metadata[name] for name in ("least", "above", "most"))
    if words:
        return click.Choice(words, case_sensitive=False)
    if kind.startswith("int"):
        return int if least is most is None else click.IntRange(least, most)
    if least is not None or most is not None or above is not None:
        return Number(least if above is None else above, most, above=above is not None)
    return _PLAIN.get(kind)


def _option(each: Field[Any], *, unsaid: bool) -> Callable[[Command], Command]:
    """Return the option of one field; `unsaid`: None when it was not given, never the default."""
    name, key, about = option_name(each), each.metadata["key"], each.metadata["about"]
    names, default = [key or each.name], None if unsaid else each.default
    short = {"--output": "-o", "--root-bone": "--no-root-bone"}.get(name)
    if each.type == "bool":
        no = short or (f"--no-{name[2:]}" if each.default else None)
        joined = name if no is None else f"{name}/{no}"
        return click.option(joined, *names, is_flag=True, default=default, help=about)
    several = str(each.type).startswith("tuple")
    return click.option(
        *(name, *([short] if short else ()), *names),
        type=_kind(each),
        multiple=several,
        required=each.default is MISSING,
        default=None if several or default is MISSING else default,
        show_default=default != "",
        metavar=each.metadata["metavar"],
        help=about,
    )


def options_of(
    *choices: Any, only: Sequence[str] | None = None, unsaid: bool = False
) -> Callable[[Command], Command]:
    """Return what adds every option of some choices, see `mocap.core.options`.

    `only` some fields, by name; `unsaid`: what was not given is None, so that a program's setting
    may hold.
    """
    chosen = [each for choice in choices for each in fields(choice) if each.metadata]
    wanted = [each for each in chosen if only is None or each.name in only]

    def add(command: Command) -> Command:
        for each in reversed(wanted):
            command = _option(each, unsaid=unsaid)(command)
        return command

    return add


detector_options = options_of(DetectorChoice, OwnNetwork)
sync_options = options_of(SyncChoice)
people_options = options_of(Choices, only=("person",))
report_options = options_of(Choices, only=("report_videos",))
fit_options = options_of(FitChoice)

_FORMATS = click.option(
    "--to",
    help="Formats, separated by commas: bvh, fbx, glb, usdc, mot, sto, npz, c3d, csv, trc.  "
    "[default: bvh,trc,csv, or those of --for]",
)
_NO_MESH = click.option(
    "--no-mesh",
    "mesh",
    flag_value="bones",
    help="No skin; GLB gets a dummy, for bones without one are invisible in Blender.",
)


def export_options(command: Command) -> Command:
    """Add --to and every option of the exported files."""
    return _FORMATS(options_of(ExportChoice, unsaid=True)(_NO_MESH(command)))


def take_options(command: Command) -> Command:
    """Add every option of a whole run."""
    for add in (export_options, fit_options, people_options, sync_options, detector_options):
        command = add(command)
    return command
