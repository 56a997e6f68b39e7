"""How well and how fast a body is fitted, against its lines: `python benchmarks/body.py --check`.

Truth: random motions of random bodies, a throw at 240 fps, and motion capture clips retargeted to
the free body (with MOCAP_REAL_DATA; their elbows get a carrying angle and leave the hinge). The
seeds are those given with --seed: nothing was tuned on them. The reference runs in the same
process. CPU seconds are of this process, one thread.
"""

from __future__ import annotations

import argparse
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import time  # noqa: E402
from dataclasses import dataclass, replace  # noqa: E402
from pathlib import Path  # noqa: E402

import numpy as np  # noqa: E402
from body_parts.torch_fit import BODY_JOINTS, torch_fit  # noqa: E402
from figures import Figure, exit_code, print_figures  # noqa: E402

from mocap.body.body_skeleton import skeleton_of  # noqa: E402
from mocap.body.fit.fit import fit  # noqa: E402
from mocap.body.model import BodyModel, load_free_body  # noqa: E402
from mocap.body.model_motion import skeleton_from_pose  # noqa: E402
from mocap.core.body_motion import BodyMotion  # noqa: E402
from mocap.core.keypoint_names import SYNTHPOSE_52  # noqa: E402
from mocap.core.points import Points3D  # noqa: E402
from mocap.core.rotation import (  # noqa: E402
    angle_between_deg,
    matrix_from_rotvec,
    rotvec_from_matrix,
)
from mocap.core.shapes import FloatArray  # noqa: E402
from mocap.export.bvh import reader as bvh_reader  # noqa: E402
from mocap.synthetic.footage.puppet import SyntheticMotion  # noqa: E402
from mocap.synthetic.motion.bvh_source import bvh_motion  # noqa: E402
from mocap.synthetic.motion.random_motion import (  # noqa: E402
    BODY_23,
    BODY_AND_HANDS_63,
    measured_points,
    random_motion,
    true_points,
)
from mocap.synthetic.motion.throwing import throw  # noqa: E402

FRAMES, FPS = 300, 60.0
LIMBS = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
SIDES = ("left", "right")
# Behind the body's joints come jaw and eyes, then 15 joints of each hand.
HAND_JOINTS = slice(25, 55)
# A limb that is straighter than this does not show its twist; a person cannot tell it either.
BENT_DEG = 20.0
CARRYING_DEG = 10.0


@dataclass(frozen=True)
class Errors:
    """Mean errors: joints in mm; global rotations and bone directions in degrees."""

    joints_mm: float
    hands_mm: float
    body_and_hands_mm: float
    upper_arm_deg: float
    forearm_deg: float
    legs_deg: float
    directions_deg: float
    frames_per_s: float = 0.0


