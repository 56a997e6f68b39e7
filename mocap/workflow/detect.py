"""The detect stage: several cameras at once, what is found in each kept every half minute."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from mocap.capture.checks import Recording
from mocap.capture.decoding.order import left_out_words
from mocap.capture.decoding.playback import Playback
from mocap.capture.session import Take
from mocap.capture.video import VideoInfo
from mocap.core.detections import Detections2D
from mocap.core.errors import DetectionError, SessionError
from mocap.core.store import Provenance, load_artifact, load_provenance
from mocap.detect.known import AUTO
from mocap.workflow.choices import DEFAULT_PACE, DetectorChoice
from mocap.workflow.graph import row_of
from mocap.workflow.job import Job, StageCode
from mocap.workflow.pipeline import CURRENT, Made, Stage, artifact_stage, run_stages
from mocap.workflow.progress import Progress, Together
from mocap.workflow.unfinished import Unfinished, forget_pieces
from mocap.workflow.version import installed_version

if TYPE_CHECKING:
    from mocap.detect.detect import Detector
    from mocap.detect.following.pace import Pace

# A camera that finds somebody in fewer frames is aimed wrong, too dark, or too far away.
MIN_FOUND_SHARE = 0.5


class LazyDetector:
    """The chosen network, loaded when the first camera needs it.

    Cameras that are looked at side by side ask for it at once: it is loaded by one of them.
    """

    def __init__(self, choice: DetectorChoice) -> None:
        """Remember what to load."""
        self.choice = choice
        self._loading = RLock()

    @property
    def network(self) -> Detector:
        """The network.

        Raises:
            ModelError: the weights are missing or damaged.
        """
        with self._loading:
            return self._network

    @cached_property
    def _network(self) -> Detector:
        from mocap.detect.detectors import default_workers, open_detector

        return open_detector(self.choice.name, workers=default_workers(), **self._parts())

    @property
    def pace(self) -> Pace:
        """How thoroughly images are looked at."""
        from mocap.detect.following.pace import pace_named

        return pace_named(self.choice.pace)

    @cached_property
    def weights(self) -> dict[str, str]:
        """Hashes of the files of weights, for the record."""
        from mocap.detect.detectors import weight_hashes

        return weight_hashes(self.choice.name, **self._parts())

    @property
    def numbers(self) -> str:
        """In which numbers its networks count, for the record."""
        from mocap.detect.detectors import numbers_of

        return numbers_of(self.pace)

    @property
    def record(self) -> dict[str, object]:
        """What detections depend on beside the choice."""
        return {"weights": self.weights, "numbers": self.numbers}

    def other_weights(self, found: Provenance) -> str:
        """Say which weights of ours another version of this tool used; "" when it used these."""
        from mocap.detect.detectors import weight_hashes

        then = found.notes.get("weights")
        if not isinstance(then, dict) or not then:
            return ""
        now = weight_hashes(self.choice.name, **self._parts(), here=False)
        others = [file for file, digest in now.items() if then.get(file) != digest]
        return f"{', '.join(others)} of the detector changed" if others else ""

    def _parts(self) -> Mapping[str, Any]:
        choice = self.choice
        return {
            "feet": choice.feet,
            "hands": choice.hands,
            "weights": choice.weights,
            "pace": self.pace,
            "own": choice.own,
        }


def _make(job: Job) -> Made:
    """Find people, several cameras at once.

    Finished cameras and pieces of the others wait in files of their own, so that a killed run does
    not repeat them; the files go once the whole take is stored.
    """
    from mocap.detect.detect import join_cameras

    recording = job.footage.recording
    detector, partial = LazyDetector(_chosen(job)), _partial(job)
    shared = Together(job.progress)
    stages = {
        camera: detect_camera_stage(
            partial[camera], info, recording.fps, detector, shared, mirrored_first=bool(number % 2)
        )
        for number, (camera, info) in enumerate(recording.infos.items())
    }
    _run_cameras(job, stages, detector, shared)
    whole = join_cameras([load_artifact(path, Detections2D) for path in partial.values()])
    warnings, notes = judge_detections(whole, recording, job.take.name)
    for path in partial.values():
        warnings += load_provenance(path).warnings
    warnings += left_out_by(detector.pace)
    return Made(whole, warnings, {**notes, **detector.record})


def left_out_by(pace: Pace) -> list[str]:
    """Say that a pace leaves images out."""
    if pace.stride == 1:
        return []
    return [
        f"--detect {pace.name} looked at one of {pace.stride} images. What lies between is filled "
        "by the smoother and marked as interpolated; take no speeds or contact times from it that "
        "a camera of so few images a second could not show."
    ]


def _run_cameras(
    job: Job, stages: Mapping[str, Stage], detector: LazyDetector, shared: Together
) -> None:
    """Detect the cameras that were not; where people are followed several at once, for one alone
    cannot keep more than two processors busy."""
    from mocap.detect.detectors import views_at_once
    from mocap.detect.threads import Threads, wait_for_all

    def run(camera: str) -> None:
        version = installed_version()
        (outcome,) = run_stages([stages[camera]], version=version, hash_of=job.run.hashes)
        if outcome.status == CURRENT:
            shared.finished(f"  {camera}: kept from the interrupted run")

    at_once = 1 if detector.pace.every_image else views_at_once(len(stages))
    for camera in stages:
        job.run.hashes(job.footage.recording.infos[camera].path)
    with Threads(at_once) as threads:
        wait_for_all([threads.start(run, camera) for camera in stages])


def detect_camera_stage(
    path: Path,
    info: VideoInfo,
    fps: float,
    detector: LazyDetector,
    progress: Progress,
    *,
    mirrored_first: bool = False,
) -> Stage:
    """Return the stage that finds people in the video of one camera and keeps them at `path`."""
    choice = detector.choice
    return artifact_stage(
        info.camera,
        path,
        Detections2D,
        inputs={"video": info.path, **_weights(choice)},
        options={**_options(choice), "fps": fps, "mirrored_first": mirrored_first},
        go_on=_camera_maker(path, info, fps, detector, progress, mirrored_first),
        forget=lambda: forget_pieces(path),
        revision=row_of("detect").revision,
        defaults=_defaults(),
        outdated=detector.other_weights,
    )


def _chosen(job: Job) -> DetectorChoice:
    """Return which detector a person chose; "auto" is the best whose weights are here."""
    from mocap.detect.detectors import best_here

    choice = job.choices.detector
    if choice.name != AUTO:
        return choice
    name, weights = best_here(choice.weights)
    return replace(choice, name=name, weights=weights)


def _weights(choice: DetectorChoice) -> dict[str, Path]:
    """Return the files of a user's own that a detector is made of."""
    card = Path(choice.own.card) if choice.own.card.endswith(".toml") else None
    files = {"weights": choice.weights, "boxes": choice.own.boxes, "card": card}
    return {name: path for name, path in files.items() if path is not None}


