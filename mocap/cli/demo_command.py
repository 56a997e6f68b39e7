"""mocap demo: run the sample session and compare the results with what was drawn."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FOLDER, options_of
from mocap.detect.known import OwnNetwork
from mocap.workflow.choices import DetectorChoice

# Something to open for everybody: animators, scientists, scripts.
DEMO_FORMATS = "bvh,fbx,glb,trc,csv"


@click.command()
@click.argument("folder", type=FOLDER, default=Path("mocap_demo"))
@options_of(DetectorChoice, OwnNetwork)
@json_option
def demo(folder: Path, console: Console, **chosen: Any) -> None:
    """Copy the sample session to FOLDER (mocap_demo), run everything, compare with the truth.

    Run again, it continues where it stopped.
    """
    from mocap.workflow.beside.run import run_beside
    from mocap.workflow.choices import choices
    from mocap.workflow.run import document, run
    from mocap.workflow.sample.demonstration import copy_sample, session_figures

    session = copy_sample(folder)
    settings = choices(**chosen, to=DEMO_FORMATS, one_file=True)
    done = run(session, (), settings, progress=console, beside=run_beside)
    outcomes = {name: document(each) for name, each in done.outcomes.items()}
    console.line("")
    figures = session_figures(session)
    console.table(
        ("against the truth", "value", "unit"),
        [(figure.name, f"{figure.value:.2f}", figure.unit) for figure in figures],
    )
    console.line("")
    for take in done.takes:
        console.line(f"{take.name}: report {take.report_path}")
        for path in sorted(take.export_dir.glob(f"{take.name}*")):
            console.line(f"{take.name}: {path}")
    told = [figure.__dict__ for figure in figures]
    console.result({"session": session.root, "takes": outcomes, "figures": told})
