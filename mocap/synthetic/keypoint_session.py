"""Sessions whose takes are keypoints with known truth: no videos, written in a second."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mocap.capture.keypoints_only import FPS, FRAMES, IMAGES
from mocap.capture.session import Session
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D
from mocap.core.keypoints import COCO_17_FEET, KeypointSet
from mocap.core.shapes import FloatArray
from mocap.core.store import Provenance, save_artifact, write_text
from mocap.synthetic.motion.gait import walk
from mocap.synthetic.motion.motion import body_keypoints
from mocap.synthetic.observations import observe_people
from mocap.synthetic.rigs import laboratory

TAKE = "walk"

_FPS = 60.0
_WAY_FRAMES = 150
_DIFFERENT_FRAMES = 24 * (2 * _WAY_FRAMES - 2)


def keypoint_session(
    folder: Path,
    rig: Calibration,
    detections: Detections2D,
    *,
    height_m: float | None = None,
    sync: str = "genlock",
) -> Session:
    """Write a session with a calibration and one take of keypoints, `TAKE`; return it.

    Args:
        folder: an empty or missing folder.
        rig: what the session believes its cameras are.
        detections: what they saw.
        height_m: of the only subject, where it is known.
        sync: what the rig says of its clocks: "genlock", or "none" for a start by hand.
    """
    known = "" if height_m is None else f'\n[[subjects]]\nname = "walker"\nheight_m = {height_m}\n'
    folder.mkdir(parents=True, exist_ok=True)
    cameras = "".join(f'[[cameras]]\nname = "{camera.name}"\n' for camera in rig.cameras)
    write_text(folder / "rig.toml", f'sync = "{sync}"\n' + cameras)
    write_text(folder / "session.toml", 'rig = "rig.toml"\nboard = "a1_5x7"\n' + known)
    session = Session.open(folder)
    save_calibration(rig, session.calibration_path)
    add_keypoint_take(session, TAKE, detections)
    return session


def add_keypoint_take(session: Session, name: str, detections: Detections2D) -> None:
    """Add a take of keypoints to a session whose calibration has the cameras that saw them."""
    rig = session.calibration()
    take = session.root / "takes" / name
    take.mkdir(parents=True)
    sizes = {camera: list(rig[camera].image_size) for camera in detections.camera_names}
    told = {IMAGES: sizes, FRAMES: int(detections.pixels.shape[1]), FPS: detections.fps}
    save_artifact(
        detections, take / "detections.npz", Provenance("import", "synthetic", notes=told)
    )


def walking_session(
    folder: Path,
    takes: int,
    *,
    frames: int = 60,
    cameras: int = 8,
    height_m: float = 1.78,
    keypoint_set: KeypointSet = COCO_17_FEET,
) -> Session:
    """Write a session of takes in each of which one subject walks another way; return it.

    Takes are called walk_01 and so on; cameras see them at 60 frames per second, 1 px off. After
    some seconds the way is walked back, and so on; after a minute all begins anew.
    """
    rig = laboratory(seed=1, count=cameras)
    for number in range(takes):
        xyz = walking_points(min(frames, _DIFFERENT_FRAMES), keypoint_set, seed=number + 1)[:, None]
        names = keypoint_set.keypoint_names
        seen = observe_people(rig, xyz, names, fps=_FPS, noise_px=1.0, seed=number)
        if frames > _DIFFERENT_FRAMES:
            seen = _repeated(seen, frames)
        if number == 0:
            session = keypoint_session(folder, rig, seen, height_m=height_m)
            (folder / "takes" / TAKE).rename(folder / "takes" / "walk_01")
        else:
            add_keypoint_take(session, f"walk_{number + 1:02d}", seen)
    return Session.open(folder)


def walking_points(frames: int, keypoint_set: KeypointSet, *, seed: int = 1) -> FloatArray:
    """Return the keypoints (frame, keypoint, 3) of one who walks there and back, metres, 60 fps."""
    motion = walk(min(frames, _WAY_FRAMES) / _FPS, _FPS, seed=seed)
    way = _with_all(body_keypoints(motion), keypoint_set)
    again = np.concatenate([way, way[-2:0:-1]])
    return np.asarray(again[np.arange(frames) % len(again)])


def _with_all(xyz: FloatArray, keypoint_set: KeypointSet) -> FloatArray:
    """Return the keypoints of a set (frame, keypoint, 3) by those of COCO and the feet.

    What these have not (fingers, points of the face) lies some centimetres beside wrist or nose:
    such a take is as large as a real one, and nobody asks where its fingers are.
    """
    known, out = COCO_17_FEET.keypoint_names, []
    rng = np.random.default_rng(4)
    for name in keypoint_set.keypoint_names:
        near = rng.normal(0.0, 0.02, 3)
        if name in known:
            out.append(xyz[:, known.index(name)])
        elif name in ("mid_hip", "neck"):
            joint = "hip" if name == "mid_hip" else "shoulder"
            sides = [xyz[:, known.index(f"{side}_{joint}")] for side in ("left", "right")]
            out.append(0.5 * (sides[0] + sides[1]))
        else:
            side = name.partition("_")[0]
            fingers = ("hand", "thumb", "index", "middle", "ring", "pinky")
            of_hand = side in ("left", "right") and any(word in name for word in fingers)
            out.append(xyz[:, known.index(f"{side}_wrist" if of_hand else "nose")] + near)
    return np.stack(out, axis=1)


def _repeated(seen: Detections2D, frames: int) -> Detections2D:
    """Return a long take, in single precision as detectors keep what they find."""
    at = np.arange(frames) % _DIFFERENT_FRAMES
    pixels, confidence, boxes = (
        each.astype(np.float32)[:, at] for each in (seen.pixels, seen.confidence, seen.boxes)
    )
    return Detections2D(seen.camera_names, seen.keypoint_names, seen.fps, pixels, confidence, boxes)