_HANDS_REVISION = 3
"""Of how fingers are found: raised when that changes, so that only takes with hands are stale."""


def _options(choice: DetectorChoice) -> dict[str, object]:
    from mocap.detect.following.pace import pace_named

    revision = pace_named(choice.pace).revision
    own = {
        "pace": revision if revision > 1 else 0,
        "card": choice.own.card,
        "boxes_card": choice.own.boxes_card,
        "hands": _HANDS_REVISION if choice.hands else 0,
    }
    # Only said when asked for: detections made before there were these stay current.
    said = {name: word for name, word in own.items() if word}
    return {"detector": choice.name, "feet": choice.feet, "detect": choice.pace, **said}


def _defaults() -> dict[str, object]:
    """Before there was a choice, every image was searched anew."""
    return {"detect": "thorough"}


def _serves(job: Job, options: Mapping[str, object]) -> Mapping[str, object]:
    """Where nothing is said of the pace, detections of a more thorough one serve as well."""
    from mocap.detect.following.pace import PACES

    order, choice = list(PACES), _chosen(job)
    said = {**_defaults(), **options}
    made = str(said["detect"])
    if choice.pace != DEFAULT_PACE or made not in order[: order.index(DEFAULT_PACE)]:
        return options
    # As that pace would make them today, in everything.
    return _options(choice) if said == _options(replace(choice, pace=made)) else options


