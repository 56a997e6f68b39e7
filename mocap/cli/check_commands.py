"""mocap check, doctor, why: has a camera moved, what is wrong, how did a file come about?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE, SESSION, session_argument, takes_argument

if TYPE_CHECKING:
    from mocap.capture.session import Session


@click.command()
@session_argument
@takes_argument
@click.option("--fix", is_flag=True, help="Turn cameras that only turned, in the calibration.")
@json_option
def check(session: Session, takes: tuple[str, ...], fix: bool, console: Console) -> None:
    """Tell whether a camera of SESSION has moved since its calibration, or within a take.

    Compares what stands still behind the people with the calibration videos; exits with 1 when a
    camera has moved. --fix keeps the calibration before: `mocap calibration restore` undoes it.
    """
    from mocap.workflow.checks.moved import check_take_cameras, figures, mend
    from mocap.workflow.run import chosen_takes

    checks = [check_take_cameras(take, console) for take in chosen_takes(session, takes)]
    for found in checks:
        console.finished(f"take {found.take}", found.lines())
    moved = any(each.moved for found in checks for each in found.cameras)
    kept = None
    if fix and moved:
        kept, summary = mend(session, checks)
        console.line(f"Wrote {session.calibration_path}: {summary}; the one before is {kept}")
        console.line(f"Run the takes again: mocap run {session.root}")
    console.result({"moved": moved, "kept": kept, **figures(checks)})
    if moved and not fix:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("session", type=SESSION, required=False)
@click.argument("take", required=False)
@click.option("--warm", is_flag=True, help="Compile the numerical kernels now, not in a first run.")
@json_option
def doctor(session: Session | None, take: str | None, warm: bool, console: Console) -> None:
    """Check this machine; or tell what is wrong with TAKE of SESSION, the cause first."""
    from mocap.workflow.checks.doctor import look_at_machine, look_at_take

    if session is None or take is None:
        if session is not None:
            raise click.UsageError(f"which take? Choose of: {', '.join(session.takes())}")
        document, lines, ok = look_at_machine(warm)
    else:
        document, lines, ok = look_at_take(session.take(take), console)
    console.lines(lines)
    console.result(document)
    if not ok:
        raise click.exceptions.Exit(1)


@click.command()
@click.argument("file", type=FILE)
@json_option
def why(file: Path, console: Console) -> None:
    """Tell what made FILE of a session, from what and with which options, back to the videos."""
    from mocap.workflow.checks.why import why as told

    lines = told(file)
    console.lines(lines)
    console.result({"file": file, "why": lines})
