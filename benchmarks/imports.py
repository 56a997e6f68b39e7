"""Keypoints of other tools and networks of other makers, with the lines they must hold.

A real take from another detector's JSON files alone, compared with what we make of its videos
(needs MOCAP_REAL_DATA, see `real_footage.py`); every format written and read back, damaged and
unknown; every card of ONNX networks run on a small network that really looks.

    python benchmarks/imports.py [--check] [--only real|formats|networks] [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from figures import Figure, exit_code, print_figures
from real_footage import BODY, REFERENCE_NAMES, command, read_reference

import mocap
from mocap.core.errors import MocapError
from mocap.core.keypoints import COCO_17, KEYPOINT_SETS
from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, FloatArray
from mocap.core.store import load_artifact
from mocap.detect.imported.cameras import CameraFiles, camera_files
from mocap.detect.imported.detections import CameraFrame, detections_of
from mocap.detect.imported.read import read_camera
from mocap.detect.onnx.boxes import BoxFinder
from mocap.detect.onnx.card import BOX_HEADS, CROP_HEADS, card_names, load_onnx_card
from mocap.detect.onnx.crop_reader import CropReader
from mocap.detect.onnx.inputs import open_network
from mocap.detect.onnx.whole_image import WholeImage
from mocap.detect.people import Detection
from mocap.synthetic.keypoint_files import WRITERS
from mocap.synthetic.motion.random_motion import random_motion, true_points
from mocap.synthetic.onnx_networks import STRIDE, dotted_image, write_network
from mocap.synthetic.rigs import ring

SAME_PERSON_M = 0.3
"""The bystander stands metres away from the man."""

FRAMES, FPS = 6, 30.0


def real_figures(keep: Path | None = None) -> list[Figure]:
    """Return the figures of the real take, from files and from videos; `keep` holds the session."""
    data = os.environ.get("MOCAP_REAL_DATA")
    if not data:
        print("MOCAP_REAL_DATA is not set: the real take is left out")
        return []
    source = Path(data) / "pose2sim_single"
    with tempfile.TemporaryDirectory() as name:
        session = (keep or Path(name)) / "balancing"
        if not session.exists():
            command("new", session, "--rig", "four_corner", "--board", "a3_7x10")
            command("calibration", "import", session, source / "calibration" / "Calib.qca.txt")
            command("detections", "import", session, "files",
                    source / "reference" / "body25b_json", "--fps", "60")  # fmt: skip
            (session / "takes" / "videos").mkdir()
            for video in sorted((source / "videos").glob("*.mp4")):
                shutil.copy(video, session / "takes" / "videos" / video.name)
        both = []
        for take in ("files", "videos"):
            command("run", session, take, "--body", "none", "--to", "csv", "--person", "main")
            opened = mocap.Session.open(session).take(take)
            both.append(load_artifact(opened.artifact("smoothed"), Points3D))
    files, videos = both
    trc = source / "reference" / "trc" / "S00_P00_T01_BalancingTrial_0-100.trc"
    reference = read_reference(trc)
    there = tracked(files, reference)
    apart = 1000.0 * distances(files, videos)
    return [
        Figure("man tracked from JSON files alone", float(there.sum()), "frames", 98, ">="),
        Figure("of", float(len(there)), "frames"),
        Figure("to our result from the videos, median", float(np.nanmedian(apart)), "mm", 40),
        Figure("to our result from the videos, p95", float(np.nanpercentile(apart, 95)), "mm"),
    ]


def body_of(points: Points3D) -> FloatArray:
    """Return the joints of the main person (frame, joint, 3); NaN where not measured."""
    columns = [points.keypoint_names.index(name) for name in BODY]
    seen = (points.source[:, 0] == Source.MEASURED)[:, columns]
    return np.where(seen[..., None], points.xyz[:, 0][:, columns], np.nan)


def tracked(points: Points3D, reference: dict[str, FloatArray]) -> Array:
    """Return whether the man of the reference is there, frame by frame: half of his joints."""
    mine = body_of(points)
    count = len(next(iter(reference.values())))
    theirs = np.stack([reference[REFERENCE_NAMES[name]] for name in BODY], axis=1)
    near = np.linalg.norm(mine[:count] - theirs[: len(mine)], axis=-1) < SAME_PERSON_M
    return np.pad(near.sum(axis=1) * 2 >= len(BODY), (0, max(count - len(mine), 0)))


def distances(one: Points3D, other: Points3D) -> FloatArray:
    """Return how far joints of two results are apart, metres (frame, joint)."""
    first, second = body_of(one), body_of(other)
    count = min(len(first), len(second))
    return np.asarray(np.linalg.norm(first[:count] - second[:count], axis=-1))


def people_of(layout: str) -> dict[str, FloatArray]:
    """Return two people (frame, person, keypoint, 3) in each of three cameras."""
    names = KEYPOINT_SETS[layout].keypoint_names
    first = true_points(random_motion(FRAMES, FPS, seed=3), names)
    xyz = np.stack([first, first + np.array([0.5, -0.4, 0.0])], axis=1)
    sure = np.full((*xyz.shape[:3], 1), 0.75)
    return {
        camera.name: np.concatenate([camera.project(xyz), sure], axis=-1)
        for camera in ring(3).cameras
    }


def format_figures() -> list[Figure]:
    """Return the figures of every format: read back, damaged, unknown."""
    figures, damaged, sentences = [], 0, 0
    for name, (write, layout) in WRITERS.items():
        wanted = people_of(layout)
        with tempfile.TemporaryDirectory() as folder:
            root = Path(folder)
            for camera, people in wanted.items():
                write(root, camera, people, KEYPOINT_SETS[layout], ring(3)[camera].image_size)
            figures.append(Figure(f"{name} as {layout}, read back", read_back(root, wanted), "px",
                                  0.002))  # fmt: skip
            for path in sorted(each for each in root.rglob("*") if each.is_file())[:3]:
                content = path.read_bytes()
                for kept in (0.0, 0.3, 0.8):
                    path.write_bytes(content[: int(kept * len(content))])
                    damaged += 1
                    sentences += one_sentence(path)
                path.write_bytes(content)
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("left.json", '{"joints": [1]}'), ("left.csv", "a,b\n1,2\n"),
                           ("left.h5", "text")):  # fmt: skip
            path = Path(folder) / name
            path.write_text(text)
            damaged += 1
            sentences += one_sentence(path)
    figures.append(Figure("damaged and unknown files", float(damaged), "files"))
    figures.append(Figure("of them ending in anything but one sentence",
                          float(damaged - sentences), "files", 0))  # fmt: skip
    return figures


def read_back(root: Path, wanted: dict[str, FloatArray]) -> float:
    """Return the largest difference of what was written and read, pixels."""
    files, _ = camera_files(root, tuple(wanted), {})
    found = detections_of(
        {camera: read_camera(files[camera]) for camera in wanted},
        {camera: CameraFrame(ring(3)[camera].image_size) for camera in wanted},
        FPS,
    ).detections
    errors = [
        np.abs(found.pixels[index][:, : people.shape[1]]
               - people[:, : found.pixels.shape[2], :, :2]).max()
        for index, people in enumerate(wanted.values())
    ]  # fmt: skip
    return float(max(errors))


def one_sentence(path: Path) -> bool:
    """Tell whether reading ends in one sentence; a table cut at a line's end may be read."""
    try:
        read_camera(CameraFiles({}, path))
    except MocapError as error:
        return "\n" not in str(error)
    except Exception as error:
        print(f"uncaught: {type(error).__name__}: {error}")
        return False
    return True


