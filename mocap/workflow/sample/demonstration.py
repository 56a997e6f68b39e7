"""The sample session: where it is, its copy, and its figures against the truth."""

from __future__ import annotations

import shutil
from pathlib import Path

from mocap.body.body_skeleton import skeleton_of
from mocap.capture.session import CONFIG_FILE, Session
from mocap.core.errors import InputError, SessionError
from mocap.synthetic.sample import load_truth
from mocap.workflow.results import Results
from mocap.workflow.sample.accuracy import Figure, body_figures, calibration_figures, take_figures

SAMPLE = Path(__file__).resolve().parents[3] / "samples" / "studio"
TRUTH_FILE = "truth.npz"


def copy_sample(folder: Path, sample: Path = SAMPLE) -> Session:
    """Copy the sample session to `folder`, unless that was done; its results are not copied.

    Raises:
        InputError: the sample is not on this machine.
        SessionError: the folder holds something else.
    """
    if not (sample / CONFIG_FILE).is_file():
        raise InputError(
            f"the sample session is not in {sample}: it comes with the source of mocap-studio, not "
            "with the installed package. Get the source and install it with `pip install -e .`."
        )
    if folder.is_dir() and any(folder.iterdir()):
        if not (folder / CONFIG_FILE).is_file() or not (folder / TRUTH_FILE).is_file():
            raise SessionError(
                f"{folder} holds something else than the sample session. Give an empty folder."
            )
        return Session.open(folder)
    source = Session.open(sample)
    for camera_video in source.calibration_videos().values():
        _copy(camera_video, sample, folder)
    for name in source.takes():
        for video in source.take(name).videos().values():
            _copy(video, sample, folder)
    _copy(sample / TRUTH_FILE, sample, folder)
    # Last: a folder with settings and truth is a complete copy.
    _copy(sample / CONFIG_FILE, sample, folder)
    return Session.open(folder)


def _copy(path: Path, source: Path, target: Path) -> None:
    place = target / path.relative_to(source)
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, place)


def session_figures(session: Session) -> list[Figure]:
    """Return how far calibration and takes of a rendered session are from the truth."""
    truth = load_truth(session.root)
    calibration = session.calibration()
    figures, truth_from_world = calibration_figures(calibration, truth)
    for name in session.takes():
        take = session.take(name)
        results = Results(take)
        points, tracks = results.points, results.tracks
        figures += take_figures(
            points,
            calibration.subset(tracks.camera_names),
            truth.takes[name],
            truth.calibration,
            truth_from_world,
            name,
        )
        for body in results.bodies.values():
            skeleton = skeleton_of(body.motion, body.model())
            figures += body_figures(skeleton, truth.takes[name], truth_from_world, name)
    return figures
