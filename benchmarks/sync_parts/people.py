"""Clocks of hand-started cameras from the people in view: 40 takes with known clocks, and traps."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from figures import Figure

from mocap.core.camera import Calibration
from mocap.core.clocks import Verdict
from mocap.core.rotation import matrix_from_rotvec
from mocap.core.transform import rigid
from mocap.sync.people import PeopleSync, sync_people
from mocap.sync.windows import Window, sync_people_within
from mocap.synthetic.hand_started import HandStarted, hand_started, lagging, script
from mocap.synthetic.rigs import laboratory

# Not the seeds on which thresholds were set.
FIRST_SEED = 7000
SPREAD_S = 30.0
FOUND_S = 0.1
HABIT_S = 0.015
KINDS = ("walk", "throw", "squat", "arm_raise", "dance", "mixed")


@dataclass(frozen=True)
class Plan:
    """How a take is recorded."""

    cameras: int = 4
    fps: float | tuple[float, ...] = 60.0
    length_s: float = 30.0
    noise_px: float = 2.0
    lost: float = 0.0
    drift_ppm: float = 100.0


PLANS = (
    Plan(),
    Plan(fps=30.0, length_s=20.0, noise_px=3.0),
    Plan(cameras=2, fps=60.0, length_s=40.0),
    Plan(fps=(30.0, 30000 / 1001, 60.0, 30.0), lost=0.02),
    Plan(length_s=40.0, fps=30.0, lost=0.02),
    Plan(cameras=8, fps=30.0, length_s=12.0),
    Plan(length_s=10.0, fps=240.0),
)


def takes(count: int, first_seed: int = FIRST_SEED) -> list[tuple[str, Plan, int]]:
    """Return (kind, plan, seed) of the takes: every kind with every plan, in turn."""
    every = [(kind, plan) for plan in PLANS for kind in KINDS][:count]
    return [(kind, plan, first_seed + number) for number, (kind, plan) in enumerate(every)]


def recorded(kind: str, plan: Plan, seed: int, **more: Any) -> HandStarted:
    """Return a take of a plan."""
    xyz = script(kind, plan.length_s + SPREAD_S + 4.0, seed)
    return hand_started(
        xyz,
        laboratory(seed=seed + 1, count=plan.cameras),
        fps=plan.fps,
        length_s=plan.length_s,
        spread_s=min(SPREAD_S, 0.4 * plan.length_s),
        drift_ppm=plan.drift_ppm,
        lost=plan.lost,
        noise_px=plan.noise_px,
        seed=seed,
        **more,
    )


def errors_s(take: HandStarted, found: PeopleSync) -> tuple[np.ndarray, np.ndarray]:
    """Return error and sigma (camera but the reference,) of the clocks at their middles."""
    reference = take.detections.camera_names.index(found.clocks.reference)
    rows = []
    for c, clock in enumerate(found.clocks.cameras):
        if c == reference:
            continue
        middle = np.array([clock.middle_s])
        true = take.common_s(c, middle, reference)
        rows.append((float(clock.common(middle)[0] - true[0]), clock.sigma_s))
    error, sigma = np.array(rows).T
    return error, sigma


def take_figures(count: int, first_seed: int = FIRST_SEED, *, tell: bool = False) -> list[Figure]:
    """Gates 1 and 2: what the clocks of ordinary takes are known to."""
    finals, sigmas, found, wrong_sure, wrong_used, refused = [], [], 0, 0, 0, 0
    verdicts = dict.fromkeys(Verdict, 0)
    drift_ppm = []
    for kind, plan, seed in takes(count, first_seed):
        take = recorded(kind, plan, seed)
        result = sync_people(take.detections, take.calibration)
        error, sigma = errors_s(take, result)
        here = [c for c in result.clocks.cameras if c.verdict is not Verdict.REFERENCE]
        judged = np.array([c.verdict is not Verdict.REFUSED for c in here])
        found += int(np.all(np.abs(error[judged]) < FOUND_S) and judged.any())
        wrong_sure += int(
            np.sum((np.abs(error) > FOUND_S) & [c.verdict is Verdict.SURE for c in here])
        )
        wrong_used += int(np.sum(np.abs(error[judged]) > FOUND_S))
        refused += int(np.sum(~judged))
        for clock in here:
            verdicts[clock.verdict] += 1
        finals += list(error[judged])
        sigmas += list(sigma[judged])
        reference = take.detections.camera_names.index(result.clocks.reference)
        true = (1 + take.drift) / (1 + take.drift[reference]) - 1
        drift_ppm += [
            abs(clock.drift_ppm - 1e6 * true[c])
            for c, clock in enumerate(result.clocks.cameras)
            if clock.drift_ppm != 0.0
        ]
        if tell:
            worst = 1e3 * np.abs(error[judged]).max() if judged.any() else np.nan
            print(
                f"  {kind:10s} {plan.cameras} cameras, {plan.length_s:g} s, seed {seed}: "
                f"worst {worst:.2f} ms; "
                + ", ".join(f"{c.verdict} t {c.evidence_t:.1f} a {c.agreement:.2f}" for c in here)
            )
    size = 1e3 * np.abs(finals)
    within = np.abs(finals) < 3.0 * np.maximum(sigmas, 0.2e-3)
    return [
        Figure(
            "takes solved, every offset used within 0.1 s", found, f"of {count}", 0.95 * count, ">="
        ),
        Figure("offsets used that are off by more", wrong_used, "", 0.0),
        Figure("final offset, median", float(np.median(size)), "ms", 0.2),
        Figure("final offset, p95", float(np.percentile(size, 95)), "ms", 0.8),
        Figure("final offset, worst", float(size.max()), "ms", 2.0),
        Figure("offsets within 3 sigma", 100.0 * float(np.mean(within)), "%", 95.0, ">="),
        Figure("wrong offsets called SURE", wrong_sure, "", 0.0),
        Figure("cameras called SURE", verdicts[Verdict.SURE], ""),
        Figure("cameras called UNSURE", verdicts[Verdict.UNSURE], ""),
        Figure("right cameras REFUSED", refused, ""),
        Figure("applied drifts, median error", float(np.median(drift_ppm)), "ppm"),
    ]


def cost_figures() -> list[Figure]:
    """Gate 1: what it costs, compiled: 4 cameras, 40 s, 60 fps."""
    take = recorded("walk", Plan(length_s=40.0), FIRST_SEED + 500)
    sync_people(take.detections, take.calibration)
    start = time.process_time()
    sync_people(take.detections, take.calibration)
    return [Figure("CPU time, 4 cameras x 40 s", time.process_time() - start, "s", 12.0)]


def disturbed(calibration: Calibration, seed: int, turn_deg: float, shift_m: float) -> Calibration:
    """Return the rig with every camera turned and shifted by about so much."""
    rng = np.random.default_rng(seed)
    cameras = []
    for camera in calibration.cameras:
        axis, way = rng.normal(size=(2, 3))
        turn = matrix_from_rotvec(np.deg2rad(turn_deg) * axis / np.linalg.norm(axis))
        step = rigid(turn, shift_m * way / np.linalg.norm(way))
        cameras.append(replace(camera, camera_from_world=step @ camera.camera_from_world))
    return Calibration(tuple(cameras))


def rig_figures(seeds: Sequence[int]) -> list[Figure]:
    """Gate 3: a rig off by 0.3 degrees and 10 mm, a person walking round."""
    worst, covered = [], []
    for seed in seeds:
        take = recorded("walk", Plan(length_s=30.0), seed)
        found = sync_people(take.detections, disturbed(take.calibration, seed, 0.3, 0.010))
        error, sigma = errors_s(take, found)
        worst.append(1e3 * float(np.abs(error).max()))
        covered += list(np.abs(error) < 3.0 * np.maximum(sigma, 0.2e-3))
    return [
        Figure("rig off 0.3 deg and 10 mm: worst offset", max(worst), "ms", 1.5),
        Figure("the same, within 3 sigma", 100.0 * float(np.mean(covered)), "%"),
    ]


def habit_figures(seeds: Sequence[int]) -> list[Figure]:
    """Detectors see one keypoint late and another early, in each camera others: no noise, and no
    longer take makes it less. Short takes, in which little moves."""
    rows = []
    for seed in seeds:
        plan = Plan(length_s=6.0, fps=30.0, drift_ppm=0.0)
        take = recorded(KINDS[seed % len(KINDS)], plan, seed, missing=0.0)
        found = sync_people(lagging(take.detections, HABIT_S, seed), take.calibration)
        here = [c for c in found.clocks.cameras if c.verdict is not Verdict.REFERENCE]
        rows += [
            (each.verdict, abs(error) / sigma, 1e3 * abs(error))
            for each, error, sigma in zip(here, *errors_s(take, found), strict=True)
        ]
    sure = np.array([row[1:] for row in rows if row[0] is Verdict.SURE])
    unsure = np.array([row[1:] for row in rows if row[0] is Verdict.UNSURE])
    within = 100.0 * float(np.mean(sure[:, 0] < 3.0))
    covered = 100.0 * float(np.mean(unsure[:, 0] < 1.0))
    return [
        Figure("keypoints late by 15 ms: offset called SURE, median", np.median(sure[:, 1]), "ms"),
        Figure("the same, within 3 sigma", within, "%", 60.0, ">="),
        Figure("the same: offset called UNSURE, worst", float(unsure[:, 1].max()), "ms"),
        Figure("the same, within what is stated", covered, "%", 90.0, ">="),
    ]


def far_figures(seeds: Sequence[int]) -> list[Figure]:
    """Starts 30 s apart from people alone, and 50 s apart where the files say the second."""
    near, far, refused, sure = [], [], 0, 0
    for seed in seeds:
        plan = Plan(length_s=45.0, fps=30.0)
        take = recorded("mixed", plan, seed, start_s=(0.5, 30.3, 12.0, 21.0))
        found = sync_people(take.detections, take.calibration)
        near += list(np.abs(errors_s(take, found)[0]))
        plan = Plan(length_s=65.0, fps=30.0)
        take = recorded("mixed", plan, seed + 50, start_s=(0.5, 50.9, 3.0, 8.0))
        names = take.calibration.names
        seconds = dict(zip(names, np.floor(take.start_s), strict=True))
        result = sync_people_within(
            take.detections, take.calibration, [Window("creation time", seconds)]
        )
        far += list(np.abs(errors_s(take, result)[0]))
        refused += sum(c.verdict is Verdict.REFUSED for c in result.clocks.cameras)
        beyond = sync_people(take.detections, take.calibration)
        sure += _sure(beyond, ("cam2",))
    return [
        Figure("starts 30 s apart: offset, worst", 1e3 * max(near), "ms", 2.0),
        Figure("50 s apart, files say nothing: wrong offset called SURE", sure, "", 0.0),
        Figure("50 s apart, files say the second: cameras REFUSED", refused, "", 0.0),
        Figure("50 s apart, files say the second: offset, worst", 1e3 * max(far), "ms", 2.0),
    ]


def trap_figures(seeds: Sequence[int]) -> list[Figure]:
    """Gate 4: nobody moves, no common time, two cameras swapped: never SURE of a wrong offset."""
    sure = {"nobody moves": 0, "no common time": 0, "two cameras swapped": 0}
    named = 0
    for seed in seeds:
        still = recorded("still", Plan(), seed)
        sure["nobody moves"] += _sure(sync_people(still.detections, still.calibration))
        apart = recorded("mixed", Plan(length_s=20.0), seed, start_s=(0.5, 1.9, 3.1, 28.0))
        found = sync_people(apart.detections, apart.calibration)
        sure["no common time"] += _sure(found, ("cam4",))
        named += int(found.clocks["cam4"].verdict is Verdict.REFUSED)
        swapped = recorded("mixed", Plan(), seed)
        order = (1, 0, 2, 3)
        cameras = [swapped.calibration.cameras[c] for c in order]
        rig = Calibration(
            tuple(
                replace(c, name=n) for c, n in zip(cameras, swapped.calibration.names, strict=True)
            )
        )
        sure["two cameras swapped"] += _sure(sync_people(swapped.detections, rig), ("cam1", "cam2"))
    figures = [
        Figure(f"{name}: cameras called SURE", count, "", 0.0) for name, count in sure.items()
    ]
    return [*figures, Figure("no common time: the camera is REFUSED", named, f"of {len(seeds)}")]


def _sure(found: PeopleSync, names: Sequence[str] | None = None) -> int:
    return sum(
        clock.verdict is Verdict.SURE
        for clock in found.clocks.cameras
        if names is None or clock.camera in names
    )