def network_figures() -> list[Figure]:
    """Return the figures of every card, in cells of its network's maps."""
    xyz = true_points(random_motion(1, FPS, seed=8), COCO_17.keypoint_names)[0]
    flat = np.column_stack([xyz[:, 0] + 0.4 * xyz[:, 1], -xyz[:, 2]])
    flat = (flat - flat.min(axis=0)) / np.ptp(flat, axis=0)
    order = np.argsort(np.argsort(flat[:, 1])) / len(flat)
    at = np.rint(np.array([96, 80]) + np.array([288, 240]) * np.column_stack([flat[:, 0], order]))
    figures = []
    for name in card_names():
        card = load_onnx_card(name)
        if card.head == "part_fields":
            continue  # its fields are constants: see tests/test_detect_onnx.py
        figures.append(Figure(f"card {name}, farthest keypoint or corner", farthest(name, at),
                              "cells", 1.0))  # fmt: skip
    return figures


def farthest(name: str, at: FloatArray) -> float:
    """Return how far the worst point of a card's network is off, in cells of its maps."""
    card, image = load_onnx_card(name), dotted_image((480, 400), at)
    size = (192, 256) if card.head in CROP_HEADS else (320, 320)
    box = np.concatenate([at.min(axis=0), at.max(axis=0)])
    with tempfile.TemporaryDirectory() as folder:
        path = write_network(
            Path(folder) / "small.onnx", name if card.head == "boxes" else card.head, size, 17,
            divide_by=card.image.divide_by, mean=card.image.mean, deviation=card.image.deviation,
            bgr=card.image.colour == "bgr", unbiased=card.decode.refine == "udp",
        )  # fmt: skip
        network = open_network(path, card, 1)
    if card.head in CROP_HEADS:
        cell = STRIDE * float(((box[2:] - box[:2]) / size).max()) * card.decode.box_margin
        guess = Detection(np.full((17, 2), np.nan), np.zeros(17), box)
        found = CropReader(network, COCO_17).look(image, guess, mirrored=False).pixels
        return float(np.linalg.norm(found - at, axis=1).max()) / cell
    cell = STRIDE * 480 / 320
    if card.head in BOX_HEADS:
        return float(np.abs(BoxFinder(network).find(image)[0].box - box).max()) / cell
    found = WholeImage(network, COCO_17)(image)[0].pixels
    return float(np.linalg.norm(found - at, axis=1).max()) / cell


PARTS: dict[str, tuple[str, Callable[[], list[Figure]]]] = {
    "formats": ("Keypoints of other tools", format_figures),
    "networks": ("ONNX networks that find dots, by their cards", network_figures),
    "real": ("A real take from another detector's files", real_figures),
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every figure and return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--only", choices=sorted(PARTS), action="append", help="parts to run")
    parser.add_argument("--keep", type=Path, help="folder of the session of the real take")
    options = parser.parse_args(arguments)
    found: list[Figure] = []
    for name, (title, measure) in PARTS.items():
        if not options.only or name in options.only:
            figures = real_figures(options.keep) if name == "real" else measure()
            print_figures(title, figures)
            found += figures
    return exit_code(found, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
