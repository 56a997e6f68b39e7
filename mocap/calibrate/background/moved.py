"""Has a camera moved between two recordings, or within one? A verdict from turns of pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.calibrate.background.pictures import StillPictures
from mocap.calibrate.background.turn import Turn, turn_between
from mocap.core.camera import Camera
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import FloatArray

# A camera that stands still comes to .002 to .008 degrees, coded and with people before it.
LEAST_DEG, SIGMAS = 0.05, 4.0
# Zoom that counts, as a share; focus alone changes some lenses by a thousandth.
LEAST_ZOOM = 0.004
# What is left after a turn, beside the edges of coded pictures (.1 px): a camera that was carried
# sees near things go farther than far ones. In pixels of a picture of 960.
LEAST_LEFT_PX = 0.5
# Pictures that are less alike show something else, or each other from too far.
LEAST_ALIKE = 0.4
# The noise of a bare wall is .3 grey levels, the wall and floor of the sample 4.
LEAST_CONTRAST = 1.0
# A turn that is known worse than this tells nothing; so do few parts of a picture.
MOST_SD_DEG, LEAST_TILES = 0.03, 6

STILL, TURNED, CARRIED, ZOOMED, WITHIN, LOST, BLANK = (
    "still",
    "turned",
    "carried",
    "zoomed",
    "moved within",
    "lost",
    "blank",
)


@dataclass(frozen=True)
class CameraCheck:
    """What two recordings of a camera say.

    Attributes:
        camera: its name.
        kind: STILL: where it was; TURNED: turned on its place; CARRIED: not only turned; ZOOMED;
            WITHIN: moved during the second recording; LOST: it shows something else; BLANK: nothing
            in the pictures could tell.
        turn_deg, turn_sd_deg: how far it turned, or would have had to.
        rotvec: (3,) of that turn, new camera axes from old ones, rad.
        zoom: focal length after over before.
        alike: correlation of the pictures after the turn.
        left_px: what a turn does not explain, in pixels of the calibration.
        at_s: when it moved, of WITHIN.
        within_deg: by how much, of WITHIN.
    """

    camera: str
    kind: str
    turn_deg: float
    turn_sd_deg: float
    rotvec: tuple[float, float, float]
    zoom: float
    alike: float
    left_px: float
    at_s: float | None = None
    within_deg: float = 0.0

    @property
    def moved(self) -> bool:
        """Whether the camera is not where it was."""
        return self.kind not in (STILL, BLANK)


def check_camera(before: StillPictures, after: StillPictures, camera: Camera) -> CameraCheck:
    """Return whether a camera moved between two recordings, or during the second.

    Args:
        before: of the recording that the calibration belongs to; the same as `after` to look for
            moves within it alone.
        after: of the recording that is asked about.
        camera: its lens, in pixels of the calibration.
    """
    reference = before.pictures[0] if before is after else before.whole
    turns = [turn_between(reference, each, camera, after.scale) for each in after.pictures]
    many = len(turns) > 1
    whole = turn_between(reference, after.whole, camera, after.scale) if many else turns[0]
    jump = _largest_jump(turns)
    if jump is not None:
        at, angle_deg = jump
        time = 0.5 * float(after.times_s[at - 1] + after.times_s[at])
        return _told(camera.name, WITHIN, turns[-1], at_s=time, within_deg=angle_deg)
    return _told(camera.name, _kind(whole, after.scale), whole)


def _known(turn: Turn) -> bool:
    """Return whether two pictures show one background that can tell a turn."""
    return turn.alike >= LEAST_ALIKE and turn.sd_deg <= MOST_SD_DEG and turn.tiles >= LEAST_TILES


def _largest_jump(turns: list[Turn]) -> tuple[int, float] | None:
    """Return the number of the picture before which the camera moved most, and by how much."""
    steps = []
    for at in range(1, len(turns)):
        one, other = turns[at - 1], turns[at]
        if _known(one) and _known(other):
            angle = _between_deg(one, other)
            if angle > max(LEAST_DEG, SIGMAS * float(np.hypot(one.sd_deg, other.sd_deg))):
                steps.append((angle, at))
    if not steps:
        return None
    angle, at = max(steps)
    return at, angle


def _between_deg(one: Turn, other: Turn) -> float:
    turn = matrix_from_rotvec(other.rotvec) @ matrix_from_rotvec(one.rotvec).T
    return float(np.rad2deg(np.arccos(np.clip((np.trace(turn) - 1.0) / 2.0, -1.0, 1.0))))


def _kind(turn: Turn, scale: float) -> str:
    if turn.contrast < LEAST_CONTRAST or turn.tiles < LEAST_TILES:
        return BLANK
    if turn.alike < LEAST_ALIKE:
        return LOST
    if turn.angle_deg > LEAST_DEG and scale * turn.left_px > LEAST_LEFT_PX:
        return CARRIED
    if turn.sd_deg > MOST_SD_DEG:
        return BLANK
    if abs(turn.zoom - 1.0) > max(LEAST_ZOOM, SIGMAS * turn.zoom_sd):
        return ZOOMED
    if turn.angle_deg <= max(LEAST_DEG, SIGMAS * turn.sd_deg):
        return STILL
    return TURNED


def _told(
    camera: str, kind: str, turn: Turn, *, at_s: float | None = None, within_deg: float = 0.0
) -> CameraCheck:
    x, y, z = (float(value) for value in turn.rotvec)
    return CameraCheck(
        camera,
        kind,
        turn.angle_deg,
        turn.sd_deg,
        (x, y, z),
        turn.zoom,
        turn.alike,
        turn.left_px,
        at_s,
        within_deg,
    )


def turned_camera_from_world(camera: Camera, rotvec: FloatArray) -> FloatArray:
    """Return the pose (4, 4) of a camera after a turn on its place."""
    motion = np.eye(4)
    motion[:3, :3] = matrix_from_rotvec(rotvec)
    return np.asarray(motion @ camera.camera_from_world)
