"""Put a detector together by name from the weights on this machine."""

from __future__ import annotations

import os
from pathlib import Path

from mocap.core.errors import InputError
from mocap.core.store import file_hash
from mocap.detect import registry
from mocap.detect.blazepose import FeetFinder
from mocap.detect.cards import load_card
from mocap.detect.detect import Detector
from mocap.detect.movenet import MoveNet
from mocap.detect.runtime import load_network
from mocap.detect.watchdog import watched

DETECTOR_NAMES = ("movenet", "hrnet")

_MOST_WORKERS = 8
"""More images at once only fill the memory: decoding the video cannot keep up."""


def default_workers() -> int:
    """Return how many images to look at simultaneously: one a processor this process may use."""
    available = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return max(1, min(available or 1, _MOST_WORKERS))


def open_detector(
    name: str = "movenet", *, feet: bool = True, weights: Path | None = None, workers: int = 1
) -> Detector:
    """Return a detector, ready to run.

    Args:
        name: "movenet", or "hrnet" (with the user's own weights; people are found by MoveNet).
        feet: also find heels and toes, where the detector does not do so itself.
        weights: checkpoint file for "hrnet".
        workers: images that will be looked at simultaneously.

    Raises:
        InputError: there is no such detector, or weights are given without or to the wrong one.
        ModelError: weights are missing, damaged or unsafe; says what to run.
    """
    _check_options(name, weights)
    with watched():
        return _opened(feet, weights, workers)


def _opened(feet: bool, weights: Path | None, workers: int) -> Detector:
    movenet = MoveNet(
        multipose=load_network(registry.network_path("movenet", "multipose"), streams=workers),
        thunder=load_network(registry.network_path("movenet", "thunder"), streams=workers),
        feet=_feet_finder(workers) if feet else None,
    )
    if weights is None:
        return movenet
    from mocap.detect.hrnet.detector import open_hrnet  # brings torch

    return open_hrnet(weights, movenet, workers=workers)


def weight_hashes(
    name: str = "movenet", *, feet: bool = True, weights: Path | None = None
) -> dict[str, str]:
    """Return SHA-256 of every weight file `open_detector` would use: provenance of its results.

    Raises:
        InputError: as `open_detector`.
        ModelError: as `open_detector`.
    """
    _check_options(name, weights)
    networks = [("movenet", "multipose"), ("movenet", "thunder")]
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


def _check_options(name: str, weights: Path | None) -> None:
    if name not in DETECTOR_NAMES:
        raise InputError(f"there is no detector {name!r}; known are {', '.join(DETECTOR_NAMES)}.")
    if name == "hrnet" and weights is None:
        raise InputError("detector 'hrnet' needs a checkpoint file: give it with --weights.")
    if name != "hrnet" and weights is not None:
        raise InputError(f"detector {name!r} has its own weights; --weights is for 'hrnet'.")
    if weights is not None and not weights.is_file():
        raise InputError(f"the weights file {weights} does not exist.")


def _feet_network() -> str:
    """Return the better landmark network that is on this machine: "heavy", else "full"."""
    status = registry.status("blazepose")
    return "heavy" if status.has(status.card.network("heavy").files) else "full"


def _feet_finder(workers: int) -> FeetFinder:
    path = registry.network_path("blazepose", _feet_network())
    return FeetFinder(load_network(path, streams=workers))
