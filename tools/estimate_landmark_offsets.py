"""Measure where a detector puts its keypoints on the body.

Run `python tools/estimate_landmark_offsets.py`.

Renders several bodies in motions that are not in the sample session, detects and triangulates
them with the exact rig, and compares with the landmarks of the body in the frame of the bone that
carries each. Left and right are pooled: the result is symmetric. Writes the detector's table into
mocap/body/data/detector_offsets.toml, with where it comes from; other tables there are kept.

With --hands it measures the hand network instead: bodies whose fingers move at random, with hands
of 120 px, see `hand_footage`. Hands differ by their bodies more than by the moment, and a shape is
found from many frames: what is written as scatter is that between bodies.

Needs `pip install 'mocap-studio[render]'`, EGL and the weights (`mocap models fetch movenet`,
`mocap models fetch blazepose`, for --hands `mocap models fetch hands`). Takes about ten minutes on
one core, with --hands three.
"""

from __future__ import annotations

import argparse
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from hand_footage import seen_hands, true_landmark

from mocap.body.landmarks import EXACT_SIGMA_M, bind_landmarks
from mocap.body.model import BodyModel, load_free_body
from mocap.core.camera import Calibration
from mocap.core.keypoints import mirrored_name
from mocap.core.points import Points3D, Source
from mocap.core.shapes import Array, FloatArray
from mocap.core.store import write_text
from mocap.detect import registry
from mocap.detect.detect import Detector, detect, join_cameras
from mocap.detect.detectors import open_detector, weight_hashes
from mocap.detect.hands import HandFinder
from mocap.detect.runtime import load_network
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.footage.person_footage import Clothes, person_frames
from mocap.synthetic.motion.motion import MOTIONS, SyntheticMotion
from mocap.synthetic.motion.random_motion import random_motion
from mocap.synthetic.observations import surest_person
from mocap.synthetic.rigs import ring
from mocap.synthetic.scene import Room

TABLE = Path(__file__).parents[1] / "mocap" / "body" / "data" / "detector_offsets.toml"
NAME = "movenet_blazepose"

# The sample session's dance and throw are of another body and drawn with other seeds.
MOTION_NAMES = ("walk", "squat", "arm_raise", "dance", "throw")
# Bodies differ more than moments: rather many of them than many frames of each.
BODIES = 9
SECONDS = 4.0
FRAMES_PER_SECOND = 1.5
SEED = 20260

HANDS_NAME = "mediapipe_hands"
HAND_BODIES, HAND_FRAMES = 12, 8
# Every quarter of a second all joints are somewhere else.
HAND_FRAMES_PER_SECOND = 4.0
# 120 px for the 19 cm of a hand 4 m away.
HAND_FOCAL_PX, HAND_IMAGE = 2526.0, (2526, 1894)

CLOTHES = (
    Clothes(),
    Clothes(shirt=(0.08, 0.30, 0.45), trousers=(0.20, 0.16, 0.10), hair=(0.25, 0.15, 0.07)),
    Clothes(shirt=(0.65, 0.60, 0.15), trousers=(0.04, 0.05, 0.06), skin=(0.35, 0.21, 0.15)),
    Clothes(shirt=(0.10, 0.35, 0.12), trousers=(0.25, 0.25, 0.28), skin=(0.72, 0.52, 0.42)),
)

HEADER = """\
# Where detectors put their keypoints. Written by tools/estimate_landmark_offsets.py.
#
# offset_mm: displacement from the landmark in the frame of the bone that carries it, in the zero
# pose (x left, y up, z front); sigma_mm: what is left per axis after taking it away. Only left
# and middle keypoints are written down: right_* is the mirror image of left_*.
"""


@dataclass(frozen=True, eq=False)
class Samples:
    """Displacements seen, by keypoint of the left side and the middle: (sample, 3) metres."""

    by_keypoint: dict[str, FloatArray]


