"""Put a detector together by name from the weights on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from mocap.core.store import file_hash
from mocap.detect import registry
from mocap.detect.blazepose import FeetFinder
from mocap.detect.cards import load_card
from mocap.detect.detect import Detector
from mocap.detect.known import known_detector
from mocap.detect.movenet import MoveNet
from mocap.detect.runtime import load_network
from mocap.detect.watchdog import watched

_MOST_WORKERS = 8
"""More images at once only fill the memory: decoding the video cannot keep up."""


def default_workers() -> int:
    """Return how many images to look at simultaneously: one a processor this process may use."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(available or 1, _MOST_WORKERS))


def open_detector(
    name: str = "movenet", *, feet: bool = True, weights: Path | None = None, workers: int = 1
) -> Detector:
    """Return a detector of `mocap.detect.known.DETECTORS`, ready to run.

    Args:
        name: in the table.
        feet: also find heels and toes, where the detector does not do so itself.
        weights: checkpoint file, for a detector that wants one of the user's.
        workers: images that will be looked at simultaneously.

    Raises:
        InputError: there is no such detector, or weights are given without or to the wrong one.
        ModelError: weights are missing, damaged or unsafe; says what to run.
    """
    known = known_detector(name, weights)
    with watched():
        return known.open(feet=feet, weights=weights, workers=workers)


def open_movenet(*, feet: bool = True, weights: Path | None = None, workers: int = 1) -> MoveNet:
    """Return MoveNet with fetched weights; it takes no others.

    Raises:
        ModelError: weights are missing or damaged; says what to run.
    """
    return MoveNet(
        multipose=load_network(registry.network_path("movenet", "multipose"), streams=workers),
        thunder=load_network(registry.network_path("movenet", "thunder"), streams=workers),
        feet=_feet_finder(workers) if feet else None,
    )


def weight_hashes(
    name: str = "movenet", *, feet: bool = True, weights: Path | None = None
) -> dict[str, str]:
    """Return SHA-256 of every weight file `open_detector` would use: provenance of its results.

    Raises:
        InputError: as `open_detector`.
        ModelError: as `open_detector`.
    """
    networks = list(known_detector(name, weights).networks)
    if feet:
        networks.append(("blazepose", _feet_network()))
    hashes = {}
    for model, network in networks:
        registry.network_path(model, network)
        for file in load_card(model).network(network).files:
            hashes[file] = load_card(model).sha256[file]
    if weights is not None:
        hashes[weights.name] = file_hash(weights)
    return hashes


def _feet_network() -> str:
    """Return the better landmark network that is on this machine: "heavy", else "full"."""
    status = registry.status("blazepose")
    return "heavy" if status.has(status.card.network("heavy").files) else "full"


def _feet_finder(workers: int) -> FeetFinder:
    path = registry.network_path("blazepose", _feet_network())
    return FeetFinder(load_network(path, streams=workers))
