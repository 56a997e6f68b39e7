"""From keypoints in images to smooth points in space: Pose2Sim beside ours on the same 2D points.

Pose2Sim 0.10.49 (BSD-3) associates, triangulates and filters (Butterworth, 6 Hz) with its own
settings, but that gaps of over 20 frames stay open. Both read the same files, each in a process of
its own with one thread; lenses are taken out of the keypoints before, for both: its own way to do
that ends with an error where a camera does not see the keypoint by which people are told apart.
Two kinds of takes
have a truth: keypoints of bodies that were posed and seen by four cameras (3 px off, one in 50 by
40 to 300 px, one in 20 not seen), and the detections of the sample session. The real take has
another detector's keypoints (MOCAP_REAL_DATA) and no truth: how far points are from the keypoints
they were made of, with the rig as shipped and as `mocap calibration refine` makes it.

    cd benchmarks; python -m pipeline_parts.peers [--setup] [--check] [--sample SESSION]
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from figures import SINGLE_THREAD, Figure

from mocap.calibrate.interchange.formats import write_pose2sim
from mocap.capture.footage import Footage
from mocap.capture.session import Session
from mocap.core import transform
from mocap.core.calibration_file import load_calibration, save_calibration
from mocap.core.camera import Calibration, Camera
from mocap.core.detections import Detections2D
from mocap.core.keypoints import BODY_25B, COCO_17_FEET, KeypointSet
from mocap.core.shapes import FloatArray
from mocap.core.store import load_artifact
from mocap.synthetic.keypoint_files import pose2sim
from mocap.synthetic.motion.motion import MOTIONS, body_keypoints
from mocap.synthetic.observations import observe_people
from mocap.synthetic.rigs import laboratory
from mocap.synthetic.sample import load_truth
from mocap.workflow.graph import path_of
from mocap.workflow.sample.accuracy import calibration_figures, limb_joints
from pipeline_parts.environments import PeerEnvironment

HERE = Path(__file__).resolve().parent
# What the three steps import: all that the package asks for is a graphical desktop and OpenSim.
POSE2SIM = PeerEnvironment(
    "Pose2Sim",
    ".pose2sim-venv",
    "POSE2SIM_PYTHON",
    "Pose2Sim==0.10.49",
    ("numpy", "scipy", "pandas<3", "rtoml", "opencv-python-headless", "c3d", "anytree", "tqdm",
     "matplotlib", "statsmodels", "filterpy"),
)  # fmt: skip
TIMEOUT_S = 900
SECONDS, FPS, CAMERAS = 4.0, 60.0, 4
NOISE_PX, OUTLIERS, MISSING = 3.0, 0.02, 0.05
SEEDS = {"dance": 11, "throw": 12, "walk": 13}
SAMPLE_TAKES = ("dance", "throw")
TRACKED = "right_shoulder"
"""Keypoint by which Pose2Sim tells who is who; its own, the neck, is in none of the sets here."""

LEAST_FASTER = 10.0
"""Times fewer CPU seconds from the files to smooth points, imports left out; 18 to 20 was seen, of
which ours reads the files for four fifths."""

MOST_WORSE = 1.0
"""Our median against Pose2Sim's on keypoints whose truth is known exactly."""


@dataclass(frozen=True, eq=False)
class Problem:
    """The 2D points of a take.

    Attributes:
        name: of the take.
        seen: what detectors found; pixels of the calibrated images.
        rig: the cameras.
        keypoints: the set.
        truth: (frame, keypoint, 3) in the rig's world, with its names; None where nobody knows.
    """

    name: str
    seen: Detections2D
    rig: Calibration
    keypoints: KeypointSet
    truth: tuple[FloatArray, tuple[str, ...]] | None = None


@dataclass(frozen=True, eq=False)
class Answer:
    """What a tool made of the 2D points.

    Attributes:
        xyz: (frame, keypoint, 3) in metres; NaN where none is given.
        steps: CPU seconds of each step.
        all_s: CPU seconds of the process, imports and all.
        pixels: (camera, frame, keypoint, 2) that were associated, where the tool tells.
    """

    xyz: FloatArray
    steps: dict[str, float]
    all_s: float
    pixels: FloatArray | None = None

    @property
    def work_s(self) -> float:
        """CPU seconds without imports."""
        return sum(self.steps.values())


def synthetic() -> Iterator[Problem]:
    """Give takes of bodies that were posed: their keypoints are known exactly."""
    rig = _numbered(laboratory(seed=1, count=CAMERAS))
    for name, seed in SEEDS.items():
        xyz = body_keypoints(MOTIONS[name](SECONDS, FPS, seed=seed))
        names = COCO_17_FEET.keypoint_names
        seen = observe_people(
            rig, xyz[:, None], names, fps=FPS, noise_px=NOISE_PX, outliers=OUTLIERS,
            missing=MISSING, seed=seed,
        )  # fmt: skip
        yield Problem(f"{name}, posed", seen, rig, COCO_17_FEET, (xyz, names))


