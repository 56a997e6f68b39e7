"""mocap calibrate: from the board recordings to a calibrated rig and a verdict."""

from __future__ import annotations

from pathlib import Path

import click

from mocap.cli.console import Console, json_option


@click.command()
@click.argument("session", type=click.Path(path_type=Path, file_okay=False))
@click.option("--step", type=click.IntRange(min=1), help="Look at every so many frames only.")
@click.option(
    "--late",
    metavar="CAMERA=FRAMES",
    multiple=True,
    help="This camera's board recording starts so many frames late; may be repeated.",
)
@click.option("--force", is_flag=True, help="Look for the board again in unchanged videos.")
@json_option
def calibrate(
    session: Path, step: int | None, late: tuple[str, ...], force: bool, as_json: bool
) -> None:
    """Calibrate the rig of SESSION from the videos in its calibration folder.

    Exits with 1 when the verdict is FAIL.
    """
    from mocap.capture.session import Session
    from mocap.workflow.rig.calibrate import calibrate_session, require_pass

    console = Console(as_json)
    opened = Session.open(session)
    late_frames = dict(_late(each) for each in late)
    result = calibrate_session(opened, console, step=step, late_frames=late_frames, force=force)
    console.line(f"Wrote {opened.calibration_path} and {opened.calibration_page_path}")
    console.result({"calibration": opened.calibration_path, "report": result.report.to_json()})
    require_pass(opened, result.report)


def _late(text: str) -> tuple[str, int]:
    """Return camera and frames of "left=2"."""
    camera, _, frames = text.rpartition("=")
    if not camera or not frames.lstrip("-").isdigit():
        raise click.BadParameter(f"'{text}' is not CAMERA=FRAMES, e.g. left=2", param_hint="--late")
    return camera, int(frames)
