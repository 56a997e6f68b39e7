"""Offsets and drifts to a fraction of a millisecond: Gauss-Newton on what people's motion says.

Unknowns are every camera's offset and drift, and a small error of its pose held by a prior: a rig
a few pixels off shifts everybody who walks one way as an offset would, and would be taken for
one. Points are eliminated (Schur complement), observations weighted by Tukey's function.

Velocities come from triangulated points, never from tracks in the image: every wrong detection
leaves two slopes of thousands of px/s beside good observations, and those would fill the normal
matrix and stop the steps.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.ndimage import gaussian_filter1d, median_filter

from mocap.core.camera import Calibration
from mocap.core.clocks import lateness_of
from mocap.core.files.replay import Remember, anew
from mocap.core.kernels.triangulation import triangulate_kernel, undistort_views
from mocap.core.rotation import matrix_from_rotvec, rotvec_from_matrix
from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.core.transform import rigid
from mocap.sync.refine_kernels import OWN, accumulate

# Instants compared per second: people's motion has nothing above 12 Hz that a detector follows.
RATE_HZ = 25.0
MAX_ROUNDS, MIN_ROUNDS = 16, 6
CONVERGED_S = 5e-5
# The scan is right within 0.1 s; larger steps come from observations that do not belong together.
FIRST_STEPS, FIRST_STEP_S, LATER_STEP_S = 4, 0.05, 0.02
# Each round compares other instants, so that no frame's own time is always a node.
JITTER_S = 1.7e-3
FIRST_GATE_PX, GATE_SIGMAS, MIN_GATE_PX = 60.0, 7.0, 4.0
FIRST_RMS_PX = 4.0
# Median of a squared error of two axes over its variance: chi-square with 2 degrees of freedom.
MEDIAN_CHI2 = 1.386
# A longer gap between frames hides what happened in it.
MAX_FRAME_GAP_S = 0.1
MAX_SPEED_M_S = 40.0
VELOCITY_SMOOTH_S, LEAST_SMOOTH_FRAMES = 0.04, 0.6
# Of time, and of keypoints: a detector's habits (a wrist that lags behind, a knee that is seen too
# far outside) last as long as a short take does, and only its other keypoints tell of them.
TIME_BLOCKS, KEYPOINT_BLOCKS = 10, 10
# Instants worked on at once, four minutes; the speed at one is known from some seconds around it.
_INSTANTS_AT_ONCE, _AROUND = 6000, 250
# Quartz clocks of cameras are within 100 ppm of each other.
DRIFT_SIGMA = 150e-6
# Degrees and metres that a pose can be wrong by, however well the calibration fits its board.
LEAST_POSE_SIGMA = (0.3, 0.010)
# Below this no offset is known, whatever the residuals say.
SIGMA_FLOOR_S = 0.2e-3


@dataclass(frozen=True, eq=False)
class PersonStream:
    """The keypoints one camera saw of the people that are compared.

    Attributes:
        times_s: (frame,) on the camera's own clock.
        pixels: (frame, keypoint, 2) in pixels of the calibration; NaN = not seen. Keypoints of
            several people follow each other.
        rows: (3,) how much later than its image a pixel was taken, see `core.clocks`.
    """

    times_s: FloatArray
    pixels: FloatArray
    rows: FloatArray = field(default_factory=lambda: np.zeros(3))

    def at(self, local_s: FloatArray) -> FloatArray:
        """Return pixels (time, keypoint, 2), linear between the two nearest frames.

        Each keypoint counts at the time of the row in which it was seen.
        """
        if not self.rows.any():
            return _between(self.times_s, self.pixels, local_s)
        late = lateness_of(self.rows, self.pixels)
        out = np.full((len(local_s), *self.pixels.shape[1:]), np.nan)
        for k in range(self.pixels.shape[1]):
            seen = np.flatnonzero(np.isfinite(late[:, k]))
            if len(seen) > 1:
                own = self.times_s + np.interp(self.times_s, self.times_s[seen], late[seen, k])
                out[:, k] = _between(own, self.pixels[:, k : k + 1], local_s)[:, 0]
        return out


def _between(t: FloatArray, pixels: FloatArray, local_s: FloatArray) -> FloatArray:
    """Return pixels (frame, keypoint, 2) of times t at others; NaN outside and in gaps."""
    if len(t) < 2:
        return np.full((len(local_s), *pixels.shape[1:]), np.nan)
    k = np.clip(np.searchsorted(t, local_s) - 1, 0, len(t) - 2)
    part = ((local_s - t[k]) / (t[k + 1] - t[k]))[:, None, None]
    value = (1.0 - part) * pixels[k] + part * pixels[k + 1]
    gap = t[k + 1] - t[k] > max(MAX_FRAME_GAP_S, 1.5 * float(np.median(np.diff(t))))
    value[(local_s < t[0]) | (local_s > t[-1]) | gap] = np.nan
    return np.asarray(value)


@dataclass(frozen=True, eq=False)
class Refined:
    """What the motion says.

    Attributes:
        offset_s, sigma_s: (camera,) at `middle_s`, with the reference at 0.
        drift, sigma_drift: (camera,) common seconds per local second, minus 1.
        middle_s: (camera,) local time.
        rms_px: spread of the residuals.
        used_share: share of observations that agree.
        turned_deg, moved_m: (camera,) what the poses were changed by.
        rounds: Gauss-Newton rounds taken.
    """

    offset_s: FloatArray
    sigma_s: FloatArray
    drift: FloatArray
    sigma_drift: FloatArray
    middle_s: FloatArray
    rms_px: float
    used_share: float
    turned_deg: FloatArray
    moved_m: FloatArray
    rounds: int


def refine(
    streams: Sequence[PersonStream],
    calibration: Calibration,
    offsets_s: FloatArray,
    *,
    reference: int = 0,
    drifting: BoolArray | None = None,
    pose_sigma: FloatArray | None = None,
    told: Callable[[str, int, int], None] | None = None,
    remember: Remember = anew,
) -> Refined:
    """Refine offsets (camera,) known within 0.1 s.

    Args:
        streams: in the order of the calibration's cameras.
        calibration: the rig as it is believed.
        offsets_s: common minus local time of each camera.
        reference: the camera whose clock is the common one.
        drifting: (camera,) whose drift is estimated too, about the middle of the common
            recording; all by default.
        pose_sigma: (camera, 2) degrees and metres by which each camera's pose may be wrong;
            `LEAST_POSE_SIGMA` by default.
        told: hears of every round; there are fewer than it is told when nothing moves any more.
        remember: keeps what the rounds gave, see `Replay`.
    """
    problem = _Problem(streams, calibration, offsets_s, reference, drifting, pose_sigma)
    rounds = 0
    while rounds < MAX_ROUNDS:
        step = problem.step(rounds, remember)
        rounds += 1
        if told is not None:
            told("rounds", rounds, MAX_ROUNDS)
        if rounds >= MIN_ROUNDS and step < CONVERGED_S:
            break
    return problem.result(rounds)


class _Problem:
    """The state of Gauss-Newton and the last normal equations."""

    def __init__(
        self,
        streams: Sequence[PersonStream],
        calibration: Calibration,
        offsets_s: FloatArray,
        reference: int,
        drifting: BoolArray | None,
        pose_sigma: FloatArray | None,
    ) -> None:
        self.streams = streams
        self.vectors = calibration.vectors()
        self.poses = np.stack([c.camera_from_world[:3] for c in calibration.cameras])
        cameras = len(streams)
        self.offset = offsets_s - offsets_s[reference]
        self.drift = np.zeros(cameras)
        self.middle = _middles(streams, self.offset)
        self.pose_change = np.zeros((cameras, 6))
        self.gate_px, self.rms_px = FIRST_GATE_PX, FIRST_RMS_PX
        self.used_share = 0.0
        free = np.ones(OWN * cameras, dtype=bool)
        free[[reference, cameras + reference]] = False
        if drifting is not None:
            free[cameras : 2 * cameras] &= drifting
        self.free = np.flatnonzero(free)
        self.prior = np.zeros(OWN * cameras)
        self.prior[cameras : 2 * cameras] = DRIFT_SIGMA**-2
        known = np.tile(LEAST_POSE_SIGMA, (cameras, 1)) if pose_sigma is None else pose_sigma
        inverse = 1.0 / (known * [np.deg2rad(1.0), 1.0])
        self.prior[2 * cameras :] = np.repeat(inverse**2, 3, axis=1).ravel()
        blocks = TIME_BLOCKS * KEYPOINT_BLOCKS
        self.hessian = np.zeros((blocks, OWN * cameras, OWN * cameras))
        self.gradient = np.zeros((blocks, OWN * cameras))

    def step(self, number: int, remember: Remember) -> float:
        """Take one step; return the largest change of an offset (s)."""
        self.hessian, self.gradient, self.rms_px, self.used_share = remember(
            lambda: self._linearise(self._instants(number))
        )
        cameras = len(self.streams)
        h = self.hessian.sum(axis=0) + np.diag(self._scaled_prior())
        g = self.gradient.sum(axis=0) + self._prior_pull()
        change = np.zeros(OWN * cameras)
        # Directions nothing tells (nobody moved) get no step.
        inner = h[np.ix_(self.free, self.free)] + 1e-9 * np.eye(len(self.free))
        change[self.free] = np.linalg.solve(inner, g[self.free])
        limit = FIRST_STEP_S if number < FIRST_STEPS else LATER_STEP_S
        moved = np.clip(change[:cameras], -limit, limit)
        self.offset = self.offset + moved
        self.drift = self.drift + change[cameras : 2 * cameras]
        self._turn(change[2 * cameras :].reshape(cameras, 6))
        self.gate_px = max(GATE_SIGMAS * self.rms_px, MIN_GATE_PX)
        return float(np.abs(moved).max())

    def _scaled_prior(self) -> FloatArray:
        """Return the prior in the units of unweighted residuals: information times variance."""
        return self.prior * self.rms_px**2

    def _prior_pull(self) -> FloatArray:
        state = np.concatenate([np.zeros(len(self.offset)), self.drift, self.pose_change.ravel()])
        return -self._scaled_prior() * state

    def _turn(self, change: FloatArray) -> None:
        """Turn and shift the cameras by (camera, 6) in their own axes."""
        steps = rigid(matrix_from_rotvec(change[:, :3]), change[:, 3:])
        whole = rigid(self.poses[:, :, :3], self.poses[:, :, 3])
        turned = steps @ whole
        self.poses = np.ascontiguousarray(turned[:, :3])
        self.vectors[:, :3] = rotvec_from_matrix(turned[:, :3, :3])
        self.vectors[:, 3:6] = turned[:, :3, 3]
        self.pose_change = self.pose_change + change

    def _instants(self, number: int) -> FloatArray:
        """Return the common times (instant,) at which the cameras are compared."""
        starts = [s.times_s[0] + o for s, o in zip(self.streams, self.offset, strict=True)]
        ends = [s.times_s[-1] + o for s, o in zip(self.streams, self.offset, strict=True)]
        return np.arange(min(starts), max(ends), 1.0 / RATE_HZ) + JITTER_S * number

    def _common_pixels(self, common: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Return pixels (instant, keypoint, camera, 2) and local times (instant, camera)."""
        keypoints, cameras = self.streams[0].pixels.shape[1], len(self.streams)
        pixels = np.zeros((len(common), keypoints, cameras, 2))
        since = np.zeros((len(common), cameras))
        for c, stream in enumerate(self.streams):
            local = (common - self.offset[c] + self.drift[c] * self.middle[c]) / (
                1.0 + self.drift[c]
            )
            pixels[:, :, c] = stream.at(local)
            since[:, c] = local - self.middle[c]
        return pixels, since

    def _linearise(self, common: FloatArray) -> tuple[FloatArray, FloatArray, float, float]:
        """Return the normal equations, some instants at a time, block by block of the jackknife,
        the spread of the residuals (px), and the share of what agrees."""
        self.hessian, self.gradient = np.zeros_like(self.hessian), np.zeros_like(self.gradient)
        block = np.arange(len(common)) * TIME_BLOCKS // max(1, len(common))
        errors, used, seen = [np.zeros(0)], 0, 0  # a take of one frame has no instants
        for first in range(0, len(common), _INSTANTS_AT_ONCE):
            part = slice(first, min(first + _INSTANTS_AT_ONCE, len(common)))
            around = slice(max(first - _AROUND, 0), part.stop + _AROUND)
            inner = slice(part.start - around.start, part.stop - around.start)
            squared, count, visible = self._add(common[around], inner, block[part])
            errors.append(squared[squared < self.gate_px**2])
            used, seen = used + count, seen + visible
        inside = np.concatenate(errors)
        rms_px = float(np.sqrt(np.median(inside) / MEDIAN_CHI2)) if len(inside) else self.rms_px
        return self.hessian, self.gradient, rms_px, used / max(1, seen)

    def _add(
        self, common: FloatArray, inner: slice, block: IntArray
    ) -> tuple[FloatArray, int, int]:
        """Triangulate at some instants and add the normal equations of the inner ones.

        Returns:
            Their squared errors (point, camera), how many observations carried weight, and how many
            there are.
        """
        pixels, since = self._common_pixels(common)
        instants, keypoints, cameras = pixels.shape[:3]
        flat = pixels.reshape(-1, cameras, 2)
        rays = np.full_like(flat, np.nan)
        undistort_views(self.vectors, flat, rays)
        count = len(flat)
        points, squared = np.full((count, 3), np.nan), np.full((count, cameras), np.nan)
        triangulate_kernel(
            self.vectors, flat, rays, self.gate_px, points, np.zeros((count, 6)), squared
        )
        velocity = _velocity(points.reshape(instants, keypoints, 3)).reshape(-1, 3)
        rows = slice(inner.start * keypoints, inner.stop * keypoints)
        errors = squared[rows]
        # Keypoints that follow each other in a set lie beside each other on the body.
        group = np.arange(keypoints) * KEYPOINT_BLOCKS // keypoints
        used = accumulate(
            self.poses,
            self.vectors,
            flat[rows],
            points[rows],
            np.nan_to_num(velocity[rows]),
            np.repeat(since[inner], keypoints, axis=0),
            self.gate_px,
            (block[:, None] * KEYPOINT_BLOCKS + group).ravel(),
            self.hessian,
            self.gradient,
            errors,
        )
        return errors, used, int(np.isfinite(flat[rows, :, 0]).sum())

    def result(self, rounds: int) -> Refined:
        cameras = len(self.streams)
        spread = self._jackknife() ** 2 + self._formal() ** 2
        sigma = np.sqrt(spread)
        reference = np.setdiff1d(np.arange(cameras), self.free)
        offset_sigma = np.maximum(sigma[:cameras], SIGMA_FLOOR_S)
        offset_sigma[reference] = 0.0
        return Refined(
            offset_s=self.offset,
            sigma_s=offset_sigma,
            drift=self.drift,
            sigma_drift=sigma[cameras : 2 * cameras],
            middle_s=self.middle,
            rms_px=self.rms_px,
            used_share=self.used_share,
            turned_deg=np.rad2deg(np.linalg.norm(self.pose_change[:, :3], axis=1)),
            moved_m=np.linalg.norm(self.pose_change[:, 3:], axis=1),
            rounds=rounds,
        )

    def _formal(self) -> FloatArray:
        """Standard deviations (unknown,) from the normal matrix."""
        out = np.zeros(len(self.prior))
        h = self.hessian.sum(axis=0) + np.diag(self._scaled_prior())
        inner = h[np.ix_(self.free, self.free)] + 1e-9 * np.eye(len(self.free))
        out[self.free] = self.rms_px * np.sqrt(np.diag(np.linalg.inv(inner)))
        return out

    def _jackknife(self) -> FloatArray:
        """Standard deviations (unknown,) from leaving out one block at a time.

        Residuals of neighbouring instants, and of one keypoint, hang together: the formal ones are
        too small. Blocks of time and of keypoints each tell it for themselves; the larger counts.
        """
        out = np.zeros(len(self.prior))
        shape = (TIME_BLOCKS, KEYPOINT_BLOCKS)
        for axis in (0, 1):
            h = self.hessian.reshape(*shape, *self.hessian.shape[1:]).sum(axis=1 - axis)
            g = self.gradient.reshape(*shape, -1).sum(axis=1 - axis)
            out[self.free] = np.maximum(out[self.free], self._without_each(h, g))
        return out

    def _without_each(self, hessian: FloatArray, gradient: FloatArray) -> FloatArray:
        """Return the jackknife's standard deviations (free unknown,) over blocks."""
        ix = np.ix_(self.free, self.free)
        inner_prior = np.diag(self._scaled_prior()[self.free] + 1e-9)
        h, g = hessian.sum(axis=0), gradient.sum(axis=0)
        solved = np.array([
            np.linalg.solve((h - hb)[ix] + inner_prior, (g - gb)[self.free])
            for hb, gb in zip(hessian, gradient, strict=True)
        ])  # fmt: skip
        n = len(solved)
        return np.asarray(np.sqrt((n - 1) / n * np.sum((solved - solved.mean(0)) ** 2, axis=0)))


