"""What bfloat16 shifts in what the networks read, and what it saves, on crops of a take."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from itertools import islice

import numpy as np
from figures import Figure

from mocap.capture.session import Session
from mocap.capture.video import read_frames
from mocap.core.detections import Detections2D
from mocap.core.shapes import Array, FloatArray
from mocap.core.store import load_artifact
from mocap.detect import registry
from mocap.detect.blazepose import INPUT_SIZE, FeetFinder, body_square
from mocap.detect.movenet import KEYPOINT_MARGIN, MULTIPOSE_LONG_SIDE, THUNDER_SIZE, MoveNet
from mocap.detect.people import Detection, extent
from mocap.detect.precision.brief import BRIEF, BRIEF_LATER, BRIEF_MUCH_LATER, EXACT
from mocap.detect.runtime import Network, brief_numbers_here, load_network

CAMERAS = 2
EVERY_FRAMES = 12
LARGEST_SHIFT_PX = 0.3
"""Of a pixel of the crop a network reads, in the median: a reading scatters by one to two."""


def figures(session: Session) -> list[Figure]:
    """Return shifts (px of the crop, median) and times of the three networks `balanced` uses."""
    if not brief_numbers_here():
        return [Figure("this processor has bfloat16", 0, "")]
    people = list(_people(session))
    found = []
    for name, model, network, precision, read in (
        ("Thunder, body", "movenet", "thunder", BRIEF_LATER, _body),
        ("Thunder wholly in bfloat16", "movenet", "thunder", BRIEF, _body),
        ("BlazePose heavy, feet", "blazepose", "heavy", BRIEF_MUCH_LATER, _feet),
        ("MultiPose, boxes and keypoints", "movenet", "multipose", BRIEF, _searched),
    ):
        path = registry.network_path(model, network)
        exact, exact_ms = _read(load_network(path, precision=EXACT), people, read)
        brief, brief_ms = _read(load_network(path, precision=precision), people, read)
        shift = np.linalg.norm(brief - exact, axis=-1)
        line = LARGEST_SHIFT_PX if precision != BRIEF else None
        found += [
            Figure(f"{name}: shift, median", float(np.nanmedian(shift)), "px", line),
            Figure(f"{name}: shift, p95", float(np.nanpercentile(shift, 95)), "px"),
            Figure(f"{name}: an image, float32", exact_ms, "CPU ms"),
            Figure(f"{name}: an image, bfloat16", brief_ms, "CPU ms"),
        ]
    return found


def _people(session: Session) -> Iterator[tuple[Array, Detection]]:
    """Yield images of all takes and the person found first in each."""
    for take in map(session.take, session.takes()):
        seen = load_artifact(take.artifact("detections"), Detections2D)
        for camera in range(CAMERAS):
            frames = read_frames(take.videos()[seen.camera_names[camera]])
            for index, image in islice(frames, 0, None, EVERY_FRAMES):
                pixels, confidence, box = (
                    np.asarray(each[camera, index, 0], np.float64)
                    for each in (seen.pixels, seen.confidence, seen.boxes)
                )
                if np.isfinite(pixels[:17]).all():
                    yield image, Detection(pixels[:17], confidence[:17], box)


Reading = Callable[[Network, Array, Detection], FloatArray]
"""Reads a person in an image: keypoints (keypoint, 2) in pixels of what the network is given."""


def _body(network: Network, image: Array, person: Detection) -> FloatArray:
    eyes = MoveNet(multipose=network, thunder=network, feet=None)
    seen = eyes.look(image, person, mirrored=False).pixels
    return seen * THUNDER_SIZE / (KEYPOINT_MARGIN * extent(person)[1])


def _feet(network: Network, image: Array, person: Detection) -> FloatArray:
    square = body_square(person)
    side = np.nan if square is None else square[1]
    return FeetFinder(network)(image, person).pixels[17:] * INPUT_SIZE / side


def _searched(network: Network, image: Array, person: Detection) -> FloatArray:
    eyes = MoveNet(multipose=network, thunder=network, feet=None)
    nearest = min(eyes.find(image), key=lambda each: float(np.abs(each.box - person.box).max()))
    return np.asarray(nearest.pixels * MULTIPOSE_LONG_SIDE / max(image.shape))


def _read(
    network: Network, people: Sequence[tuple[Array, Detection]], read: Reading
) -> tuple[FloatArray, float]:
    """Return keypoints (image, keypoint, 2) and CPU milliseconds an image."""
    began = time.process_time()
    found = [read(network, image, person) for image, person in people]
    return np.stack(found), 1000 * (time.process_time() - began) / len(people)
