"""The truth of a rendered session: the rig, the board and the people exactly as they were drawn.

The world is the one in which the footage was drawn: its origin is the first corner of the board
that lies on the floor, x along the board's columns, z up.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from mocap.core.camera import Calibration, Camera
from mocap.core.errors import InputError
from mocap.core.files.npz import read_npz
from mocap.core.files.reading import reading
from mocap.core.motion import SkeletonMotion
from mocap.core.shapes import Array, FloatArray, check_shapes, check_unique
from mocap.core.store import atomic_write

SCHEMA_VERSION = 1


@dataclass(frozen=True, eq=False)
class TakeTruth:
    """Where a person really was.

    Attributes:
        fps: frames per second of the videos.
        keypoint_names: COCO 17 and feet.
        xyz: (frame, keypoint, 3) metres: limb keypoints are the joint centres of the body, those
            of the face and the feet are points on its skin (inside the shoe).
        skeleton: the motion the body was posed with; its joints are the body's joint centres.
        betas: (shape,) of the free body.
        camera_fps: (camera,) frames per second of each camera's video.
        start_s: (camera,) when each camera took its first frame, on the clock of the truth, whose
            frame 0 is the instant 0.
    """

    fps: float
    keypoint_names: tuple[str, ...]
    xyz: FloatArray
    skeleton: SkeletonMotion
    betas: FloatArray
    camera_fps: FloatArray
    start_s: FloatArray

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(
            self,
            keypoint_names="keypoint",
            xyz="frame keypoint 3",
            betas="shape",
            camera_fps="camera",
            start_s="camera",
        )
        check_unique(self, "keypoint_names", self.keypoint_names)

    @property
    def joint_names(self) -> tuple[str, ...]:
        """Names of the body's joints."""
        return self.skeleton.joint_names

    def from_frame(self, first: int) -> TakeTruth:
        """Return the truth from a frame on; the clock begins there."""
        skeleton = replace(
            self.skeleton,
            local_rotations_wxyz=self.skeleton.local_rotations_wxyz[first:],
            root_positions=self.skeleton.root_positions[first:],
        )
        start = self.start_s - first / self.fps
        return replace(self, xyz=self.xyz[first:], skeleton=skeleton, start_s=start)

    def joints(self) -> FloatArray:
        """Return the joint centres (frame, joint, 3) in metres."""
        return self.skeleton.forward_kinematics()[0]


@dataclass(frozen=True, eq=False)
class SampleTruth:
    """Everything that was known when a session was rendered.

    Attributes:
        calibration: the rig.
        world_from_board: (frame, 4, 4) the board in the calibration videos.
        calibration_fps: frames per second of the calibration videos.
        takes: by name, the first person of each.
        others: by name, further people of takes with several.
    """

    calibration: Calibration
    world_from_board: FloatArray
    calibration_fps: float
    takes: Mapping[str, TakeTruth]
    others: Mapping[str, tuple[TakeTruth, ...]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, world_from_board="frame 4 4")

    def people(self, take: str) -> tuple[TakeTruth, ...]:
        """Return everybody in a take."""
        return (self.takes[take], *self.others.get(take, ()))


def save_truth(truth: SampleTruth, path: Path) -> None:
    """Write the truth as one `.npz`."""
    cameras = truth.calibration.cameras
    values: dict[str, Any] = {
        "schema_version": SCHEMA_VERSION,
        "camera_names": truth.calibration.names,
        "camera_sizes": [camera.image_size for camera in cameras],
        "camera_vectors": truth.calibration.vectors(),
        "world_from_board": truth.world_from_board,
        "calibration_fps": truth.calibration_fps,
        "take_names": tuple(truth.takes),
    }
    for name in truth.takes:
        for number, person in enumerate(truth.people(name)):
            values |= _stored(person, _key(name, number))
    with atomic_write(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, **values)


def _key(take: str, number: int) -> str:
    """Return under what the people of a take are stored: the first by its name alone."""
    return take if number == 0 else f"{take}/person{number}"


def _stored(take: TakeTruth, key: str) -> dict[str, object]:
    values: dict[str, object] = {
        f"{key}/{name}": getattr(take, name)
        for name in ("fps", "keypoint_names", "xyz", "betas", "camera_fps", "start_s")
    }
    for each in fields(SkeletonMotion):
        values[f"{key}/skeleton/{each.name}"] = getattr(take.skeleton, each.name)
    return values


def load_truth(path: Path | str) -> SampleTruth:
    """Load the truth of a rendered session from `truth.npz` or from the folder that holds it.

    Raises:
        InputError: the file does not exist or was written by a newer version.
    """
    path = Path(path)
    path = path / "truth.npz" if path.is_dir() else path
    if not path.is_file():
        raise InputError(f"there is no {path}: this session was not rendered with known truth.")
    with reading(path, "the truth of a rendered session", "Copy the sample session again."):
        values = read_npz(path)
        version = int(values["schema_version"].item())
        if version > SCHEMA_VERSION:
            raise InputError(
                f"{path} has schema version {version}; this program knows up to {SCHEMA_VERSION}. "
                "Update mocap-studio."
            )
        return _truth(values)


def _truth(values: Mapping[str, Array]) -> SampleTruth:
    cameras = tuple(
        Camera.from_vector(str(name), (int(size[0]), int(size[1])), vector)
        for name, size, vector in zip(
            values["camera_names"], values["camera_sizes"], values["camera_vectors"], strict=True
        )
    )
    return SampleTruth(
        calibration=Calibration(cameras, metadata={"source": "rendered footage"}),
        world_from_board=values["world_from_board"],
        calibration_fps=float(values["calibration_fps"]),
        takes={str(name): _take(values, str(name)) for name in values["take_names"]},
        others={
            str(name): others
            for name in values["take_names"]
            if (others := tuple(_others(values, str(name))))
        },
    )


def _others(values: Mapping[str, Array], take: str) -> Iterator[TakeTruth]:
    """Yield the people of a take after the first."""
    for number in count(1):
        if f"{_key(take, number)}/xyz" not in values:
            return
        yield _take(values, _key(take, number))


def _take(values: Mapping[str, Array], name: str) -> TakeTruth:
    def skeleton(field: str) -> Array:
        return values[f"{name}/skeleton/{field}"]

    return TakeTruth(
        fps=float(values[f"{name}/fps"]),
        keypoint_names=tuple(str(each) for each in values[f"{name}/keypoint_names"]),
        xyz=values[f"{name}/xyz"],
        skeleton=SkeletonMotion(
            joint_names=tuple(str(each) for each in skeleton("joint_names")),
            parents=tuple(int(each) for each in skeleton("parents")),
            rest_offsets=skeleton("rest_offsets"),
            local_rotations_wxyz=skeleton("local_rotations_wxyz"),
            root_positions=skeleton("root_positions"),
            fps=float(skeleton("fps")),
        ),
        betas=values[f"{name}/betas"],
        camera_fps=values[f"{name}/camera_fps"],
        start_s=values[f"{name}/start_s"],
    )
