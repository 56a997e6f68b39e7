"""The sync stage: every camera's frames brought to one clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from mocap.capture.checks import FRAME_COUNT_TOLERANCE, steadiest
from mocap.capture.starts import stated_starts
from mocap.capture.take_file import TakeSettings, load_take_settings
from mocap.core.clocks import Clocks, load_clocks, save_clocks
from mocap.core.detections import Detections2D
from mocap.core.errors import InputError, SessionError
from mocap.core.files.reading import read_json, reading
from mocap.core.files.replay import Remember, anew
from mocap.workflow.detect import load_detections
from mocap.workflow.job import Job, StageCode, TakeRun
from mocap.workflow.pipeline import Made
from mocap.workflow.progress import counting, table_lines
from mocap.workflow.rig.calibration_report import load_calibration_report
from mocap.workflow.unfinished import Unfinished, forget_pieces

MIN_CAMERAS = 2
LONG_IMAGES = 20_000
# Points of the curve of agreement kept for the report, around the offset that was found.
CURVE_POINTS = 300
# A camera that lacks less of the take was stopped by hand with the others.
MISSED_SHARE = 0.1
# A drift by sound counts from so many standard deviations on.
CLEAR_DRIFT_SIGMAS = 3.0


@dataclass(frozen=True, eq=False)
class OneClock:
    """What came of bringing the cameras of a take to one clock.

    Attributes:
        detections: at the frames of the common clock.
        clocks: of each camera, with how sure they are.
        unused_frames: images that no frame of the common clock takes, by camera.
        found: what was found, a line for people each.
        warnings: what a person should know.
        curves: agreement by lag, thinned for the report.
    """

    detections: Detections2D
    clocks: Clocks
    unused_frames: Mapping[str, int]
    found: tuple[str, ...]
    warnings: tuple[str, ...]
    curves: Mapping[str, object]


def at_one_clock(run: TakeRun, whole: Detections2D, remember: Remember = anew) -> OneClock:
    """Bring the cameras of a take to one clock; what was found on the way is remembered.

    Raises:
        InputError: a camera that was named is none of the take.
        SessionError: fewer than two cameras are left.
    """
    from mocap.reconstruct.common_clock import on_common_clock
    from mocap.sync.decide import SyncWish, decide
    from mocap.sync.windows import Window, sync_people_within

    recording, settings = run.footage.recording, _settings(run)
    rows = run.footage.row_lateness(whole.camera_names)
    detections = without(replace(whole, row_lateness=rows), run.choices.sync.without)
    reference = _reference(run, detections, settings)
    sound_s, sound_drift_ppm = _sound(run, detections)
    stated = stated_starts(recording.infos)
    result = sync_people_within(
        detections,
        run.footage.calibration,
        [Window(by, start_s) for by, start_s in (("sound", sound_s), *stated.items())],
        image_maps=_matrices(run, detections),
        reference=reference,
        poses=_poses(run),
        told=counting(run.progress, "sync", detections.times_s.size, LONG_IMAGES),
        remember=remember,
    )
    wish = SyncWish(
        on=run.choices.sync.on,
        hardware=_by_hardware(run),
        reference=reference,
        offset_s=settings.offset_s,
    )
    decision = decide(result, wish, sound_s, sound_drift_ppm)
    fps = recording.infos[decision.clocks.reference].fps
    synced, frames = on_common_clock(replace(detections, fps=fps), decision.clocks)
    return OneClock(
        synced,
        replace(decision.clocks, origin_s=frames.origin_s),
        {
            name: int(count)
            for name, count in zip(synced.camera_names, frames.unused, strict=True)
            if count
        },
        (*decision.found, *_shutters(run, synced)),
        (*decision.warnings, *spans_told(synced)),
        _curves(result),
    )


def spans_told(synced: Detections2D) -> list[str]:
    """Say which cameras have images in a part of the take only, and when."""
    said = []
    for name, taken in zip(synced.camera_names, np.isfinite(synced.times_s), strict=True):
        frames = np.flatnonzero(taken)
        first, last = (int(frames[0]), int(frames[-1])) if len(frames) else (0, -1)
        missed = len(taken) - (last + 1 - first)
        if missed > max(FRAME_COUNT_TOLERANCE, MISSED_SHARE * len(taken)):
            start_s, end_s = first / synced.fps, (last + 1) / synced.fps
            said.append(
                f"camera '{name}' has images from {start_s:.2f} to {end_s:.2f} s only, of "
                f"{len(taken) / synced.fps:.2f} s: outside of these the others see alone. If it "
                "should not have stopped, look whether its file is whole."
            )
    return said


def _shutters(run: TakeRun, synced: Detections2D) -> list[str]:
    return [
        f"{name}: keypoints count at the times of their rows, read within {1e3 * readout_s:g} ms"
        for name, readout_s in run.footage.readout_s.items()
        if name in synced.camera_names
    ]


def _make(job: Job) -> Made:
    whole = load_detections(job.input_path("detections"), job.take, job.footage.recording)
    pieces = Unfinished.of(job.path, job.record())
    done = at_one_clock(job.run, whole, pieces.replay())
    told = {"fps": done.detections.fps, "curves": done.curves}
    save_clocks(done.clocks, job.take.clocks_path, told)
    notes: dict[str, object] = {
        "reference": done.clocks.reference,
        "found": list(done.found),
        "readout_s": dict(job.footage.readout_s),
        "unused_frames": done.unused_frames,
        "verdicts": {each.camera: str(each.verdict) for each in done.clocks.cameras},
        "checks": list(done.found),
    }
    return Made(done.detections, done.warnings, notes)


def _curves(result: Any) -> dict[str, object]:
    """Return a thinned curve of agreement for each camera, for the report."""
    step = max(1, len(result.lags_s) // CURVE_POINTS)
    return {
        "lags_s": [round(float(lag), 3) for lag in result.lags_s[::step]],
        **{
            name: [round(float(v), 3) for v in _thinned(curve, step)]
            for name, curve in zip(result.clocks.names, result.curves, strict=True)
        },
    }


def _thinned(curve: Any, step: int) -> Any:
    """Return the largest of every `step` values: a peak must not fall between two."""
    padded = np.pad(curve, (0, -len(curve) % step), mode="edge")
    return padded.reshape(-1, step).max(axis=1)


def _settings(run: TakeRun) -> TakeSettings:
    return load_take_settings(run.take.settings_path)


def _by_hardware(run: TakeRun) -> bool:
    session = run.take.session
    return session.config.rig is not None and session.rig().sync == "genlock"


def _reference(run: TakeRun, detections: Detections2D, settings: TakeSettings) -> str:
    """Return the camera whose clock is kept: the one asked for, else one of the commonest rate."""
    names = detections.camera_names
    asked = run.choices.sync.reference or settings.reference
    for camera in (*([asked] if asked else ()), *settings.offset_s):
        if camera not in names:
            raise InputError(
                f"there is no camera '{camera}' to be synchronised in take '{run.take.name}'; it "
                f"has {', '.join(names)}. Correct --reference or {run.take.settings_path}."
            )
    if asked:
        return asked
    return steadiest({name: run.footage.recording.infos[name] for name in names})


def without(detections: Detections2D, cameras: tuple[str, ...]) -> Detections2D:
    """Return the detections of all other cameras.

    Raises:
        InputError: there is no such camera.
        SessionError: fewer than two would be left.
    """
    names = detections.camera_names
    if not cameras and len(names) >= MIN_CAMERAS:
        return detections  # a copy of a long take is half a gigabyte
    for camera in cameras:
        if camera not in names:
            raise InputError(
                f"--without names '{camera}', but the cameras are {', '.join(names)}. Correct it."
            )
    keep = [index for index, name in enumerate(names) if name not in cameras]
    if len(keep) < MIN_CAMERAS:
        raise SessionError(
            f"--without leaves {len(keep)} of {len(names)} cameras; at least {MIN_CAMERAS} are "
            "needed. Leave fewer out."
        )
    return replace(
        detections,
        camera_names=tuple(names[index] for index in keep),
        pixels=detections.pixels[keep],
        confidence=detections.confidence[keep],
        boxes=detections.boxes[keep],
        times_s=detections.times_s[keep],
        view_ids=detections.view_ids[keep],
        row_lateness=detections.row_lateness[keep],
    )


def _poses(run: TakeRun) -> dict[str, tuple[float, float]]:
    """Return how well the calibration knows each pose: degrees and metres about one axis."""
    report = load_calibration_report(run.take.session)
    if report is None:
        return {}
    # The report gives roots of traces, of three axes each.
    axis = float(np.sqrt(1.0 / 3.0))
    return {
        each.name: (axis * each.rotation_sd_deg, axis * 1e-3 * each.center_sd_mm)
        for each in report.cameras
        if np.isfinite([each.rotation_sd_deg, each.center_sd_mm]).all()
    }


def _matrices(run: TakeRun, detections: Detections2D) -> Mapping[str, Any]:
    return {name: run.footage.matrices[name] for name in detections.camera_names}


def _sound(run: TakeRun, detections: Detections2D) -> tuple[dict[str, float], dict[str, float]]:
    """Return offsets (s) and clear drifts (ppm) by sound, by camera.

    Cameras that hear nothing in common are not in it.
    """
    from mocap.capture.sound import read_sound
    from mocap.sync.sound import sync_sound

    names = detections.camera_names
    sounds = [read_sound(run.footage.recording.infos[name]) for name in names]
    found = sync_sound([None if s is None else (s.samples, s.rate_hz) for s in sounds])
    offsets = {
        name: float(offset) - sound.start_s
        for name, offset, sound in zip(names, found.offset_s, sounds, strict=True)
        if sound is not None and np.isfinite(offset)
    }
    drifts = {
        name: 1e6 * float(drift)
        for name, drift, sigma in zip(names, found.drift, found.sigma_drift, strict=True)
        if np.isfinite(drift) and abs(drift) > CLEAR_DRIFT_SIGMAS * sigma
    }
    return offsets, drifts


def _options(job: Job) -> dict[str, object]:
    settings, choice = _settings(job.run), job.choices.sync
    readout_s = job.footage.readout_s
    return {
        "on": choice.on,
        "without": list(choice.without),
        "reference": choice.reference or settings.reference or "",
        "offset_s": dict(settings.offset_s),
        "hardware": _by_hardware(job.run),
        # Only where somebody said one: results from before there was the choice stay.
        **({"readout_s": dict(readout_s)} if readout_s else {}),
        "image_maps": {camera: each.tolist() for camera, each in job.footage.matrices.items()},
    }


STAGE = StageCode(make=_make, options=_options, forget=lambda job: forget_pieces(job.path))


def clock_lines(path: Path) -> list[str]:
    """Return a table of the clocks in `sync.json`, for people."""
    clocks = load_clocks(path)
    header = ("camera", "offset s", "± ms", "drift ppm", "by", "agreement", "t", "verdict")
    rows = [
        (
            each.camera,
            f"{each.offset_s:+.4f}",
            _known(1e3 * each.sigma_s, 1),
            f"{each.drift_ppm:+.0f}",
            each.method,
            _known(each.agreement, 2),
            _known(each.evidence_t, 1),
            str(each.verdict),
        )
        for each in clocks.cameras
    ]
    return table_lines(header, rows)


def _known(value: float, digits: int) -> str:
    return f"{value:.{digits}f}" if np.isfinite(value) else "-"


def clocks_document(path: Path) -> dict[str, object]:
    """Return what `sync.json` says, without the curves, for machines."""
    document = read_json(path, "the clocks of a take")
    return {key: value for key, value in document.items() if key != "curves"}


def sync_curves(path: Path) -> dict[str, list[float]]:
    """Return the curves kept in `sync.json`; empty when there are none.

    Raises:
        InputError: the file is damaged.
    """
    if not path.is_file():
        return {}
    with reading(path, "what `mocap sync` wrote", "Run `mocap sync` again."):
        curves = read_json(path).get("curves", {})
        return {str(name): [float(v) for v in values] for name, values in curves.items()}
