"""By how much a camera turned between two pictures of the same background.

Minimises  sum rho(b(q(p)) - a(p))  over a turn omega and the logarithm of the zoom, where q is the
pixel of p's ray after the turn, and a, b are the pictures without slow changes of light and divided
by their contrast (Lucas & Kanade 1981, with Baker & Matthews 2004 for warps). A turn moves near and
far things alike, so nothing of the room need be known. Coarse to fine; Cauchy's weights let go of
people, shadows and things that were put elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from mocap.core.camera import Camera
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.shapes import BoolArray, FloatArray

# Levels, as shares of the picture's width; the first catches some degrees.
LEVELS = (0.125, 0.25, 0.5, 1.0)
ITERATIONS = 15
# Slow changes of light are wider than this, noise is narrower, as pixels of a level.
WIDE_PX, NARROW_PX = 8.0, 1.0
# Contrast below this many grey levels is the coder's and the sensor's.
LEAST_CONTRAST = 3.0
# Pixels with the strongest edges that take part.
MOST_PIXELS = 24_000
# Parts of the picture: neighbouring pixels err alike, parts hardly do.
TILES = (8, 6)
# A part must hold so many of the pixels to say where it moved.
LEAST_OF_TILE = 60
# A move below this, in pixels of a level, changes nothing any more.
SETTLED_PX = 0.003
UNKNOWNS = 4


@dataclass(frozen=True, eq=False)
class Turn:
    """How a camera moved between two pictures.

    Attributes:
        rotvec: (3,) rad; new_from_old camera axes.
        sd_deg: standard deviation of the angle, along its worst axis.
        zoom: focal length after over before.
        zoom_sd: its standard deviation.
        alike: correlation of the pictures where they overlap, after the turn.
        left_px: by how much parts of the picture are still beside each other, in pixels of the
            calibration: median over parts. A turn leaves nothing, a move of the camera does.
        contrast: of the richest tenth of the poorer picture, in grey levels.
        tiles: parts of the picture that say something.
    """

    rotvec: FloatArray
    sd_deg: float
    zoom: float
    zoom_sd: float
    alike: float
    left_px: float
    contrast: float
    tiles: int

    @property
    def angle_deg(self) -> float:
        """How far it turned."""
        return float(np.rad2deg(np.linalg.norm(self.rotvec)))


def turn_between(before: FloatArray, after: FloatArray, camera: Camera, scale: float) -> Turn:
    """Return how a camera turned between two pictures (height, width) of one background.

    Args:
        before: grey levels.
        after: as large.
        camera: its lens in pixels of the calibration; its pose does not count.
        scale: pixels of the pictures per pixel of the calibration.
    """
    starts = [np.zeros(UNKNOWNS), _shift_start(before, after, camera, scale)]
    first = _Level(before, after, camera, scale, LEVELS[0])
    found = max((first.solved(start) for start in starts), key=first.likeness)
    level = first
    for share in LEVELS[1:]:
        level = _Level(before, after, camera, scale, share)
        found = level.solved(found)
    return level.told(found)


def _edges(picture: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return a picture without slow changes of light, and its local contrast, in grey levels."""
    narrow = cv2.GaussianBlur(picture, (0, 0), NARROW_PX)
    edges = narrow - cv2.GaussianBlur(picture, (0, 0), WIDE_PX)
    contrast = np.sqrt(np.maximum(cv2.GaussianBlur(edges * edges, (0, 0), 2.0 * WIDE_PX), 0.0))
    return np.asarray(edges), np.asarray(contrast)


def _flat(picture: FloatArray) -> FloatArray:
    """Return a picture without slow changes of light, divided by its local contrast."""
    edges, contrast = _edges(picture)
    return np.asarray(edges / (contrast + LEAST_CONTRAST), dtype=np.float32)


def _shift_start(before: FloatArray, after: FloatArray, camera: Camera, scale: float) -> FloatArray:
    """Return the turn (rotvec, log zoom) of the shift at which the coarse pictures fit best."""
    small = [_flat(_sized(picture, LEVELS[0])) for picture in (before, after)]
    window = cv2.createHanningWindow(small[0].shape[::-1], cv2.CV_32F)
    (x, y), _ = cv2.phaseCorrelate(small[0], small[1], window)
    focal = scale * LEVELS[0] * camera.camera_matrix[[0, 1], [0, 1]]
    return np.array([-y / focal[1], x / focal[0], 0.0, 0.0])


