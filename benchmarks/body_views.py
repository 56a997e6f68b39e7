"""What fitting a body to the images is worth: `python benchmarks/body_views.py [--check]`.

Random motions seen by 4 and 8 cameras with 2 px noise and 10 % wrong views, and arms that only one
of two cameras sees for a third of a second. The body is fitted to points in space, triangulated and
smoothed, and then refined on the images. No seed was used in development.
"""

from __future__ import annotations

import argparse
import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"):
    os.environ.setdefault(_name, "1")

import time  # noqa: E402

import numpy as np  # noqa: E402
from figures import Figure, exit_code, print_figures  # noqa: E402

from mocap.body.body_skeleton import skeleton_of  # noqa: E402
from mocap.body.fit.fit import fit  # noqa: E402
from mocap.body.fit.views import CameraTracks  # noqa: E402
from mocap.body.model import BodyModel, load_free_body  # noqa: E402
from mocap.core.body_motion import BodyMotion  # noqa: E402
from mocap.core.keypoints import COCO_17_FEET  # noqa: E402
from mocap.core.shapes import FloatArray  # noqa: E402
from mocap.reconstruct.smooth import smooth  # noqa: E402
from mocap.reconstruct.triangulate import triangulate  # noqa: E402
from mocap.synthetic.footage.puppet import SyntheticMotion  # noqa: E402
from mocap.synthetic.motion.random_motion import random_motion, true_points  # noqa: E402
from mocap.synthetic.observations import observe_points  # noqa: E402
from mocap.synthetic.rigs import ring  # noqa: E402

FRAMES, FPS, NOISE_PX, OUTLIERS = 200, 60.0, 2.0, 0.1
NAMES = COCO_17_FEET.keypoint_names
LIMB_JOINTS = tuple(
    f"{side}_{joint}"
    for side in ("left", "right")
    for joint in ("shoulder", "elbow", "wrist", "hip", "knee", "ankle")
)
ARM = ("left_elbow", "left_wrist")
HIDDEN = slice(90, 110)


def main() -> None:
    """Measure and print; exit with 1 when a line is missed and --check is given."""
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--check", action="store_true")
    arguments.add_argument("--seed", type=int, default=9401)
    arguments.add_argument("--repeats", type=int, default=3)
    options = arguments.parse_args()
    body = load_free_body()
    seeds = [options.seed + k for k in range(options.repeats)]
    figures = [*rig_figures(body, 4, seeds), *rig_figures(body, 8, seeds)]
    figures += hidden_figures(body, seeds)
    print_figures("body fit on the images", figures)
    raise SystemExit(exit_code(figures, check=options.check))


def errors_mm(
    found: BodyMotion, body: BodyModel, motion: SyntheticMotion, joints: tuple[str, ...]
) -> FloatArray:
    """Return distances (frame, joint) to the truth."""
    chosen = [body.joint(name) for name in joints]
    positions = skeleton_of(found, body).forward_kinematics()[0]
    there = motion.skeleton.forward_kinematics()[0]
    return 1000.0 * np.asarray(np.linalg.norm(positions - there, axis=-1))[:, chosen]


def rig_figures(body: BodyModel, cameras: int, seeds: list[int]) -> list[Figure]:
    """Random motion in a ring of cameras."""
    errors: dict[str, list[float]] = {
        "raw points": [],
        "smoothed points": [],
        "refined on images": [],
    }
    seconds = []
    for seed in seeds:
        motion = random_motion(FRAMES, FPS, seed=seed)
        rig = ring(cameras, jitter=1.0, seed=seed)
        tracks = observe_points(
            rig,
            true_points(motion, NAMES)[:, None],
            NAMES,
            fps=FPS,
            noise_px=NOISE_PX,
            outliers=OUTLIERS,
            seed=seed,
        )
        raw = triangulate(tracks, rig)
        smoothed = smooth(raw, tracks, rig)
        for name, points in (("raw points", raw), ("smoothed points", smoothed)):
            found = fit(points, body).motion
            errors[name].append(float(errors_mm(found, body, motion, LIMB_JOINTS).mean()))
        started = time.process_time()
        found = fit(smoothed, body, views=CameraTracks(tracks, rig)).motion
        seconds.append(time.process_time() - started)
        errors["refined on images"].append(
            float(errors_mm(found, body, motion, LIMB_JOINTS).mean())
        )
    # White noise is the smoother's home ground. Views weigh more in the fit, since they help where
    # errors last; here that may cost a little.
    line = 1.15 * float(np.mean(errors["smoothed points"]))
    return [
        *error_figures(f"{cameras} cameras: limb joints", errors, line),
        Figure("  frames per CPU second", FRAMES / float(np.median(seconds[-2:])), "/s"),
    ]


def hidden_figures(body: BodyModel, seeds: list[int]) -> list[Figure]:
    """An arm that one of two cameras alone sees for a third of a second."""
    rig = ring(2, arc_deg=120.0)
    errors: dict[str, list[float]] = {"smoothed points": [], "refined on images": []}
    for seed in seeds:
        motion = random_motion(FRAMES, FPS, seed=seed)
        xyz = true_points(motion, NAMES)[:, None]
        tracks = observe_points(rig, xyz, NAMES, fps=FPS, noise_px=NOISE_PX, seed=seed)
        for name in ARM:
            tracks.pixels[0, HIDDEN, 0, NAMES.index(name)] = np.nan
            tracks.confidence[0, HIDDEN, 0, NAMES.index(name)] = 0.0
        points = smooth(triangulate(tracks, rig), tracks, rig)
        for label, views in (
            ("smoothed points", None),
            ("refined on images", CameraTracks(tracks, rig)),
        ):
            found = fit(points, body, views=views).motion
            errors[label].append(float(errors_mm(found, body, motion, ARM)[HIDDEN].mean()))
    line = 1.05 * float(np.mean(errors["smoothed points"]))
    return error_figures("arm seen by one camera: elbow and wrist", errors, line)


def error_figures(label: str, errors: dict[str, list[float]], line: float) -> list[Figure]:
    """Return the mean error of each fit in mm; the one refined on images has to hold a line."""
    return [
        Figure(
            f"{label}, {name}",
            float(np.mean(each)),
            "mm",
            line if name == "refined on images" else None,
        )
        for name, each in errors.items()
    ]


if __name__ == "__main__":
    main()