def _middles(streams: Sequence[PersonStream], offsets_s: FloatArray) -> FloatArray:
    """Return the local time (camera,) of the middle of what all cameras recorded together.

    There an offset and a drift are told apart best. Without a common stretch: the middle of each.
    """
    starts = np.array([s.times_s[0] for s in streams]) + offsets_s
    ends = np.array([s.times_s[-1] for s in streams]) + offsets_s
    if starts.max() < ends.min():
        return 0.5 * (starts.max() + ends.min()) - offsets_s
    return 0.5 * (starts + ends) - offsets_s


def _velocity(points: FloatArray) -> FloatArray:
    """Return the velocity (time, keypoint, 3) of points (time, keypoint, 3); NaN = unknown."""
    out = np.full_like(points, np.nan)
    time = np.arange(len(points))
    smooth = max(VELOCITY_SMOOTH_S * RATE_HZ, LEAST_SMOOTH_FRAMES)
    for k in range(points.shape[1]):
        seen = np.isfinite(points[:, k, 0])
        if seen.sum() < 3:
            continue
        track = np.stack([np.interp(time, time[seen], axis[seen]) for axis in points[:, k].T])
        track = gaussian_filter1d(median_filter(track, (1, 3)), smooth, axis=1)
        out[:, k] = np.gradient(track, axis=1).T * RATE_HZ
        out[_far_from(seen), k] = np.nan
    out[np.linalg.norm(out, axis=-1) > MAX_SPEED_M_S] = np.nan
    return out


def _far_from(seen: BoolArray) -> BoolArray:
    """Return the instants (time,) around which less than 40 % was seen: no speed is known there."""
    return np.asarray(gaussian_filter1d(seen.astype(np.float64), 1.5) < 0.4)
