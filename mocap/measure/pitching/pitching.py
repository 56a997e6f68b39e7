"""Pitching: throws of a take, their events, metrics, sequence, and what may be trusted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mocap.capture.take_file import EVENTS
from mocap.core.errors import InputError
from mocap.core.points import Points3D
from mocap.measure.events import Event, sampled_frame, timing_sd_ms
from mocap.measure.filters import filter_segments
from mocap.measure.metric import BAND, NO_SPREAD, Metric, judged
from mocap.measure.misfit import Misfit, parts_of
from mocap.measure.overbent import Overbent, overbent
from mocap.measure.pitching.curves import (
    ThrowCurves,
    canonical,
    hand_point,
    throw_curves,
    with_loads,
)
from mocap.measure.pitching.events import (
    THROW_M_S,
    cut_throw,
    find_throws,
    throw_direction_deg,
    throw_events,
)
from mocap.measure.pitching.kinetics import BALL_KG, Load
from mocap.measure.pitching.metrics import (
    DEFINITIONS,
    Definition,
    Throw,
    peak_frame,
)
from mocap.measure.pitching.trust import GOOD_FPS, TARGET_GUESS_DEG, limit_at, why_not
from mocap.measure.segments.points import segments_from_points
from mocap.measure.segments.segments import Segments
from mocap.measure.uncertainty import SAMPLES, shaken, spread_of

ANGLE_CUTOFF_HZ = 20.0
"""Of angles and velocities: the usual filter of pitching laboratories. Peak velocities depend on
it (internal rotation: 5300 deg/s at 20 Hz, 4300 at 15): never compare without naming it."""

EVENT_DRAWS = 4
"""Times of events drawn for every shake of the keypoints: drawing costs little beside shaking."""

SEQUENCE = (
    ("pelvis", "pelvis_rotation_velocity"),
    ("trunk", "torso_rotation_velocity"),
    ("elbow extension", "elbow_extension_velocity"),
    ("shoulder internal rotation", "shoulder_internal_rotation_velocity"),
)
"""Order in which a good throw peaks (Putnam 1993), with the curve of each."""


@dataclass(frozen=True)
class PitchingOptions:
    """How a take is measured.

    Attributes:
        hand: throwing hand, "left" or "right"; None: the one that moves faster.
        height_m: of the athlete; None leaves out what is relative to it.
        target_deg: direction to the target from world X, seen from above; None: the direction of
            the hand at release.
        target_sd_deg: its standard deviation, where somebody estimated it.
        angle_cutoff_hz: Butterworth low-pass on angles and velocities; None for none.
        position_cutoff_hz: the same on positions, before anything else; None for none, as
            smoothed motions need none.
        mass_kg, ball_kg: of the athlete and the ball; without a mass no loads are given.
        events: frames that the user set, by throw (in time order) and event name; None: it did
            not happen.
    """

    hand: str | None = None
    height_m: float | None = None
    target_deg: float | None = None
    target_sd_deg: float = 0.0
    angle_cutoff_hz: float | None = ANGLE_CUTOFF_HZ
    position_cutoff_hz: float | None = None
    mass_kg: float | None = None
    ball_kg: float = BALL_KG
    events: Mapping[int, Mapping[str, float | None]] = field(default_factory=dict)


@dataclass(frozen=True)
class SequencePeak:
    """When a segment is fastest: frame and value in deg/s."""

    name: str
    frame: int
    value: float


@dataclass(frozen=True, eq=False)
class MeasuredThrow:
    """One throw, measured.

    Attributes:
        number: from 1 in time order.
        events: by name, in order.
        metrics: all of `DEFINITIONS`, judged.
        sequence: peaks in time order.
    """

    number: int
    events: Mapping[str, Event]
    metrics: tuple[Metric, ...]
    sequence: tuple[SequencePeak, ...]


@dataclass(frozen=True, eq=False)
class Pitching:
    """Everything measured about the throws of a take.

    Attributes:
        hand: throwing hand.
        target_deg: direction used; target_guessed: whether it was taken from the hand.
        thrower: canonical segments: target along +X, right-handed.
        curves: of the whole take.
        throws: in time order.
        options: as used.
        warnings: sentences for people.
    """

    hand: str
    target_deg: float
    target_guessed: bool
    thrower: Segments
    curves: ThrowCurves
    throws: tuple[MeasuredThrow, ...]
    options: PitchingOptions
    warnings: tuple[str, ...]


def measure_pitching(
    segments: Segments,
    options: PitchingOptions | None = None,
    *,
    points: Points3D | None = None,
    misfit: Misfit | None = None,
    person_id: int | None = None,
    samples: int = SAMPLES,
) -> Pitching:
    """Measure the throws of a take.

    Args:
        segments: of the thrower.
        options: see `PitchingOptions`.
        points: the keypoints with their covariance; bands come from shaking them. Without them
            no metric has a band.
        misfit: how badly the fitted body explains them; widens the bands.
        person_id: whose points.
        samples: how often they are shaken.

    Raises:
        InputError: nobody throws in this take, or a filter does not fit its frame rate.
    """
    chosen = options or PitchingOptions()
    smooth = filter_segments(segments, chosen.position_cutoff_hz)
    hand, throws = _throwing_hand(smooth, chosen.hand)
    guessed = chosen.target_deg is None
    direction = hand_point(smooth, hand)
    target = (
        throw_direction_deg(direction, smooth.fps, throws)
        if chosen.target_deg is None
        else chosen.target_deg
    )
    thrower = canonical(smooth, target, hand)
    curves = throw_curves(thrower, chosen.angle_cutoff_hz)
    found = _read(thrower, curves, throws, chosen)
    load = _load(found, chosen)
    if load is not None:
        curves = with_loads(curves, thrower, load)
        found = [replace(throw, curves=curves) for throw in found]
    sd: Mapping[str, float] = {}
    if points is not None:
        view = _View(hand, target, smooth.fps, chosen, load)
        drawn = shaken(points, misfit=misfit, samples=samples)
        sd = _spreads(drawn, person_id, view, found)
    bent = overbent(segments)
    known = _Known(hand, guessed, chosen.target_sd_deg, smooth.fps, sd, misfit, bent)
    measured = tuple(_measured(k, throw, known) for k, throw in enumerate(found))
    warnings = _warnings(segments, guessed, target, points is not None)
    unexplained = misfit.warnings if misfit else ()
    warnings = (*warnings, *_lacking(measured), *bent.warnings, *unexplained)
    return Pitching(hand, target, guessed, thrower, curves, measured, chosen, warnings)


def _throwing_hand(segments: Segments, asked: str | None) -> tuple[str, tuple[int, ...]]:
    speeds = {}
    for side in ("left", "right"):
        path = hand_point(segments, side)
        moved = np.linalg.norm(np.diff(path, axis=0), axis=-1) * segments.fps
        speeds[side] = float(np.nanpercentile(moved, 99.5)) if np.isfinite(moved).any() else 0.0
    hand = asked or max(speeds, key=lambda side: speeds[side])
    throws = find_throws(hand_point(segments, hand), segments.fps)
    cut = cut_throw(hand_point(segments, hand), segments.fps)
    if not throws and cut:
        raise InputError(
            f"this take cuts the throw off: it lacks {cut} ({speeds[hand]:.1f} m/s). Take a longer "
            "piece of the videos."
        )
    if not throws:
        raise InputError(
            f"nobody throws in this take: the {hand} hand moves at {speeds[hand]:.1f} m/s at most; "
            f"a throw needs {THROW_M_S:g} m/s. Check --hand and the motion in the take's report."
        )
    return hand, throws


def _read(
    thrower: Segments, curves: ThrowCurves, throws: tuple[int, ...], options: PitchingOptions
) -> list[Throw]:
    height = float("nan") if options.height_m is None else options.height_m
    return [
        Throw(
            thrower, curves, throw_events(thrower, curves, fastest, options.events.get(k)), height
        )
        for k, fastest in enumerate(throws)
    ]


def _load(found: list[Throw], options: PitchingOptions) -> Load | None:
    """Return what the arm moves; None without a body mass."""
    if options.mass_kg is None:
        return None
    releases = [t.events["ball_release"].frame for t in found if "ball_release" in t.events]
    return Load(options.mass_kg, options.ball_kg, releases)


@dataclass(frozen=True)
class _View:
    """How the thrower is looked at: hand, target and options; frames per second; what is moved."""

    hand: str
    target_deg: float
    fps: float
    options: PitchingOptions
    load: Load | None


def _spreads(
    drawn_points: Iterator[Points3D], person_id: int | None, view: _View, found: list[Throw]
) -> dict[str, float]:
    """Return the spread of every metric of every throw, by "number name".

    Shaken keypoints are measured by planes of three joints: that sees at least the errors a
    fitted body has. What only a chest gives is read from the shoulder line. The time of every
    event is drawn from its own distribution, so that whatever is read at it or between it and
    another one carries its doubt.
    """
    rng = np.random.default_rng(0)
    rounding_ms = timing_sd_ms(0.0, view.fps)

    def drawn_event(event: Event) -> Event:
        doubt = replace(event, confidence_ms=max(event.confidence_ms, rounding_ms))
        return replace(event, frame=sampled_frame(doubt, view.fps, rng))

    def measure(shaken_points: Points3D) -> Iterator[dict[str, float]]:
        drawn = segments_from_points(shaken_points, person_id)
        drawn = filter_segments(drawn, view.options.position_cutoff_hz)
        thrower = canonical(drawn, view.target_deg, view.hand)
        curves = throw_curves(thrower, view.options.angle_cutoff_hz, chest_stand_in=True)
        if view.load is not None:
            curves = with_loads(curves, thrower, view.load)
        for _ in range(EVENT_DRAWS):
            out: dict[str, float] = {}
            for k, throw in enumerate(found):
                events = {name: drawn_event(event) for name, event in throw.events.items()}
                drawn_throw = Throw(thrower, curves, events, throw.height_m)
                out |= {f"{k} {each.name}": each.rule(drawn_throw) for each in DEFINITIONS}
            yield out

    return spread_of([each for points in drawn_points for each in measure(points)])


@dataclass(frozen=True, eq=False)
class _Known:
    """What is known of the errors: spreads by "number name", misfit, impossible limbs, target."""

    hand: str
    target_guessed: bool
    target_sd_deg: float
    fps: float
    sd: Mapping[str, float]
    misfit: Misfit | None
    bent: Overbent

    def doubt(self, definition: Definition, value: float, sd: float) -> str:
        """Return why chance errors of a metric are too large or unknown, or an empty text."""
        parts = _parts(definition.name, self.hand)
        unexplained = self.bent.why_not(parts)
        if self.misfit is not None and definition.unit.startswith("deg") and not unexplained:
            unexplained = self.misfit.why_not(parts)
        blind = bool(self.sd) and not np.isfinite(sd) and np.isfinite(value)
        return unexplained or (NO_SPREAD if blind else "")


def _parts(name: str, hand: str) -> tuple[str, ...]:
    """Return the parts of the body a metric is read from."""
    glove = "left" if hand == "right" else "right"
    own = glove if name.startswith(("glove_", "lead_")) else hand
    return parts_of(name, (own,))


def _measured(k: int, throw: Throw, known: _Known) -> MeasuredThrow:
    metrics = tuple(_metric(each, k, throw, known) for each in DEFINITIONS)
    return MeasuredThrow(k + 1, throw.events, metrics, _sequence(throw))


def _metric(definition: Definition, k: int, throw: Throw, known: _Known) -> Metric:
    value = definition.rule(throw)
    sd = known.sd.get(f"{k} {definition.name}", float("nan"))
    guessed = known.target_guessed
    systematic = limit_at(definition.systematic, value, definition.unit, known.fps)
    if definition.target and definition.unit == "deg":
        beside = TARGET_GUESS_DEG if guessed else BAND * known.target_sd_deg
        systematic = float(np.hypot(systematic, beside))
    return judged(
        Metric(
            name=definition.name,
            label=definition.label,
            unit=definition.unit,
            value=value,
            sd=sd,
            systematic=systematic,
            useful_sd=definition.useful_sd,
            reason=why_not(definition, throw, guessed) or known.doubt(definition, value, sd),
            definition=definition.text,
        )
    )


def _sequence(throw: Throw) -> tuple[SequencePeak, ...]:
    """Return the peaks of the kinematic sequence in time order."""
    peaks = []
    for name, curve in SEQUENCE:
        frame = peak_frame(throw, curve, "pkh", "mir")
        if frame is not None:
            peaks.append(SequencePeak(name, frame, float(throw.curves[curve][frame])))
    return tuple(sorted(peaks, key=lambda peak: peak.frame))


def _lacking(throws: tuple[MeasuredThrow, ...]) -> tuple[str, ...]:
    """Say which events each throw lacks."""
    out = []
    for throw in throws:
        missing = [name.replace("_", " ") for name in EVENTS if name not in throw.events]
        if missing:
            out.append(
                f"throw {throw.number} has no {', '.join(missing)}: outside of the take, or hidden "
                "in it. What is read there is missing; a longer take or take.toml helps"
            )
    return tuple(out)


def _warnings(
    segments: Segments, guessed: bool, target_deg: float, banded: bool
) -> tuple[str, ...]:
    out = list(segments.notes)
    if segments.fps < GOOD_FPS:
        out.append(
            f"{segments.fps:g} frames per second: peak velocities and release are uncertain; "
            "record throws at 240 or more"
        )
    if guessed:
        out.append(
            "the direction of the target was taken from the hand at release "
            f"({target_deg:.0f} deg from world X, up to {TARGET_GUESS_DEG:g} off); what depends "
            "on it is grey until --target-deg sets it"
        )
    if not banded:
        out.append("no keypoint uncertainty was given: no metric has a band")
    return tuple(out)
