"""Takes of cameras started by hand, with known clocks: what each detector reports, and when."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy.interpolate import CubicSpline

from mocap.body.model import BodyModel, load_free_body
from mocap.core.camera import Calibration, Camera
from mocap.core.clocks import lateness_of
from mocap.core.detections import Detections2D
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.shapes import FloatArray
from mocap.synthetic.motion.motion import MOTIONS, body_keypoints
from mocap.synthetic.observations import observe_points

SOURCE_HZ = 120.0
# Between two actions of a script the body goes over in this time.
BLEND_S = 1.2
# People are no metronomes: their tempo wanders by so much, over so many seconds.
TEMPO_SHARE, TEMPO_S = 0.04, 3.0
# Nobody stands quite still.
SWAY_M, SWAY_HZ = 0.004, (0.23, 0.41, 0.9)

# Of search for the row in which a keypoint is seen: 300 px/s of 1000 px in 16 ms is 0.005 a round.
ROLLED_ROUNDS = 3

SCRIPTS = ("walk", "squat", "arm_raise", "dance", "throw", "mixed", "still")


@dataclass(frozen=True, eq=False)
class HandStarted:
    """A take with its truth.

    Attributes:
        calibration: the true rig.
        detections: with every camera's own times.
        start_s: (camera,) when each camera took its first frame.
        drift: (camera,) true = start + (1 + drift) local.
        motion: true time -> keypoints (keypoint, 3).
    """

    calibration: Calibration
    detections: Detections2D
    start_s: FloatArray
    drift: FloatArray
    motion: CubicSpline

    def common_s(self, camera: int, local_s: FloatArray, reference: int = 0) -> FloatArray:
        """Return the true time of local times on the clock of the reference camera."""
        true = self.start_s[camera] + (1.0 + self.drift[camera]) * local_s
        return np.asarray((true - self.start_s[reference]) / (1.0 + self.drift[reference]))


def script(kind: str, length_s: float, seed: int) -> FloatArray:
    """Return keypoints (frame, keypoint, 3) at `SOURCE_HZ` of a person acting for `length_s`.

    "throw" are throws with pauses, "mixed" a bit of everything, "still" only sways.
    """
    rng = np.random.default_rng(seed)
    body = load_free_body()
    if kind == "still":
        pose = _action("dance", 0.1, seed, body)[:1]
        return _swaying(np.repeat(pose, int(length_s * SOURCE_HZ), axis=0), rng)
    if kind in ("throw", "mixed"):
        return _swaying(_joined(kind, length_s, rng, body), rng)
    more = {"radius_m": 1.3} if kind == "walk" else {}
    xyz = _action(kind, length_s + 2.0, seed, body, **more)
    time = np.arange(len(xyz)) / SOURCE_HZ
    knots = np.arange(0.0, length_s + 2 * TEMPO_S, TEMPO_S)
    tempo = CubicSpline(knots, 1.0 + TEMPO_SHARE * rng.normal(size=len(knots)))
    warped = np.clip(np.cumsum(tempo(time)) / SOURCE_HZ, 0.0, time[-1])
    return _swaying(CubicSpline(time, xyz)(warped[: int(length_s * SOURCE_HZ)]), rng)


def _action(name: str, length_s: float, seed: int, body: BodyModel, **more: float) -> FloatArray:
    motion = MOTIONS[name](length_s, SOURCE_HZ, seed=seed, model=body, **more)
    return body_keypoints(motion, model=body)


def _joined(kind: str, length_s: float, rng: np.random.Generator, body: BodyModel) -> FloatArray:
    parts: list[FloatArray] = []
    while sum(len(each) for each in parts) / SOURCE_HZ + BLEND_S * len(parts) < length_s:
        seed = int(rng.integers(1 << 30))
        if kind == "throw":
            throw = _action("throw", 2.6, seed, body)
            pause = int(rng.uniform(1.5, 5.0) * SOURCE_HZ)
            parts += [throw, np.repeat(throw[-1:], pause, axis=0)]
            continue
        name = str(rng.choice(["walk", "squat", "arm_raise", "dance", "still"]))
        seconds = float(rng.uniform(2.0, 6.0))
        if name == "still":
            pose = _action("dance", 0.1, seed, body)[:1]
            parts.append(np.repeat(pose, int(seconds * SOURCE_HZ), axis=0))
        elif name == "walk":
            heading = float(rng.uniform(0.0, 360.0))
            parts.append(_action("walk", seconds, seed, body, heading_deg=heading, speed_m_s=0.9))
        else:
            parts.append(_action(name, seconds, seed, body))
    u = np.linspace(0.0, 1.0, int(BLEND_S * SOURCE_HZ))[:, None, None]
    ease = u**3 * (10.0 - 15.0 * u + 6.0 * u * u)
    out = [parts[0]]
    for part in parts[1:]:
        out += [out[-1][-1] * (1.0 - ease) + part[0] * ease, part]
    return np.concatenate(out)[: int(length_s * SOURCE_HZ)]


def _swaying(xyz: FloatArray, rng: np.random.Generator) -> FloatArray:
    time = np.arange(len(xyz)) / SOURCE_HZ
    waves = [np.sin(2 * np.pi * (f * time[:, None] + rng.uniform(0, 1, 3))) for f in SWAY_HZ]
    return np.asarray(xyz + SWAY_M * np.sum(waves, axis=0)[:, None, :])


def hand_started(
    xyz: FloatArray,
    calibration: Calibration,
    *,
    fps: float | Sequence[float] = 60.0,
    length_s: float = 40.0,
    start_s: Sequence[float] | None = None,
    spread_s: float = 30.0,
    drift_ppm: float = 0.0,
    lost: float = 0.0,
    noise_px: float = 2.0,
    outliers: float = 0.1,
    missing: float = 0.05,
    rows: Sequence[FloatArray] | None = None,
    seed: int = 0,
) -> HandStarted:
    """Return what cameras with clocks of their own report of keypoints (frame, keypoint, 3).

    Args:
        xyz: at `SOURCE_HZ` from the true time 0.
        calibration: the true rig.
        fps: one number, or one per camera.
        length_s: of every recording.
        start_s: when each camera starts; drawn within `spread_s` by default.
        spread_s: as said.
        drift_ppm: drifts are drawn within this.
        lost: share of frames that are missing from the file.
        noise_px: as for `observe_points`, like `outliers` and `missing`.
        outliers: as said.
        missing: as said.
        rows: per camera the lateness of its pixels by a rolling shutter, see `core.clocks`; the
            detections know it.
        seed: of the random numbers.
    """
    rng = np.random.default_rng(seed)
    motion = CubicSpline(np.arange(len(xyz)) / SOURCE_HZ, xyz)
    cameras = len(calibration.cameras)
    rates = np.broadcast_to(np.asarray(fps, dtype=np.float64), (cameras,))
    drawn = 0.5 + rng.uniform(0.0, spread_s, cameras)
    start = drawn if start_s is None else np.asarray(start_s, dtype=np.float64)
    drift = rng.uniform(-1.0, 1.0, cameras) * drift_ppm * 1e-6
    times, pixels = [], []
    for c, camera in enumerate(calibration.cameras):
        local = np.arange(int(length_s * rates[c])) / rates[c]
        local = local[(rng.random(len(local)) >= lost) | (local == 0.0)]
        true = np.minimum(start[c] + (1.0 + drift[c]) * local, motion.x[-1])
        where = motion(true) if rows is None else rolled(camera, motion, true, rows[c])
        seen = observe_points(
            Calibration((camera,)),
            where[:, None],
            COCO_17_FEET.keypoint_names,
            fps=float(rates[c]),
            noise_px=noise_px,
            outliers=outliers,
            missing=missing,
            seed=int(rng.integers(1 << 30)),
        )
        times.append(local)
        pixels.append(seen.pixels[0])
    detections = joined_streams(calibration.names, times, pixels, float(rates[0]))
    if rows is not None:
        detections = replace(detections, row_lateness=np.stack(rows))
    return HandStarted(calibration, detections, start, drift, motion)


def lagging(detections: Detections2D, late_s: float, seed: int) -> Detections2D:
    """Return detections whose detector has habits: it sees each keypoint late, by a time of its own
    in every camera, drawn with the standard deviation `late_s`."""
    rng = np.random.default_rng(seed)
    pixels = np.array(detections.pixels)
    cameras, _, people, keypoints, _ = pixels.shape
    for c in range(cameras):
        own = np.isfinite(detections.times_s[c])
        times = detections.times_s[c][own]
        for person, k in np.ndindex(people, keypoints):
            late = times - rng.normal(0.0, late_s)
            track = pixels[c, own, person, k]
            pixels[c, own, person, k] = np.stack(
                [np.interp(late, times, axis) for axis in track.T], axis=-1
            )
    return replace(detections, pixels=pixels)


def rolled(
    camera: Camera, motion: CubicSpline, times_s: FloatArray, rows: FloatArray
) -> FloatArray:
    """Return where each keypoint was (frame, keypoint, 3) when the row that shows it was read.

    `rows` is the lateness of a pixel, see `core.clocks`. The row depends on where the keypoint
    was then: each round is nearer by the share of the image that it moves within the readout.
    """
    here, speed, bend = (motion(times_s, order) for order in (0, 1, 2))
    where = here
    for _ in range(ROLLED_ROUNDS):
        late = np.nan_to_num(lateness_of(rows, camera.project(where)))[..., None]
        where = here + late * speed + 0.5 * late**2 * bend
    return np.asarray(where)


def joined_streams(
    names: Sequence[str], times: Sequence[FloatArray], pixels: Sequence[FloatArray], fps: float
) -> Detections2D:
    """Return detections of cameras with frames of their own: times (frame,), pixels (frame, ...).

    Shorter recordings are padded.
    """
    frames = max(len(each) for each in times)

    def padded(array: FloatArray) -> FloatArray:
        missing = [(0, frames - len(array))] + [(0, 0)] * (array.ndim - 1)
        return np.pad(array, missing, constant_values=np.nan)

    every = np.stack([padded(each) for each in pixels])
    seen = np.isfinite(every)
    low = np.where(seen, every, np.inf).min(axis=3)
    high = np.where(seen, every, -np.inf).max(axis=3)
    boxes = np.concatenate([low, high], axis=-1)
    boxes[~np.isfinite(boxes).all(axis=-1)] = np.nan
    return Detections2D(
        tuple(names),
        COCO_17_FEET.keypoint_names,
        fps,
        every,
        np.where(seen[..., 0], 0.9, 0.0),
        boxes,
        np.stack([padded(each) for each in times]),
    )
