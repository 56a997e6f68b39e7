"""Random scripts through the whole chain: do trusted bands hold, is a trusted number ever far off?

A seed draws who (shape, hand), what (an amateur's or a pitcher's throw, a walk, squats, arm
raises), how fast the cameras are (360, 120 or 60 frames per second; who walks and exercises is not
filmed at 360), and how many stand round (5 to 8). The truth is the measurement of the scripted
body at high speed, without noise. A number is far off when it misses by its band and by twice the
spread that single values of it may have, `useful_sd`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from figures import Figure

from measure_parts.throw_chain import segments_of
from mocap.body.fit.fit import fit
from mocap.body.fit.views import CameraTracks
from mocap.body.landmarks import Offsets
from mocap.body.model import BodyModel
from mocap.body.model_motion import skeleton_from_pose
from mocap.body.shape_prior import BodyFacts
from mocap.core.errors import MocapError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D
from mocap.measure.exercises.gait import measure_gait
from mocap.measure.exercises.kinds import measure_exercise
from mocap.measure.metric import Metric
from mocap.measure.misfit import Misfit, measure_misfit
from mocap.measure.pitching.pitching import PitchingOptions, measure_pitching
from mocap.measure.segments.segments import Segments
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.footage.puppet import SyntheticMotion
from mocap.synthetic.motion.exercises import arm_raise, squat
from mocap.synthetic.motion.motion import body_keypoints, pitchers_throw, throw, walk
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import laboratory
from mocap.workflow.measure.misfit import away_from_body

RATES = (360, 120, 60)
_TRUE_FPS, _TRUE_FPS_OF_THROWS = 240.0, 480.0
_THROWS = ("amateur", "pitcher")
_SHAPE_SD, _SHAPES = 0.8, 4
_MASS_KG = 75.0

Measure = Callable[[Segments, Points3D | None, Misfit | None], Sequence[Metric]]


@dataclass(frozen=True)
class Script:
    """What a seed draws."""

    seed: int

    @property
    def _rng(self) -> np.random.Generator:
        return np.random.default_rng([self.seed, 14])

    @property
    def kind(self) -> str:
        """What is done."""
        return ("amateur", "pitcher", "walk", "squat", "arm raise")[self.seed % 5]

    @property
    def fps(self) -> float:
        """Frames per second of the cameras."""
        choice = RATES if self.kind in _THROWS else RATES[1:]
        return float(choice[(self.seed // 5) % len(choice)])

    def betas(self, model: BodyModel) -> Any:
        """Return whose body it is."""
        betas = np.zeros(model.shape_count)
        betas[:_SHAPES] = self._rng.normal(0.0, _SHAPE_SD, _SHAPES)
        return betas

    @property
    def hand(self) -> str:
        """The throwing hand."""
        return "left" if self.seed % 2 else "right"

    def motion(self, fps: float, betas: Any) -> SyntheticMotion:
        """Return the scripted motion at a frame rate."""
        rng = np.random.default_rng([self.seed, 15])
        if self.kind in _THROWS:
            make = throw if self.kind == "amateur" else pitchers_throw
            left = self.hand == "left"
            return make(2.8, fps, seed=self.seed, betas=betas, left_handed=left)
        if self.kind == "walk":
            speed = float(rng.uniform(0.8, 1.5))
            return walk(4.5, fps, seed=self.seed, betas=betas, speed_m_s=speed)
        make_it = squat if self.kind == "squat" else arm_raise
        return make_it(8.0, fps, seed=self.seed, betas=betas)

    def measure(self, height_m: float) -> Measure:
        """Return what measures it."""
        if self.kind in _THROWS:
            options = PitchingOptions(
                hand=self.hand, height_m=height_m, target_deg=0.0, mass_kg=_MASS_KG
            )
            return lambda person, points, misfit: (
                measure_pitching(person, options, points=points, misfit=misfit).throws[0].metrics
            )
        if self.kind == "walk":
            return lambda person, points, misfit: (
                measure_gait(person, points=points, misfit=misfit, mass_kg=_MASS_KG).metrics
            )
        name = "squat" if self.kind == "squat" else "shoulder-raise"
        return lambda person, points, misfit: (
            measure_exercise(name, person, points=points, misfit=misfit, mass_kg=_MASS_KG).metrics
        )


@dataclass(frozen=True)
class Pair:
    """A metric of a script: the truth, and as the chain found it."""

    script: Script
    true: float
    found: Metric

    @property
    def error(self) -> float:
        """How far off it is."""
        return abs(self.found.value - self.true)

    @property
    def counted(self) -> bool:
        """Whether it is a number that claims to be right."""
        return self.found.trusted and bool(np.isfinite(self.error + self.found.band))

    @property
    def far_off(self) -> bool:
        """Whether it is trusted and useless."""
        useful = np.nan_to_num(self.found.useful_sd)
        return self.counted and self.error > self.found.band + 2.0 * useful


def pairs(script: Script, model: BodyModel) -> list[Pair]:
    """Run one script through cameras, triangulation, smoothing, fit and measurement."""
    betas = script.betas(model)
    height_m = float(np.ptp(model.rest_vertices(betas)[:, 1]))
    measure = script.measure(height_m)
    exact = script.motion(_TRUE_FPS_OF_THROWS if script.kind in _THROWS else _TRUE_FPS, betas)
    true = {m.name: m.value for m in measure(segments_of(model, exact.skeleton, betas), None, None)}
    motion = script.motion(script.fps, betas)
    rig = laboratory(seed=script.seed, count=5 + script.seed % 4)
    tracks = observe_points(
        rig, body_keypoints(motion)[:, None], COCO_17_FEET.keypoint_names,
        fps=script.fps, noise_px=2.0, outliers=0.1, seed=script.seed,
    )  # fmt: skip
    points = smooth(triangulate(tracks, rig), tracks, rig)
    facts = BodyFacts(height_m=height_m)
    body = fit(points, model, facts=facts, views=CameraTracks(tracks, rig)).motion
    moved = skeleton_from_pose(model, body.rotation_vectors(), body.betas, body.transl, script.fps)
    misfit = measure_misfit(points, away_from_body(points, model, body, Offsets()))
    found = measure(segments_of(model, moved, body.betas), points, misfit)
    # What holds the errors of measurement by its definition has no truth here, nor how many strides
    # were used: those at the rim of a take depend on its frames.
    return [
        Pair(script, true[m.name], m)
        for m in found
        if m.name in true
        and "errors of measurement included" not in m.definition
        and "strides" not in m.name
    ]


def script_figures(seeds: range, model: BodyModel) -> list[Figure]:
    """Return how often trusted bands hold at each rate, and how many numbers are far off."""
    every = [each for seed in seeds for each in _told(Script(seed), model)]
    figures = []
    for fps in RATES:
        some = [each for each in every if each.script.fps == fps and each.counted]
        held = 100.0 * np.mean([each.error <= each.found.band for each in some]) if some else 0.0
        label = f"{len(seeds)} scripts, {fps} fps, {len(some)} trusted: within their band"
        figures.append(Figure(label, float(held), "%", 93.0, ">="))
    far = [each for each in every if each.far_off]
    for each in far:
        print(_words(each))
    return [*figures, Figure(f"{len(seeds)} scripts: trusted and far off", len(far), "", 0.0)]


def _told(script: Script, model: BodyModel) -> Iterator[Pair]:
    try:
        found = pairs(script, model)
    except MocapError as error:
        print(f"  script {script.seed}, {script.kind} at {script.fps:g} fps: {error}")
        return
    yield from found


def _words(pair: Pair) -> str:
    metric, script = pair.found, pair.script
    return (
        f"  script {script.seed}, {script.kind} at {script.fps:g} fps: {metric.name} "
        f"{metric.value:.3g} ± {metric.band:.2g} {metric.unit}, true {pair.true:.3g}"
    )
