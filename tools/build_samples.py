"""Render the sample session `samples/studio` and its truth: `python tools/build_samples.py`.

Needs `pip install 'mocap-studio[render]'` and EGL (Debian, Ubuntu: apt install libegl1
libgl1-mesa-dri). Takes a few minutes on one core. The same versions give the same bytes.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import numpy as np

from mocap.body.model import load_free_body
from mocap.capture.boards import load_board
from mocap.capture.session import CONFIG_FILE
from mocap.core.camera import Calibration, Camera
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import Array, FloatArray
from mocap.core.store import write_text
from mocap.core.transform import look_at
from mocap.synthetic.footage.board_footage import board_frames, board_on_floor, waved_board
from mocap.synthetic.footage.encode import VideoWriter
from mocap.synthetic.footage.person_footage import (
    Clothes,
    clothed_meshes,
    mesh_frames,
    together,
)
from mocap.synthetic.motion.motion import MOTIONS, SyntheticMotion, body_keypoints, walk
from mocap.synthetic.sample import SampleTruth, TakeTruth, save_truth
from mocap.synthetic.scene import Room

STUDIO = Path(__file__).parents[1] / "samples" / "studio"
BOARD = load_board("a1_5x7")

# Four cameras, 90 degrees and 4 m from the middle, named as in rigs/four_corner.toml. The front
# pair is high: only from up there can a board on the floor be read by two cameras at once.
CAMERA_POSITIONS_M = {
    "front_left": (2.83, -2.83, 2.2),
    "front_right": (-2.83, -2.83, 2.2),
    "back_right": (-2.83, 2.83, 1.3),
    "back_left": (2.83, 2.83, 1.3),
}
IMAGE_SIZE = (960, 720)
FOCAL_PX = 960.0
LENS = np.array([-0.08, 0.03, 0.0, 0.0, 0.0])
AIM_HEIGHT_M = 0.95
# The board on the floor lies this far in front of the middle of the rig; its first corner is the
# origin of the world.
BOARD_BEFORE_MIDDLE_M = 1.0

# Not the mean body: a body fit that fell back on the mean would look right there.
PERFORMER_BETAS = np.array([0.7, -0.8, 0.6, 0.8, -0.6, 0.5])
# A second person, 17 cm shorter, so that bones tell who is who.
PARTNER_BETAS = np.array([-1.0, 0.5, 0.0, -0.5, 0.5, 0.0])
PARTNER_CLOTHES = Clothes(
    shirt=(0.06, 0.33, 0.14), trousers=(0.36, 0.29, 0.18), hair=(0.30, 0.18, 0.08)
)
# The performer faces half-way between the two front cameras: world -y.
FRONT_DEG = -90.0

CALIBRATION_FPS = 15.0
WAVED_SECONDS = 11.6
ON_FLOOR_SECONDS = 2.4


@dataclass(frozen=True)
class CameraClock:
    """How a camera runs: frame k is taken at (first + k * stride) / rate_hz seconds."""

    rate_hz: Fraction
    first: int = 0
    stride: int = 1

    @property
    def fps(self) -> Fraction:
        """Frames per second."""
        return self.rate_hz / self.stride

    def times_s(self, seconds: float) -> FloatArray:
        """Return when each frame is taken (frame,)."""
        ticks = self.first + np.arange(round(seconds * self.fps)) * self.stride
        return np.asarray(ticks / float(self.rate_hz))


@dataclass(frozen=True)
class TakePlan:
    """A take of the session: a motion by its name, how the cameras run, how long, who."""

    name: str
    motion: str
    fps: int
    seconds: float
    by_hand: Mapping[str, CameraClock] = field(default_factory=dict)
    partner: bool = False

    def clock(self, camera: str) -> CameraClock:
        """Return how a camera runs; all alike unless they were started by hand."""
        return self.by_hand.get(camera, CameraClock(Fraction(self.fps)))


# The dance once more as four people with phones would record it: started one after another, one
# phone at 29.97 frames per second, one at 60. No start is a whole number of frames from another.
BY_HAND = {
    "front_left": CameraClock(Fraction(30), first=15),
    "front_right": CameraClock(Fraction(120), first=149, stride=4),
    "back_right": CameraClock(Fraction(30000, 1001), first=26),
    "back_left": CameraClock(Fraction(60), first=17),
}
TAKES = (
    TakePlan("dance", "dance", 30, 4.0),
    TakePlan("throw", "throw", 60, 2.5),
    TakePlan("dance_by_hand", "dance", 30, 4.4, BY_HAND),
    TakePlan("crossing", "walk", 30, 3.0, partner=True),
)
# They walk to and fro along x and pass each other at arm's length, each left of the other: every
# camera sees one hide the other as they do.
CROSSING_SPEED_M_S = 0.8
CROSSING_ASIDE_M = 0.28

SESSION = """\
rig = "four_corner"
board = "a1_5x7"
notes = "rendered, with known truth: see README.md"