def sample(session: Session) -> Iterator[Problem]:
    """Give the detections of a sample session, as synchronised; takes without any are left out."""
    truth = load_truth(session.root)
    rig = session.calibration()
    _, truth_from_world = calibration_figures(rig, truth)
    world_from_truth = np.linalg.inv(truth_from_world)
    for name in SAMPLE_TAKES:
        path = path_of(session.take(name), "detections")
        if path.is_file():
            known, seen = truth.takes[name], load_artifact(path, Detections2D)
            xyz = transform.apply(world_from_truth, known.xyz)
            cameras = rig.subset(seen.camera_names)
            yield Problem(f"{name}, sample", _renamed(seen), _numbered(cameras), COCO_17_FEET,
                          (xyz, known.keypoint_names))  # fmt: skip


def real(data: Path, folder: Path) -> Iterator[Problem]:
    """Give the keypoints that came with the real take, with both rigs."""
    source, root = data / "pose2sim_single", folder / "beam"
    _mocap("new", root, "--rig", "four_corner", "--board", "a3_7x10")
    _mocap("calibration", "import", root, source / "calibration" / "Calib.qca.txt")
    place = root / "takes" / "beam"
    place.mkdir(parents=True)
    for video in sorted((source / "videos").glob("*.mp4")):
        shutil.copy(video, place / video.name)
    keypoints = source / "reference" / "body25b_json"
    _mocap("detections", "import", root, "beam", keypoints, "--keypoints", "body_25b")
    take = Session.open(root).take("beam")
    shipped, maps = take.session.calibration(), Footage(take).matrices
    _mocap("run", root, "beam", "--to", "csv", "--body", "none")
    _mocap("calibration", "refine", root, "beam")
    refined = load_calibration(take.session.calibration_path)
    seen = load_artifact(path_of(take, "detections"), Detections2D)
    pixels = np.array(seen.pixels)
    for index, camera in enumerate(seen.camera_names):
        if camera in maps:
            pixels[index] = pixels[index] @ maps[camera][:, :2].T + maps[camera][:, 2]
    seen = replace(seen, pixels=pixels)
    for name, rig in (("shipped", shipped), ("refined", refined)):
        yield Problem(f"beam, rig as {name}", _renamed(seen),
                      _numbered(rig.subset(seen.camera_names)), BODY_25B)  # fmt: skip


def _mocap(*words: str | Path) -> None:
    line = [sys.executable, "-m", "mocap", *map(str, words)]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(line[2:])} failed:\n{done.stdout}{done.stderr}")


def _numbered(rig: Calibration) -> Calibration:
    """Return the rig with names in whose order Pose2Sim reads its folders."""
    return Calibration(
        tuple(replace(camera, name=f"cam{k + 1:02d}") for k, camera in enumerate(rig.cameras))
    )


def _renamed(seen: Detections2D) -> Detections2D:
    names = tuple(f"cam{k + 1:02d}" for k in range(len(seen.camera_names)))
    return replace(seen, camera_names=names)


def without_lenses(problem: Problem) -> Problem:
    """Return the same take as cameras without distortion would have seen it."""
    seen, cameras = problem.seen, []
    pixels = np.full_like(seen.pixels, np.nan)
    for index, name in enumerate(seen.camera_names):
        camera = problem.rig[name]
        matrix = camera.camera_matrix
        pixels[index] = camera.undistort(seen.pixels[index]) @ matrix[:2, :2].T + matrix[:2, 2]
        straight = np.concatenate([camera.vector()[:10], np.zeros(5)])
        cameras.append(Camera.from_vector(name, camera.image_size, straight))
    return replace(problem, seen=replace(seen, pixels=pixels), rig=Calibration(tuple(cameras)))


def lay_out(problem: Problem, folder: Path) -> None:
    """Write the files that both tools read."""
    seen, names = problem.seen, problem.keypoints.keypoint_names
    order = [seen.keypoint_names.index(name) for name in names]
    people = np.concatenate([seen.pixels, seen.confidence[..., None]], axis=-1)[..., order, :]
    people[np.isnan(people[..., 0])] = np.nan
    for index, camera in enumerate(seen.camera_names):
        size = problem.rig[camera].image_size
        pose2sim(folder, camera, people[index], problem.keypoints, size)
    (folder / "calibration").mkdir(parents=True)
    write_pose2sim(problem.rig, folder / "calibration" / "Calib.toml")
    save_calibration(problem.rig, folder / "rig.toml")
    (folder / "Config.toml").write_text("")
    told = {"names": names, "fps": seen.fps, "frames": seen.pixels.shape[1], "tracked": TRACKED,
            "keypoints": problem.keypoints.name}  # fmt: skip
    (folder / "take.json").write_text(json.dumps(told), encoding="utf-8")


