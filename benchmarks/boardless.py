"""A rig from one walker and known lenses: how wrong it is, and whether it knows that.

And rigs that were knocked out of place and refined from a walker (`calibration refine`). Walkers in
circles seen by a detector with habits (see `mocap.synthetic.walkers`), cameras 4.3 m
away, faults of which every one must be refused. Errors are of points in space where the person was,
after the best similarity; scale and tilt are apart.

    python benchmarks/boardless.py [--quick] [--check]
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from calibration_parts.refined_rigs import refined, refined_figures
from figures import Figure, exit_code, print_figures

from mocap.core.camera import Calibration
from mocap.core.errors import ReconstructionError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.rotation import angle_between_deg
from mocap.core.shapes import FloatArray
from mocap.core.transform import rigid, similarity
from mocap.reconstruct.boardless.solve import Solved, solve, with_poses
from mocap.reconstruct.boardless.trust import judge
from mocap.reconstruct.boardless.walk import BONE_SHARE, triangulated, walk_of
from mocap.reconstruct.boardless.world import world_of
from mocap.reconstruct.rig.views import PeopleTake
from mocap.synthetic.rigs import ring
from mocap.synthetic.walkers import Habits, seen_by, walked_circle

FPS = 15.0


@dataclass(frozen=True)
class Outcome:
    """One rig from people against the truth."""

    accepted: bool
    turned_deg: float
    error_mm: float
    predicted_mm: float
    scale_off: float
    tilt_deg: float
    cpu_s: float
    reason: str


REFUSED = Outcome(False, np.nan, np.nan, np.nan, np.nan, np.nan, np.nan, "no place")


def taken(rig: Calibration, xyz: FloatArray, habits: Habits) -> PeopleTake:
    """Return a take in which a detector saw the walker."""
    return PeopleTake("walk", seen_by(rig, xyz, habits))


def stature_m(xyz: FloatArray) -> float:
    """Return the stature of the walker: by the shares that the solver knows, of its own bones."""
    at = COCO_17_FEET.keypoint_names.index
    shank = np.linalg.norm(xyz[:, at("left_knee")] - xyz[:, at("left_ankle")], axis=1).mean()
    thigh = np.linalg.norm(xyz[:, at("left_hip")] - xyz[:, at("left_knee")], axis=1).mean()
    return float((shank + thigh) / (BONE_SHARE[2] + BONE_SHARE[3]))


def outcome(rig: Calibration, take: PeopleTake, height_m: float) -> Outcome:
    """Solve, judge and compare with the truth."""
    start = time.process_time()
    bones_m = BONE_SHARE * height_m
    walk = walk_of([take], with_poses(rig, np.tile(np.eye(4), (len(rig.cameras), 1, 1))))
    try:
        solved = solve(walk, bones_m)
        trust = judge(solved, bones_m)
    except ReconstructionError as refusal:
        return replace(REFUSED, reason=str(refusal))
    world = world_of(solved.scene.points, walk.time_s, walk.run, height_m)
    seconds = time.process_time() - start
    true = rig.subset(solved.rig.names)
    error, scale = space_error_mm(solved, true)
    placed = solved.rig.transformed(rigid(world.rotation, world.translation), world.scale)
    up = _up(placed, true)
    return Outcome(
        trust.accepted, turned_deg(solved.rig, true), error, trust.predicted_mm,
        abs(world.scale * scale - 1.0), up, seconds, " ".join(trust.reasons),
    )  # fmt: skip


def space_error_mm(solved: Solved, true: Calibration) -> tuple[float, float]:
    """Return the median error of points where the person was, and true over solved lengths."""
    points = solved.scene.points
    points = points[np.isfinite(points[..., 0])][::5]
    there = triangulated(true, solved.rig.project(points)[:, None], 0.5)[0][0]
    seen = np.isfinite(there[:, 0])
    scale, rotation, shift = similarity(points[seen], there[seen])
    off = np.linalg.norm(scale * points[seen] @ rotation.T + shift - there[seen], axis=1)
    return 1000.0 * float(np.median(off)), 1.0 / scale


def turned_deg(rig: Calibration, true: Calibration) -> float:
    """Return the median over pairs of by how much their relative rotation is off."""
    a, b = (np.stack([c.camera_from_world[:3, :3] for c in r.cameras]) for r in (rig, true))
    pairs = [(i, j) for i in range(len(a)) for j in range(i)]
    return float(np.median([angle_between_deg(a[i] @ a[j].T, b[i] @ b[j].T) for i, j in pairs]))


def _up(rig: Calibration, true: Calibration) -> float:
    """Return by how much up is off, degrees; every camera carries it from its own pose."""
    turns = [
        a.camera_from_world[:3, :3].T @ b.camera_from_world[:3, :3] @ np.array([0.0, 0.0, 1.0])
        for a, b in zip(rig.cameras, true.cameras, strict=True)
    ]
    mean = np.mean(turns, axis=0)
    return float(np.rad2deg(np.arccos(np.clip(mean[2] / np.linalg.norm(mean), -1.0, 1.0))))


def _changed(take: PeopleTake, change: Callable[[FloatArray], None]) -> PeopleTake:
    pixels = np.array(take.detections.pixels)
    change(pixels)
    confidence = np.where(np.isfinite(pixels[..., 0]), 0.85, 0.0)
    return replace(take, detections=replace(take.detections, pixels=pixels, confidence=confidence))


def faults(seed: int) -> list[tuple[str, Outcome]]:
    """Return what comes of recordings that must be refused."""
    rig = ring(4, radius_m=4.3, focal_px=1250.0, image_size=(1920, 1080), jitter=1.0, seed=seed)
    xyz = walked_circle(seed=seed)
    other = walked_circle(seed=seed + 50) * np.array([-1.0, 1.0, 1.0])
    good = taken(rig, xyz, Habits(seed=seed))
    stranger = seen_by(rig, other, Habits(seed=seed + 1)).pixels

    def mirrored(p: FloatArray) -> None:
        p[1, ..., 0] = rig.cameras[1].image_size[0] - 1 - p[1, ..., 0]

    def somebody_else(p: FloatArray) -> None:
        p[1] = stranger[1]

    def late(frames: int) -> Callable[[FloatArray], None]:
        def change(p: FloatArray) -> None:
            p[1, frames:] = p[1, :-frames].copy()

        return change

    def wrong_lens(p: FloatArray) -> None:
        middle = (np.array(rig.cameras[1].image_size) - 1.0) / 2.0
        p[1] = middle + 1.35 * (p[1] - middle)

    def short(p: FloatArray) -> None:
        p[:, 40:] = np.nan

    def alone(p: FloatArray) -> None:
        p[1:] = np.nan

    def halves(p: FloatArray) -> None:
        p[:2, ::2] = np.nan
        p[2:, 1::2] = np.nan

    kinds: tuple[tuple[str, Callable[[FloatArray], None]], ...] = (
        ("one video mirrored", mirrored),
        ("somebody else in one view", somebody_else),
        ("a second late", late(15)),
        ("130 ms late", late(2)),
        ("a lens 35 % off", wrong_lens),
        ("three seconds", short),
        ("one camera sees the person", alone),
        ("two pairs at other times", halves),
    )
    height = stature_m(xyz)
    found = [(name, outcome(rig, _changed(good, change), height)) for name, change in kinds]
    near = ring(3, radius_m=4.3, focal_px=1250.0, image_size=(1920, 1080), arc_deg=12.0, seed=seed)
    seen = taken(near, xyz, Habits(seed=seed))
    return [*found, ("cameras side by side", outcome(near, seen, height))]


def walk_figures(cameras: int, found: list[Outcome], line_deg: float) -> list[Figure]:
    """Return the figures of walks with so many cameras."""

    def median(values: list[float]) -> float:
        return float(np.median(values))

    return [
        Figure(
            f"{cameras} cameras: relative rotation, median of {len(found)}",
            median([o.turned_deg for o in found]),
            "deg",
            line_deg,
        ),
        Figure("  error where walked, median", median([o.error_mm for o in found]), "mm"),
        Figure("  scale off, median", 100 * median([o.scale_off for o in found]), "%", 1.0),
        Figure("  scale off, worst", 100 * max(o.scale_off for o in found), "%", 2.0),
        Figure("  tilt, median", median([o.tilt_deg for o in found]), "deg", 0.3),
        Figure("  CPU", median([o.cpu_s for o in found]), "s", 8.0 if cameras == 4 else None),
    ]


def refinements(count: int) -> list[Figure]:
    """Return how rigs with four and eight cameras are refined that were knocked out of place.

    On walks of their own: what a refinement says of itself was set by others (seeds below 20).
    """
    found = []
    for cameras in (4, 8):
        for seed in range(20, 20 + count):
            rig = ring(cameras, radius_m=4.3, focal_px=1250.0, image_size=(1920, 1080),
                       jitter=1.0, seed=seed)  # fmt: skip
            take = taken(rig, walked_circle(seed=seed), Habits(seed=seed))
            found.append(refined(rig, [take], seed))
            print(f"refined, {cameras} cameras seed {seed}: {found[-1]}", flush=True)
    return refined_figures(found, "a walker")


def main() -> int:
    """Print the figures; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--quick", action="store_true", help="three seeds, one of faults")
    options = parser.parse_args()
    seeds = range(3 if options.quick else 10)
    figures: list[Figure] = []
    everything: list[Outcome] = []
    for cameras, line in ((4, 0.7), (8, 0.6)):
        found = []
        for seed in seeds:
            rig = ring(cameras, radius_m=4.3, focal_px=1250.0, image_size=(1920, 1080),
                       jitter=1.0, seed=seed)  # fmt: skip
            xyz = walked_circle(seed=seed)
            one = outcome(rig, taken(rig, xyz, Habits(seed=seed)), stature_m(xyz))
            found.append(one)
            print(f"{cameras} cameras seed {seed}: {one}", flush=True)
        everything += found
        figures += walk_figures(cameras, found, line)
    rig = ring(4, radius_m=4.3, focal_px=1250.0, image_size=(1920, 1080), jitter=1.0, seed=1)
    xyz = walked_circle(seed=1)
    pure = outcome(rig, taken(rig, xyz, Habits(bias=0.0, seed=1)), stature_m(xyz))
    ratio = np.array([o.predicted_mm / o.error_mm for o in everything])
    within = 100.0 * float(np.mean((ratio > 0.5) & (ratio < 2.0)))
    wrong = [item for seed in range(1 if options.quick else 3) for item in faults(seed)]
    for name, each in wrong:
        mark = "BAD" if each.accepted else "ok "
        print(f"{mark} {name}: {each.reason[:120]} (error {each.error_mm:.0f} mm)", flush=True)
    refused = 100.0 * float(np.mean([not each.accepted for _, each in wrong]))
    accepted = 100.0 * float(np.mean([o.accepted for o in everything]))
    figures += [
        Figure("without a detector's habits: relative rotation", pure.turned_deg, "deg", 0.1),
        Figure("walks accepted", accepted, "%", 95.0, ">="),
        Figure("predicted within a factor of two of true", within, "%", 75.0, ">="),
        Figure("  predicted over true, median", float(np.median(ratio)), ""),
        Figure(f"faults refused, of {len(wrong)}", refused, "%", 95.0, ">="),
        *refinements(3 if options.quick else 10),
    ]  # fmt: skip
    print_figures("A rig from one walker", figures)
    return exit_code(figures, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
