"""The clocks of a take, from the people in it: scan, refine, judge."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.camera import Calibration
from mocap.core.clocks import CameraClock, Clocks, Verdict
from mocap.core.detections import Detections2D
from mocap.core.files.replay import Remember, anew
from mocap.core.shapes import Array, BoolArray, FloatArray
from mocap.sync.evidence import Evidence, evidence_of, unsure_s
from mocap.sync.identity import follow_one
from mocap.sync.offsets import PairCurves, joint_offsets
from mocap.sync.refine import LEAST_POSE_SIGMA, Refined, refine
from mocap.sync.scan import AgreementScan, scan_pairs
from mocap.sync.streams import Stream, streams_of

Told = Callable[[str, int, int], None]
CameraPoses = Mapping[str, tuple[float, float]]
"""By camera: standard deviations (degrees, metres) of its pose as the calibration gives them."""

# Measured on 42 takes with known clocks: right offsets have t 1.6-18 and agreement 0.77-0.82;
# without common time, with swapped cameras or with nobody moving t stays below 0.6.
SURE_T, UNSURE_T, MIN_AGREEMENT = 3.0, 1.0, 0.5
# A drift is applied when it stands out of its noise and moves a camera this far within the take.
DRIFT_SIGMAS, LEAST_DRIFT_S = 3.0, 1e-3
# A camera that agrees with nobody at the recorded times either was not there.
ABSENT_AGREEMENT = 0.35


@dataclass(frozen=True, eq=False)
class PeopleSync:
    """What people's motion says about the clocks of a take.

    Attributes:
        clocks: of every camera; those REFUSED keep the recorded time.
        curves: (camera, lag) agreement of each camera with the others over `lags_s`, the offset
            against the recorded one, for a picture.
        lags_s: (lag,).
        recorded_agreement: (camera,) agreement with the others at the recorded times.
        refined: figures of the refinement, None when fewer than two cameras agree.
        frozen_s: (camera,) for how long each showed one image again and again.
    """

    clocks: Clocks
    curves: FloatArray
    lags_s: FloatArray
    recorded_agreement: FloatArray
    refined: Refined | None
    frozen_s: tuple[float, ...] = ()

    def absent(self) -> list[str]:
        """Return the cameras that agree with the others at no time, the recorded one included."""
        return [
            each.camera
            for each, agreement in zip(self.clocks.cameras, self.recorded_agreement, strict=True)
            if each.verdict is Verdict.REFUSED and agreement < ABSENT_AGREEMENT
        ]


def sync_people(
    detections: Detections2D,
    calibration: Calibration,
    *,
    image_maps: Mapping[str, Array] | None = None,
    reference: str | None = None,
    poses: CameraPoses | None = None,
    told: Told | None = None,
    remember: Remember = anew,
) -> PeopleSync:
    """Find the clocks of all cameras of a take from the people they saw.

    Args:
        detections: with every camera's own times.
        calibration: holds at least the cameras of the detections.
        image_maps: per camera (2, 3) calibration_from_video where videos are in other pixels.
        reference: the camera whose clock is kept; the first one by default. When nothing ties it
            to the others, the best camera takes its place.
        poses: how well the calibration knows each pose, where it says so: a camera that is known
            worse than rigs are at best has more to give way.
        told: hears what is counted, how many are done, and how many there are.
        remember: keeps what was found, for who goes on after a killed run.
    """
    names = detections.camera_names
    rig = calibration.subset(names)
    streams = streams_of(detections, rig, image_maps)
    scan = AgreementScan(streams, rig, remember)
    curves = scan_pairs(scan, told)
    coarse = joint_offsets(curves)
    wanted = names.index(reference) if reference is not None else 0
    everybody = list(range(len(names)))
    prior = pose_sigmas(names, poses or {})
    every = _refined(scan, rig, coarse - coarse[wanted], everybody, wanted, prior, told)
    evidence = []
    for c in everybody:
        evidence.append(evidence_of(scan, curves, every.offset_s, c))
        if told is not None:
            told("cameras", c + 1, len(everybody))
    verdicts = [verdict_of(each) for each in evidence]
    first = _reference(wanted, verdicts, evidence)
    offsets = every.offset_s - every.offset_s[first]
    refined: Refined | None = every
    trusted = [c for c in everybody if verdicts[c] is not Verdict.REFUSED]
    if trusted != everybody or first != wanted:
        # A camera that cannot be believed must not bend the others.
        kept = trusted if len(trusted) >= 2 else []
        refined = _refined(scan, rig, offsets, kept, first, prior, told) if kept else None
    clocks = []
    for c, name in enumerate(names):
        clock = CameraClock(
            name,
            middle_s=streams[c].middle_s,
            verdict=verdicts[c],
            agreement=evidence[c].agreement,
            evidence_t=evidence[c].t,
        )
        if refined is not None and c in trusted:
            clock = _with_motion(clock, refined, trusted.index(c))
            if verdicts[c] is Verdict.UNSURE and c != first:
                # The refinement believes what its gates let through; here that is in doubt.
                doubt_s = unsure_s(scan, every.offset_s, c)
                clock = replace(clock, sigma_s=max(clock.sigma_s, doubt_s))
        clocks.append(replace(clock, verdict=Verdict.REFERENCE) if c == first else clock)
    recorded = np.array([_recorded_agreement(scan, c) for c in range(len(names))])
    return PeopleSync(
        Clocks(names[first], tuple(clocks)),
        np.stack([_curve(curves, c, offsets) for c in range(len(names))]),
        curves.grid_s,
        recorded,
        refined,
        tuple(each.frozen_s for each in streams),
    )


def verdict_of(evidence: Evidence) -> Verdict:
    """Return how far evidence can be trusted."""
    if not (evidence.t >= UNSURE_T and evidence.agreement >= MIN_AGREEMENT):
        return Verdict.REFUSED
    return Verdict.SURE if evidence.t >= SURE_T else Verdict.UNSURE


def _reference(wanted: int, verdicts: list[Verdict], evidence: list[Evidence]) -> int:
    """Return the camera wanted, or the one with the best evidence when nothing is tied to it."""
    if verdicts[wanted] is not Verdict.REFUSED or all(v is Verdict.REFUSED for v in verdicts):
        return wanted
    return int(np.argmax([-np.inf if np.isnan(each.t) else each.t for each in evidence]))


def pose_sigmas(names: Sequence[str], poses: CameraPoses) -> FloatArray:
    """Return the prior (camera, 2) of poses, degrees and metres: what the calibration says of its
    own figures beside what none knows of itself.
    """
    said = np.array([poses.get(name, (0.0, 0.0)) for name in names], dtype=np.float64)
    return np.hypot(said, LEAST_POSE_SIGMA)


def _refined(
    scan: AgreementScan,
    rig: Calibration,
    offsets: FloatArray,
    chosen: list[int],
    first: int,
    prior: FloatArray,
    told: Told | None,
) -> Refined:
    """Refine the chosen cameras; a drift that is none is set to nothing."""
    cameras = [rig.cameras[c] for c in chosen]
    part_rig = rig.subset([each.name for each in cameras])
    part = AgreementScan([scan.streams[c] for c in chosen], part_rig, scan.remember)
    coarse = offsets[chosen]
    people = follow_one(part, [each.camera_from_world for each in cameras], coarse)
    reference = chosen.index(first)
    sigma = prior[chosen]
    found = refine(
        people, part_rig, coarse, reference=reference, pose_sigma=sigma, told=told,
        remember=scan.remember,
    )  # fmt: skip
    real = drifts(found, part.streams)
    if real.all():
        return found
    return refine(
        people, part_rig, found.offset_s, reference=reference, drifting=real, pose_sigma=sigma,
        told=told, remember=scan.remember,
    )  # fmt: skip


def drifts(found: Refined, streams: Sequence[Stream]) -> BoolArray:
    """Return which cameras (camera,) drift: beyond their noise, and by what can be seen."""
    length = np.array([each.length_s for each in streams])
    clear = np.abs(found.drift) > DRIFT_SIGMAS * found.sigma_drift
    return np.asarray(clear & (np.abs(found.drift) * length > LEAST_DRIFT_S))


def _with_motion(clock: CameraClock, refined: Refined, index: int) -> CameraClock:
    return replace(
        clock,
        offset_s=float(refined.offset_s[index]),
        sigma_s=float(refined.sigma_s[index]),
        drift_ppm=1e6 * float(refined.drift[index]),
        sigma_drift_ppm=1e6 * float(refined.sigma_drift[index]),
        middle_s=float(refined.middle_s[index]),
        method="motion",
        said={"motion": float(refined.offset_s[index])},
    )


def _recorded_agreement(scan: AgreementScan, camera: int) -> float:
    """Return the mean agreement with the others at the recorded times; NaN never seen together."""
    total, count = 0.0, 0.0
    for other in range(len(scan.streams)):
        if other != camera:
            score, seen = scan.scores((other, camera), np.zeros(1))
            total += float(np.nan_to_num(score[0]) * seen[0])
            count += float(seen[0])
    return total / count if count else float("nan")


def _curve(curves: PairCurves, camera: int, offsets: FloatArray) -> FloatArray:
    """Return the mean curve (lag,) of a camera's pairs with the others where they were found."""
    pairs = sum(camera in pair for pair in curves.raw)
    return curves.of_camera(camera, offsets) / max(1, pairs)
