"""Which clocks a take is reconstructed with, and what a person is told about them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from mocap.core.clocks import CameraClock, Clocks, Verdict, recorded_clocks
from mocap.core.errors import SyncError
from mocap.sync.people import PeopleSync

# An offset below this, or below so many of its sigmas, is none: the recorded times stay. With two
# sigmas one camera in twenty that is in step would be moved.
SILENT_S, SILENT_SIGMAS = 1e-3, 3.0
# A camera without evidence that agrees at the recorded times nearly as well as anywhere is left in
# peace: nobody moved, and nothing depends on when.
AS_GOOD = 0.05
# Answers of two methods farther apart than this many sigmas contradict each other.
CONTRADICTION_SIGMAS = 3.0
# Repeated images are told from here on.
LEAST_SAID_S = 0.5
BELIEVED = (Verdict.SURE, Verdict.UNSURE)
# Sound arrives 2.9 ms later per metre; people stand some metres nearer to one microphone.
SOUND_SIGMA_S = 0.012


@dataclass(frozen=True)
class SyncWish:
    """What a person says about the clocks of a take.

    Attributes:
        on: whether clocks that were found are used.
        hardware: the rig is synchronised by a cable: clocks are checked, not changed.
        reference: the camera whose clock the others are brought to.
        offset_s: by camera, how long after the reference it started.
    """

    on: bool = True
    hardware: bool = False
    reference: str | None = None
    offset_s: Mapping[str, float] | None = None


@dataclass(frozen=True)
class Decision:
    """What is used and what is said.

    Attributes:
        clocks: to reconstruct with.
        found: a sentence for every camera that is moved.
        warnings: sentences about what deserves a look.
    """

    clocks: Clocks
    found: tuple[str, ...]
    warnings: tuple[str, ...]


def decide(
    result: PeopleSync,
    wish: SyncWish,
    sound_s: Mapping[str, float],
    sound_drift_ppm: Mapping[str, float] | None = None,
) -> Decision:
    """Turn what was found and what was said into the clocks of a take.

    `sound_s` are offsets by sound, by camera, and `sound_drift_ppm` drifts that stand out of their
    noise, both on the clock of one of the cameras. They are used where motion tells nothing.

    Raises:
        SyncError: a camera agrees with the others at no time, and nobody said its offset.
    """
    given, drift = dict(wish.offset_s or {}), dict(sound_drift_ppm or {})
    clocks = result.clocks
    reference = clocks[clocks.reference]
    moved = [
        _as_recorded(_with_sound(each, clocks.reference, sound_s), float(recorded))
        for each, recorded in zip(clocks.cameras, result.recorded_agreement, strict=True)
    ]
    if not wish.on or wish.hardware:
        return _checked_only(moved, clocks, wish)
    _refuse_absent(result, moved, given)
    warnings, found, used = _frozen(result), [], []
    others_moved = any(c.verdict in BELIEVED and not _is_silent(c) for c in moved)
    # Offsets a person gives are against the reference; it may be the one that was not found.
    shift = given.get(reference.camera, 0.0)
    for index, clock in enumerate(moved):
        if clock.camera in given and clock.camera != clocks.reference:
            clock = _given(clock, given[clock.camera] - shift)
        elif clock.verdict is Verdict.REFUSED and "sound" in clock.said:
            clock = replace(
                clock,
                offset_s=clock.said["sound"],
                drift_ppm=drift.get(clock.camera, 0.0) - drift.get(clocks.reference, 0.0),
                sigma_s=SOUND_SIGMA_S,
                method="sound",
                verdict=Verdict.UNSURE,
            )
        if clock.verdict is Verdict.REFUSED:
            warnings += _why_refused(clock, result, index, others_moved=others_moved)
        clock = _silenced(clock)
        used.append(clock)
        found += _sentence(clock, clocks.reference)
        warnings += _contradictions(clock)
    return Decision(replace(clocks, cameras=tuple(used)), tuple(found), tuple(warnings))


def _with_sound(clock: CameraClock, reference: str, sound_s: Mapping[str, float]) -> CameraClock:
    if clock.camera == reference or clock.camera not in sound_s or reference not in sound_s:
        return clock
    heard = sound_s[clock.camera] - sound_s[reference]
    return replace(clock, said={**clock.said, "sound": heard})


def _given(clock: CameraClock, offset_s: float) -> CameraClock:
    return replace(
        clock,
        offset_s=offset_s,
        drift_ppm=0.0,
        sigma_s=float("nan"),
        method="given",
        verdict=Verdict.GIVEN,
    )


def _refuse_absent(
    result: PeopleSync, moved: list[CameraClock], given: Mapping[str, float]
) -> None:
    heard = {clock.camera for clock in moved if "sound" in clock.said}
    lost = [name for name in result.absent() if name not in given and name not in heard]
    if lost:
        raise SyncError(
            f"camera '{lost[0]}' agrees with the others at no time within "
            f"{result.lags_s[-1]:.0f} s: it recorded another time, or it has moved since the "
            "calibration. Give the right video, its start in take.toml ([sync.offset_s] "
            f"{lost[0]} = seconds after '{result.clocks.reference}'), mend the rig with `mocap "
            f"calibration refine`, or leave the camera out with --without {lost[0]}."
        )


def _checked_only(moved: list[CameraClock], clocks: Clocks, wish: SyncWish) -> Decision:
    """Keep the recorded times; say when the cameras disagree with them."""
    kept = recorded_clocks(clocks.names, clocks.reference)
    cameras, warnings = [], []
    for own, clock in zip(kept.cameras, moved, strict=True):
        cameras.append(replace(own, said=clock.said))
        believed = clock.verdict in BELIEVED
        if believed and not _is_silent(clock):
            why = "the rig is synchronised by hardware" if wish.on else "synchronising is off"
            warnings.append(
                f"the cameras disagree about the time: {_offset(clock, clocks.reference)}, but "
                f"{why} and the recorded times are kept. Run without --no-sync, or write "
                'sync = "none" into the rig, if that is wrong.'
                if not wish.on or clock.verdict is Verdict.SURE
                else f"{_offset(clock, clocks.reference)}: {why}, the recorded times are kept."
            )
    return Decision(replace(kept, cameras=tuple(cameras)), (), tuple(warnings))


def _is_silent(clock: CameraClock) -> bool:
    # Of an UNSURE one the sigma is how far offsets reach that agree as well.
    sigmas = 1.0 if _is_thin(clock) else SILENT_SIGMAS
    small = abs(clock.offset_s) < max(SILENT_S, sigmas * np.nan_to_num(clock.sigma_s))
    return bool(small and clock.drift_ppm == 0.0)


def _is_thin(clock: CameraClock) -> bool:
    return clock.verdict is Verdict.UNSURE and clock.method == "motion"


def _silenced(clock: CameraClock) -> CameraClock:
    """Return the clock, with the recorded time where nothing stands out."""
    if clock.verdict in BELIEVED and _is_silent(clock):
        return replace(clock, offset_s=0.0)
    return clock


def _as_recorded(clock: CameraClock, recorded: float) -> CameraClock:
    """Return the clock at its recorded time where little evidence moves it and the views agree
    there as well. Either may be right: the sigma covers the one that was found, too."""
    if _is_thin(clock) and recorded >= clock.agreement:
        both_s = float(np.hypot(clock.sigma_s, clock.offset_s))
        return replace(clock, offset_s=0.0, drift_ppm=0.0, sigma_s=both_s)
    return clock


def _offset(clock: CameraClock, reference: str) -> str:
    """Return "right: 3.412 s later than left, +-0.4 ms by motion; sound 3.408 s"."""
    way = "later" if clock.offset_s >= 0 else "earlier"
    text = f"{clock.camera}: {abs(clock.offset_s):.4f} s {way} than {reference}"
    if np.isfinite(clock.sigma_s):
        text += f", ± {1e3 * clock.sigma_s:.1f} ms by {clock.method}"
    elif clock.method == "given":
        text += ", as take.toml says"
    if clock.drift_ppm:
        text += f", drift {clock.drift_ppm:+.0f} ppm"
    others = {k: v for k, v in clock.said.items() if k != clock.method}
    return text + "".join(f"; {method} {value:.3f} s" for method, value in others.items())


def _sentence(clock: CameraClock, reference: str) -> list[str]:
    if clock.camera == reference or (clock.offset_s == 0.0 and clock.drift_ppm == 0.0):
        return []
    doubt = " (not sure: little evidence)" if clock.verdict is Verdict.UNSURE else ""
    return [_offset(clock, reference) + doubt]


def _why_refused(
    clock: CameraClock, result: PeopleSync, index: int, *, others_moved: bool
) -> list[str]:
    recorded = float(result.recorded_agreement[index])
    # Where the others did not start together, nothing speaks for this one's recorded time.
    as_good = np.isnan(clock.agreement) or recorded >= clock.agreement - AS_GOOD
    if as_good and not others_moved:
        return []
    return [
        f"camera '{clock.camera}': nothing tells surely when it was started (evidence t "
        f"{clock.evidence_t:.1f}, agreement {clock.agreement:.2f}; at the recorded time "
        f"{recorded:.2f}); the recorded time is kept. Clap once with raised arms at the beginning "
        "of a take, or give its start in take.toml under [sync.offset_s]."
    ]


def _frozen(result: PeopleSync) -> list[str]:
    return [
        f"camera '{clock.camera}' shows one image again and again for {frozen_s:.1f} s, as stills "
        "that fill a video up do; that time is left out when clocks are compared."
        for clock, frozen_s in zip(result.clocks.cameras, result.frozen_s, strict=False)
        if frozen_s > LEAST_SAID_S
    ]


def _contradictions(clock: CameraClock) -> list[str]:
    if "sound" not in clock.said or clock.method == "sound":
        return []
    sigma = float(np.hypot(SOUND_SIGMA_S, np.nan_to_num(clock.sigma_s)))
    apart = abs(clock.said["sound"] - clock.offset_s)
    if apart <= CONTRADICTION_SIGMAS * sigma or clock.verdict is Verdict.REFUSED:
        return []
    return [
        f"camera '{clock.camera}': {clock.method} says {clock.offset_s:.3f} s and sound "
        f"{clock.said['sound']:.3f} s, {1e3 * apart:.0f} ms apart; {clock.method} is used. Look "
        "whether sound and image of that video belong together."
    ]
