"""What is seen in the images: board corners and people's keypoints, in pixels."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mocap.core.shapes import Array, FloatArray, IntArray, check_shapes, check_unique

MIN_CONFIDENCE = 0.2
"""Detectors guess hidden keypoints with little confidence; below this the guesses do harm."""


NOT_FOLLOWED = -1
"""In place of the number of a person within a view: an empty slot, or nobody who was followed."""


def _unsaid() -> FloatArray:
    """Stand for frame times that were not given: frame / fps."""
    return np.zeros((0, 0))


def _unnumbered() -> IntArray:
    """Stand for numbers that were not given."""
    return np.zeros((0, 0, 0), dtype=np.int64)


def _fill_times(owner: Detections2D | Tracks2D) -> None:
    """Give frames without a time of their own that of an even clock: frame / fps."""
    cameras, frames = np.shape(owner.pixels)[:2]
    if owner.times_s.size == 0:
        even = np.arange(frames, dtype=np.float64) / owner.fps
        object.__setattr__(owner, "times_s", np.tile(even, (cameras, 1)))


def _fill_rows(owner: Detections2D | Tracks2D) -> None:
    """Give cameras without a rolling shutter no lateness."""
    if owner.row_lateness.size == 0:
        object.__setattr__(owner, "row_lateness", np.zeros((len(owner.camera_names), 3)))


def looked_at_every(times_s: FloatArray) -> int:
    """Return of how many frames one has images (camera, frame), NaN where a frame has none.

    1 unless frames between were left out in all cameras.

    >>> looked_at_every(np.array([[0.0, np.nan, 0.2, np.nan], [np.nan, np.nan, 0.2, np.nan]]))
    2
    """
    frames = np.flatnonzero(np.isfinite(times_s).any(axis=0))
    return max(int(np.gcd.reduce(frames)), 1) if len(frames) else 1


def spread(values: Array, stride: int, frame_count: int, fill: float) -> Array:
    """Return values (camera, frame, ...) over so many frames, `stride` of them for one; between
    is `fill`.

    >>> spread(np.array([[7, 8]]), 2, 3, fill=-1)
    array([[ 7, -1,  8]])
    """
    out = np.full((values.shape[0], frame_count, *values.shape[2:]), fill, values.dtype)
    out[:, ::stride] = values
    return out


def _times_of_part(owner: Detections2D | Tracks2D, frames: slice) -> FloatArray:
    first, _, _ = frames.indices(owner.times_s.shape[1])
    return np.asarray(owner.times_s[:, frames] - first / owner.fps)


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
        fps: frames per second of the take; a camera of another rate says so in `times_s`.
        pixels: (camera, frame, detection, keypoint, 2) in pixels of the video; NaN = not seen.
        confidence: (camera, frame, detection, keypoint) in [0, 1]; 0 where not seen.
        boxes: (camera, frame, detection, 4) x0 y0 x1 y1 in pixels; NaN = empty slot.
        times_s: (camera, frame) seconds since the camera's first frame, on the camera's own
            clock; NaN after its last frame, and where an image was left out on purpose. frame /
            fps unless given.
        view_ids: (camera, frame, detection) who it is within the view of the camera, see
            `mocap.detect.following.in_view`: numbers of two cameras have nothing to do with each
            other, and may be wrong. `NOT_FOLLOWED` everywhere unless given.
        row_lateness: (camera, 3) how much later than its image a pixel was taken by a rolling
            shutter, see `core.clocks`; 0 unless given.
    """

    camera_names: tuple[str, ...]
    keypoint_names: tuple[str, ...]
    fps: float
    pixels: Array
    confidence: Array
    boxes: Array
    times_s: FloatArray = field(default_factory=_unsaid)
    view_ids: IntArray = field(default_factory=_unnumbered)
    row_lateness: FloatArray = field(default_factory=_unsaid)

    def __post_init__(self) -> None:
        """Check shapes and names."""
        _fill_times(self)
        _fill_rows(self)
        if self.view_ids.size == 0:
            nobody = np.full(np.shape(self.boxes)[:3], NOT_FOLLOWED, dtype=np.int64)
            object.__setattr__(self, "view_ids", nobody)
        check_shapes(
            self,
            camera_names="camera",
            keypoint_names="keypoint",
            pixels="camera frame detection keypoint 2",
            confidence="camera frame detection keypoint",
            boxes="camera frame detection 4",
            times_s="camera frame",
            view_ids="camera frame detection",
            row_lateness="camera 3",
        )
        check_unique(self, "camera_names", self.camera_names)
        check_unique(self, "keypoint_names", self.keypoint_names)

    def part(self, frames: slice) -> Detections2D:
        """Return some frames (no stride), as if the recording began with the first of them."""
        return replace(
            self,
            pixels=self.pixels[:, frames],
            confidence=self.confidence[:, frames],
            boxes=self.boxes[:, frames],
            view_ids=self.view_ids[:, frames],
            times_s=_times_of_part(self, frames),
        )

    def every(self, stride: int) -> Detections2D:
        """Return one of `stride` frames, as a slower camera would have recorded."""
        return replace(
            self,
            fps=self.fps / stride,
            pixels=self.pixels[:, ::stride],
            confidence=self.confidence[:, ::stride],
            boxes=self.boxes[:, ::stride],
            view_ids=self.view_ids[:, ::stride],
            times_s=self.times_s[:, ::stride],
        )


