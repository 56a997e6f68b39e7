"""What is wrong with a take: one sentence for each cause, what comes first in the chain first.

A wrong calibration makes every camera disagree, late videos make bones change their length, a
mirrored video loses a camera: what people see at the end says little of where it began. So the
chain is looked at from its beginning, and what is found early explains what comes later.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from mocap.calibrate.background.moved import WITHIN, CameraCheck
from mocap.calibrate.verdict.report import Verdict as CalibrationVerdict
from mocap.capture.footage import Footage
from mocap.capture.session import Take
from mocap.core.clocks import Verdict, load_clocks
from mocap.core.detections import Detections2D, looked_at_every
from mocap.core.errors import MocapError
from mocap.core.points import Points3D, Source
from mocap.core.store import load_artifact
from mocap.reconstruct import diagnosis
from mocap.reconstruct.standing import standing_findings
from mocap.reconstruct.swapped import find_swap
from mocap.workflow.checks.mixed_up import refuse_copies
from mocap.workflow.checks.moved import check_take_cameras
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.graph import path_of, row_of
from mocap.workflow.progress import Progress, Quiet
from mocap.workflow.results import Results
from mocap.workflow.rig.calibration_report import load_calibration_report
from mocap.workflow.rig.made_from import require_current

# Less than this share of the keypoints measured is little.
LEAST_MEASURED = 0.5
MILDLY = 0.7


@dataclass(frozen=True)
class Cause:
    """Something that is wrong.

    Attributes:
        part: of the chain: "calibration", "videos", "names", "camera", "sync", "detector",
            "world", "points", "results".
        text: what is wrong, where, and how much.
        next_step: a command, or what to do.
        camera: the camera it is about; "" for all.
        fatal: nothing further can be looked at.
    """

    part: str
    text: str
    next_step: str
    camera: str = ""
    fatal: bool = False

    def line(self) -> str:
        """Return it as one line."""
        return f"{self.part}: {self.text} Next: {self.next_step}"


def causes_of(take: Take, progress: Progress, *, room: bool = True) -> list[Cause]:
    """Return what is wrong with a take, the first cause first; empty where nothing is.

    With `room` the background of the videos is compared with that of the calibration, which takes
    some seconds.
    """
    found = list(_before_the_videos(take))
    if any(each.fatal for each in found):
        return found
    found += _of_cameras(take, progress if room else None)
    accused = {each.camera for each in found}
    found += [each for each in _of_results(take) if not each.camera or each.camera not in accused]
    return found


def wrong_with(take: Take) -> tuple[str, ...]:
    """Return what is wrong with a take in sentences, without looking at the room."""
    try:
        return tuple(each.line() for each in causes_of(take, Quiet(), room=False))
    except MocapError as error:
        return (f"results: {error}",)


def _before_the_videos(take: Take) -> Iterator[Cause]:
    """Yield what is wrong with calibration and videos as files."""
    session = take.session
    root = session.root
    again = f"mocap calibrate {root}"
    if not session.calibration_path.is_file():
        yield Cause("calibration", f"session {root} has none.", again, fatal=True)
        return
    hashes = FileHashes(session.hash_cache_path, root)
    try:
        session.calibration()
    except MocapError as error:
        yield Cause("calibration", str(error), again, fatal=True)
        return
    try:
        report = load_calibration_report(session)
        if report is not None and report.verdict is CalibrationVerdict.FAIL:
            first = report.findings[0].text if report.findings else "its verdict is FAIL."
            yield Cause("calibration", first, f"read {session.calibration_page_path}")
        require_current(session, hashes)
    except MocapError as error:
        yield Cause("calibration", str(error), again)
    try:
        footage = Footage(take)
        refuse_copies(footage.videos, hashes, f"take '{take.name}'")
        _ = footage.maps
    except MocapError as error:
        yield Cause("videos", str(error), f"look at {take.root}", fatal=True)


def _of_cameras(take: Take, progress: Progress | None) -> list[Cause]:
    """Return what is wrong with single cameras: names, pictures, places, clocks."""
    footage = Footage(take)
    first = take.root / row_of("detect").file
    if not first.is_file():
        command = f"mocap run {take.session.root} {take.name}"
        return [*_moved(take, progress), Cause("detector", "nobody was looked for yet.", command)]
    synced = path_of(take, "detections")
    try:
        # One after the other: of a long take each is half a gigabyte.
        mixed_up = _mixed_up(load_artifact(first, Detections2D), footage)
        if mixed_up:
            return mixed_up
        one_clock = load_artifact(synced if synced.is_file() else first, Detections2D)
        one_clock = one_clock.every(looked_at_every(one_clock.times_s))
    except MocapError as error:
        return [Cause("results", str(error), f"mocap run {take.session.root} {take.name}")]
    told = diagnosis.diagnose(one_clock, footage.calibration, image_maps=footage.matrices)
    del one_clock
    wrong = [each for each in told if each.kind != diagnosis.SOUND]
    if wrong and (wrong[0].kind == diagnosis.NOBODY or _nowhere(wrong, len(told))):
        return [*_moved(take, progress), _nobody(take, load_artifact(first, Detections2D))]
    moved = _moved(take, progress)
    # Pictures of the room know turns better than people do.
    seen = {each.camera for each in moved}
    causes = moved + [_told(take, each) for each in wrong if each.camera not in seen]
    return causes or _unsynchronised(take)


def _mixed_up(raw: Detections2D, footage: Footage) -> list[Cause]:
    """Return the cameras whose videos lie under each other's names, or twice."""
    same = _same_keypoints(raw)
    if same:
        return same
    swap = find_swap(raw, footage.calibration, image_maps=footage.matrices)
    if swap is None:
        return []
    return [Cause("names", swap.sentence(), "rename the videos, then mocap run")]