[[subjects]]
name = "free body"
height_m = {height_m:.2f}
hand = "right"

[[subjects]]
name = "partner"
height_m = {partner_height_m:.2f}
"""
TAKE = 'subject = "free body"\n'


def main() -> None:
    """Render what was asked for and write the truth."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--output", type=Path, default=STUDIO, help="session folder")
    arguments.add_argument("--only", help="render this part only: calibration, or a take")
    given = arguments.parse_args()
    output, only = given.output, given.only
    calibration, middle = studio_rig()
    room = Room(center_m=(float(middle[0]), float(middle[1])))
    world_from_board = board_path(calibration, middle)
    if only in (None, "calibration"):
        images = board_frames(calibration, BOARD, world_from_board, room, seed=1)
        clocks = dict.fromkeys(calibration.names, Fraction(round(CALIBRATION_FPS)))
        encode(output / "calibration", clocks, images)
    for seed, plan in enumerate(TAKES, start=2):
        if only in (None, plan.name):
            clocks = {name: plan.clock(name).fps for name in calibration.names}
            encode(output / "takes" / plan.name, clocks, take_images(plan, calibration, room, seed))
    people = {plan.name: take_truth(plan, calibration, room) for plan in TAKES}
    for plan in TAKES:
        if not plan.partner:
            write_text(output / "takes" / plan.name / "take.toml", TAKE)
    performer_m, partner_m = (
        float(np.ptp(load_free_body().rest_vertices(betas)[:, 1]))
        for betas in (PERFORMER_BETAS, PARTNER_BETAS)
    )
    text = SESSION.format(height_m=performer_m, partner_height_m=partner_m)
    write_text(output / CONFIG_FILE, text)
    truth = SampleTruth(
        calibration,
        world_from_board,
        CALIBRATION_FPS,
        takes={name: each[0] for name, each in people.items()},
        others={name: each[1:] for name, each in people.items() if len(each) > 1},
    )
    save_truth(truth, output / "truth.npz")


def perform(plan: TakePlan, fps: float, seconds: float, room: Room) -> list[SyntheticMotion]:
    """Return the motion of everybody in a take, sampled at `fps` from the instant 0."""
    if not plan.partner:
        return [
            MOTIONS[plan.motion](
                seconds, fps, heading_deg=FRONT_DEG, origin_m=room.center_m, betas=PERFORMER_BETAS
            )
        ]
    x, y = room.center_m
    return [
        walk(
            seconds,
            fps,
            seed=seed,
            speed_m_s=CROSSING_SPEED_M_S,
            heading_deg=heading_deg,
            origin_m=(x, y + aside * CROSSING_ASIDE_M),
            betas=betas,
        )
        for seed, heading_deg, aside, betas in (
            (1, 0.0, 1.0, PERFORMER_BETAS),
            (2, 180.0, -1.0, PARTNER_BETAS),
        )
    ]