def main() -> None:
    """Measure and print; exit with 1 when a line is missed and --check is given."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--seed", type=int, default=7301)
    arguments.add_argument("--repeats", type=int, default=3)
    options = arguments.parse_args()
    body = load_free_body()
    # The first call compiles or loads the kernels.
    fit(points_of(random_motion(30, FPS, seed=1, hands=True), 0.005, 1, BODY_AND_HANDS_63), body)
    seeds = [options.seed + k for k in range(options.repeats)]
    figures = random_figures(body, seeds) + throw_figures(body, options.seed)
    figures += clip_figures(body, options.seed)
    print_figures("body fit", figures)
    raise SystemExit(exit_code(figures, check=options.check))


def points_of(
    motion: SyntheticMotion,
    sigma_m: float,
    seed: int,
    names: tuple[str, ...] = BODY_23,
    outliers: float = 0.0,
) -> Points3D:
    """Return measured keypoints of a motion."""
    fps = motion.skeleton.fps
    return measured_points(
        true_points(motion, names), names, fps, sigma_m=sigma_m, seed=seed, outliers=outliers
    )


def timed(points: Points3D, body: BodyModel, motion: SyntheticMotion) -> Errors:
    """Fit and compare with the truth."""
    started = time.process_time()
    found = fit(points, body).motion
    seconds = time.process_time() - started
    return replace(errors_of(found, body, motion), frames_per_s=len(points.xyz) / seconds)


def errors_of(found: BodyMotion, body: BodyModel, motion: SyntheticMotion) -> Errors:
    """Compare a fit with the truth."""
    positions, turns = skeleton_of(found, body).forward_kinematics()
    there, true_turns = motion.skeleton.forward_kinematics()
    distance = 1000.0 * np.linalg.norm(positions - there, axis=-1)
    angle = angle_between_deg(turns, true_turns)

    def of(*names: str) -> float:
        chosen = [body.joint(f"{side}_{name}") for side in SIDES for name in names]
        return float(angle[:, chosen].mean())

    return Errors(
        joints_mm=float(distance[:, :BODY_JOINTS].mean()),
        hands_mm=float(distance[:, HAND_JOINTS].mean()),
        body_and_hands_mm=float(distance[:, np.r_[:BODY_JOINTS, HAND_JOINTS]].mean()),
        upper_arm_deg=of("shoulder"),
        forearm_deg=of("elbow"),
        legs_deg=of("hip", "knee"),
        directions_deg=float(directions(positions, there, body).mean()),
    )


def directions(found: FloatArray, there: FloatArray, body: BodyModel) -> FloatArray:
    """Return the angles (frame, bone) between limb bones in degrees."""
    out = []
    for side in SIDES:
        for start, end in LIMBS:
            a, b = body.joint(f"{side}_{start}"), body.joint(f"{side}_{end}")
            u, v = found[:, b] - found[:, a], there[:, b] - there[:, a]
            sine = np.linalg.norm(np.cross(u, v), axis=-1)
            out.append(np.rad2deg(np.arctan2(sine, np.sum(u * v, axis=-1))))
    return np.stack(out, axis=1)


def mean(results: list[Errors], field: str) -> float:
    """Return the mean of a field."""
    return float(np.mean([getattr(each, field) for each in results]))


def random_figures(body: BodyModel, seeds: list[int]) -> list[Figure]:
    """Random motion: accuracy, speed against the reference, outliers, hands."""
    clean, wild, hands, apart, marked = [], [], [], [], []
    lbfgs: list[float] = []
    adam: list[float] = []
    reference: dict[str, list[float]] = {"lbfgs": [], "adam": []}
    for seed in seeds:
        motion = random_motion(FRAMES, FPS, seed=seed, carrying_deg=0.0)
        points = points_of(motion, 0.010, seed)
        clean.append(timed(points, body, motion))
        wild.append(timed(points_of(motion, 0.010, seed, outliers=0.05), body, motion))
        for name, speeds in (("lbfgs", lbfgs), ("adam", adam)):
            result = torch_fit(points, body, name)
            speeds.append(FRAMES / result.seconds)
            there = motion.skeleton.forward_kinematics()[0][:, :BODY_JOINTS]
            distance = np.linalg.norm(result.joints - there, axis=-1)
            reference[name].append(1000.0 * float(distance.mean()))
        zigzag = random_motion(FRAMES, FPS, seed=seed, even_spine=False)
        apart.append(timed(points_of(zigzag, 0.010, seed), body, zigzag))
        markers = points_of(motion, 0.010, seed, SYNTHPOSE_52)
        marked.append(timed(markers, body, motion))
        grasping = random_motion(FRAMES, FPS, seed=seed, hands=True)
        hand_points = points_of(grasping, 0.005, seed, BODY_AND_HANDS_63)
        hands.append(timed(hand_points, body, grasping))
    speed = mean(clean, "frames_per_s")
    return [
        Figure("23 keypoints, 10 mm: joints", mean(clean, "joints_mm"), "mm", 7.7),
        Figure("  bone directions", mean(clean, "directions_deg"), "deg", 1.5),
        Figure("  upper arms", mean(clean, "upper_arm_deg"), "deg", 13.0),
        Figure("  forearms", mean(clean, "forearm_deg"), "deg", 13.0),
        Figure("  legs", mean(clean, "legs_deg"), "deg", 5.0),
        Figure("  every vertebra for itself: joints", mean(apart, "joints_mm"), "mm"),
        Figure("  frames per CPU second", speed, "/s"),
        Figure("  LBFGS, 200 evaluations: joints", float(np.mean(reference["lbfgs"])), "mm"),
        Figure("  Adam, 500 steps: joints", float(np.mean(reference["adam"])), "mm"),
        Figure("  times as fast as LBFGS", speed / float(np.mean(lbfgs)), "", 2.0, ">="),
        Figure("  times as fast as Adam", speed / float(np.mean(adam)), "", 2.5, ">="),
        Figure(
            "5 % outliers of 150 mm: joints, added",
            mean(wild, "joints_mm") - mean(clean, "joints_mm"),
            "mm",
            1.0,
        ),
        Figure("SynthPose, 52 keypoints, 10 mm: joints", mean(marked, "joints_mm"), "mm", 7.7),
        Figure("  upper arms", mean(marked, "upper_arm_deg"), "deg", 8.0),
        Figure(
            "63 keypoints, 5 mm: joints of body and hands",
            mean(hands, "body_and_hands_mm"),
            "mm",
            4.5,
        ),
        Figure("  joints of the body", mean(hands, "joints_mm"), "mm"),
        Figure("  joints of the hands", mean(hands, "hands_mm"), "mm"),
        Figure("  upper arms", mean(hands, "upper_arm_deg"), "deg", 8.0),
        Figure("  speed / body only", mean(hands, "frames_per_s") / speed, "", 0.25, ">="),
    ]


def throw_figures(body: BodyModel, seed: int) -> list[Figure]:
    """A throw at 240 fps with 3 mm noise: peak angular velocities, worst of three throws."""
    worst: dict[str, float] = {}
    joints = []
    for k in range(3):
        betas = np.random.default_rng(seed + k).normal(0.0, 1.0, body.shape_count)
        motion = throw(2.6, 240.0, seed=seed + k, betas=betas)
        found = fit(points_of(motion, 0.003, seed + k), body).motion
        joints.append(errors_of(found, body, motion).joints_mm)
        rotations = matrix_from_rotvec(found.rotation_vectors())
        for name, error in peak_errors_percent(body, rotations, motion).items():
            worst[name] = max(worst.get(name, 0.0), error)
    return [
        Figure("throw, 240 fps, 3 mm: joints", float(np.mean(joints)), "mm"),
        *(Figure(f"  peak of the {name}, worst", error, "%", 5.0) for name, error in worst.items()),
    ]


def peak_errors_percent(
    body: BodyModel, rotations: FloatArray, motion: SyntheticMotion
) -> dict[str, float]:
    """Return by how much the peak angular velocities of a right-handed throw are off."""
    fps = motion.skeleton.fps
    _, turns = body.forward_kinematics(rotations, motion.betas, motion.transl)
    _, true_turns = body.forward_kinematics(motion.rotations, motion.betas, motion.transl)

    def off(found: FloatArray, there: FloatArray) -> float:
        return 100.0 * abs(float(found.max() / there.max()) - 1.0)

    errors = {}
    for name, joint in (
        ("trunk", "spine3"),
        ("upper arm", "right_shoulder"),
        ("forearm", "right_elbow"),
        ("front shank", "left_knee"),
    ):
        k = body.joint(joint)
        errors[name] = off(spin(turns[:, k], fps), spin(true_turns[:, k], fps))
    elbow = body.joint("right_elbow")
    errors["elbow extension"] = off(
        flexion_rate(rotations[:, elbow], fps), flexion_rate(motion.rotations[:, elbow], fps)
    )
    return errors


def spin(turns: FloatArray, fps: float) -> FloatArray:
    """Return the angular speed (frame,) in deg/s of rotations (frame, 3, 3)."""
    step = rotvec_from_matrix(np.swapaxes(turns[:-2], -1, -2) @ turns[2:])
    return np.asarray(np.rad2deg(np.linalg.norm(step, axis=-1)) * 0.5 * fps)


def flexion_rate(local: FloatArray, fps: float) -> FloatArray:
    """Return how fast (frame,) an elbow's angle changes in deg/s."""
    straight = local[:, :, 0] @ np.array([1.0, 0.0, 0.0])
    angle = np.rad2deg(np.arccos(np.clip(straight, -1.0, 1.0)))
    return np.asarray(np.abs(np.gradient(angle) * fps))


