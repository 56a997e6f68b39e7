"""mocap measure angles|pitching|range-of-motion|squat|gait|jump|ergonomics SESSION TAKE."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import finite, session_argument, take_argument

if TYPE_CHECKING:
    from mocap.core.points import Points3D
    from mocap.measure.exercises.exercise import Exercise
    from mocap.measure.metric import Metric
    from mocap.measure.misfit import Misfit
    from mocap.measure.segments.segments import Segments
    from mocap.workflow.measure.take import Measured

Command = TypeVar("Command", bound=Callable[..., Any])


def subject_options(command: Command) -> Command:
    """Add --person, --source and --body."""
    command = click.option(
        "--body",
        "body_name",
        help="Where the fitted SMPL-X file is now, if it has moved.",
    )(command)
    command = click.option(
        "--source",
        type=click.Choice(("auto", "body", "keypoints")),
        default="auto",
        show_default=True,
        help="Measure the fitted body, or keypoints alone; auto takes the body when it is there.",
    )(command)
    return click.option("--person", type=int, help="Whose motion, when there are several.")(command)


@click.group()
def measure() -> None:
    """Measure throws, exercises, gait and working postures of a take.

    Every number comes with a band, and says so when it cannot be trusted.
    """


@measure.command()
@session_argument
@take_argument
@subject_options
@json_option
def angles(
    session: Path, take: str, person: int | None, source: str, body_name: str | None, as_json: bool
) -> None:
    """Write every joint angle of TAKE, frame by frame, with its standard deviation."""
    from mocap.workflow.measure.take import angles as measure_angles

    console = Console(as_json)
    ready = _ready(session, take, person, source, body_name)
    found, path = measure_angles(ready)
    console.warned(*ready.misfit.warnings if ready.misfit else ())
    for reason in dict.fromkeys(found.reasons.values()):
        names = [name for name, each in found.reasons.items() if each == reason]
        console.line(f"{len(names)} angles with gaps, as {names[0]}: {reason}")
    thorax = ready.segments.thorax
    _say(console, take, [path], thorax=thorax, reasons=dict(found.reasons))


@measure.command()
@session_argument
@take_argument
@click.option("--hand", type=click.Choice(("left", "right")), help="Throwing hand.")
@click.option(
    "--height-m", callback=finite, type=click.FloatRange(0.5, 2.6), help="Height of the athlete."
)
@click.option(
    "--norms",
    type=click.Path(path_type=Path, dir_okay=False),
    help="CSV of norm bands of your own; none are shipped.",
)
@click.option(
    "--target-deg",
    callback=finite,
    type=float,
    help="Direction to the target from world X, seen from above; else that of the hand.",
)
@click.option(
    "--filter-hz",
    callback=finite,
    type=click.FloatRange(min=0.0),
    help="Cut-off of angles and velocities, 20 by default; 0 for none.",
)
@click.option(
    "--position-filter-hz",
    callback=finite,
    type=click.FloatRange(min=0.0, min_open=True),
    help="Cut-off of positions before anything else; none by default.",
)
@click.option("--pictures/--no-pictures", default=True, help="Show the events in the report.")
@subject_options
@json_option
def pitching(
    session: Path,
    take: str,
    hand: str | None,
    height_m: float | None,
    norms: Path | None,
    target_deg: float | None,
    filter_hz: float | None,
    position_filter_hz: float | None,
    pictures: bool,
    person: int | None,
    source: str,
    body_name: str | None,
    as_json: bool,
) -> None:
    """Measure the throws of TAKE: pitching.csv, curves.csv, pitching.c3d and report.html."""
    from mocap.workflow.measure.take import PitchingChoice
    from mocap.workflow.measure.take import pitching as measure_throws

    console = Console(as_json)
    ready = _ready(session, take, person, source, body_name, height_m=height_m, hand=hand)
    choice = PitchingChoice(norms, target_deg, filter_hz, position_filter_hz, pictures)
    found, written = measure_throws(ready, choice)
    console.warned(*found.warnings)
    fps = found.thrower.fps
    for pitch in found.pitches:
        grey = sum(not metric.trusted for metric in pitch.metrics)
        release = pitch.events.get("ball_release")
        when = f"release at {release.time_s(fps):.3f} s, " if release else ""
        console.line(
            f"throw {pitch.number}: {when}{len(pitch.metrics)} metrics, {grey} to read with care"
        )
    _say(console, take, written, pitches=[_document(pitch, fps) for pitch in found.pitches])


def _document(pitch: Any, fps: float) -> dict[str, Any]:
    return {
        "number": pitch.number,
        "events_s": {name: event.time_s(fps) for name, event in pitch.events.items()},
        "metrics": _metrics(pitch.metrics),
    }


def _metrics(metrics: tuple[Metric, ...]) -> dict[str, dict[str, Any]]:
    return {
        metric.name: {
            "value": metric.value,
            "band": metric.band,
            "unit": metric.unit,
            "untrusted_because": metric.reason or None,
        }
        for metric in metrics
    }


@measure.command("range-of-motion")
@session_argument
@take_argument
@click.option(
    "--movement",
    "movements",
    multiple=True,
    help="Angle to test, as left_knee_flexion; several times for several.",
)
@subject_options
@json_option
def range_of_motion(
    session: Path,
    take: str,
    movements: tuple[str, ...],
    person: int | None,
    source: str,
    body_name: str | None,
    as_json: bool,
) -> None:
    """Measure how far joints of TAKE go, repetition by repetition."""
    from mocap.measure.exercises.range_of_motion import measure_range_of_motion

    ready = _ready(session, take, person, source, body_name)
    _exercise(
        Console(as_json),
        take,
        ready,
        lambda segments, points, misfit: measure_range_of_motion(
            segments, movements, points=points, misfit=misfit
        ),
    )


@measure.command()
@session_argument
@take_argument
@subject_options
@json_option
def squat(
    session: Path, take: str, person: int | None, source: str, body_name: str | None, as_json: bool
) -> None:
    """Measure the squats of TAKE: depth, lean and knee valgus, left and right."""
    from mocap.measure.exercises.squat import measure_squat

    ready = _ready(session, take, person, source, body_name)
    _exercise(
        Console(as_json),
        take,
        ready,
        lambda segments, points, misfit: measure_squat(segments, points=points, misfit=misfit),
    )


@measure.command()
@session_argument
@take_argument
@click.option(
    "--direction-deg",
    callback=finite,
    type=float,
    help="Direction of the walk from world X, seen from above; else along its way.",
)
@click.option(
    "--belt-m-s",
    callback=finite,
    type=click.FloatRange(min=0.0),
    help="Speed of the treadmill's belt; else the standing feet tell it.",
)
@subject_options
@json_option
def gait(
    session: Path,
    take: str,
    direction_deg: float | None,
    belt_m_s: float | None,
    person: int | None,
    source: str,
    body_name: str | None,
    as_json: bool,
) -> None:
    """Measure the walk of TAKE: events, steps, strides and curves per cycle."""
    from mocap.measure.exercises.gait import measure_gait

    ready = _ready(session, take, person, source, body_name)
    _exercise(
        Console(as_json),
        take,
        ready,
        lambda segments, points, misfit: measure_gait(
            segments,
            direction_deg=direction_deg,
            belt_m_s=belt_m_s,
            points=points,
            misfit=misfit,
        ),
    )


@measure.command()
@session_argument
@take_argument
@subject_options
@json_option
def jump(
    session: Path, take: str, person: int | None, source: str, body_name: str | None, as_json: bool
) -> None:
    """Measure the jumps of TAKE: flight time and height."""
    from mocap.measure.exercises.jump import measure_jump

    ready = _ready(session, take, person, source, body_name)
    _exercise(
        Console(as_json),
        take,
        ready,
        lambda segments, points, misfit: measure_jump(segments, points=points, misfit=misfit),
    )


@measure.command()
@session_argument
@take_argument
@subject_options
@json_option
def ergonomics(
    session: Path, take: str, person: int | None, source: str, body_name: str | None, as_json: bool
) -> None:
    """Score the working postures of TAKE by RULA and REBA; inputs from its take.toml."""
    from mocap.workflow.measure.take import ergonomics as score

    ready = _ready(session, take, person, source, body_name)
    _say(Console(as_json), take, score(ready))


def _ready(
    session: Path,
    take: str,
    person: int | None,
    source: str,
    body_name: str | None,
    *,
    height_m: float | None = None,
    hand: str | None = None,
) -> Measured:
    from mocap.capture.session import Session
    from mocap.workflow.measure.take import Chosen, Measured

    chosen = Chosen(person, source, body_name, height_m, hand)
    return Measured(Session.open(session).take(take), chosen)


def _say(console: Console, take: str, written: list[Path], **more: Any) -> None:
    for path in written:
        console.line(f"Wrote {path}")
    console.result({"take": take, "files": written, **more})


def _exercise(
    console: Console,
    take: str,
    ready: Measured,
    measure_it: Callable[[Segments, Points3D, Misfit | None], Exercise],
) -> None:
    """Measure an exercise, write its files and tell of them."""
    from mocap.workflow.measure.take import exercise

    found, written = exercise(ready, measure_it)
    console.warned(*found.warnings)
    grey = sum(not metric.trusted for metric in found.metrics)
    counted = [m for m in found.metrics if not m.unit]
    counts = ", ".join(f"{metric.label.lower()} {metric.value:g}" for metric in counted)
    console.line(f"{counts}; {len(found.metrics)} metrics, {grey} to read with care")
    _say(console, take, written, metrics=_metrics(found.metrics))
