"""What a person is told about the causes: each in one sentence, with what to do."""

from __future__ import annotations

from mocap.calibrate.cause.explain import Cause
from mocap.calibrate.verdict.report import Finding, Verdict
from mocap.calibrate.verdict.stretch import Stretch, stretched_lengths
from mocap.calibrate.verdict.variety import PLANAR_DEG, Variety
from mocap.core.board import Board
from mocap.core.camera import Calibration
from mocap.core.same_place import same_places


def reason(cause: Cause) -> str:
    """Return why the cameras disagree, in one sentence."""
    names = ", ".join(f"'{name}'" for name in cause.cameras)
    if cause.kind == "moved":
        who = f"camera '{cause.cameras[0]}' was moved at about frame {cause.frame}"
        how = f" (turned by {cause.turn_deg:.2f} deg, shifted by {cause.shift_mm:.0f} mm)"
        others = ", ".join(f"'{name}'" for name in cause.cameras[1:])
        return who + how + (f"; it may have been {others} instead." if others else ".")
    if cause.kind == "no flat board":
        return (
            "the corners fit no flat board of this size in single images either: columns and rows "
            "of the board are swapped, or it is another board."
        )
    if cause.kind == "mirrored":
        return f"the video of camera {names} is mirrored: left and right are exchanged."
    if cause.kind == "unsynchronised":
        late = [
            f"'{name}' {abs(n)} frames {'late' if n > 0 else 'early'}"
            for name, n in zip(cause.cameras, cause.late_frames, strict=True)
        ]
        return f"the videos are unsynchronised: {', '.join(late)} against the others."
    return (
        "the cameras do not agree with each other, and no single cause explains it: the videos are "
        "unsynchronised (another frame rate, lost frames), or several cameras were moved."
    )


_REMEDIES = {
    "moved": "Fix the camera to its mount and record the board again; or cut the recording there.",
    "mirrored": "Turn mirroring (selfie view) off in that camera, or flip its videos back.",
    "no flat board": "Give the board that was printed: count its columns and rows.",
    "disagree": "Record the board again with all cameras at one frame rate and a clear common "
    "instant (a clap, a flash), and do not touch the cameras.",
}


def remedy(cause: Cause) -> str:
    """Return what to do about a cause."""
    if cause.kind != "unsynchronised":
        return _REMEDIES[cause.kind]
    late = dict(zip(cause.cameras, cause.late_frames, strict=True))
    trims = [f"{n} frame(s) off the start of '{name}'" for name, n in late.items() if n > 0]
    early = [n for n in late.values() if n < 0]
    if early:
        trims.append("the others by what they are late against the earliest")
    options = " ".join(f"--late {name}={n}" for name, n in late.items())
    return (
        f"Trim {', '.join(trims)}, or calibrate again with `{options}`. The takes may be apart as "
        "well."
    )


def findings_of_cause(cause: Cause | None) -> tuple[Finding, ...]:
    """Return the cause as a failure; nothing when nothing is wrong."""
    return () if cause is None else (Finding(Verdict.FAIL, reason(cause), remedy(cause)),)


def findings_of_copies(calibration: Calibration) -> tuple[Finding, ...]:
    """Return a failure for every two cameras that are one."""
    return tuple(
        Finding(
            Verdict.FAIL,
            f"cameras '{first}' and '{second}' stand at one place ({apart_mm:.1f} mm apart) and "
            "look the same way: one video was copied under two names.",
            "Replace one of the two files by the video of its own camera.",
        )
        for first, second, apart_mm in same_places(calibration)
    )


def findings_of_variety(variety: Variety, *, lenses_known: bool) -> tuple[Finding, ...]:
    """Judge whether the board was shown in enough ways."""
    cure = (
        "Carry the board through the whole volume and tilt it by 30 to 45 degrees in all "
        "directions, or give the lenses with `--intrinsics`."
    )
    if variety.unmoved:
        text = (
            f"the board was hardly moved: its middle stayed within {100 * variety.travel_m:.0f} cm "
            f"(the board measures {100 * variety.board_m:.0f} cm). Where cameras stand cannot be "
            "told from one place."
        )
        return (Finding(Verdict.FAIL, text, cure),)
    if variety.planar:
        text = (
            f"the board kept its direction within {variety.tilt_deg:.1f} deg (at least "
            f"{PLANAR_DEG:.0f}): moved in a plane it tells neither focal lengths nor distances."
        )
        return (Finding(Verdict.WARN if lenses_known else Verdict.FAIL, text, cure),)
    return ()


def findings_of_stretch(stretch: Stretch, board: Board) -> tuple[Finding, ...]:
    """Say when the print is longer one way than the other."""
    if not stretch.believed:
        return ()
    across, along = stretched_lengths(board, stretch.share)
    text = (
        f"the print is stretched by {100 * abs(stretch.share):.1f} %: its squares measure "
        f"{1000 * across:.2f} mm across and {1000 * along:.2f} mm along (given: "
        f"{1000 * board.square_length_m:.2f} mm). The rig was solved with that, but its scale is "
        f"open by {50 * abs(stretch.share):.1f} %."
    )
    remedy = "Measure ten squares in both directions and print the board without fitting to page."
    return (Finding(Verdict.WARN, text, remedy),)
