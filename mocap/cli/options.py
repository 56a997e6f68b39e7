"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click

from mocap.workflow.choices import NO_BODY

Command = TypeVar("Command", bound=Callable[..., Any])


def finite(
    _context: click.Context, _parameter: click.Parameter, value: float | None
) -> float | None:
    """Return the value of an option, refusing nan and inf: click takes nan for within all limits.

    Raises:
        click.BadParameter: it is not finite.
    """
    if value is not None and not math.isfinite(value):
        raise click.BadParameter(f"{value} is no finite number.")
    return value


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
            show_default=True,
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
        show_default=True,
        metavar="all|main|largest|N|NAME",
        help="Who: all seen in a tenth of the take, the main person, the largest in the images, "
        "or numbers and names of `mocap people`, separated by commas.",
    )(command)


def _word(name: str, words: Sequence[str], about: str) -> Any:
    """Return an option that takes one of some words, in any case; None when it is not given."""
    return click.option(name, type=click.Choice(list(words), case_sensitive=False), help=about)


def _flag(name: str, about: str) -> Any:
    """Return a flag; None when it is not given, so that a program's settings hold."""
    return click.option(name, is_flag=True, default=None, help=about)


def _number(name: str, field: str, about: str) -> Any:
    return click.option(name, field, callback=finite, type=float, help=about)


_EXPORT_OPTIONS = (
    click.option(
        "--to",
        help="Formats, separated by commas: bvh, fbx, glb, usdc, mot, sto, npz, c3d, csv, trc.  "
        "[default: bvh,trc,csv, or those of --for]",
    ),
    click.option(
        "--for",
        "target",
        help="Files as a program wants them, in a folder of its name: blender, unreal, unity, "
        "maya, motionbuilder, mixamo, vrm. Options given besides go before.",
    ),
    click.option("-o", "--output", "folder", help="Folder to write to instead of the take's."),
    click.option(
        "--names", help="Joint names: smplx (default), mixamo, humanik, rokoko, unreal, ue5, vrm."
    ),
    click.option("--name-prefix", help="Put before every joint name: mixamorig:."),
    _word("--bone-axis", ("none", "y", "x", "mixamo"), "Axis along bones: y Blender, x Maya."),
    _flag("--pre-rotation", "Keep rest rotations of FBX apart: zero rotations are the rest pose."),
    _flag("--root-bone/--no-root-bone", "Add a bone on the floor that carries the travel."),
    _word("--mesh", ("body", "dummy", "none"), "Skin: the body's, pyramids on bones, or none."),
    click.option(
        "--no-mesh",
        "mesh",
        flag_value="bones",
        help="No skin; GLB gets a dummy, for bones without one are invisible in Blender.",
    ),
    click.option(
        "--max-influences", type=click.IntRange(1), help="Joints that may move one vertex."
    ),
    click.option("--order", help="Order of BVH rotation channels.  [default: ZXY]"),
    _word("--unit", ("m", "cm", "mm"), "Unit of BVH and FBX."),
    _word("--up", ("y", "z"), "Upward axis of BVH and FBX."),
    _number("--fps", "fps", "Resample to this frame rate, every format."),
    _number("--start", "start_s", "First second to write, of every format."),
    _number("--end", "end_s", "Last second to write, of every format."),
    _flag("--ground", "Put the floor the feet stand on at height 0."),
    _flag("--at-origin", "Begin above the origin."),
    click.option("--facing", help="First frame's front: front, left, back, right or degrees."),
    _word("--rest-pose", ("t", "a"), "Pose at zero rotations.  [default: t]"),
    _flag("--mirror", "Swap left and right."),
    _word("--gaps", ("interpolate", "hold", "split"), "Long gaps; refused when left out."),
    _flag("--fill-long-gaps", "Bridge gaps of any length in the skeleton instead of refusing."),
    _word("--csv-layout", ("tidy", "wide"), "A row per keypoint (default), or a row per frame."),
    _flag("--one-file", "All people in one FBX, GLB or USD file."),
    _flag("--cameras", "Add the cameras of the rig to GLB."),
    _flag("--verify", "Read every file back and measure it in mm."),
)


_PERSON_OPTIONS = (
    click.option(
        "--height-m",
        callback=finite,
        type=click.FloatRange(0.5, 2.5),
        help="Body height, instead of that in session.toml.",
    ),
    click.option(
        "--mass-kg",
        callback=finite,
        type=click.FloatRange(5.0, 400.0),
        help="Body mass: the girth that keypoints do not show.",
    ),
    click.option(
        "--sex", type=click.Choice(["female", "male"]), help="Whose mean shape to start from."
    ),
    click.option(
        "--subject-shape",
        default="auto",
        show_default=True,
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
            show_default=True,
            help="Refine on the keypoints in every camera's image.",
        )(command)
        command = click.option(
            "--foot-lock",
            type=click.Choice(["auto", "always", "never", "ground"]),
            default="auto",
            show_default=True,
            help="Hold standing feet: when sure, always, never, or only to the floor's height.",
        )(command)
        for option in reversed(_PERSON_OPTIONS):
            command = option(command)
        return click.option(
            "--body",
            default="free",
            show_default=True,
            help="Body to fit: free, or a SMPL-X file of your own"
            + (f"; {NO_BODY}: a skeleton straight from the keypoints." if none else "."),
        )(command)

    return add


def export_options(command: Command) -> Command:
    """Add --to and every option of the exported files."""
    for option in reversed(_EXPORT_OPTIONS):
        command = option(command)
    return command