def _sized(picture: FloatArray, share: float) -> FloatArray:
    picture = np.asarray(picture, dtype=np.float32)
    if share == 1.0:
        return picture
    height, width = picture.shape
    size = (max(16, round(share * width)), max(16, round(share * height)))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA))


class _Level:
    """Both pictures at one size, and the pixels of the first that take part."""

    def __init__(
        self, before: FloatArray, after: FloatArray, camera: Camera, scale: float, share: float
    ) -> None:
        small = _sized(before, share)
        self.a, self.b = _flat(small), _flat(_sized(after, share))
        self.factor = scale * small.shape[1] / before.shape[1]
        self.camera = replace(camera, camera_from_world=np.eye(4))
        slope = np.hypot(*_slopes(self.a))
        border = round(2.0 * NARROW_PX) + 1
        slope[:border], slope[-border:], slope[:, :border], slope[:, -border:] = 0.0, 0.0, 0.0, 0.0
        count = min(MOST_PIXELS, slope.size // 3)
        chosen = np.argpartition(-slope.ravel(), count - 1)[:count]
        self.y, self.x = np.unravel_index(chosen, slope.shape)
        pixels = (np.column_stack([self.x, self.y]) + 0.5) / self.factor - 0.5
        flat = self.camera.undistort(pixels)
        known = np.isfinite(flat).all(axis=1)
        self.x, self.y, flat = self.x[known], self.y[known], flat[known]
        self.rays = np.column_stack([flat, np.ones(len(flat))])
        self.seen = self.a[self.y, self.x].astype(np.float64)
        self.slopes = _slopes(self.b)
        self.contrast = min(
            float(np.percentile(_edges(each)[1], 90.0)) for each in (small, _sized(after, share))
        )

    def moved(self, at: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return pixels (n, 2) of the level after a turn, and their slopes (n, 2, 4) by it."""
        points = self.rays @ matrix_from_rotvec(at[:3]).T
        pixels, by_point = self.camera.project_with_jacobian(points)
        middle = self.camera.camera_matrix[:2, 2]
        zoom = np.exp(at[3])
        by_turn = np.cross(points[:, None, :], by_point)
        by_zoom = zoom * (pixels - middle)
        pixels = middle + zoom * (pixels - middle)
        slopes = np.concatenate([zoom * by_turn, by_zoom[:, :, None]], axis=2)
        return self.factor * (pixels + 0.5) - 0.5, self.factor * slopes

    def linearised(self, at: FloatArray) -> tuple[FloatArray, FloatArray, BoolArray, FloatArray]:
        """Return errors (n,), their slopes (n, 4), which count, and gradients (n, 2) by pixel."""
        pixels, by_turn = self.moved(at)
        put = _sampled(self.b, pixels)
        gradient = np.column_stack([_sampled(slope, pixels) for slope in self.slopes])
        error = put - self.seen
        slopes = np.einsum("nk,nkj->nj", gradient, by_turn)
        height, width = self.b.shape
        with np.errstate(invalid="ignore"):
            inside = ((pixels > 1.0) & (pixels < (width - 2.0, height - 2.0))).all(axis=1)
        return error, slopes, inside & np.isfinite(slopes).all(axis=1), gradient

    def solved(self, start: FloatArray) -> FloatArray:
        """Return the turn (rotvec, log zoom) at which errors are least, from a start."""
        at = start.copy()
        for _ in range(ITERATIONS):
            error, slopes, inside, _ = self.linearised(at)
            if inside.sum() < 10 * UNKNOWNS:
                break
            e, s = error[inside], slopes[inside]
            weighted = _weights(e)[:, None] * s
            step = np.linalg.lstsq(weighted.T @ s, -weighted.T @ e, rcond=1e-9)[0]
            # A turn after a turn: the new one comes last, at the camera.
            turn = matrix_from_rotvec(step[:3]) @ matrix_from_rotvec(at[:3])
            at = np.concatenate([cv2.Rodrigues(turn)[0].ravel(), [at[3] + step[3]]])
            moved = self.factor * self.camera.camera_matrix[0, 0] * np.abs(step).max()
            if moved < SETTLED_PX:
                break
        return at

    def likeness(self, at: FloatArray) -> float:
        """Return the correlation of both pictures at the pixels that take part."""
        error, _, inside, _ = self.linearised(at)
        # Half of the pixels must be left, or nearly nothing fits nearly anything.
        if inside.sum() < 0.5 * len(inside):
            return -1.0
        a, b = self.seen[inside], (self.seen + error)[inside]
        spread = float(np.std(a) * np.std(b))
        return float(np.mean((a - a.mean()) * (b - b.mean())) / spread) if spread > 0 else -1.0

    def told(self, at: FloatArray) -> Turn:
        """Return the turn with what is known of it.

        Its covariance is that of errors which are alike within a part of the picture, and
        independent between parts: H^-1 (sum of g g' over parts) H^-1 (Liang & Zeger 1986).
        """
        error, slopes, inside, gradient = self.linearised(at)
        weight = np.where(inside, _weights(np.where(inside, error, 0.0)), 0.0)
        tile = self._tiles()
        slopes = np.where(inside[:, None], slopes, 0.0)
        pull = weight[:, None] * slopes * np.where(inside, error, 0.0)[:, None]
        scores = np.stack([np.bincount(tile, column, TILES[0] * TILES[1]) for column in pull.T], 1)
        inverse = np.linalg.pinv((weight[:, None] * slopes).T @ slopes)
        left, tiles = self._left_px(error, weight, gradient, tile)
        spread = tiles / max(tiles - UNKNOWNS, 1)
        covariance = spread * inverse @ (scores.T @ scores) @ inverse
        worst = float(np.linalg.eigvalsh(covariance[:3, :3])[-1])
        return Turn(
            rotvec=at[:3],
            sd_deg=float(np.rad2deg(np.sqrt(max(worst, 0.0)))) if tiles > UNKNOWNS else np.inf,
            zoom=float(np.exp(at[3])),
            zoom_sd=float(np.sqrt(max(covariance[3, 3], 0.0))),
            alike=self.likeness(at),
            left_px=left / self.factor,
            contrast=self.contrast,
            tiles=tiles,
        )

    def _tiles(self) -> FloatArray:
        """Return the number (n,) of the part of the picture of each pixel."""
        height, width = self.a.shape
        column = self.x * TILES[0] // width
        return np.asarray(column + TILES[0] * (self.y * TILES[1] // height))

    def _left_px(
        self, error: FloatArray, weight: FloatArray, gradient: FloatArray, tile: FloatArray
    ) -> tuple[float, int]:
        """Return the median over parts of the shift that is left, and how many parts tell one."""
        shifts = []
        for number in np.unique(tile):
            mine = (tile == number) & (weight > 0.0)
            if mine.sum() < LEAST_OF_TILE:
                continue
            g = gradient[mine]
            weighted = weight[mine][:, None] * g
            # A part with edges of one direction only moves along them unseen: least shift.
            step = np.linalg.lstsq(weighted.T @ g, -weighted.T @ error[mine], rcond=0.02)[0]
            shifts.append(float(np.linalg.norm(step)))
        return (float(np.median(shifts)) if shifts else np.inf), len(shifts)


def _slopes(picture: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return the slopes of a picture along x and y (Scharr's, per pixel)."""
    along = [cv2.Scharr(picture, cv2.CV_32F, *order) / 32.0 for order in ((1, 0), (0, 1))]
    return np.asarray(along[0]), np.asarray(along[1])


def _sampled(picture: FloatArray, pixels: FloatArray) -> FloatArray:
    """Return the picture at pixels (n, 2), between its pixels; 0 outside."""
    where = np.nan_to_num(pixels, nan=-10.0).astype(np.float32)
    # remap takes maps of at most 32767 rows.
    rows = -(-len(where) // 1024)
    padded = np.full((rows * 1024, 2), -10.0, dtype=np.float32)
    padded[: len(where)] = where
    map_x, map_y = padded[:, 0].reshape(rows, 1024), padded[:, 1].reshape(rows, 1024)
    out = cv2.remap(picture, map_x, map_y, cv2.INTER_LINEAR, borderValue=0.0)
    return np.asarray(out.ravel()[: len(where)], dtype=np.float64)


def _weights(error: FloatArray) -> FloatArray:
    """Return Cauchy's weights of errors (n,), their scale told by the median."""
    scale = 2.4 * 1.4826 * max(float(np.median(np.abs(error))), 1e-6)
    return np.asarray(1.0 / (1.0 + (error / scale) ** 2))