@dataclass(frozen=True, eq=False)
class Tracks2D:
    """Keypoints of identified people in all views, in pixels of the calibration.

    Attributes:
        camera_names: in the order of axis 0.
        keypoint_names: in the order of the keypoint axis.
        person_ids: in the order of the person axis.
        fps: frames per second of the common clock: frame f is the instant f / fps.
        pixels: (camera, frame, person, keypoint, 2); NaN = not seen.
        confidence: (camera, frame, person, keypoint) in [0, 1]; 0 where not seen.
        times_s: (camera, frame) when the camera took the image that stands at this frame, on the
            common clock; NaN where it has none. frame / fps unless given.
        row_lateness: (camera, 3) as for `Detections2D`, in pixels of the calibration.
    """

    camera_names: tuple[str, ...]
    keypoint_names: tuple[str, ...]
    person_ids: tuple[int, ...]
    fps: float
    pixels: Array
    confidence: Array
    times_s: FloatArray = field(default_factory=_unsaid)
    row_lateness: FloatArray = field(default_factory=_unsaid)

    def __post_init__(self) -> None:
        """Check shapes and names."""
        _fill_times(self)
        _fill_rows(self)
        check_shapes(
            self,
            camera_names="camera",
            keypoint_names="keypoint",
            person_ids="person",
            pixels="camera frame person keypoint 2",
            confidence="camera frame person keypoint",
            times_s="camera frame",
            row_lateness="camera 3",
        )
        check_unique(self, "camera_names", self.camera_names)
        check_unique(self, "keypoint_names", self.keypoint_names)
        check_unique(self, "person_ids", self.person_ids)

    def part(self, frames: slice) -> Tracks2D:
        """Return some frames (no stride), as if the recording began with the first of them."""
        return replace(
            self,
            pixels=self.pixels[:, frames],
            confidence=self.confidence[:, frames],
            times_s=_times_of_part(self, frames),
        )

    def every(self, stride: int) -> Tracks2D:
        """Return one of `stride` frames, as slower cameras would have recorded."""
        return replace(
            self,
            fps=self.fps / stride,
            pixels=self.pixels[:, ::stride],
            confidence=self.confidence[:, ::stride],
            times_s=self.times_s[:, ::stride],
        )

    def spread(self, stride: int, frame_count: int) -> Tracks2D:
        """Return the tracks over so many frames, `stride` of them for one: between is nothing."""
        return replace(
            self,
            fps=self.fps * stride,
            pixels=spread(self.pixels, stride, frame_count, np.nan),
            confidence=spread(self.confidence, stride, frame_count, 0.0),
            times_s=spread(self.times_s, stride, frame_count, np.nan),
        )

    def of_person(self, person_id: int) -> Tracks2D:
        """Return the tracks of one person alone.

        Raises:
            ValueError: there is no such person.
        """
        person = self.person_ids.index(person_id)
        cut = slice(person, person + 1)
        return replace(
            self,
            person_ids=self.person_ids[cut],
            pixels=self.pixels[:, :, cut],
            confidence=self.confidence[:, :, cut],
        )

    @property
    def lateness_s(self) -> FloatArray:
        """How long after its frame's instant each image was taken (camera, frame), seconds."""
        return self.times_s - np.arange(self.times_s.shape[1]) / self.fps