def _nowhere(wrong: Sequence[diagnosis.ViewCause], cameras: int) -> bool:
    """Return whether so many cameras stand elsewhere, one nowhere, that the rig is another."""
    kinds = [each.kind for each in wrong]
    lost, moved = kinds.count(diagnosis.STRANGER), kinds.count(diagnosis.MOVED)
    return lost > 0 and 2 * (lost + moved) >= max(cameras, 4)


def _same_keypoints(detections: Detections2D) -> list[Cause]:
    """Return the cameras whose keypoints are equal to the last digit."""
    pixels = np.asarray(detections.pixels)
    names = detections.camera_names
    for a in range(len(names)):
        for b in range(a):
            if np.isfinite(pixels[a]).any() and np.array_equal(pixels[a], pixels[b], True):
                return [
                    Cause(
                        "videos",
                        f"cameras '{names[b]}' and '{names[a]}' saw exactly the same: one "
                        "recording lies under both names.",
                        "copy the right one",
                        names[a],
                    )
                ]
    return []


def _nobody(take: Take, raw: Detections2D) -> Cause:
    """Return why no two cameras agree on anybody."""
    seen = np.isfinite(raw.pixels[..., 0]).any(axis=(2, 3)).mean(axis=1)
    if np.median(seen) < 0.2:
        return Cause(
            "detector",
            f"hardly anybody is found: in {100 * float(np.median(seen)):.0f} % of the images of "
            "the usual camera.",
            "check light, distance and that people are upright; try `--detect thorough`",
        )
    return Cause(
        "calibration",
        "everybody is found, but no cameras agree where people are: "
        f"{take.session.calibration_path} is not of these cameras as they stand here, or the "
        "videos do not belong together.",
        f"mocap check {take.session.root} {take.name}, else calibrate again",
    )


def _moved(take: Take, progress: Progress | None) -> list[Cause]:
    """Return the cameras that moved, by what stands behind the people; none without `progress`."""
    if progress is None:
        return []
    try:
        found = check_take_cameras(take, progress)
    except MocapError:
        return []  # no images, or none that can be read: nothing tells
    return [
        Cause("camera", f"{line}.", _after(each, take), each.camera)
        for each, line in zip(found.cameras, found.lines(), strict=True)
        if each.moved
    ]


def _after(check: CameraCheck, take: Take) -> str:
    command = f"mocap check {take.session.root} {take.name}"
    return f"mocap edit {take.session.root} {take.name}" if check.kind == WITHIN else command