def answer_of(command: Sequence[str], folder: Path, name: str) -> Answer:
    """Run a tool on a folder in a process of its own."""
    done = subprocess.run(
        [*command, str(folder)],
        env={**os.environ, **SINGLE_THREAD, "MPLBACKEND": "agg"},
        cwd=HERE, capture_output=True, text=True, timeout=TIMEOUT_S, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{name} failed:\n{done.stderr[-2000:]}")
    with np.load(folder / f"{name}.npz") as found:
        steps = dict(zip(map(str, found["steps"]), map(float, found["seconds"]), strict=True))
        pixels = found.get("pixels")
        return Answer(found["xyz"], steps, float(found["all_s"]), pixels)


def compared(problem: Problem, peer: Path, folder: Path) -> list[Figure]:
    """Return what both tools take for a take, and how far their points are off."""
    problem = without_lenses(problem)
    lay_out(problem, folder)
    ours = answer_of([sys.executable, "our_points.py"], folder, "ours")
    theirs = answer_of([str(peer), "pose2sim_peer.py"], folder, "peer")
    name, figures = problem.name, []
    for who, each in (("ours", ours), ("Pose2Sim", theirs)):
        parts = [Figure(f"{name}, {who}: {step}", s, "CPU s") for step, s in each.steps.items()]
        figures += [
            *parts,
            Figure(f"{name}, {who}: together", each.work_s, "CPU s"),
            Figure(f"{name}, {who}: with imports and loading", each.all_s, "CPU s"),
        ]
    figures += [
        Figure(f"{name}: times fewer CPU seconds", theirs.work_s / ours.work_s, "",
               LEAST_FASTER, ">="),
        Figure(f"{name}: the same with imports", theirs.all_s / ours.all_s, ""),
    ]  # fmt: skip
    return figures + _errors(problem, ours, theirs)


def _errors(problem: Problem, ours: Answer, theirs: Answer) -> list[Figure]:
    """Return errors at the limb joints that both give, and how many each gives."""
    names = problem.keypoints.keypoint_names
    joints = limb_joints(names)
    at = [names.index(joint) for joint in joints]
    off, unit = (_from_pixels, "px") if problem.truth is None else (_from_truth, "mm")
    errors = {who: off(problem, each, ours, joints, at)
              for who, each in (("ours", ours), ("Pose2Sim", theirs))}  # fmt: skip
    both = np.isfinite(list(errors.values())).all(axis=0)
    exact = problem.name.endswith("posed")
    line = MOST_WORSE * float(np.median(errors["Pose2Sim"][both])) if exact else None
    figures = []
    for who, each in errors.items():
        of_ours = line if who == "ours" else None
        figures += [
            Figure(f"{problem.name}, {who}: median", float(np.median(each[both])), unit, of_ours),
            Figure(f"{problem.name}, {who}: p95", float(np.percentile(each[both], 95)), unit),
            Figure(f"{problem.name}, {who}: not given", 100 * float(np.mean(np.isnan(each))), "%"),
        ]
    return figures


def _from_truth(
    problem: Problem, answer: Answer, ours: Answer, joints: Sequence[str], at: Sequence[int]
) -> FloatArray:
    """Return distances (frame, joint) in mm from the truth."""
    assert problem.truth is not None
    xyz, names = problem.truth
    frames = min(len(xyz), len(answer.xyz))
    real_xyz = xyz[:frames, [names.index(joint) for joint in joints]]
    return np.asarray(1000.0 * np.linalg.norm(answer.xyz[:frames, at] - real_xyz, axis=-1))


def _from_pixels(
    problem: Problem, answer: Answer, ours: Answer, joints: Sequence[str], at: Sequence[int]
) -> FloatArray:
    """Return distances (camera, frame, joint) in px from the keypoints of the associated person."""
    assert ours.pixels is not None
    seen = ours.pixels[:, :, at]
    projected = problem.rig.project(answer.xyz[:, at])
    distances = np.linalg.norm(projected - seen, axis=-1)
    # A keypoint that no detector saw is nobody's fault.
    return np.asarray(distances[np.isfinite(seen).all(axis=-1)])


def figures(session: Session | None = None) -> list[Figure]:
    """Return everything that can be compared here; nothing without the peer's environment."""
    peer = POSE2SIM.interpreter()
    if peer is None:
        print(POSE2SIM.how_to_get_it("peers"))
        return []
    found: list[Figure] = []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        problems = [*synthetic(), *(sample(session) if session is not None else ())]
        data = os.environ.get("MOCAP_REAL_DATA")
        if data:
            problems += real(Path(data), folder)
        for number, problem in enumerate(problems):
            place = folder / f"take{number}"
            found += compared(problem, peer, place)
            shutil.rmtree(place)
    return found


def main() -> int:
    """Run this part alone."""
    import argparse

    from figures import exit_code, print_figures

    parser = argparse.ArgumentParser(description="Pose2Sim beside ours on the same 2D points.")
    parser.add_argument(
        "--setup", action="store_true", help=f"install {POSE2SIM.requirement} first"
    )
    parser.add_argument("--check", action="store_true", help="exit 1 when a line is missed")
    parser.add_argument("--sample", type=Path, help="a sample session whose takes were detected")
    options = parser.parse_args()
    if options.setup:
        POSE2SIM.set_up()
    measured = figures(Session.open(options.sample) if options.sample else None)
    print_figures("Pose2Sim beside ours", measured)
    return exit_code(measured, check=options.check)


if __name__ == "__main__":
    sys.exit(main())
