"""mocap run: every stage of every take that is not current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import session_argument, take_options, takes_argument
from mocap.workflow.graph import STAGES

if TYPE_CHECKING:
    from mocap.capture.session import Session


@click.command()
@session_argument
@takes_argument
@take_options
@click.option(
    "--from",
    "from_stage",
    type=click.Choice(STAGES),
    help="Run this stage and those after it even when they are current.",
)
@click.option(
    "--accept-calibration",
    is_flag=True,
    help="Go on with a calibration whose verdict is FAIL; what comes of it is not to be trusted.",
)
@click.option(
    "--one-camera",
    is_flag=True,
    help="Preview takes of a single camera: depth is guessed, BVH only, nothing to measure.",
)
@json_option
def run(
    session: Session,
    takes: tuple[str, ...],
    from_stage: str | None,
    accept_calibration: bool,
    one_camera: bool,
    console: Console,
    **chosen: Any,
) -> None:
    """Run every stage of the takes of SESSION (all, or those named) that is not current.

    The rig is calibrated first when there is no calibration yet; a calibration that failed its
    checks stops the run. A killed run continues where it stopped; a second run with nothing
    changed does nothing.
    """
    from mocap.workflow.beside.run import run_beside
    from mocap.workflow.choices import choices
    from mocap.workflow.run import run as run_session

    if one_camera:
        from mocap.workflow.understand.lift import preview

        console.result({"takes": preview(session, takes, choices(**chosen), console)})
        return
    done = run_session(
        session, takes, choices(**chosen), from_stage=from_stage,
        accept_calibration=accept_calibration, progress=console, beside=run_beside,
    )  # fmt: skip
    for take in done.takes:
        if take.name not in done.failures:
            made = [each for each in (take.report_path, take.export_dir) if each.exists()]
            console.line(f"{take.name}: {' and '.join(map(str, made))}")
    if done.nothing_done:
        console.line("Nothing to do: everything is current.")
    console.result(done.document())
    done.require_all()


@click.command()
@session_argument
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Any free one without.")
@click.option("--open/--no-open", "browse", default=True, help="Open the page in the browser.")
def studio(session: Session, port: int, browse: bool) -> None:
    """See, judge and mend the takes of SESSION in one page of this machine's browser.

    The page is served to this machine alone, under an address with a secret part that is printed.
    Ctrl-C ends it; work that was begun is finished first.
    """
    from mocap.workflow.studio.serve import serve

    def told(address: str) -> None:
        click.echo(address)
        if browse:
            click.launch(address)

    serve(session, port=port, told=told)
