"""The rules of the verdict: independent tests, each with its figure and its remedy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mocap.calibrate.verdict.checks import ADVISED_FRAMES_PER_CAMERA
from mocap.calibrate.verdict.held_out import HeldOut
from mocap.calibrate.verdict.report import (
    UNKNOWN_ABOVE_MM,
    CameraReport,
    Finding,
    PairReport,
    Verdict,
)
from mocap.calibrate.verdict.shifted import DroppedView

# Focal length less certain than this leaves lengths along the view open by as much.
FOCAL_SD_WARN, FOCAL_SD_FAIL = 0.02, 0.10
# Real lenses are centred within some 10 px; a larger shift soaks up an error of the pose.
PRINCIPAL_POINT_WARN_PX = 50.0
COVERAGE_WARN = 0.4
# A fresh detection of a sharp board lies below 0.5 px; 1.5 px means blur or a bent board.
RMS_WARN_PX, RMS_FAIL_PX = 1.0, 3.0
REJECTED_WARN, REJECTED_FAIL = 0.15, 0.35
DROPPED_WARN, DROPPED_FAIL = 0.10, 0.40
# Genlocked cameras are below 0.05 frames, webcams at 0.2; half a frame is a missing trim.
TIME_OFFSET_WARN, TIME_OFFSET_FAIL = 0.3, 0.7
BRIDGE_WARN = 10
# Held-out error of a calibration that did not over-fit stays within a third of the training error.
HELD_OUT_RATIO_WARN, HELD_OUT_RATIO_FAIL = 1.35, 2.5
# Distances between corners come out right on average, or the model is wrong somewhere.
LENGTH_BIAS_WARN, LENGTH_BIAS_FAIL = 0.005, 0.05
# In a part of the volume there are fewer of them.
PART_BIAS_WARN, PART_BIAS_SIGMAS = 0.015, 4.0
CENTER_SD_WARN_MM = 10.0
# A smooth residual in a part of the image is the signature of a wrong lens model.
LENS_RESIDUAL_WARN_PX = 1.0


def judge(
    cameras: Sequence[CameraReport],
    pairs: Sequence[PairReport],
    dropped: Sequence[DroppedView],
    held_out: HeldOut | None,
    *,
    square_length_m: float,
    focal_assumed: Sequence[str],
    converged: bool,
    more: Sequence[Finding] = (),
) -> tuple[Verdict, tuple[Finding, ...]]:
    """Return the verdict and its findings, worst first; `more` are causes: first of their level."""
    findings: list[Finding] = list(more)
    timed = any("unsynchronised" in finding.text for finding in more)
    moved = any("was moved" in finding.text for finding in more)
    for camera in cameras:
        findings += _lens(camera, camera.name in focal_assumed)
        findings += _fit(camera)
        findings += [] if timed else _timing(camera)
        findings += [] if moved else _dropped(camera, dropped)
    for pair in pairs:
        findings += _bridge(pair)
    findings += _held_out(held_out, square_length_m)
    if not converged:
        findings.append(
            Finding(
                Verdict.WARN,
                "the adjustment did not settle within its iterations.",
                "Record the board again with more tilts and distances.",
            )
        )
    order = [Verdict.FAIL, Verdict.WARN, Verdict.PASS]
    findings.sort(key=lambda finding: order.index(finding.level))
    verdict = findings[0].level if findings else Verdict.PASS
    return verdict, tuple(findings)


def _level(value: float, warn: float, fail: float) -> Verdict:
    """Return the level of a figure that should be small."""
    if value > fail:
        return Verdict.FAIL
    return Verdict.WARN if value > warn else Verdict.PASS


def _lens(camera: CameraReport, focal_assumed: bool) -> list[Finding]:
    """Judge how well the lens is determined."""
    found = []
    ways = camera.missing_tilts
    tilt = (
        f"Show the board to '{camera.name}' tilted by 30 to 45 degrees "
        f"{'in all directions' if len(ways) in (0, 4) else ' and '.join(ways)}, and at different "
        "distances."
    )
    share = camera.focal_sd_px / camera.focal_px
    level = _level(share, FOCAL_SD_WARN, FOCAL_SD_FAIL)
    if level != Verdict.PASS:
        text = (
            f"camera '{camera.name}': focal length {camera.focal_px:.0f} px is uncertain by "
            f"{100 * share:.1f} % (at most {100 * FOCAL_SD_WARN:.0f} %): under-determined."
        )
        found.append(Finding(level, text, tilt))
    if focal_assumed:
        text = f"camera '{camera.name}': no view tells the focal length; a guess was refined."
        found.append(Finding(Verdict.WARN, text, tilt))
    if camera.principal_point_shift_px > PRINCIPAL_POINT_WARN_PX:
        text = (
            f"camera '{camera.name}': the principal point drifted "
            f"{camera.principal_point_shift_px:.0f} px from the image centre "
            f"(at most {PRINCIPAL_POINT_WARN_PX:.0f} px)."
        )
        found.append(Finding(Verdict.WARN, text, tilt))
    if not camera.center_sd_mm < UNKNOWN_ABOVE_MM:
        text = f"camera '{camera.name}': where it stands cannot be told from this recording."
        remedy = f"Record more frames where '{camera.name}' and another camera see the board."
        found.append(Finding(Verdict.FAIL, text, remedy))
    elif camera.center_sd_mm > CENTER_SD_WARN_MM:
        text = f"camera '{camera.name}': position uncertain by {camera.center_sd_mm:.1f} mm."
        remedy = f"Record more frames where '{camera.name}' and another camera see the board."
        found.append(Finding(Verdict.WARN, text, remedy))
    worst = max(float(np.hypot(*cell)) for row in camera.residual_grid_px for cell in row)
    if worst > LENS_RESIDUAL_WARN_PX:
        text = (
            f"camera '{camera.name}': a part of the image is bent by {worst:.1f} px against the "
            "lens model."
        )
        remedy = "Wide lens? Calibrate with --lens auto. Check that no stabilised mode is used."
        found.append(Finding(Verdict.WARN, text, remedy))
    return found


def _fit(camera: CameraReport) -> list[Finding]:
    """Judge coverage, frame count and residuals."""
    found = []
    if camera.frames < ADVISED_FRAMES_PER_CAMERA:
        text = (
            f"camera '{camera.name}' saw the board in {camera.frames} frames; "
            f"{ADVISED_FRAMES_PER_CAMERA} are advised."
        )
        remedy = f"Record the board longer in front of '{camera.name}'."
        found.append(Finding(Verdict.WARN, text, remedy))
    if camera.coverage < COVERAGE_WARN:
        text = (
            f"camera '{camera.name}': the board covered {100 * camera.coverage:.0f} % of the image "
            f"(at least {100 * COVERAGE_WARN:.0f} %)."
        )
        remedy = f"Carry the board into the corners of the image of '{camera.name}'."
        found.append(Finding(Verdict.WARN, text, remedy))
    level = _level(camera.rms_px, RMS_WARN_PX, RMS_FAIL_PX)
    if level != Verdict.PASS:
        text = f"camera '{camera.name}': corners are off by {camera.rms_px:.2f} px rms."
        remedy = "Use a flat, rigid board, more light and a shorter exposure; hold it still."
        found.append(Finding(level, text, remedy))
    level = _level(camera.rejected, REJECTED_WARN, REJECTED_FAIL)
    if level != Verdict.PASS:
        text = (
            f"camera '{camera.name}': {100 * camera.rejected:.0f} % of its corners disagree with "
            "all others."
        )
        remedy = "Check focus, motion blur, and that the camera was not moved during recording."
        found.append(Finding(level, text, remedy))
    return found


def _timing(camera: CameraReport) -> list[Finding]:
    """Judge whether a camera runs late."""
    offset = camera.time_offset_frames
    if offset is None or abs(offset) <= TIME_OFFSET_WARN:
        return []
    word = "late" if offset > 0 else "early"
    text = (
        f"camera '{camera.name}' is unsynchronised: {abs(offset):.1f} frames {word} against the "
        "others."
    )
    trim = "its video" if offset > 0 else "the other videos"
    frames = max(round(abs(offset)), 1) * (1 if offset > 0 else -1)
    remedy = (
        f"Trim {abs(frames)} frame(s) off the start of {trim}, or calibrate again with "
        f"`--late {camera.name}={frames}`. Its takes may run late as well."
    )
    return [Finding(_level(abs(offset), TIME_OFFSET_WARN, TIME_OFFSET_FAIL), text, remedy)]


def _dropped(camera: CameraReport, dropped: Sequence[DroppedView]) -> list[Finding]:
    """Judge how many views of a camera come from another instant."""
    mine = [view for view in dropped if view.camera == camera.name]
    if camera.moved_at_frame is not None:
        text = (
            f"camera '{camera.name}' was moved at about frame {camera.moved_at_frame}: from there "
            "on it disagrees with the others."
        )
        remedy = "Fix the camera to its mount and record the board again."
        return [Finding(Verdict.FAIL, text, remedy)]
    share = len(mine) / max(len(mine) + camera.frames, 1)
    level = _level(share, DROPPED_WARN, DROPPED_FAIL)
    if level == Verdict.PASS:
        return []
    shift = float(np.nanmedian([view.shift_px for view in mine] or [0.0]))
    text = (
        f"camera '{camera.name}': {len(mine)} of {len(mine) + camera.frames} views show the board "
        f"shifted (median {shift:.1f} px) against the other cameras: frames of another instant."
    )
    return [Finding(level, text, "Use a common trigger, or move the board slowly and pause often.")]


def _bridge(pair: PairReport) -> list[Finding]:
    """Judge the links without which the rig falls apart."""
    if pair.bridge is None or pair.bridge >= BRIDGE_WARN:
        return []
    text = (
        f"cameras '{pair.first}' and '{pair.second}' hold two parts of the rig together by only "
        f"{pair.bridge} frames (at least {BRIDGE_WARN})."
    )
    remedy = f"Record the board where '{pair.first}' and '{pair.second}' both see it."
    return [Finding(Verdict.WARN, text, remedy)]


def _held_out(held_out: HeldOut | None, square_length_m: float) -> list[Finding]:
    """Judge the frames the calibration has not seen."""
    remedy = "Record the board again: more frames that two cameras share, all over the volume."
    if held_out is None:
        text = "too few frames are shared by two cameras to hold some out as a test."
        return [Finding(Verdict.WARN, text, remedy)]
    found = []
    ratio = held_out.error_px / max(held_out.training_px, 1e-9)
    level = _level(ratio, HELD_OUT_RATIO_WARN, HELD_OUT_RATIO_FAIL)
    if level != Verdict.PASS:
        text = (
            f"frames left out of the calibration fit {ratio:.1f} times worse than the others "
            f"({held_out.error_px:.2f} against {held_out.training_px:.2f} px)."
        )
        found.append(Finding(level, text, remedy))
    bias = abs(held_out.length_bias_mm) / (1000.0 * square_length_m)
    level = _level(bias, LENGTH_BIAS_WARN, LENGTH_BIAS_FAIL)
    if level != Verdict.PASS:
        text = (
            f"squares of the board come out {held_out.length_bias_mm:+.2f} mm wrong on average "
            f"in frames left out ({100 * bias:.1f} %)."
        )
        found.append(Finding(level, text, "Check that the board is flat and its squares."))
    return found + _length_in_part(held_out, square_length_m)


def _length_in_part(held_out: HeldOut, square_length_m: float) -> list[Finding]:
    """Judge whether lengths come out wrong in a part of the volume."""
    side_mm = 1000.0 * square_length_m
    # Sides of one frame share what is wrong with its views: a frame counts once.
    clear = [
        cell
        for cell in held_out.cells
        if abs(cell.bias_mm) > PART_BIAS_WARN * side_mm
        and abs(cell.bias_mm) > PART_BIAS_SIGMAS * cell.spread_mm / cell.frames**0.5
    ]
    if not clear:
        return []
    worst = max(clear, key=lambda cell: abs(cell.bias_mm))
    text = (
        f"lengths come out wrong in {len(clear)} of {len(held_out.cells)} parts of the volume, by "
        f"{100 * worst.bias_mm / side_mm:+.1f} % in the worst."
    )
    remedy = "Carry the board there in front of two cameras, out to the edges of their images."
    return [Finding(Verdict.WARN, text, remedy)]
