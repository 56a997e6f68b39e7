"""The sample session: where it is, its copy, and its figures against the truth."""

from __future__ import annotations

import shutil
from pathlib import Path

from mocap.body.body_skeleton import skeleton_of
from mocap.capture.session import CONFIG_FILE, Session, Take
from mocap.core.clocks import load_clocks
from mocap.core.errors import InputError, SessionError
from mocap.core.store import atomic_write, file_hash
from mocap.synthetic.sample import TakeTruth, load_truth
from mocap.workflow.results import Results
from mocap.workflow.sample.accuracy import (
    TruthFigure,
    body_figures,
    calibration_figures,
    take_figures,
)
from mocap.workflow.sample.several import identity_figures, people_in

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
    if (folder / CONFIG_FILE).is_file() and (folder / TRUTH_FILE).is_file():
        return Session.open(folder)
    files = _sample_files(sample)
    _refuse_others(folder, {path.relative_to(sample) for path in files[:-1]})
    for path in files:
        place = folder / path.relative_to(sample)
        if not place.is_file() or file_hash(place) != file_hash(path):
            with atomic_write(place) as temporary:
                shutil.copyfile(path, temporary)
    return Session.open(folder)


def _sample_files(sample: Path) -> list[Path]:
    """Return the files to copy; the settings last: a folder with them is a complete copy."""
    source = Session.open(sample)
    videos = [*source.calibration_videos().values()]
    for name in source.takes():
        take = source.take(name)
        videos += take.videos().values()
        videos += [take.settings_path] if take.settings_path.is_file() else []
    return [*videos, sample / TRUTH_FILE, sample / CONFIG_FILE]


def _refuse_others(folder: Path, known: set[Path]) -> None:
    """Refuse a folder with anything but what an interrupted copy leaves.

    Raises:
        SessionError: names one of the other things.
    """
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        if not path.is_dir() and path.relative_to(folder) not in known:
            if path.name.startswith(".") and path.suffix in {each.suffix for each in known}:
                continue  # half a file of the copy that was interrupted
            raise SessionError(
                f"{folder} holds something else than the sample session "
                f"({path.relative_to(folder)}). Give an empty folder."
            )


def session_figures(session: Session) -> list[TruthFigure]:
    """Return how far calibration and takes of a rendered session are from the truth."""
    truth = load_truth(session.root)
    calibration = session.calibration()
    figures, truth_from_world = calibration_figures(calibration, truth)
    for name in session.takes():
        take = session.take(name)
        results = Results(take)
        points, tracks = results.points, results.tracks
        people = [
            _from_first_frame(each, take, truth.calibration.names) for each in truth.people(name)
        ]
        who = people_in(points, people, truth_from_world)
        several = len(people) > 1
        if several:
            figures += identity_figures(points, people, truth_from_world, name)
        for person, number in who.items():
            what = f"{name}, {results.names.get(person, f'person {person}')}" if several else name
            figures += take_figures(
                points.of_person(person),
                calibration.subset(tracks.camera_names),
                people[number],
                truth.calibration,
                truth_from_world,
                what,
            )
            if person in results.bodies:
                body = results.bodies[person]
                skeleton = skeleton_of(body.motion, body.model())
                figures += body_figures(skeleton, people[number], truth_from_world, what)
    return figures


def _from_first_frame(truth: TakeTruth, take: Take, camera_names: tuple[str, ...]) -> TakeTruth:
    """Return the truth from the instant of the first frame that was reconstructed."""
    if not take.clocks_path.is_file():
        return truth
    clocks = load_clocks(take.clocks_path)
    started_s = truth.start_s[camera_names.index(clocks.reference)]
    return truth.from_frame(round((clocks.origin_s + started_s) * truth.fps))
