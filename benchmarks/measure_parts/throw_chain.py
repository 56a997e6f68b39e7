"""Throws through the whole chain: cameras, triangulation, smoothing, body fit, measurement."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from figures import Figure

from mocap.body.anatomical_markers import bony_landmarks
from mocap.body.fit.fit import fit
from mocap.body.fit.views import CameraTracks
from mocap.body.landmarks import Offsets
from mocap.body.model import BodyModel
from mocap.body.model_motion import skeleton_from_pose
from mocap.body.shape_prior import BodyFacts
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.motion import SkeletonMotion
from mocap.core.points import Points3D
from mocap.core.shapes import FloatArray
from mocap.measure.misfit import measure_misfit
from mocap.measure.pitching.pitching import Pitching, PitchingOptions, measure_pitching
from mocap.measure.segments.body import segments_from_skeleton
from mocap.measure.segments.segments import Segments
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.motion import body_keypoints, pitchers_throw, throw
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import laboratory
from mocap.workflow.measure.misfit import away_from_body

SECONDS = 2.8
_SHAPE_SD = 0.8
_FIRST_SHAPES = 4

# Curve -> greatest RMS error in degrees from peak knee height to maximal internal rotation.
CURVE_LINES = {
    "elbow_flexion": 3.0,
    "glove_elbow_flexion": 3.0,
    "lead_knee_flexion": 3.0,
    "rear_knee_flexion": 3.0,
    "shoulder_external_rotation": 5.0,
    "torso_rotation": 5.0,
    "torso_anterior_tilt": 5.0,
    "torso_lateral_tilt": 5.0,
}
_TOLD = ("shoulder_abduction", "shoulder_horizontal_abduction", "pelvis_rotation",
         "pelvis_anterior_tilt", "hip_shoulder_separation", "elbow_pronation")  # fmt: skip
_MASS_KG = 80.0
_LOADS = ("max_elbow_varus_torque", "max_shoulder_internal_rotation_torque",
          "max_shoulder_distraction_force")  # fmt: skip
_IR, _STRIDE = "max_shoulder_internal_rotational_velo", "stride_length"
_MOMENTS = ("max_external_rotation", "max_internal_rotation", "ball_release", "foot_plant",
            "foot_contact", "peak_knee_height")  # fmt: skip


@dataclass(frozen=True)
class Setting:
    """Who throws, and what sees it.

    Attributes:
        name: for people.
        make: the scripted throw.
        fps: frames per second.
        cameras: how many stand round the room.
    """

    name: str
    make: Callable[..., SyntheticMotion]
    fps: float = 240.0
    cameras: int = 8


AMATEUR = Setting("amateur, 8 cameras, 240 fps", throw)
PITCHER = Setting("pitcher, 8 cameras, 240 fps", pitchers_throw)
PITCHER_FEW = Setting("pitcher, 4 cameras, 120 fps", pitchers_throw, 120.0, 4)


@dataclass(frozen=True, eq=False)
class Comparison:
    """One throw: the measurement of the truth and of the chain."""

    true: Pitching
    found: Pitching

    def curve_rms(self, name: str) -> float:
        """Return the RMS difference of a curve between knee height and internal rotation."""
        events = self.true.throws[0].events
        first = round(events["peak_knee_height"].frame)
        last = round(events["max_internal_rotation"].frame)
        difference = (self.found.curves[name] - self.true.curves[name])[first : last + 1]
        known = difference[np.isfinite(difference)]
        return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")

    def event_ms(self, name: str) -> float:
        """Return how late an event was found."""
        late = self.found.throws[0].events[name].frame - self.true.throws[0].events[name].frame
        return 1000.0 * late / self.true.thrower.fps

    def values(self, name: str) -> tuple[float, float, float]:
        """Return a metric's true and found value, and its band."""
        true, found = (
            next(metric for metric in each.throws[0].metrics if metric.name == name)
            for each in (self.true, self.found)
        )
        return true.value, found.value, found.band


def segments_of(model: BodyModel, skeleton: SkeletonMotion, betas: FloatArray) -> Segments:
    """Return the segments of a body with its virtual markers."""
    return segments_from_skeleton(skeleton, bony_landmarks(model, betas))


def throw_points(
    setting: Setting, seed: int, betas: FloatArray, hand: str
) -> tuple[Points3D, CameraTracks, SkeletonMotion]:
    """Return the smoothed keypoints of a throw, what the cameras saw, and the true motion."""
    motion = setting.make(SECONDS, setting.fps, seed=seed, betas=betas, left_handed=hand == "left")
    names = COCO_17_FEET.keypoint_names
    rig = laboratory(seed=seed, count=setting.cameras)
    tracks = observe_points(
        rig, body_keypoints(motion)[:, None], names,
        fps=setting.fps, noise_px=2.0, outliers=0.1, seed=seed,
    )  # fmt: skip
    points = smooth(triangulate(tracks, rig), tracks, rig)
    return points, CameraTracks(tracks, rig), motion.skeleton


