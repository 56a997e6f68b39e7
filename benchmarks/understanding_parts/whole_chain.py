"""The models of the package on whole takes: the sample session, and squats before four cameras."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from figures import Figure

from mocap.capture.session import Session
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D
from mocap.measure.exercises.pose_curve import excursions, pose_curve
from mocap.measure.segments.points import segments_from_points
from mocap.reconstruct.associate import associate
from mocap.reconstruct.smooth import smooth
from mocap.reconstruct.triangulate import triangulate
from mocap.synthetic.motion.motion import MOTIONS, body_keypoints
from mocap.synthetic.observations import observe_people
from mocap.synthetic.rigs import ring
from mocap.understand.actions import NONE_OF_THESE, action_windows
from mocap.understand.exercise import read_exercise
from mocap.workflow.results import Results
from mocap.workflow.understand.actions import clip_of

SQUATS = 6
FPS = 60.0
SEEDS = (101, 102, 103)
"""Scripts below 30 are in the training."""
NOISE_PX, MISSING, OUTLIERS = 3.0, 0.05, 0.02


def figures(folder: Path) -> list[Figure]:
    """Return what the sample takes are taken for, and whether six squats are six squats."""
    session = Session.open(folder)
    dance = _labels(session, "dance")
    throw = _labels(session, "throw")
    none = 100.0 * float(np.mean([label == NONE_OF_THESE for label in dance]))
    named = [label for label in throw if label not in (NONE_OF_THESE, "stand")]
    thrown = 100.0 * float(np.mean([label == "throw" for label in named])) if named else 0.0
    sets = [squats(seed) for seed in SEEDS]
    counted = [count == SQUATS for count, _ in sets]
    recognised = [name == "deep_squat" for _, name in sets]
    return [
        Figure("sample dance: windows that are none of these", none, "%", 80.0, ">="),
        Figure("sample throw: named windows that are a throw", thrown, "%", 99.0, ">="),
        Figure("six squats, four cameras: sets counted", _share(counted), "%", 100.0, ">="),
        Figure("six squats, four cameras: sets named", _share(recognised), "%", 100.0, ">="),
    ]


def _labels(session: Session, take: str) -> list[str]:
    points = Results(session.take(take)).points
    return [window.label for window in action_windows(clip_of(points, points.person_ids[0]))]


def _share(flags: list[bool]) -> float:
    return 100.0 * float(np.mean(flags))


def squats(seed: int) -> tuple[int, str]:
    """Return how many repetitions are counted in six scripted squats, and what they are."""
    # The script draws its period first: six periods are six squats.
    period_s = float(np.random.default_rng(seed).uniform(2.2, 2.7))
    xyz = body_keypoints(MOTIONS["squat"](SQUATS * period_s, FPS, seed=seed))[:, None]
    rig = ring(4)
    names = COCO_17_FEET.keypoint_names
    seen = observe_people(
        rig, xyz, names, fps=FPS, noise_px=NOISE_PX, outliers=OUTLIERS, missing=MISSING, seed=seed
    )
    tracks = associate(seen, rig)
    points: Points3D = smooth(triangulate(tracks, rig), tracks, rig)
    segments = segments_from_points(points.of_person(points.person_ids[0]))
    spans = [(a / FPS, c / FPS) for a, _, c in excursions(pose_curve(segments), FPS)]
    reading = read_exercise(clip_of(points, points.person_ids[0]), spans)
    return len(reading.repetitions), reading.exercise
