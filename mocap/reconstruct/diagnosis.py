"""What is wrong with a camera of a take, told by the people in it.

The other cameras say where people are. A camera that does not see them there is asked what would
make it right: a mirrored picture, a picture on its head, left and right exchanged, a start at
another time, a zoom, another place. What explains most of its views is named; a camera that
nothing explains sees somebody else, or is another camera.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.camera import Calibration, Camera
from mocap.core.detections import MIN_CONFIDENCE, Detections2D
from mocap.core.kernels.triangulation import triangulate_kernel
from mocap.core.rotation import angle_between_deg
from mocap.core.shapes import Array, FloatArray, IntArray
from mocap.reconstruct.triangulate import rays_of

# A view agrees when it is this near to its point: 48 mm at 4 m.
AGREES_RAD = 0.012
# How far views may be off the point that the other cameras make of them.
GATE_RAD = 0.02
# Of a sound camera .54 to .75 of the views agree (habits and outliers of detectors together); of
# one that is turned by two degrees half at most. Smaller turns show in the room behind the people.
LEAST_SOUND = 0.5
MIN_CAMERAS = 3
# An explanation must make so many views agree, and so many more than before.
LEAST_EXPLAINED, LEAST_MORE = 0.5, 0.15
# Of two that explain about as much the simpler one is meant.
SIMPLER = 0.08
# Points that must be there to judge a camera by, and frames looked at.
LEAST_POINTS, MOST_FRAMES = 150, 120
# How much less certain a predicted pixel may be than a measured one.
MOST_VAGUE = 1.5
# A camera is judged by what the others agree on where that is near the most that any others do:
# of three cameras only the wrong one has two others that agree.
MOST_SHARE = 0.7
LATEST_S = 3.0
ZOOMS = np.exp(np.arange(-20, 21) * 0.03)

SOUND, UNSEEN, MIRRORED, UPSIDE_DOWN, SIDES, LATE, LOST, ZOOMED, MOVED, STRANGER, NOBODY = (
    "sound",
    "unseen",
    "mirrored",
    "upside down",
    "sides exchanged",
    "late",
    "lost frames",
    "zoomed",
    "moved",
    "stranger",
    "nobody agrees",
)


@dataclass(frozen=True)
class ViewCause:
    """What is wrong with a camera of a take.

    Attributes:
        camera: its name.
        kind: SOUND, UNSEEN (it shows nobody where the others see somebody), MIRRORED, UPSIDE_DOWN,
            SIDES, LATE, LOST (frames, on the way), ZOOMED, MOVED or STRANGER; NOBODY where no
            cameras agree on anybody.
        share: of its views that agree with the other cameras.
        explained: of its views that would agree.
        amount: seconds late or lost, times zoomed, or degrees turned.
        at_s: when frames were lost.
    """

    camera: str
    kind: str
    share: float
    explained: float
    amount: float = 0.0
    at_s: float = 0.0


@dataclass(frozen=True, eq=False)
class _Views:
    """What the cameras of a take saw.

    Attributes:
        cameras: the calibrated cameras.
        pixels: (camera, frame, slot, keypoint, 2) in pixels of the calibration; NaN is not seen.
        surest: (camera, frame, keypoint, 2) of the surest person of each image.
        fps: frames a second.
        other_side: (keypoint,) the same keypoint of the other side.
    """

    cameras: Calibration
    pixels: FloatArray
    surest: FloatArray
    fps: float
    other_side: IntArray

    def of(self, chosen: list[int]) -> _Views:
        """Return the views of some cameras."""
        if len(chosen) == len(self.pixels):
            return self
        names = [self.cameras.names[index] for index in chosen]
        return replace(
            self,
            cameras=self.cameras.subset(names),
            pixels=self.pixels[chosen],
            surest=self.surest[chosen],
        )


def diagnose(
    detections: Detections2D,
    calibration: Calibration,
    *,
    image_maps: Mapping[str, Array] | None = None,
) -> tuple[ViewCause, ...]:
    """Return what is wrong with each camera; SOUND where nothing is.

    Args:
        detections: people in every camera, in pixels of the videos, at one clock.
        calibration: holds at least the cameras of the detections.
        image_maps: (2, 3) calibration_from_video by camera, for videos of another size.

    Two cameras cannot be told apart: nothing is said of them.
    """
    if len(detections.camera_names) < MIN_CAMERAS:
        return tuple(ViewCause(name, SOUND, np.nan, np.nan) for name in detections.camera_names)
    views = _views(detections, calibration, image_maps or {})
    names = views.cameras.names
    found: dict[str, ViewCause] = {}
    left = list(range(len(names)))
    while True:
        part = views.of(left)
        judged = _round(part)
        if judged is None:
            if not found:
                return tuple(ViewCause(name, NOBODY, 0.0, 0.0) for name in names)
            break
        wrong = [each for each in judged if each.kind not in (SOUND, UNSEEN)]
        found |= {each.camera: each for each in judged if each.kind in (SOUND, UNSEEN)}
        if not wrong:
            break
        # The worst spoils what the others agree on: it is named and left out, they are asked again.
        worst = min(wrong, key=lambda each: each.share)
        found[worst.camera] = worst
        left.remove(names.index(worst.camera))
        if len(left) < MIN_CAMERAS:
            break
    return tuple(found.get(name, ViewCause(name, SOUND, np.nan, np.nan)) for name in names)


def _round(views: _Views) -> tuple[ViewCause, ...] | None:
    """Return what is wrong with each camera, the others being right; None where none agree."""
    names = views.cameras.names
    clouds = [_others(views, c) for c in range(len(names))]
    counts = np.array([int(np.isfinite(cloud[..., 0]).sum()) for cloud in clouds])
    if counts.max(initial=0) < LEAST_POINTS:
        return None
    return tuple(
        ViewCause(name, SOUND, np.nan, np.nan)
        if counts[c] < max(LEAST_POINTS, MOST_SHARE * counts.max())
        else _judged(views, c, clouds[c])
        for c, name in enumerate(names)
    )


def _views(detections: Detections2D, calibration: Calibration, maps: Mapping[str, Array]) -> _Views:
    names = detections.keypoint_names
    changing = {
        name: np.asarray(each, dtype=np.float64)
        for name, each in maps.items()
        if not np.array_equal(each, np.eye(2, 3))
    }
    # Of a long take they are large: in double precision only where they are moved.
    pixels = np.array(detections.pixels, dtype=np.float64 if changing else None)
    confidence = np.nan_to_num(np.asarray(detections.confidence))
    pixels[confidence < MIN_CONFIDENCE] = np.nan
    for index, name in enumerate(detections.camera_names):
        if name in changing:
            affine = changing[name]
            pixels[index] = pixels[index] @ affine[:, :2].T + affine[:, 2]
    surest = pixels[:, :, 0]
    if pixels.shape[2] > 1:
        best = confidence.sum(axis=-1, dtype=np.float64).argmax(axis=2)
        surest = np.take_along_axis(pixels, best[:, :, None, None, None], axis=2)[:, :, 0]
    swap = {name: name.replace("left_", "right_", 1) for name in names}
    swap |= {other: name for name, other in list(swap.items()) if other != name}
    other = np.array([names.index(swap[name]) if swap[name] in names else k
                      for k, name in enumerate(names)])  # fmt: skip
    rig = calibration.subset(detections.camera_names)
    return _Views(rig, pixels, surest, detections.fps, other)


def _others(views: _Views, camera: int) -> FloatArray:
    """Return where the other cameras see the surest person (frame, keypoint, 3).

    Two cameras that face each other tell nothing across their line: points whose place in the
    picture of this camera is less certain than a measured one are left out.
    """
    keep = np.delete(np.arange(len(views.cameras.names)), camera)
    vectors = views.cameras.vectors()[keep]
    frames = _frames(views)
    seen = views.surest[keep][:, frames]
    flat = np.array(seen.reshape(len(keep), -1, 2).transpose(1, 0, 2), np.float64, order="C")
    points, packed = np.full((len(flat), 3), np.nan), np.zeros((len(flat), 6))
    if len(keep) > 1:
        gate_px = GATE_RAD * float(np.median(vectors[:, 6]))
        triangulate_kernel(
            vectors, flat, rays_of(vectors, flat), gate_px, points, packed,
            np.full(flat.shape[:2], np.nan),
        )  # fmt: skip
    known = np.flatnonzero(np.isfinite(points[:, 0]))
    information = packed[known][:, [[0, 1, 2], [1, 3, 4], [2, 4, 5]]]
    _, slope = views.cameras.cameras[camera].project_with_jacobian(points[known])
    spread = slope @ np.linalg.pinv(information, hermitian=True) @ np.swapaxes(slope, 1, 2)
    with np.errstate(invalid="ignore"):
        vague = ~(np.trace(spread, axis1=1, axis2=2) < 2.0 * MOST_VAGUE**2)
    points[known[vague]] = np.nan
    return points.reshape(len(frames), -1, 3)


def _frames(views: _Views) -> IntArray:
    """Return the frames looked at, spread over those in which two cameras see somebody."""
    seen = np.isfinite(views.surest[..., 0]).any(axis=2).sum(axis=0) >= min(2, len(views.surest))
    frames = np.flatnonzero(seen)
    if len(frames) <= MOST_FRAMES:
        return frames
    return frames[np.unique(np.linspace(0, len(frames) - 1, MOST_FRAMES).astype(np.int64))]


def _judged(views: _Views, c: int, points: FloatArray) -> ViewCause:
    """Return what is wrong with camera `c` if the other cameras are right."""
    camera, name, frames = views.cameras.cameras[c], views.cameras.names[c], _frames(views)
    put = camera.project(points)
    share = _share(camera, put, views.pixels[c][frames])
    # Frames in which it should see the person, and shows nobody at all.
    with np.errstate(invalid="ignore"):
        expected = ((put > 0) & (put < camera.image_size)).all(axis=2).sum(axis=1) > 5
    nobody = ~np.isfinite(views.pixels[c][frames][..., 0]).any(axis=(1, 2))
    if expected.any() and nobody[expected].mean() > 0.5:
        return ViewCause(name, UNSEEN, share, share, float(nobody[expected].mean()))
    if share >= LEAST_SOUND:
        return ViewCause(name, SOUND, share, share)
    simple = [*_fixed(views, c, put), *_late(views, c, put), _zoomed(views, c, put)]
    best = simple[0]
    for other in (*simple[1:], _moved(views, c, points)):
        margin = SIMPLER if other.kind in (LOST, MOVED) else 0.0
        if other.explained > best.explained + margin:
            best = other
    if best.explained < max(LEAST_EXPLAINED, share + LEAST_MORE):
        return ViewCause(name, STRANGER, share, best.explained)
    return replace(best, share=share)


def _share(camera: Camera, put: FloatArray, seen: FloatArray) -> float:
    """Return the share of views (frame, slot, keypoint, 2) that lie where they are put."""
    fits, told = _fits(camera, put, seen)
    return float(fits.sum()) / float(told.sum()) if told.sum() else 0.0


def _fits(camera: Camera, put: FloatArray, seen: FloatArray) -> tuple[IntArray, IntArray]:
    """Return by frame how many views (frame, slot, keypoint, 2) lie where they are put, and of all.

    Of the people in an image the one that fits best counts.
    """
    limit = AGREES_RAD * camera.camera_matrix[0, 0]
    off = np.linalg.norm(seen - put[:, None], axis=-1)
    known = np.isfinite(off)
    near = np.where(known, off, np.inf) < limit
    fits = near.sum(axis=-1)
    best = fits.argmax(axis=1)
    rows = np.arange(len(fits))
    return fits[rows, best], known[rows, best].sum(axis=-1)


def _fixed(views: _Views, c: int, put: FloatArray) -> list[ViewCause]:
    """Return how much a mirrored picture, one on its head, and exchanged sides would explain."""
    camera, seen = views.cameras.cameras[c], views.pixels[c][_frames(views)]
    width, height = camera.image_size
    mirrored = seen * (-1.0, 1.0) + (width - 1.0, 0.0)
    turned = seen * (-1.0, -1.0) + (width - 1.0, height - 1.0)
    kinds = ((MIRRORED, mirrored[..., views.other_side, :]), (UPSIDE_DOWN, turned),
             (SIDES, seen[..., views.other_side, :]))  # fmt: skip
    return [ViewCause(camera.name, kind, 0.0, _share(camera, put, each)) for kind, each in kinds]


def _late(views: _Views, c: int, put: FloatArray) -> list[ViewCause]:
    """Return what a start at another time explains, and what frames lost on the way do."""
    camera, frames = views.cameras.cameras[c], _frames(views)
    most = int(min(LATEST_S * views.fps, views.pixels.shape[1] // 2))
    shifts = np.arange(-most, most + 1)
    fits, told = np.zeros((2, len(shifts), len(frames)), dtype=np.int64)
    for row, shift in enumerate(shifts):
        there = (frames + shift >= 0) & (frames + shift < views.pixels.shape[1])
        if there.any():
            seen = views.pixels[c][frames[there] + shift]
            fits[row, there], told[row, there] = _fits(camera, put[there], seen)
    # By the frame before which it changes its shift; the shares at every shift before and after.
    before, after = np.cumsum(fits, axis=1), np.cumsum(fits[:, ::-1], axis=1)[:, ::-1]
    all_before, all_after = np.cumsum(told, axis=1), np.cumsum(told[:, ::-1], axis=1)[:, ::-1]
    whole = before[:, -1] / np.maximum(all_before[:, -1], LEAST_POINTS)
    best = int(whole.argmax())
    # What it shows a moment later it should show now: it was started that much before the others.
    out = [ViewCause(camera.name, LATE, 0.0, float(whole[best]), -float(shifts[best]) / views.fps)]
    edge = max(1, len(frames) // 6)
    for at in range(edge, len(frames) - edge):
        one, two = int(before[:, at - 1].argmax()), int(after[:, at].argmax())
        count = all_before[one, at - 1] + all_after[two, at]
        share = (before[one, at - 1] + after[two, at]) / max(int(count), LEAST_POINTS)
        if one != two and share > out[-1].explained:
            lost_s = float(shifts[two] - shifts[one]) / views.fps
            out.append(
                ViewCause(
                    camera.name, LOST, 0.0, float(share), -lost_s, float(frames[at]) / views.fps
                )
            )
    return [out[0], out[-1]]


def _zoomed(views: _Views, c: int, put: FloatArray) -> ViewCause:
    """Return the zoom about the middle of the picture that explains most."""
    camera, seen = views.cameras.cameras[c], views.pixels[c][_frames(views)]
    middle = (np.array(camera.image_size) - 1.0) / 2.0
    shares = [(_share(camera, put, middle + (seen - middle) / zoom), zoom) for zoom in ZOOMS]
    explained, zoom = max(shares)
    return ViewCause(camera.name, ZOOMED, 0.0, explained, float(zoom))


def _moved(views: _Views, c: int, points: FloatArray) -> ViewCause:
    """Return how much another place of the camera would explain: resection by RANSAC."""
    import cv2

    camera, frames = views.cameras.cameras[c], _frames(views)
    flat = camera.undistort(views.surest[c][frames])
    known = np.isfinite(points[..., 0]) & np.isfinite(flat[..., 0])
    nothing = ViewCause(camera.name, MOVED, 0.0, 0.0)
    if known.sum() < 30:
        return nothing
    cv2.setRNGSeed(1)
    solved, rotvec, shift, _ = cv2.solvePnPRansac(
        points[known], flat[known], np.eye(3), None, iterationsCount=400,
        reprojectionError=1.5 * AGREES_RAD, flags=cv2.SOLVEPNP_SQPNP,
    )  # fmt: skip
    if not solved:
        return nothing
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = cv2.Rodrigues(rotvec)[0], shift.ravel()
    turned_deg = float(angle_between_deg(pose[:3, :3], camera.camera_from_world[:3, :3]))
    moved = replace(camera, camera_from_world=pose)
    share = _share(moved, moved.project(points), views.pixels[c][frames])
    return ViewCause(camera.name, MOVED, 0.0, share, turned_deg)