def take_images(
    plan: TakePlan, calibration: Calibration, room: Room, seed: int
) -> Iterator[tuple[int, str, Array]]:
    """Yield the images of a take; cameras that run alike are drawn frame by frame together."""
    clocks: dict[CameraClock, list[str]] = {}
    for name in calibration.names:
        clocks.setdefault(plan.clock(name), []).append(name)
    for number, (clock, names) in enumerate(clocks.items()):
        times = clock.times_s(plan.seconds)
        # A walk is centred on its length, so it is asked for exactly; the others for a second more.
        seconds = times[-1] + (1.0 / plan.fps if plan.partner else 1.0)
        people = perform(plan, float(clock.rate_hz), seconds, room)
        chosen = np.rint(times * float(clock.rate_hz)).astype(np.int64)
        meshes = (
            clothed_meshes(
                load_free_body(), each.rotations[chosen], each.transl[chosen], each.betas, clothes
            )
            for each, clothes in zip(people, (Clothes(), PARTNER_CLOTHES), strict=False)
        )
        casts = map(together, zip(*meshes, strict=True))
        yield from mesh_frames(calibration.subset(names), casts, room, seed=seed + 100 * number)


def studio_rig() -> tuple[Calibration, FloatArray]:
    """Return the rig and the middle of its ring (3,) on the floor, in the world of the truth."""
    on_floor = board_on_floor((0.0, -BOARD_BEFORE_MIDDLE_M), BOARD)
    middle = -on_floor[:3, 3]
    width, height = IMAGE_SIZE
    matrix = np.array(
        [[FOCAL_PX, 0.0, (width - 1) / 2], [0.0, FOCAL_PX, (height - 1) / 2], [0.0, 0.0, 1.0]]
    )
    aim = middle + np.array([0.0, 0.0, AIM_HEIGHT_M])
    cameras = [
        Camera(name, IMAGE_SIZE, matrix, LENS, look_at(middle + np.array(position), aim))
        for name, position in CAMERA_POSITIONS_M.items()
    ]
    return Calibration(tuple(cameras)), middle


def board_path(calibration: Calibration, middle: FloatArray) -> FloatArray:
    """Return world_from_board (frame, 4, 4): waved, then still on the floor at the origin."""
    waved = waved_board(calibration, BOARD, round(WAVED_SECONDS * CALIBRATION_FPS))
    on_floor = board_on_floor((middle[0], middle[1] - BOARD_BEFORE_MIDDLE_M), BOARD)
    still = np.tile(on_floor, (round(ON_FLOOR_SECONDS * CALIBRATION_FPS), 1, 1))
    return np.concatenate([waved, still])


def take_truth(plan: TakePlan, calibration: Calibration, room: Room) -> tuple[TakeTruth, ...]:
    """Return where everybody's keypoints and joints are, until the last camera stops."""
    clocks = [plan.clock(name) for name in calibration.names]
    last_s = max(clock.times_s(plan.seconds)[-1] for clock in clocks)
    return tuple(
        TakeTruth(
            fps=plan.fps,
            keypoint_names=COCO_17_FEET.keypoint_names,
            xyz=body_keypoints(performed, COCO_17_FEET),
            skeleton=performed.skeleton,
            betas=performed.betas,
            camera_fps=np.array([float(clock.fps) for clock in clocks]),
            start_s=np.array([clock.times_s(plan.seconds)[0] for clock in clocks]),
        )
        for performed in perform(plan, plan.fps, last_s + 1.0 / plan.fps, room)
    )


def encode(
    folder: Path, fps: Mapping[str, Fraction], images: Iterable[tuple[int, str, Array]]
) -> None:
    """Write one video per camera, `fps` by its name, and say how large they became."""
    folder.mkdir(parents=True, exist_ok=True)
    started, count = time.perf_counter(), 0
    paths = {name: folder / f"{name}.mp4" for name in fps}
    with ExitStack() as stack:
        writers = {
            name: stack.enter_context(VideoWriter(path, IMAGE_SIZE, float(fps[name])))
            for name, path in paths.items()
        }
        for _, camera, image in images:
            writers[camera].write(image)
            count += 1
    size_mb = sum(path.stat().st_size for path in paths.values()) / 1e6
    seconds = time.perf_counter() - started
    print(f"{folder}: {count} images in {seconds:.0f} s, {size_mb:.2f} MB")


if __name__ == "__main__":
    main()
