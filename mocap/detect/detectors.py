"""Put a detector together by name from the weights on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from mocap.core.errors import ModelError
from mocap.core.kernels.processors import usable_processors
from mocap.core.store import file_hash
from mocap.detect import registry
from mocap.detect.blazepose import FeetFinder
from mocap.detect.cards import load_card
from mocap.detect.detect import Detector
from mocap.detect.following.follow import Eyes
from mocap.detect.following.pace import THOROUGH, Pace
from mocap.detect.hands import FollowedWithHands, HandFinder, WithHands, names_with_hands
from mocap.detect.known import DETECTORS, OwnNetwork, known_detector
from mocap.detect.movenet import MoveNet
from mocap.detect.precision.brief import BRIEF, BRIEF_LATER, BRIEF_MUCH_LATER, EXACT
from mocap.detect.runtime import brief_numbers_here, load_network
from mocap.detect.watchdog import watched

_HANDS = ("hands", "full")

_VIEWS_A_PROCESSOR = 2


def default_workers() -> int:
    """Return how many images to look at simultaneously: one a processor this process may use."""
    return usable_processors()


def views_at_once(views: int) -> int:
    """Return how many of so many views to follow people in at the same time.

    Two for every processor: now and then a view waits, for the interpreter or for its next image,
    and views of one length end together.
    """
    return max(1, min(views, _VIEWS_A_PROCESSOR * default_workers()))


def open_detector(
    name: str = "movenet",
    *,
    feet: bool = True,
    hands: bool = False,
    weights: Path | None = None,
    workers: int = 1,
    pace: Pace = THOROUGH,
    own: OwnNetwork | None = None,
) -> Detector:
    """Return a detector of `mocap.detect.known.DETECTORS`, ready to run.

    Args:
        name: in the table.
        feet: also find heels and toes, where the detector does not do so itself.
        hands: also find the fingers of hands that are large enough.
        weights: checkpoint file, for a detector that wants one of the user's.
        workers: images that will be looked at simultaneously.
        pace: how thoroughly: decides which network reads heels and toes.
        own: what else describes a network of the user's.

    Raises:
        InputError: there is no such detector, weights are given without or to the wrong one, or
            it finds hands itself.
        ModelError: weights are missing, damaged or unsafe; says what to run.
    """
    known = known_detector(name, weights, own)
    with watched():
        detector = known.open(
            feet=feet, weights=weights, workers=workers, pace=pace, own=own or OwnNetwork()
        )
        if not hands:
            return detector
        names_with_hands(detector.keypoint_names)
        path = registry.network_path(*_HANDS)
        kind = FollowedWithHands if isinstance(detector, Eyes) else WithHands
        return kind(detector, HandFinder(load_network(path, streams=workers)))


def open_movenet(
    *,
    feet: bool = True,
    weights: Path | None = None,
    workers: int = 1,
    pace: Pace = THOROUGH,
) -> MoveNet:
    """Return MoveNet with fetched weights; it takes no others.

    Raises:
        ModelError: weights are missing or damaged; says what to run.
    """
    whole, later = (BRIEF, BRIEF_LATER) if pace.brief_numbers else (EXACT, EXACT)
    multipose, thunder = (registry.network_path("movenet", n) for n in ("multipose", "thunder"))
    return MoveNet(
        multipose=load_network(multipose, streams=workers, precision=whole),
        thunder=load_network(thunder, streams=workers, precision=later),
        feet=feet_finder(workers, pace) if feet else None,
    )


def numbers_of(pace: Pace) -> str:
    """Return in which numbers networks count at a pace on this processor, for the record."""
    return "bfloat16" if pace.brief_numbers and brief_numbers_here() else "float32"


def weight_hashes(
    name: str = "movenet",
    *,
    feet: bool = True,
    hands: bool = False,
    weights: Path | None = None,
    pace: Pace = THOROUGH,
    own: OwnNetwork | None = None,
    here: bool = True,
) -> dict[str, str]:
    """Return SHA-256 of every weight file `open_detector` would use: provenance of its results.

    Not `here`: only of those that are fetched, as this version would fetch them.

    Raises:
        InputError: as `open_detector`.
        ModelError: as `open_detector`.
    """
    networks = _fetched_networks(name, feet, hands, weights, pace, own)
    hashes = {}
    for model, network in networks:
        if here:
            registry.network_path(model, network)
        for file in load_card(model).network(network).files:
            hashes[file] = load_card(model).sha256[file]
    if not here:
        return hashes
    if weights is not None:
        hashes[weights.name] = file_hash(weights)
    if own is not None and own.boxes is not None:
        hashes[own.boxes.name] = file_hash(own.boxes)
    return hashes


def _fetched_networks(
    name: str,
    feet: bool,
    hands: bool,
    weights: Path | None,
    pace: Pace,
    own: OwnNetwork | None,
) -> list[tuple[str, str]]:
    """Return (model, network) of what `open_detector` uses beside files of a person's own."""
    known = known_detector(name, weights, own)
    networks = list(known.networks)
    if known.own_card and own is not None:
        needed = needs_of(own)
        networks += needed.networks
        feet = feet and needed.feet
    whole = known.name == "blazepose"
    feet = feet and "coco_17_feet" in known.keypoint_sets
    if feet or whole:
        # Where it reads the whole body it is not exchanged for the smaller one.
        networks.append(("blazepose", _feet_network(THOROUGH if whole else pace)))
    if hands:
        networks.append(_HANDS)
    return networks


@dataclass(frozen=True)
class Needs:
    """What an ONNX network needs beside its own file.

    Attributes:
        networks: (model, network) of fetched weights that find people for it.
        feet: whether heels and toes may be added.
    """

    networks: tuple[tuple[str, str], ...]
    feet: bool


def needs_of(own: OwnNetwork) -> Needs:
    """Return what an ONNX network needs: those that see the whole image need nothing."""
    from mocap.detect.onnx.card import CROP_HEADS, load_onnx_card

    crops = load_onnx_card(own.card).head in CROP_HEADS
    return Needs(DETECTORS["movenet"].networks if crops and own.boxes is None else (), crops)


def feet_finder(workers: int, pace: Pace = THOROUGH) -> FeetFinder:
    """Return who finds heels and toes.

    Raises:
        ModelError: weights are missing or damaged; says what to run.
    """
    path = registry.network_path("blazepose", _feet_network(pace))
    precision = BRIEF_MUCH_LATER if pace.brief_numbers else EXACT
    return FeetFinder(load_network(path, streams=workers, precision=precision))


def best_here(weights: Path | None = None) -> tuple[str, Path | None]:
    """Return name and weights of the best detector on this machine: what "auto" means.

    A file that is given decides by its ending. Otherwise the fetched HRNet checkpoint of the
    highest published precision, whose people MoveNet finds; else MoveNet; else MultiPose alone.

    Raises:
        ModelError: there are no weights here; says what to run.
    """
    if weights is not None:
        return ("onnx" if weights.suffix.lower() == ".onnx" else "hrnet"), weights
    if not registry.status("movenet").usable:
        if registry.status("multipose").usable:
            return "multipose", None
        raise ModelError(
            "no weights of a detector are on this machine. Run: mocap models fetch movenet"
        )
    checkpoints = registry.fetched_checkpoints()
    return ("hrnet", checkpoints[0]) if checkpoints else ("movenet", None)


def _feet_network(pace: Pace) -> str:
    """Return the landmark network for a pace: "full", or where it is on this machine "heavy"."""
    if not pace.large_feet_network:
        return "full"
    status = registry.status("blazepose")
    return "heavy" if status.has(status.card.network("heavy").files) else "full"