def main() -> None:
    """Measure the offsets and write them."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=TABLE)
    arguments.add_argument("--bodies", type=int, default=BODIES)
    arguments.add_argument("--hands", action="store_true")
    options = arguments.parse_args()
    if options.hands:
        measure_hands(options.output)
        return
    detector = open_detector("movenet")
    collected: dict[str, list[FloatArray]] = {}
    images = 0
    for body, motion_name, points, motion in footage(detector, options.bodies):
        for keypoint, offsets in displacements(load_free_body(), points, motion).items():
            collected.setdefault(keypoint, []).append(offsets)
        images += 4 * len(motion.transl)
        print(f"body {body}, {motion_name}: {len(motion.transl)} frames", flush=True)
    table = summary({name: np.concatenate(parts) for name, parts in collected.items()})
    provenance = (
        f"{images} images, 4 cameras, 960x720, {options.bodies} bodies of random shape (seed "
        f"{SEED}) on {load_free_body().name}, {', '.join(MOTION_NAMES)}; rendered by "
        "mocap.synthetic"
    )
    write_table(options.output, NAME, table, provenance, weight_hashes("movenet"))


def measure_hands(output: Path) -> None:
    """Measure the offsets of the hand network and write them."""
    finder = HandFinder(load_network(registry.network_path("hands", "full")))
    bodies = []
    for body in range(HAND_BODIES):
        motion = random_motion(
            HAND_FRAMES, HAND_FRAMES_PER_SECOND, seed=SEED + 100 + body, hands=True
        )
        rig = ring(
            4, focal_px=HAND_FOCAL_PX, image_size=HAND_IMAGE, jitter=1.0, seed=SEED + 200 + body
        )
        points = seen_hands(finder, rig, motion, CLOTHES[body % 4], SEED + 300 + body)
        bodies.append(displacements(load_free_body(), points, motion))
        print(f"body {body}: {HAND_FRAMES} frames", flush=True)
    provenance = (
        f"{8 * HAND_BODIES * HAND_FRAMES} crops, 4 cameras, hands of 120 px, {HAND_BODIES} bodies "
        f"of random shape (seed {SEED}) on {load_free_body().name}, random motion with fingers; "
        "rendered by mocap.synthetic"
    )
    weights = weight_hashes("movenet", feet=False, hands=True)
    write_table(
        output,
        HANDS_NAME,
        between_bodies(bodies),
        provenance,
        {name: digest for name, digest in weights.items() if name.startswith("hand_")},
    )


def footage(
    detector: Detector, bodies: int
) -> Iterator[tuple[int, str, Points3D, SyntheticMotion]]:
    """Yield body number, motion name, triangulated points and the true motion."""
    rng = np.random.default_rng(SEED)
    for body in range(bodies):
        betas = rng.normal(0.0, 1.0, load_free_body().shape_count)
        for name in MOTION_NAMES:
            motion = MOTIONS[name](
                SECONDS,
                FRAMES_PER_SECOND,
                seed=int(rng.integers(1000)),
                heading_deg=float(rng.uniform(-180.0, 180.0)),
                betas=betas,
            )
            rig = ring(4, jitter=1.0, seed=int(rng.integers(1000)))
            yield body, name, seen_points(detector, rig, motion, CLOTHES[body % 4]), motion


def seen_points(
    detector: Detector, rig: Calibration, motion: SyntheticMotion, clothes: Clothes
) -> Points3D:
    """Render, detect and triangulate; single images, so nothing is tracked or smoothed."""
    frames: dict[str, list[tuple[int, Array]]] = {name: [] for name in rig.names}
    images = person_frames(
        rig,
        load_free_body(),
        motion.rotations,
        motion.transl,
        motion.betas,
        Room(center_m=(0.0, 0.0)),
        clothes=clothes,
        seed=SEED,
    )
    for frame, camera, image in images:
        frames[camera].append((frame, image))
    found = join_cameras(
        [
            detect(images, detector, camera=camera, fps=FRAMES_PER_SECOND)
            for camera, images in frames.items()
        ]
    )
    return triangulate(surest_person(found), rig)


def displacements(
    model: BodyModel, points: Points3D, motion: SyntheticMotion
) -> dict[str, FloatArray]:
    """Return displacements (sample, 3) by keypoint, right ones mirrored to the left."""
    landmarks = bind_landmarks(model, points.keypoint_names)
    positions, turns = model.forward_kinematics(motion.rotations, motion.betas, motion.transl)
    joints = model.joints(motion.betas)
    found: dict[str, list[FloatArray]] = {}
    for index, name in enumerate(landmarks.names):
        truth = true_landmark(landmarks, index, joints, positions, turns, motion.betas)
        pieces = range(landmarks.start[index], landmarks.start[index + 1])
        carrier = landmarks.joint[max(pieces, key=lambda piece: landmarks.weight[piece])]
        keypoint = landmarks.keypoints[index]
        measured = points.source[:, 0, keypoint] == Source.MEASURED
        off = points.xyz[:, 0, keypoint] - truth
        local = np.einsum("fba,fb->fa", turns[:, carrier], off)[measured]
        if name.startswith("right_"):
            name, local = mirrored_name(name), local * [-1.0, 1.0, 1.0]
        found.setdefault(name, []).append(local)
    return {name: np.concatenate(parts) for name, parts in found.items()}


def summary(samples: dict[str, FloatArray]) -> dict[str, tuple[FloatArray, float, int]]:
    """Return median offset (3,), robust scatter per axis (both mm) and count by keypoint."""
    table = {}
    for name, offsets in samples.items():
        middle = np.median(offsets, axis=0)
        if not name.startswith("left_"):
            middle[0] = 0.0  # in the median plane
        # 1.4826 turns the median absolute deviation into a standard deviation.
        scatter = 1.4826 * float(np.median(np.abs(offsets - middle)))
        table[name] = (1000.0 * middle, 1000.0 * scatter, len(offsets))
    return table


def between_bodies(
    bodies: list[dict[str, FloatArray]],
) -> dict[str, tuple[FloatArray, float, int]]:
    """Return the middle of the bodies' median offsets (3,), the standard deviation per axis of
    those medians (both mm) and the count of samples, by keypoint."""
    table = {}
    for name in bodies[0]:
        medians = np.array([np.median(each[name], axis=0) for each in bodies if len(each[name])])
        middle = np.median(medians, axis=0)
        scatter = max(float(np.sqrt(np.mean((medians - middle) ** 2))), EXACT_SIGMA_M)
        count = sum(len(each[name]) for each in bodies)
        table[name] = (1000.0 * middle, 1000.0 * scatter, count)
    return table


def write_table(
    path: Path,
    name: str,
    table: dict[str, tuple[FloatArray, float, int]],
    provenance: str,
    weights: dict[str, str],
) -> None:
    """Write one detector's table; those of other detectors stay."""
    document = tomllib.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    document[name] = {
        "provenance": provenance,
        "weights": weights,
        "keypoint": {
            keypoint: {
                "offset_mm": [round(float(value), 1) for value in offset],
                "sigma_mm": round(sigma, 1),
                "samples": count,
            }
            for keypoint, (offset, sigma, count) in table.items()
        },
    }
    lines = [HEADER]
    for detector, entry in document.items():
        lines += [f"[{detector}]", f"provenance = {json.dumps(entry['provenance'])}", ""]
        lines += [f"[{detector}.weights]"]
        lines += [f'"{file}" = "{digest}"' for file, digest in entry["weights"].items()]
        lines += ["", f"[{detector}.keypoint]"]
        lines += [
            f"{keypoint} = {{ offset_mm = {values['offset_mm']}, sigma_mm = {values['sigma_mm']}, "
            f"samples = {values['samples']} }}"
            for keypoint, values in entry["keypoint"].items()
        ]
        lines += [""]
    write_text(path, "\n".join(lines))


if __name__ == "__main__":
    main()