def clip_figures(body: BodyModel, seed: int) -> list[Figure]:
    """Motion capture clips on the free body, 10 mm noise."""
    folder = os.environ.get("MOCAP_REAL_DATA")
    if not folder:
        print("MOCAP_REAL_DATA is not set: no motion capture clips")
        return []
    results, bent = [], []
    for number, path in enumerate(sorted((Path(folder) / "bvh").rglob("*.bvh"))):
        clip = bvh_reader.read(path)
        seconds = min(5.0, (len(clip.root_positions) - 1) / clip.fps)
        betas = np.random.default_rng(seed + number).normal(0.0, 1.0, body.shape_count)
        motion = with_real_elbows(
            body, bvh_motion(clip, seconds, FPS, betas=betas), np.random.default_rng(seed + number)
        )
        found = fit(points_of(motion, 0.010, seed + number), body).motion
        results.append(errors_of(found, body, motion))
        bent.append(bent_errors(found, body, motion))
        print(f"{path.name}: {results[-1]}, where bent {np.round(bent[-1], 1)}")
    arms, forearms, legs = np.nanmean(np.array(bent), axis=0)
    return [
        Figure("motion capture clips, 10 mm: joints", mean(results, "joints_mm"), "mm", 7.7),
        Figure("  bone directions", mean(results, "directions_deg"), "deg", 1.5),
        Figure("  upper arms, elbow bent", float(arms), "deg", 13.0),
        Figure("  forearms, elbow bent", float(forearms), "deg", 13.0),
        Figure("  legs, knee bent", float(legs), "deg", 5.0),
        Figure("  upper arms, all frames", mean(results, "upper_arm_deg"), "deg"),
        Figure("  forearms, all frames", mean(results, "forearm_deg"), "deg"),
        Figure("  legs, all frames", mean(results, "legs_deg"), "deg"),
    ]


