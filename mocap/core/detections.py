"""What is seen in the images: board corners and people's keypoints, in pixels."""

from __future__ import annotations

from dataclasses import dataclass

from mocap.core.shapes import Array, FloatArray, IntArray, check_shapes, check_unique


@dataclass(frozen=True, eq=False)
class Corners:
    """Board corners found by one camera.

    Attributes:
        camera: camera name.
        image_size: (width, height) in pixels.
        frame_count: frames looked at or skipped, i.e. the length of the recording.
        frame: (n,) frame index of each corner, ascending.
        corner_id: (n,) index into `Board.corner_points`.
        pixels: (n, 2).
        notes: what a person should know, e.g. that the board's back was seen.
    """

    camera: str
    image_size: tuple[int, int]
    frame_count: int
    frame: IntArray
    corner_id: IntArray
    pixels: FloatArray
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check shapes."""
        check_shapes(self, frame="corner", corner_id="corner", pixels="corner 2")


@dataclass(frozen=True, eq=False)
class Detections2D:
    """People found per image. Slots carry no identity: slot 0 of two frames may be two people.

    Attributes:
        camera_names: in the order of axis 0.
        keypoint_names: in the order of the keypoint axis.
        fps: frames per second, the same in all cameras.
        pixels: (camera, frame, detection, keypoint, 2) in pixels of the video; NaN = not seen.
        confidence: (camera, frame, detection, keypoint) in [0, 1]; 0 where not seen.
        boxes: (camera, frame, detection, 4) x0 y0 x1 y1 in pixels; NaN = empty slot.
    """

    camera_names: tuple[str, ...]
    keypoint_names: tuple[str, ...]
    fps: float
    pixels: Array
    confidence: Array
    boxes: Array

    def __post_init__(self) -> None:
        """Check shapes and names."""
        check_shapes(
            self,
            camera_names="camera",
            keypoint_names="keypoint",
            pixels="camera frame detection keypoint 2",
            confidence="camera frame detection keypoint",
            boxes="camera frame detection 4",
        )
        check_unique(self, "camera_names", self.camera_names)
        check_unique(self, "keypoint_names", self.keypoint_names)


@dataclass(frozen=True, eq=False)
class Tracks2D:
    """Keypoints of identified people in all views, in pixels of the calibration.

    Attributes:
        camera_names: in the order of axis 0.
        keypoint_names: in the order of the keypoint axis.
        person_ids: in the order of the person axis.
        fps: frames per second.
        pixels: (camera, frame, person, keypoint, 2); NaN = not seen.
        confidence: (camera, frame, person, keypoint) in [0, 1]; 0 where not seen.
    """

    camera_names: tuple[str, ...]
    keypoint_names: tuple[str, ...]
    person_ids: tuple[int, ...]
    fps: float
    pixels: Array
    confidence: Array

    def __post_init__(self) -> None:
        """Check shapes and names."""
        check_shapes(
            self,
            camera_names="camera",
            keypoint_names="keypoint",
            person_ids="person",
            pixels="camera frame person keypoint 2",
            confidence="camera frame person keypoint",
        )
        check_unique(self, "camera_names", self.camera_names)
        check_unique(self, "keypoint_names", self.keypoint_names)
        check_unique(self, "person_ids", self.person_ids)
