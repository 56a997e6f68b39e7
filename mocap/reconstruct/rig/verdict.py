"""Is a rig refined from people better than the one it came from? Figures and rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.shapes import FloatArray
from mocap.reconstruct.rig.views import RigViews, robust_points

# With two cameras there is nothing left over to test a change by.
MIN_CAMERAS = 3
# Four runs of frames, two for each half.
MIN_FRAMES = 60
# A camera sees the person in at least this many of the frames.
MIN_FRAMES_PER_CAMERA = 30
# Below this angle between the rays a camera may slide along its view unnoticed.
MIN_PARALLAX_DEG = 15.0
# The scale comes from the distances between the old places of the cameras.
MAX_SCALE_SD, WARN_SCALE_SD = 0.03, 0.01

# The error of unseen frames must fall by this share: a right rig gains 1 % or 2 % from fitting
# what its detector gets wrong in the same way in every frame.
MIN_GAIN = 0.10
# ... and the worst errors must not grow by more than chance.
MAX_P95_RATIO = 1.05
# A view agrees when it is this near to its point: 48 mm at 4 m, 20 px at 1680 px focal length.
AGREES_RAD = 0.012
# Agreement of the same rig differs by this much between halves of a take.
AGREEMENT_TOLERANCE = 0.01

# A camera pose less certain than this is no calibration; the rig may still be right where the
# people were, but not beside it.
MAX_TURN_SD_DEG = 1.5
MAX_MOVE_SD_MM = 100.0
WARN_TURN_SD_DEG = 0.3
WARN_MOVE_SD_MM = 20.0
# What a detector gets wrong the same way in every frame bends a rig by this at most, or it is said.
WARN_PREDICTED_MM = 12.0
GRID = 5
WARN_COVERAGE = 0.25


@dataclass(frozen=True)
class CameraChange:
    """What refinement did to a camera.

    Attributes:
        name: of the camera.
        turn_deg, turn_sd_deg: by how much it turned, and how certain that is.
        move_mm, move_sd_mm: by how much its centre moved.
        frames: frames in which it sees a person.
        coverage: share of the 5 x 5 image cells in which joints were seen.
    """

    name: str
    turn_deg: float
    turn_sd_deg: float
    move_mm: float
    move_sd_mm: float
    frames: int
    coverage: float


@dataclass(frozen=True)
class HeldOutError:
    """How a rig explains frames that it was not solved from.

    Attributes:
        median_px, p95_px: reprojection error of all views of the points.
        agreeing: share of the views that agree with the point they belong to.
        all_agreeing: share of the points on which all cameras agree.
    """

    median_px: float
    p95_px: float
    agreeing: float
    all_agreeing: float


def data_findings(calibration: Calibration, views: RigViews) -> tuple[str, ...]:
    """Return why the data are too few to refine anything; empty when they are not."""
    names = calibration.names
    if len(names) < MIN_CAMERAS:
        return (
            f"the rig has {len(names)} cameras; a change of one can be tested from "
            f"{MIN_CAMERAS} on. Calibrate it again with the board.",
        )
    out = []
    frames = len(np.unique(views.frame))
    if frames < MIN_FRAMES:
        out.append(
            f"people were seen by two cameras in {frames} frames, at least {MIN_FRAMES} are "
            "needed. Add takes in which a person walks through the volume."
        )
    for index, name in enumerate(names):
        mine = len(np.unique(views.frame[views.seen[:, index]]))
        if mine < MIN_FRAMES_PER_CAMERA:
            out.append(
                f"camera '{name}' sees a person in {mine} of the frames used, at least "
                f"{MIN_FRAMES_PER_CAMERA} are needed. Add a take in which it does."
            )
    return tuple(out)


def held_out_error(pairs: Sequence[tuple[Calibration, FloatArray]]) -> HeldOutError:
    """Return how rigs explain views (point, camera, 2) that they were not solved from."""
    errors, near = [], []
    for calibration, pixels in pairs:
        focal = np.array([camera.camera_matrix[0, 0] for camera in calibration.cameras])
        error = np.sqrt(robust_points(calibration, pixels)[1])
        errors.append(error)
        near.append(np.nan_to_num(error, nan=np.inf) < AGREES_RAD * focal)
    views = sum(int(np.count_nonzero(~np.isnan(pixels[..., 0]))) for _, pixels in pairs)
    joined, agreeing = np.concatenate(errors), np.concatenate(near)
    finite = joined[np.isfinite(joined)]
    if len(finite) == 0:
        return HeldOutError(float("inf"), float("inf"), 0.0, 0.0)
    return HeldOutError(
        float(np.median(finite)),
        float(np.percentile(finite, 95.0)),
        float(agreeing.sum()) / max(views, 1),
        float(agreeing.all(axis=1).mean()),
    )


def coverage_of(calibration: Calibration, views: RigViews) -> list[float]:
    """Return per camera the share of the 5 x 5 image cells that hold a joint."""
    out = []
    for index, camera in enumerate(calibration.cameras):
        pixels = views.pixels[views.seen[:, index], index]
        cells = np.floor(pixels / np.array(camera.image_size) * GRID).clip(0, GRID - 1).astype(int)
        out.append(len(np.unique(cells @ np.array([1, GRID]))) / GRID**2)
    return out


def parallax_deg(calibration: Calibration, views: RigViews) -> float:
    """Return the median over the points of the widest angle between two of their rays."""
    solved = ~np.isnan(views.points[:, 0])
    centers = np.stack([camera.center for camera in calibration.cameras])
    rays = views.points[solved, None] - centers
    rays /= np.linalg.norm(rays, axis=2, keepdims=True)
    both = views.seen[solved][:, :, None] & views.seen[solved][:, None, :]
    cosine = np.where(both, rays @ np.swapaxes(rays, 1, 2), 1.0).clip(-1.0, 1.0)
    # Rays that meet head on fix a point no better than parallel ones.
    angle = np.arccos(np.abs(cosine)).max(axis=(1, 2)) if len(cosine) else np.zeros(1)
    return float(np.rad2deg(np.median(angle)))


def judge(
    cameras: Sequence[CameraChange],
    before: HeldOutError,
    after: HeldOutError,
    *,
    parallax: float,
    scale_sd: float,
    predicted_mm: float,
) -> tuple[bool, tuple[str, ...], tuple[str, ...]]:
    """Return whether to accept, the reasons, and the warnings."""
    against = _against(before, after)
    if parallax < MIN_PARALLAX_DEG:
        against.append(
            f"the views of a joint differ by {parallax:.0f} degrees in the median, at least "
            f"{MIN_PARALLAX_DEG:.0f} are needed: all cameras look from one side."
        )
    if scale_sd > MAX_SCALE_SD:
        against.append(
            f"the scale would be uncertain by {100 * scale_sd:.1f} % (at most "
            f"{100 * MAX_SCALE_SD:.0f} %): the cameras moved too much for a rig of this size. "
            "Calibrate again with the board."
        )
    against += [
        f"camera '{each.name}' would be known to {each.turn_sd_deg:.1f} degrees and "
        f"{each.move_sd_mm:.0f} mm only. Add takes in which people walk all over its image."
        for each in cameras
        if each.turn_sd_deg > MAX_TURN_SD_DEG or each.move_sd_mm > MAX_MOVE_SD_MM
    ]
    if against:
        return False, tuple(against), ()
    gain = (
        f"the error of frames not solved from falls from {before.median_px:.1f} to "
        f"{after.median_px:.1f} px in the median, and {100 * after.agreeing:.0f} % of the views "
        f"agree, {100 * before.agreeing:.0f} % before."
    )
    return True, (gain,), tuple(_warnings(cameras, scale_sd, predicted_mm))


def _against(before: HeldOutError, after: HeldOutError) -> list[str]:
    """Return what the frames held out say against the refined rig."""
    out = []
    if after.median_px > (1.0 - MIN_GAIN) * before.median_px:
        out.append(
            f"frames not solved from fit no better: {before.median_px:.1f} px before, "
            f"{after.median_px:.1f} px after (a fall by {100 * MIN_GAIN:.0f} % is asked for). As "
            "far as people can tell, the rig is right; what is left is the detector, the "
            "synchronisation or the lenses."
        )
    if after.p95_px > MAX_P95_RATIO * before.p95_px:
        out.append(
            f"the worst errors grow: 95th percentile {before.p95_px:.1f} px before, "
            f"{after.p95_px:.1f} px after."
        )
    if after.agreeing < before.agreeing - AGREEMENT_TOLERANCE:
        out.append(
            f"fewer views agree with the others: {100 * before.agreeing:.0f} % before, "
            f"{100 * after.agreeing:.0f} % after."
        )
    return out


def _warnings(cameras: Sequence[CameraChange], scale_sd: float, predicted_mm: float) -> list[str]:
    """Return what limits an accepted rig."""
    out = []
    loose = [
        each
        for each in cameras
        if each.turn_sd_deg > WARN_TURN_SD_DEG or each.move_sd_mm > WARN_MOVE_SD_MM
    ]
    if loose:
        worst = max(loose, key=lambda each: each.turn_sd_deg)
        out.append(
            f"{', '.join(each.name for each in loose)}: known to no better than "
            f"{worst.turn_sd_deg:.1f} degrees and {max(each.move_sd_mm for each in loose):.0f} mm. "
            "The rig is right where these people were, and less so beside it. Add takes in which "
            "people walk through the whole volume."
        )
    if predicted_mm > WARN_PREDICTED_MM:
        out.append(
            f"points may be wrong by about {predicted_mm:.0f} mm where these people were: solved "
            "without a third of the joints the rig is another. Add takes in which people walk."
        )
    if scale_sd > WARN_SCALE_SD:
        out.append(
            f"the scale is uncertain by {100 * scale_sd:.1f} %: it comes from the old places of "
            "the cameras, which were off. Compare a length that you know."
        )
    narrow = [each.name for each in cameras if each.coverage < WARN_COVERAGE]
    if narrow:
        out.append(
            f"people covered less than {100 * WARN_COVERAGE:.0f} % of the image of "
            f"{', '.join(narrow)}: the rest of these images was not tested."
        )
    return out
