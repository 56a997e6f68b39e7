"""mocap calibrate: from the board recordings to a calibrated rig and a verdict."""

from __future__ import annotations

from pathlib import Path

import click

from mocap.cli.console import Console, json_option


@click.command()
@click.argument("session", type=click.Path(path_type=Path, file_okay=False))
@click.option("--step", type=click.IntRange(min=1), help="Look at every so many frames only.")
@click.option("--force", is_flag=True, help="Look for the board again in unchanged videos.")
@json_option
def calibrate(session: Path, step: int | None, force: bool, as_json: bool) -> None:
    """Calibrate the rig of SESSION from the videos in its calibration folder."""
    from mocap.capture.session import Session
    from mocap.cli.calibrating import calibrate_session

    console = Console(as_json)
    opened = Session.open(session)
    result = calibrate_session(opened, console, step=step, force=force)
    console.line(f"Wrote {opened.calibration_path} and {opened.calibration_page_path}")
    console.result({"calibration": opened.calibration_path, "report": result.report.to_json()})
