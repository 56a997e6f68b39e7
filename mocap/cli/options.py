"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, TypeVar

import click

from mocap.export.settings import option_name
from mocap.workflow.choices import DEFAULT_PACE, NO_BODY, ExportChoice

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


class _SessionFolder(click.Path):
    """A session, opened."""

    def __init__(self) -> None:
        super().__init__(path_type=Path, file_okay=False)

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        from mocap.capture.session import Session

        return Session.open(Path(str(super().convert(value, param, ctx))))


def _keep_session(ctx: click.Context, _: click.Parameter, session: Any) -> None:
    ctx.meta["session"] = session


def _opened_take(ctx: click.Context, _: click.Parameter, name: str) -> Any:
    return ctx.meta["session"].take(name)


def take_argument(command: Command) -> Command:
    """Add SESSION and TAKE as one `take: Take`, opened."""
    command = click.argument("take", callback=_opened_take)(command)
    kept = click.argument(
        "session", type=_SessionFolder(), expose_value=False, callback=_keep_session
    )
    return kept(command)


session_argument = click.argument("session", type=_SessionFolder())
"""Gives a command SESSION, opened."""
takes_argument = click.argument("takes", nargs=-1, metavar="[TAKE]...")
force_option = click.option("--force", is_flag=True, help="Run it even when it is current.")


def detector_options(command: Command) -> Command:
    """Add --detector, --detect, --weights, --feet, --hands, and what describes an ONNX network."""
    command = click.option(
        "--hands", is_flag=True, help="Also find fingers: hands of 80 px and more are best."
    )(command)
    command = click.option(
        "--boxes-card", default="", show_default=False, help="How the network of --boxes is read."
    )(command)
    command = click.option(
        "--boxes",
        type=click.Path(path_type=Path, dir_okay=False),
        help="ONNX network that finds people for one that reads crops, instead of MoveNet.",
    )(command)
    command = click.option(
        "--card",
        default="",
        show_default=False,
        help="How an ONNX network is fed and read: a name or a .toml.",
    )(command)
    command = click.option(
        "--detect",
        default=DEFAULT_PACE,
        type=click.Choice(["thorough", "careful", "balanced"]),
        help="How thoroughly images are looked at.",
    )(command)
    command = click.option("--feet/--no-feet", default=True, help="Also find heels and toes.")(
        command
    )
    command = click.option(
        "--weights",
        type=FILE,
        help="Weights of your own instead of those `mocap models fetch` got.",
    )(command)
    return click.option(
        "--detector",
        default="movenet",
        help="Network that finds people, of `mocap models list`; auto: the best that is here.",
    )(command)


def sync_options(command: Command) -> Command:
    """Add --sync, --reference and --without."""
    for option in (
        click.option(
            "--without",
            multiple=True,
            metavar="CAMERA",
            help="Leave this camera out of the take; may be repeated.",
        ),
        click.option(
            "--reference", metavar="CAMERA", help="Bring the other cameras to this one's clock."
        ),
        click.option(
            "--sync/--no-sync",
            default=True,
            help="Use the clocks that are found; otherwise only check the recorded times.",
        ),
    ):
        command = option(command)
    return command


def people_options(command: Command) -> Command:
    """Add --person."""
    return click.option(
        "--person",
        default="all",
        metavar="all|main|largest|N|NAME",
        help="Who: all seen in a tenth of the take, the main person, the largest in the images, "
        "or numbers and names of `mocap people`, separated by commas.",
    )(command)


def report_options(command: Command) -> Command:
    """Add --videos."""
    about = "Put small copies of the videos (480 px) into the report."
    return click.option("--videos", "report_videos", is_flag=True, help=about)(command)


def _export_option(each: Any) -> Any:
    """Return the option of one field of the choice; None when not given: a program's holds then."""
    name, about, words = option_name(each), each.metadata["about"], each.metadata["words"]
    names = {"--output": ("-o",), "--root-bone": ("--no-root-bone",)}.get(name, ())
    if each.type == "bool":
        joined = "/".join((name, *names))
        return click.option(joined, each.name, is_flag=True, default=None, help=about)
    if words:
        return click.option(name, each.name, help=about, type=click.Choice(words, False))
    kinds = {"float | None": Number(), "int | None": click.IntRange(1)}
    return click.option(name, *names, each.name, type=kinds.get(each.type), help=about)


_EXPORT_OPTIONS = (
    click.option(
        "--to",
        help="Formats, separated by commas: bvh, fbx, glb, usdc, mot, sto, npz, c3d, csv, trc.  "
        "[default: bvh,trc,csv, or those of --for]",
    ),
    *(_export_option(each) for each in fields(ExportChoice) if each.metadata),
    click.option(
        "--no-mesh",
        "mesh",
        flag_value="bones",
        help="No skin; GLB gets a dummy, for bones without one are invisible in Blender.",
    ),
)


_PERSON_OPTIONS = (
    click.option(
        "--height-m", type=Number(0.5, 2.5), help="Body height, instead of that in session.toml."
    ),
    click.option(
        "--mass-kg",
        type=Number(5.0, 400.0),
        help="Body mass: the girth that keypoints do not show.",
    ),
    click.option(
        "--sex", type=click.Choice(["female", "male"]), help="Whose mean shape to start from."
    ),
    click.option(
        "--subject-shape",
        default="auto",
        metavar="auto|none|TAKE",
        help="Takes that tell the shape: all of the person, only this one, or the one named.",
    ),
)


def fit_options(*, none: bool = False) -> Callable[[Command], Command]:
    """Add options of the body, the person and the fit; `none` allows to go without a body."""

    def add(command: Command) -> Command:
        command = click.option(
            "--refine-views/--no-refine-views",
            default=True,
            help="Refine on the keypoints in every camera's image.",
        )(command)
        command = click.option(
            "--foot-lock",
            type=click.Choice(["auto", "always", "never", "ground"]),
            default="auto",
            help="Hold standing feet: when sure, always, never, or only to the floor's height.",
        )(command)
        for option in reversed(_PERSON_OPTIONS):
            command = option(command)
        return click.option(
            "--body",
            default="free",
            help="Body to fit: free, or a SMPL-X file of your own"
            + (f"; {NO_BODY}: a skeleton straight from the keypoints." if none else "."),
        )(command)

    return add


def export_options(command: Command) -> Command:
    """Add --to and every option of the exported files."""
    for option in reversed(_EXPORT_OPTIONS):
        command = option(command)
    return command
