"""mocap detect, associate, triangulate, smooth, report, export: one stage of one take each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import (
    detector_options,
    export_options,
    fit_options,
    session_argument,
    take_argument,
)

force_option = click.option("--force", is_flag=True, help="Run it even when it is current.")


@click.command()
@session_argument
@take_argument
@detector_options
@force_option
@json_option
def detect(session: Path, take: str, force: bool, as_json: bool, **chosen: Any) -> None:
    """Find people's keypoints in the videos of TAKE."""
    _run_one("detect", session, take, force, as_json, chosen)


@click.command()
@session_argument
@take_argument
@force_option
@json_option
def associate(session: Path, take: str, force: bool, as_json: bool) -> None:
    """Follow the main person across the cameras and over time of TAKE."""
    _run_one("associate", session, take, force, as_json, {})


@click.command()
@session_argument
@take_argument
@force_option
@json_option
def triangulate(session: Path, take: str, force: bool, as_json: bool) -> None:
    """Turn the 2D keypoints of TAKE into 3D."""
    _run_one("triangulate", session, take, force, as_json, {})


@click.command()
@session_argument
@take_argument
@force_option
@json_option
def smooth(session: Path, take: str, force: bool, as_json: bool) -> None:
    """Turn the 3D keypoints of TAKE into one smooth motion."""
    _run_one("smooth", session, take, force, as_json, {})


@click.command()
@session_argument
@take_argument
@fit_options()
@force_option
@json_option
def fit(session: Path, take: str, force: bool, as_json: bool, **chosen: Any) -> None:
    """Fit a body to the smoothed motion of TAKE; later exports come from it."""
    _run_one("fit", session, take, force, as_json, chosen)


@click.command()
@session_argument
@take_argument
@force_option
@json_option
def report(session: Path, take: str, force: bool, as_json: bool) -> None:
    """Write the report of TAKE, one page that opens in any browser."""
    _run_one("report", session, take, force, as_json, {})


@click.command()
@session_argument
@take_argument
@export_options
@force_option
@json_option
def export(session: Path, take: str, force: bool, as_json: bool, **chosen: Any) -> None:
    """Write the motion of TAKE for other programs; nothing is computed again."""
    _run_one("export", session, take, force, as_json, chosen)


def _run_one(
    stage: str, session: Path, take: str, force: bool, as_json: bool, chosen: dict[str, Any]
) -> None:
    """Run one stage of one take."""
    from mocap.capture.session import Session
    from mocap.workflow.choices import choices
    from mocap.workflow.run import document, run_take

    console = Console(as_json)
    opened = Session.open(session).take(take)
    outcomes = run_take(
        opened,
        choices(**chosen),
        console,
        stages=(stage,),
        from_stage=stage if force else None,
    )
    console.result({"take": opened.name, "stages": document(outcomes)})