def with_real_elbows(
    body: BodyModel, motion: SyntheticMotion, rng: np.random.Generator
) -> SyntheticMotion:
    """Return the motion with carrying angles, and elbows that sway about it and pronate."""
    rotations = motion.rotations.copy()
    time_s = np.arange(len(rotations)) / motion.skeleton.fps
    for side, sign in (("left", 1.0), ("right", -1.0)):
        sway, turn = (np.sin(2 * np.pi * (f * time_s + rng.uniform())) for f in (0.7, 0.4))
        off = np.zeros((len(rotations), 3))
        off[:, 2] = sign * np.deg2rad(CARRYING_DEG + 4.0 * sway)
        pronation = np.zeros_like(off)
        pronation[:, 0] = np.deg2rad(10.0 * turn)
        k = body.joint(f"{side}_elbow")
        rotations[:, k] = rotations[:, k] @ matrix_from_rotvec(off) @ matrix_from_rotvec(pronation)
    fps = motion.skeleton.fps
    skeleton = skeleton_from_pose(body, rotations, motion.betas, motion.transl, fps)
    return SyntheticMotion(skeleton, rotations, motion.transl, motion.betas)


def bent_errors(
    found: BodyMotion, body: BodyModel, motion: SyntheticMotion
) -> tuple[float, float, float]:
    """Return errors of upper arms, forearms and legs in degrees where elbow or knee is bent."""
    turns = skeleton_of(found, body).forward_kinematics()[1]
    positions, true_turns = motion.skeleton.forward_kinematics()
    angle = angle_between_deg(turns, true_turns)
    collected: list[list[FloatArray]] = [[], [], []]
    for side in SIDES:
        for joints, slots in (
            (("shoulder", "elbow", "wrist"), (0, 1)),
            (("hip", "knee", "ankle"), (2, 2)),
        ):
            a, b, c = (body.joint(f"{side}_{joint}") for joint in joints)
            u, v = positions[:, b] - positions[:, a], positions[:, c] - positions[:, b]
            bend = np.arctan2(np.linalg.norm(np.cross(u, v), axis=-1), np.sum(u * v, axis=-1))
            kept = np.rad2deg(bend) > BENT_DEG
            collected[slots[0]].append(angle[kept, a])
            collected[slots[1]].append(angle[kept, b])
    values = [np.concatenate(each) for each in collected]
    arms, forearms, legs = (float(v.mean()) if len(v) else float("nan") for v in values)
    return arms, forearms, legs


if __name__ == "__main__":
    main()
