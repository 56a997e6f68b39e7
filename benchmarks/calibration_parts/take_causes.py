"""Does `mocap doctor SESSION TAKE` name first what is wrong, and nothing where all is well?

Sessions of keypoints with known truth: a walker in circles seen by a detector with habits, rigs of
3 to 8 cameras set up by hand. A fault is put in, the stages are run as far as they go, and the
first sentence must name the part of the chain, the cause, and the camera where there is one.
"""

from __future__ import annotations

import re
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from figures import Figure

from mocap.capture.session import Session
from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D
from mocap.core.errors import MocapError
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray
from mocap.core.transform import rigid
from mocap.synthetic.board_faults import moved_camera
from mocap.synthetic.keypoint_session import TAKE, keypoint_session
from mocap.synthetic.rigs import ring
from mocap.synthetic.walkers import Habits, seen_by, walked_circle
from mocap.workflow.checks.causes import causes_of
from mocap.workflow.choices import choices
from mocap.workflow.progress import Quiet
from mocap.workflow.run import run_takes

STAGES = ("sync", "associate", "triangulate", "smooth")
HEIGHT_M = 1.7
WALK_S, FPS = 6.0, 15.0


@dataclass(frozen=True, eq=False)
class Scene:
    """What a session is made of.

    Attributes:
        rig: what the session believes.
        detections: what the cameras saw.
        seed: of everything.
    """

    rig: Calibration
    detections: Detections2D
    seed: int

    def seen(self, change: Callable[[FloatArray], None]) -> Scene:
        """Return the scene with other pixels."""
        pixels = np.array(self.detections.pixels)
        change(pixels)
        confidence = np.where(np.isfinite(pixels[..., 0]), 0.85, 0.0)
        boxes = np.array(self.detections.boxes)
        boxes[~np.isfinite(pixels[..., 0]).any(axis=-1)] = np.nan
        return replace(
            self,
            detections=replace(self.detections, pixels=pixels, confidence=confidence, boxes=boxes),
        )


def walker(seed: int) -> FloatArray:
    """Return a walker of the known height."""
    return walked_circle(WALK_S, FPS, seed=seed)


def sound(seed: int, least: int = 3, most: int = 8) -> Scene:
    """Return a sound scene of a rig set up by hand."""
    random = np.random.default_rng([seed, 31])
    count = int(random.integers(least, most + 1))
    rig = ring(
        count, radius_m=float(random.uniform(3.6, 4.6)), focal_px=float(random.uniform(1100, 1400)),
        image_size=(1920, 1080), arc_deg=360.0 if count > 3 else 200.0, jitter=1.0, seed=seed,
    )  # fmt: skip
    return Scene(rig, seen_by(rig, walker(seed), Habits(seed=seed), fps=FPS), seed)


def _sides(scene: Scene) -> list[int]:
    names = scene.detections.keypoint_names

    def other(name: str) -> str:
        if name.startswith("left_"):
            return name.replace("left_", "right_", 1)
        return name.replace("right_", "left_", 1)

    return [names.index(other(name)) for name in names]


def _mirrored(scene: Scene) -> Scene:
    def change(p: FloatArray) -> None:
        p[1, ..., 0] = 1919.0 - p[1, ..., 0]
        p[1] = p[1][..., _sides(scene), :]

    return scene.seen(change)


def _upside_down(scene: Scene) -> Scene:
    def change(p: FloatArray) -> None:
        p[1] = (1919.0, 1079.0) - p[1]

    return scene.seen(change)


def _exchanged_sides(scene: Scene) -> Scene:
    def change(p: FloatArray) -> None:
        p[1] = p[1][..., _sides(scene), :]

    return scene.seen(change)


def _late(frames: int, first: int = 0) -> Callable[[Scene], Scene]:
    def change(p: FloatArray) -> None:
        if frames > 0:
            p[1, first + frames :] = p[1, first:-frames].copy()
        else:
            p[1, first:frames] = p[1, first - frames :].copy()

    return lambda scene: scene.seen(change)