def compare(seed: int, model: BodyModel, setting: Setting = AMATEUR) -> Comparison:
    """Run one throw through the chain."""
    rng = np.random.default_rng(seed)
    betas = np.zeros(model.shape_count)
    if seed > 1:
        betas[:_FIRST_SHAPES] = rng.normal(0.0, _SHAPE_SD, _FIRST_SHAPES)
    hand = "left" if seed % 2 == 0 else "right"
    points, views, skeleton = throw_points(setting, seed, betas, hand)
    height = float(np.ptp(model.rest_vertices(betas)[:, 1]))
    body = fit(points, model, facts=BodyFacts(height_m=height), views=views).motion
    moved = skeleton_from_pose(model, body.rotation_vectors(), body.betas, body.transl, setting.fps)
    options = PitchingOptions(hand=hand, height_m=height, target_deg=0.0, mass_kg=_MASS_KG)
    misfit = measure_misfit(points, away_from_body(points, model, body, Offsets()))
    return Comparison(
        measure_pitching(segments_of(model, skeleton, betas), options),
        measure_pitching(
            segments_of(model, moved, body.betas), options, points=points, misfit=misfit
        ),
    )


def throw_figures(comparisons: list[Comparison], *, lines: bool = True) -> list[Figure]:
    """Return the figures of all throws: worst of each kind, and how often bands hold.

    Without `lines` they are told and hold nothing.
    """
    figures = _throw_figures(comparisons)
    return figures if lines else [replace(each, line=None) for each in figures]


def _throw_figures(comparisons: list[Comparison]) -> list[Figure]:
    figures = []
    for name in (*CURVE_LINES, *_TOLD):
        worst = max(each.curve_rms(name) for each in comparisons)
        label = f"{name.replace('_', ' ')}, RMS, worst throw"
        figures.append(Figure(label, worst, "deg", CURVE_LINES.get(name)))
    stride = [each.values(_STRIDE) for each in comparisons]
    worst = max(abs(found - true) for true, found, _ in stride)
    figures.append(Figure("stride, worst", worst, "% height", 1.0))
    peaks = [each.values(_IR) for each in comparisons]
    error = [100.0 * (found / true - 1.0) for true, found, _ in peaks]
    figures.append(Figure("internal rotation peak, worst", max(map(abs, error)), "%", 8.0))
    figures.append(Figure("internal rotation peak, mean", float(np.mean(error)), "%"))
    for name in _LOADS:
        pairs = [each.values(name) for each in comparisons]
        worst = max(100.0 * abs(found / true - 1.0) for true, found, _ in pairs)
        figures.append(Figure(f"{name.replace('_', ' ')}, worst", worst, "%", 15.0))
    for name in _MOMENTS:
        late = [each.event_ms(name) for each in comparisons]
        label = name.replace("_", " ")
        bound = 6.0 if name.startswith("max") else None
        figures.append(Figure(f"{label}, worst", max(map(abs, late)), "ms", bound))
        if name == "ball_release":
            bias = abs(float(np.mean(late)))
            figures.append(Figure(f"{label}, bias", bias, "ms", 4.0))
    figures += _coverage(comparisons)
    return figures


def _coverage(comparisons: list[Comparison]) -> list[Figure]:
    """Return how many true values lie within chance alone, and within the bands."""
    alone, held, count = 0, 0, 0
    for each in comparisons:
        for true, found in zip(
            each.true.throws[0].metrics, each.found.throws[0].metrics, strict=True
        ):
            error = abs(found.value - true.value)
            if not found.trusted or not np.isfinite(error + found.band):
                continue
            count += 1
            alone += error <= found.chance
            held += error <= found.band
    share = 100.0 / max(count, 1)
    total = sum(len(each.found.throws[0].metrics) for each in comparisons)
    return [
        Figure("metrics that are trusted", 100.0 * count / total, "%"),
        Figure("trusted metrics within chance alone", share * alone, "%"),
        Figure("trusted metrics within their band", share * held, "%", 93.0, ">="),
    ]


def worst_metrics(comparisons: list[Comparison]) -> list[str]:
    """Return the metrics whose error leaves the band, for the eye."""
    lines = []
    for k, each in enumerate(comparisons):
        for true, found in zip(
            each.true.throws[0].metrics, each.found.throws[0].metrics, strict=True
        ):
            error = found.value - true.value
            if found.trusted and abs(error) > found.band:
                lines.append(
                    f"  throw {k + 1}: {found.name} off by {error:.2f} {found.unit}, "
                    f"band ± {found.band:.2f}, of it limit {found.systematic:g}"
                )
    return lines
