"""Which networks there are, and whether their weights are on this machine."""

from __future__ import annotations

from mocap.detect.checkpoints import published
from mocap.detect.known import DETECTORS
from mocap.detect.onnx.card import card_names
from mocap.detect.registry import checkpoint_path, list_models


def list_networks() -> tuple[list[str], dict[str, object]]:
    """Return the networks in lines for people, and as a document."""
    lines: list[str] = []
    documents = {}
    for model in list_models():
        name = model.card.name
        if model.usable:
            state = "here"
        elif model.damaged:
            state = f"damaged ({', '.join(model.damaged)}): mocap models fetch {name}"
        else:
            state = f"not here: mocap models fetch {name}"
        lines.append(f"{name:12s} {model.card.title}; {model.card.licence}; {state}")
        documents[name] = {
            "title": model.card.title,
            "licence": model.card.licence,
            "usable": model.usable,
            "folder": model.folder,
            "missing": model.missing,
            "damaged": model.damaged,
        }
    here = [each.name for each in published() if checkpoint_path(each.name).is_file()]
    named = ", ".join(each.name for each in published() if each.url)
    lines.append(f"checkpoints of hrnet: {named}")
    lines.append(f"  here: {', '.join(here) or 'none'}; mocap models fetch NAME")
    lines.append(f"cards of onnx: {', '.join(card_names())}")
    lines += [f"{each.name:12s} {each.title}" for each in DETECTORS.values() if each.own_weights]
    return lines, {"models": documents, "checkpoints": here, "cards": card_names()}