def _zoomed(times: float) -> Callable[[Scene], Scene]:
    def change(p: FloatArray) -> None:
        p[1] = (959.5, 539.5) + times * (p[1] - (959.5, 539.5))

    return lambda scene: scene.seen(change)


def _moved(turn_deg: float, shift_mm: float) -> Callable[[Scene], Scene]:
    def make(scene: Scene) -> Scene:
        cameras = list(scene.rig.cameras)
        cameras[1] = moved_camera(cameras[1], turn_deg, shift_mm, scene.seed)
        stands = replace(scene.rig, cameras=tuple(cameras))
        seen = seen_by(stands, walker(scene.seed), Habits(seed=scene.seed), fps=FPS)
        return replace(scene, detections=seen)

    return make


def _swapped(order: tuple[int, ...]) -> Callable[[Scene], Scene]:
    def make(scene: Scene) -> Scene:
        def change(p: FloatArray) -> None:
            p[: len(order)] = p[list(order)]

        return scene.seen(change)

    return make


def _stranger(scene: Scene) -> Scene:
    other = walker(scene.seed + 50) * (-1.0, 1.0, 1.0)
    seen = seen_by(scene.rig, other, Habits(seed=scene.seed + 1), fps=FPS).pixels

    def change(p: FloatArray) -> None:
        p[1] = seen[1]

    return scene.seen(change)


def _unseen(scene: Scene) -> Scene:
    def change(p: FloatArray) -> None:
        p[1, 6:] = np.nan

    return scene.seen(change)


def _nobody(scene: Scene) -> Scene:
    def change(p: FloatArray) -> None:
        p[:, np.arange(p.shape[1]) % 16 > 0] = np.nan

    return scene.seen(change)


def _copied(scene: Scene) -> Scene:
    def change(p: FloatArray) -> None:
        p[2] = p[1]

    return scene.seen(change)


def _world(turn_deg: float, shift_m: tuple[float, float, float], scale: float = 1.0) -> (
    Callable[[Scene], Scene]
):  # fmt: skip
    def make(scene: Scene) -> Scene:
        turn = matrix_from_rotvec(np.deg2rad(turn_deg) * np.array([1.0, 0.0, 0.0]))
        rig = scene.rig.transformed(rigid(turn, np.array(shift_m)), scale)
        return replace(scene, rig=rig)

    return make


def _other_rig(scene: Scene) -> Scene:
    count = len(scene.rig.cameras)
    other = ring(count, radius_m=2.9, focal_px=900.0, image_size=(1920, 1080), heights_m=(0.6, 2.9),
                 jitter=2.0, seed=scene.seed + 77)  # fmt: skip
    turns = [np.linalg.inv(camera.camera_from_world) for camera in other.cameras]
    cameras = tuple(
        replace(camera, camera_from_world=np.linalg.inv(pose))
        for camera, pose in zip(scene.rig.cameras, reversed(turns), strict=True)
    )
    return replace(scene, rig=replace(scene.rig, cameras=cameras))


def _same(scene: Scene) -> Scene:
    return scene


def _no_calibration(session: Session) -> None:
    session.calibration_path.unlink()


def _damaged_calibration(session: Session) -> None:
    session.calibration_path.write_text("[cam_0]\nname = 3\n")


def _other_tracks(session: Session) -> None:
    """The calibration is another one since the points were made."""
    rig = session.calibration()
    text = session.calibration_path.read_text()
    session.calibration_path.write_text(
        text.replace("[metadata]", '[metadata]\nnote = "new"', 1)
        if "[metadata]" in text
        else text + "\n# changed\n"
    )
    del rig


@dataclass(frozen=True)
class Kind:
    """A fault: what it is, how it is made, and what the first sentence must say."""

    name: str
    pattern: str
    make: Callable[[Scene], Scene] = _same
    after: Callable[[Session], None] | None = None