def _told(take: Take, cause: diagnosis.ViewCause) -> Cause:
    """Return what the people say of a camera, in words."""
    root, name = take.session.root, take.name
    who = f"camera '{cause.camera}'"
    agree = (
        f"({100 * cause.share:.0f} % of its views agree with the other cameras, "
        f"{100 * cause.explained:.0f} % would)"
    )
    ms, after = 1000 * abs(cause.amount), "after" if cause.amount > 0 else "before"
    lost = "lost" if cause.amount > 0 else "gained"
    zoom = f"{100 * abs(cause.amount - 1):.0f} % {'larger' if cause.amount > 1 else 'smaller'}"
    calibrate = f"mocap calibrate {root}"
    part, text, command = {
        diagnosis.UNSEEN: ("detector", f"{who} shows nobody in {100 * cause.amount:.0f} % of the "
                           "frames in which the others see somebody in its picture.",
                           "check its aim, light and distance"),
        diagnosis.MIRRORED: ("camera", f"the video of {who} is mirrored {agree}.",
                             "mirror it back (ffmpeg -vf hflip), then mocap run"),
        diagnosis.UPSIDE_DOWN: ("camera", f"the video of {who} stands on its head {agree}.",
                                "turn it (ffmpeg -vf rotate=PI), then mocap run"),
        diagnosis.SIDES: ("detector", f"{who} takes left for right {agree}.",
                          f"mocap edit {root} {name}: mirror, or another detector"),
        diagnosis.LATE: ("sync", f"{who} was started {ms:.0f} ms {after} the others: the videos "
                         f"are not synchronised {agree}.",
                         f"mocap sync {root} {name}"),
        diagnosis.LOST: ("sync", f"{who} {lost} frames at about {cause.at_s:.1f} s: {ms:.0f} ms "
                         f"are missing or too many {agree}.",
                         f"record it again, or mocap edit {root} {name}: ignore the camera there"),
        diagnosis.ZOOMED: ("camera", f"the picture of {who} is {zoom} than at its calibration: "
                           f"zoom, crop or size was changed {agree}.", calibrate),
        diagnosis.MOVED: ("camera", f"{who} is not where it was calibrated: turned or carried by "
                          f"about {cause.amount:.1f} deg {agree}.",
                          f"mocap calibration refine {root} {name}"),
        diagnosis.STRANGER: ("videos", f"{who} sees somebody else, or its video is of another "
                             f"recording {agree}.", f"look at {take.root}"),
    }[cause.kind]  # fmt: skip
    return Cause(part, text, command, cause.camera)


def _unsynchronised(take: Take) -> list[Cause]:
    """Return the clocks that could not be told."""
    if not take.clocks_path.is_file():
        return []
    refused = [
        each.camera
        for each in load_clocks(take.clocks_path).cameras
        if each.verdict is Verdict.REFUSED
    ]
    if not refused:
        return []
    return [
        Cause(
            "sync",
            f"nothing tells when camera {', '.join(repr(name) for name in refused)} was started; "
            "the recorded times are used.",
            f"mocap sync {take.session.root} {take.name}, or offsets in {take.settings_path}",
        )
    ]


def _of_results(take: Take) -> list[Cause]:
    """Return what is wrong with what the stages made."""
    results, command = Results(take), f"mocap run {take.session.root} {take.name}"
    if not results.has("points"):
        return []
    try:
        results.refuse_stale("points")
        points = results.points
    except MocapError as error:
        return [Cause("results", str(error), command)]
    causes = [
        Cause("camera", text, f"mocap calibration refine {take.session.root} {take.name}",
              text.split("'")[1])
        for text in results.provenance("points").warnings
        if text.startswith("camera '") and "away from where the other cameras" in text
    ]  # fmt: skip
    causes += [
        Cause(part, text, after.format(root=take.session.root, take=take.name))
        for part, text, after in standing_findings(points, _heights(take, results))
    ]
    # Images that were left out of all cameras are no fault of the recording.
    stride = looked_at_every(results.tracks.times_s) if results.has("tracks") else 1
    return causes + _few(points, stride, command)


def _heights(take: Take, results: Results) -> dict[int, float]:
    """Return the heights of people that are known."""
    people = results.points.person_ids
    known = {person: results.subject(person, people) for person in people}
    return {p: s.height_m for p, s in known.items() if s is not None and s.height_m is not None}


def _few(points: Points3D, stride: int, command: str) -> list[Cause]:
    measured = float((np.asarray(points.source[::stride]) == Source.MEASURED).mean())
    if not points.person_ids or measured >= LEAST_MEASURED:
        return []
    return [
        Cause(
            "points",
            f"only {100 * measured:.0f} % of the keypoints were measured: two cameras rarely see "
            "the same.",
            f"record where all cameras see people, then {command}",
        )
    ]
