"""Pictures of moments: a throw's events, the worst postures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mocap.capture.session import Take
from mocap.capture.video import probe
from mocap.core.camera import Camera
from mocap.core.points import Points3D
from mocap.core.shapes import Array
from mocap.measure.pitching.pitching import Pitching
from mocap.studio.measure.parts import Thumbnail, words
from mocap.workflow.frames import images_at

_CELL_PX = 260
_MARGIN = 0.25
"""Room round the person, as a share of its larger side."""


def event_pictures(
    take: Take, points: Points3D, found: Pitching
) -> tuple[dict[int, list[Thumbnail]], tuple[str, ...]]:
    """Return one picture per event and throw, and what to say when there is none."""
    fps = points.fps
    wanted = {
        throw.number: [
            (f"{words(name)}, {event.time_s(fps):.3f} s", round(event.frame))
            for name, event in throw.events.items()
        ]
        for throw in found.throws
    }
    return moment_pictures(take, points, wanted)


def moment_pictures(
    take: Take, points: Points3D, wanted: Mapping[int, Sequence[tuple[str, int]]]
) -> tuple[dict[int, list[Thumbnail]], tuple[str, ...]]:
    """Return a picture of every moment, by group, and what to say when there is none.

    From the camera that sees the person move most across its image: in a throw the one that looks
    from the open side.

    Args:
        take, points: the take, and the keypoints of one person.
        wanted: captions and frames, by group.
    """
    videos = take.videos()
    calibration_path = take.session.calibration_path
    if not videos or not calibration_path.is_file():
        return {}, ("no pictures of the moments: the videos or the calibration are not there",)
    calibration = take.session.calibration()
    cameras = [camera for camera in calibration.cameras if camera.name in videos]
    if not cameras:
        return {}, ("no pictures of the moments: no video belongs to a calibrated camera",)
    xyz = np.asarray(points.xyz[:, 0])
    camera = max(cameras, key=lambda each: _stride_px(each, xyz))
    frames = sorted({frame for each in wanted.values() for _, frame in each})
    info = probe(videos[camera.name])
    images = images_at(take, info, frames, points.fps)
    pictures = {key: _pictures(each, images, camera, xyz) for key, each in wanted.items()}
    size = info.image_size
    if size != camera.image_size:
        return pictures, (
            f"pictures of the moments are cropped roughly: '{camera.name}' is recorded at "
            f"{size[0]} x {size[1]}, calibrated at {camera.image_size[0]} x "
            f"{camera.image_size[1]}",
        )
    return pictures, ()


def _stride_px(camera: Camera, xyz: Array) -> float:
    """Return how far the person moves across a camera's image."""
    middle = np.nanmedian(camera.project(xyz), axis=1)
    known = middle[np.isfinite(middle).all(axis=1)]
    return float(np.ptp(known[:, 0])) if len(known) else 0.0


def _pictures(
    moments: Sequence[tuple[str, int]], images: dict[int, Array], camera: Camera, xyz: Array
) -> list[Thumbnail]:
    from mocap.studio.pictures.cells import encode_png

    out = []
    for caption, frame in moments:
        image = images.get(frame)
        if image is None:
            continue
        pixels = camera.project(xyz[min(frame, len(xyz) - 1)])
        out.append(Thumbnail(encode_png(_cropped(image, pixels)), caption))
    return out


def _cropped(image: Array, pixels: Array) -> Array:
    """Return a square of the image round the person, scaled to one size."""
    import cv2

    known = pixels[np.isfinite(pixels).all(axis=1)]
    height, width = image.shape[:2]
    if len(known):
        low, high = known.min(axis=0), known.max(axis=0)
        half = 0.5 * (1.0 + 2.0 * _MARGIN) * float(np.max(high - low))
        center = 0.5 * (low + high)
    else:
        half, center = 0.5 * max(width, height), np.array([width, height]) / 2.0
    x0, y0 = (int(max(0, value)) for value in center - half)
    x1, y1 = int(min(width, center[0] + half)), int(min(height, center[1] + half))
    if x1 - x0 < 2 or y1 - y0 < 2:
        x0, y0, x1, y1 = 0, 0, width, height
    part = np.ascontiguousarray(image[y0:y1, x0:x1])
    scale = _CELL_PX / max(part.shape[:2])
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA))
