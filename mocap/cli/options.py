"""Options that several commands share."""

from __future__ import annotations

import math
from collections.abc import Callable
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


_EXPORT_OPTIONS = (
    click.option(
        "--to",
        help="Formats to write, separated by commas: bvh, fbx, glb, usdc, mot, sto, npz, c3d, "
        "csv, trc.  [default: bvh,trc,csv, or those of --for]",
    ),
    click.option(
        "--for",
        "target",
        help="Files as a program wants them, in a folder of its name: blender, unreal, unity, "
        "maya, motionbuilder, mixamo, vrm. Options given besides go before.",
    ),
    click.option(
        "-o",
        "--output",
        "folder",
        type=click.Path(file_okay=False),
        help="Folder to write to instead of the take's.",
    ),
    click.option(
        "--names",
        help="Preset of joint names: smplx, mixamo, humanik, rokoko, unreal, ue5, vrm.  "
        "[default: smplx]",
    ),
    click.option("--name-prefix", help="Put before every joint name: mixamorig:."),
    click.option(
        "--bone-axis",
        type=click.Choice(["none", "y", "x", "mixamo"], case_sensitive=False),
        help="Axis along the bones of FBX, GLB and USD: y for Blender, x for Maya, or the frames "
        "of Mixamo's rigs.  [default: none]",
    ),
    click.option(
        "--pre-rotation",
        is_flag=True,
        default=None,
        help="Keep rest rotations of FBX apart: zero rotations are the rest pose.",
    ),
    click.option(
        "--root-bone/--no-root-bone",
        default=None,
        help="Add a bone on the floor that carries the travel.",
    ),
    click.option(
        "--mesh",
        type=click.Choice(["body", "dummy", "none"], case_sensitive=False),
        help="Skin: the body's where there is one, double pyramids along the bones, or none.  "
        "[default: body]",
    ),
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
    click.option(
        "--unit",
        type=click.Choice(["m", "cm", "mm"], case_sensitive=False),
        help="Unit of BVH and FBX.",
    ),
    click.option(
        "--up",
        type=click.Choice(["y", "z"], case_sensitive=False),
        help="Upward axis of BVH and FBX.",
    ),
    click.option(
        "--fps", callback=finite, type=float, help="Resample to this frame rate, every format."
    ),
    click.option(
        "--start",
        "start_s",
        callback=finite,
        type=float,
        help="First second to write, of every format.",
    ),
    click.option(
        "--end", "end_s", callback=finite, type=float, help="Last second to write, of every format."
    ),
    click.option(
        "--ground",
        is_flag=True,
        default=None,
        help="Put the floor the feet stand on at height 0.",
    ),
    click.option(
        "--at-origin",
        is_flag=True,
        default=None,
        help="Begin above the origin.",
    ),
    click.option(
        "--facing",
        metavar="front|left|back|right|DEGREES",
        help="Where the first person faces in the first frame; front is +Z in Y-up files.",
    ),
    click.option(
        "--rest-pose",
        type=click.Choice(["t", "a"], case_sensitive=False),
        help="Pose at zero rotations.  [default: t]",
    ),
    click.option("--mirror", is_flag=True, default=None, help="Swap left and right."),
    click.option(
        "--gaps",
        type=click.Choice(["interpolate", "hold", "split"], case_sensitive=False),
        help="What to do where a skeleton is unknown for long; refused when left out.",
    ),
    click.option(
        "--fill-long-gaps",
        is_flag=True,
        default=None,
        help="Bridge gaps of any length in the skeleton instead of refusing.",
    ),
    click.option(
        "--csv-layout",
        type=click.Choice(["tidy", "wide"], case_sensitive=False),
        help="Tables with a row per keypoint, or a row per frame.  [default: tidy]",
    ),
    click.option(
        "--one-file", is_flag=True, default=None, help="All people in one FBX, GLB or USD file."
    ),
    click.option(
        "--cameras", is_flag=True, default=None, help="Add the cameras of the rig to GLB."
    ),
    click.option(
        "--verify", is_flag=True, default=None, help="Read every file back and measure it in mm."
    ),
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
