"""mocap body check|write-npz, and mocap mesh: body files, and the skin of a take."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE, options_of, take_argument
from mocap.workflow.export.choices import MeshChoice

if TYPE_CHECKING:
    from mocap.capture.session import Take


@click.group()
def body() -> None:
    """Check a body file of your own, or write the free body as one."""


@body.command()
@click.argument("file", type=click.Path(path_type=Path))
@json_option
@click.pass_context
def check(ctx: click.Context, file: Path, console: Console) -> None:
    """Say what the SMPL-X FILE holds, what is wrong with it and where to get it."""
    from mocap.body.smplx_file import check_body_file

    report = check_body_file(file)
    console.lines(report.lines())
    found = {"facts": report.facts, "problems": report.problems, "warnings": report.warnings}
    console.result({"file": file, "usable": not report.problems, **found})
    if report.problems:
        ctx.exit(1)


@body.command("write-npz")
@click.option(
    "-o",
    "--output",
    type=FILE,
    default=Path("SMPLX_NEUTRAL.npz"),
    help="File to write; smplx.create wants a name that begins with SMPLX_.",
)
@click.option(
    "--sex",
    type=click.Choice(["neutral", "female", "male"]),
    default="neutral",
    help="Whose mean shape the file has.",
)
@click.option("--force", is_flag=True, help="Replace a file that is there.")
@json_option
def write_npz(output: Path, sex: str, force: bool, console: Console) -> None:
    """Write the free body as an npz file in the SMPL-X format, for other programs."""
    from mocap.body.smplx_file import load_body
    from mocap.body.smplx_write import write_smplx_npz
    from mocap.core.errors import InputError

    if output.exists() and not force:
        raise InputError(f"{output} is there already. Give another --output, or --force.")
    write_smplx_npz(load_body(), output, sex=sex)
    console.line(f"Wrote {output}: the free body ({sex}), CC0, 300 + 100 components")
    console.result({"file": output, "sex": sex})


@click.command()
@take_argument
@click.option(
    "--to",
    "suffix",
    type=click.Choice(["obj", "ply", "glb"]),
    help="Write one mesh a frame in this format.",
)
@click.option("--overlay", is_flag=True, help="Draw the bodies on frames of every camera (PNG).")
@options_of(MeshChoice)
@json_option
def mesh(take: Take, suffix: str | None, overlay: bool, console: Console, **said: Any) -> None:
    """Write the skin of the fitted bodies of TAKE: a mesh a frame, or a sheet of overlays."""
    from mocap.workflow.export.mesh import mesh_bodies, write_meshes, write_overlay

    if suffix is None and not overlay:
        raise click.UsageError("nothing to write: choose --to obj, ply or glb, or --overlay.")
    choice = MeshChoice(**said)
    bodies = mesh_bodies(take, choice)
    written: list[Path] = []
    if suffix is not None:
        written += write_meshes(take, bodies, choice, suffix, console)
    if overlay:
        written.append(write_overlay(take, bodies, choice, console))
    if bodies.model.licence_note:
        console.line(f"Note: {bodies.model.licence_note}")
    console.result({"take": take.name, "files": written, "licence_note": bodies.model.licence_note})