CAM = "'cam2'"
KINDS = (
    Kind("no calibration", r"^calibration: .*has none", after=_no_calibration),
    Kind("damaged calibration", r"^calibration: .*calibration\.toml", after=_damaged_calibration),
    Kind("rig of other cameras", r"^(calibration: .*not of these cameras|names)", _other_rig),
    Kind("turned by 3 degrees", rf"^camera: .*{CAM}.*not where", _moved(3.0, 0.0)),
    Kind("carried by 300 mm", rf"^camera: .*{CAM}.*(not where|away from)", _moved(0.0, 300.0)),
    Kind("two names swapped", r"^names: .*under each other", _swapped((1, 0))),
    Kind("three names in a circle", r"^names: .*under each other", _swapped((1, 2, 0))),
    Kind("mirrored", rf"^camera: .*{CAM} is mirrored", _mirrored),
    Kind("on its head", rf"^camera: .*{CAM} stands on its head", _upside_down),
    Kind("left and right exchanged", rf"^detector: .*{CAM} takes left", _exchanged_sides),
    Kind("400 ms early", rf"^sync: .*{CAM} was started (333|400|467) ms before", _late(6)),
    Kind("a second late", rf"^sync: .*{CAM} was started (933|1000|1067) ms after", _late(-15)),
    Kind("lost frames", rf"^sync: .*{CAM} lost frames", _late(-9, 45)),
    Kind("zoomed by 12 %", rf"^camera: the picture of camera {CAM}", _zoomed(1.12)),
    Kind("cropped to 80 %", rf"^camera: the picture of camera {CAM}", _zoomed(0.8)),
    Kind("somebody else", rf"^videos: .*{CAM} sees somebody else", _stranger),
    Kind("a camera shows nobody", rf"^detector: .*{CAM} shows nobody", _unseen),
    Kind("hardly anybody found", r"^detector: .*anybody is found|^detector", _nobody),
    Kind("one video twice", r"^videos: .*'cam3'.*the same", _copied),
    Kind("squares 12 % too large", r"^calibration: .*too long", _world(0.0, (0, 0, 0), 1.12)),
    Kind("squares 12 % too small", r"^calibration: .*too short", _world(0.0, (0, 0, 0), 0.88)),
    Kind("board on the wall", r"^world: .*tilted", _world(90.0, (0.0, 0.0, 0.0))),
    Kind("world upside down", r"^world: .*upside down", _world(180.0, (0.0, 0.0, 0.0))),
    Kind("floor a metre up", r"^world: feet stand .* below", _world(0.0, (0.0, 0.0, -1.0))),
    Kind("calibrated again since", r"^results: ", after=_other_tracks),
)


def first_sentence(scene: Scene, after: Callable[[Session], None] | None = None) -> str:
    """Return what the doctor says first of a session; "" when nothing is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        session = keypoint_session(
            Path(folder) / "session", scene.rig, scene.detections, height_m=HEIGHT_M
        )
        # What is wrong stops a stage now and then: the doctor is asked because of that.
        with suppress(MocapError):
            run_takes([session.take(TAKE)], choices(to="csv", body="none"), Quiet(), stages=STAGES)
        if after is not None:
            after(session)
        causes = causes_of(session.take(TAKE), Quiet())
        return causes[0].line() if causes else ""


def cause_figures(healthy: int, seeds: int) -> list[Figure]:
    """Return how many faults are named first, and how many sound takes are accused."""
    start, named, accused = time.process_time(), [], 0
    for kind in KINDS:
        for seed in range(seeds):
            said = first_sentence(kind.make(sound(900 + seed, least=4, most=6)), kind.after)
            named.append(re.search(kind.pattern, said) is not None)
            mark = "ok " if named[-1] else "BAD"
            print(f"{mark} {kind.name}, seed {seed}: {said[:140]}", flush=True)
    for seed in range(healthy):
        if said := first_sentence(sound(seed)):
            accused += 1
            print(f"BAD sound take {seed}: {said[:160]}", flush=True)
    print(f"{time.process_time() - start:.0f} CPU s")
    return [
        Figure("kinds of faults in takes", len(KINDS), "", 20, ">="),
        Figure(f"named first, of {len(named)}", 100.0 * float(np.mean(named)), "%", 95.0, ">="),
        Figure(f"sound takes accused, of {healthy}", accused, "", 0),
    ]
