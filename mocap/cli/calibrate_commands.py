"""mocap calibrate, mocap lens: from board recordings to a calibrated rig, or to lenses alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import Number, session_argument

if TYPE_CHECKING:
    from mocap.capture.session import Session

LENSES = ("auto", "standard", "rational", "fisheye")


@click.command()
@session_argument
@click.option("--step", type=click.IntRange(min=1), help="Look at every so many frames only.")
@click.option(
    "--late",
    metavar="CAMERA=FRAMES",
    multiple=True,
    help="Its board recording starts so much late.",
)
@click.option(
    "--intrinsics",
    type=click.Path(path_type=Path, exists=True),
    help="Lenses calibrated before: a file, or a folder with CAMERA.yml. They are kept.",
)
@click.option("--refine-lenses", is_flag=True, help="Take --intrinsics as a start, not as it is.")
@click.option(
    "--lens",
    type=click.Choice(LENSES),
    default="standard",
    help="Lens model; auto: the one that predicts frames held out best.",
)
@click.option("--one-lens", is_flag=True, help="All cameras are equal: one lens for all of them.")
@click.option(
    "--from-people",
    "people",
    metavar="TAKE",
    multiple=True,
    help="No board: by this take's walker.",
)
@click.option("--height-m", type=Number(1.0, 2.5), help="With --from-people: their height.")
@click.option("--dry-run", is_flag=True, help="With --from-people: say what would come, no more.")
@click.option("--force", is_flag=True, help="Look for the board again in unchanged videos.")
@json_option
def calibrate(
    session: Session,
    late: tuple[str, ...],
    people: tuple[str, ...],
    height_m: float | None,
    dry_run: bool,
    console: Console,
    **options: Any,
) -> None:
    """Calibrate the rig of SESSION from its calibration videos; exit 1 when the verdict is FAIL."""

    if people:
        from mocap.workflow.rig.from_people import calibrate_from_people

        lenses, force = options["intrinsics"], options["force"]
        told = calibrate_from_people(session, people, console, lenses, height_m, dry_run, force)
        return console.result({"calibration": session.calibration_path, "people": told})
    if height_m is not None or dry_run:
        raise click.UsageError("--height-m and --dry-run go with --from-people TAKE.")
    from mocap.workflow.rig.calibrate import calibrate_session
    from mocap.workflow.rig.outcome import require_pass, written

    result = calibrate_session(session, console, late_frames=dict(map(_late, late)), **options)
    path, page = written(session, result.report)
    console.line(f"Wrote {path} and {page}")
    console.result({"calibration": path, "report": result.report.to_json()})
    require_pass(session, result.report)


@click.command()
@click.argument("videos", nargs=-1, required=True, type=click.Path(path_type=Path, exists=True))
@click.option("--board", required=True, help="Name or file of the board.")
@click.option("--lens", type=click.Choice(LENSES), default="standard", help="Model of the lens.")
@click.option("--name", help="Of the camera, where its file is called otherwise.")
@click.option(
    "-o",
    "--output",
    type=click.Path(path_type=Path),
    default=Path("lenses"),
    help="Folder of lenses.",
)
@json_option
def lens(
    videos: tuple[Path, ...], board: str, lens: str, name: str | None, output: Path,
    console: Console,
) -> None:  # fmt: skip
    """Calibrate the lens of single cameras from VIDEOS of a board; writes lenses/CAMERA.toml.

    Once a camera, at home: `mocap calibrate SESSION --intrinsics lenses` keeps them.
    """
    from mocap.workflow.rig.lenses import calibrate_lenses

    found = calibrate_lenses(videos, board, output, console, model=lens, name=name)
    console.line(f"Wrote {', '.join(str(output / f'{each}.toml') for each in found)}")
    console.result({"lenses": {each: output / f"{each}.toml" for each in found}})


def _late(text: str) -> tuple[str, int]:
    """Return camera and frames of "left=2"."""
    camera, _, frames = text.rpartition("=")
    if not camera or not frames.lstrip("-").isdigit():
        raise click.BadParameter(f"'{text}' is not CAMERA=FRAMES, e.g. left=2", param_hint="--late")
    return camera, int(frames)