def _other_weights(job: Job, found: Provenance) -> str:
    pace = str(found.options.get("detect", _defaults()["detect"]))
    return LazyDetector(replace(_chosen(job), pace=pace)).other_weights(found)


def _partial(job: Job) -> dict[str, Path]:
    return {
        camera: job.take.camera_detections_path(camera) for camera in job.footage.recording.infos
    }


def _forget(job: Job) -> None:
    for path in _partial(job).values():
        path.unlink(missing_ok=True)
        forget_pieces(path)


def _camera_maker(
    path: Path,
    info: VideoInfo,
    fps: float,
    detector: LazyDetector,
    progress: Progress,
    mirrored_first: bool,
) -> Callable[[Provenance], Made]:
    def go_on(record: Provenance) -> Made:
        from mocap.detect.detect import detect
        from mocap.detect.detectors import default_workers
        from mocap.detect.following.stretches import Keeping, Stretch, in_a_row

        pieces = Unfinished.of(path, record, **detector.record)
        before = in_a_row(pieces.pieces(Stretch))
        if before:
            progress.finished(
                f"  {info.camera}: {before[-1].end} frames kept from the interrupted run"
            )
        place = before[-1].place if before else None
        playback = Playback(info.path, place, every=detector.pace.stride)
        found = detect(
            playback,
            detector.network,
            camera=info.camera,
            fps=fps,
            workers=default_workers(),
            frame_count=info.frame_count,
            times_s=info.times_s,
            pace=detector.pace,
            mirrored_first=mirrored_first,
            progress=progress.advanced,
            keeping=Keeping(
                before, playback.place, lambda each: pieces.keep(f"{each.begin:09d}", each)
            ),
        )
        warnings = left_out_words(info.camera, playback.left_out, info.times_s)
        return Made(found, warnings, detector.record)

    return go_on


def load_detections(path: Path, take: Take, recording: Recording) -> Detections2D:
    """Return the detections of a take.

    Raises:
        SessionError: they are of cameras that the take does not have (any more).
        InputError: they do not exist or are damaged.
    """
    detections = load_artifact(path, Detections2D)
    gone = [name for name in detections.camera_names if name not in recording.infos]
    if gone:
        raise SessionError(
            f"{path} has detections of camera {', '.join(gone)}, but the take has the cameras "
            f"{', '.join(recording.infos)} now: a video was removed, or 'cameras' in session.toml "
            f"was changed. Put it back, or run `mocap detect {take.session.root} {take.name}`."
        )
    return detections


def judge_detections(
    detections: Detections2D, recording: Recording, take_name: str
) -> tuple[list[str], Mapping[str, Any]]:
    """Return warnings about cameras that see nobody, and the share of frames with a person.

    Raises:
        DetectionError: no camera sees anybody.
    """
    seen = np.asarray(np.isfinite(detections.boxes).all(axis=-1).any(axis=-1))
    lengths = [recording.infos[camera].frame_count for camera in detections.camera_names]
    shares = {
        camera: float(there.sum() / max(1, np.isfinite(times_s[:length]).sum()))
        for camera, there, times_s, length in zip(
            detections.camera_names, seen, detections.times_s, lengths, strict=True
        )
    }
    if not seen.any():
        raise DetectionError(
            f"nobody was found in {sum(lengths)} images of {len(lengths)} cameras of take "
            f"'{take_name}'. Check that people are in view, upright and at least 100 px tall, and "
            "that the videos are not turned or dark."
        )
    warnings = [
        f"camera '{camera}' found somebody in {100 * share:.0f} % of its frames only: check its "
        "aim, light and distance."
        for camera, share in shares.items()
        if share < MIN_FOUND_SHARE
    ]
    return warnings, {"found_share": {camera: round(share, 4) for camera, share in shares.items()}}


STAGE = StageCode(
    make=_make,
    options=lambda job: _options(_chosen(job)),
    inputs=lambda job: _weights(_chosen(job)),
    forget=_forget,
    defaults=_defaults,
    outdated=_other_weights,
    serves=_serves,
)
