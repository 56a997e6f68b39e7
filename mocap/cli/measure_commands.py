"""mocap measure angles|pitching|range-of-motion|squat|gait|jump|ergonomics SESSION TAKE."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

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


_SUBJECT_OPTIONS = (
    click.option("--person", type=int, help="Whose motion, when there are several."),
    click.option(
        "--source",
        type=click.Choice(("auto", "body", "keypoints")),
        default="auto",
        show_default=True,
        help="Measure the fitted body, or keypoints alone; auto takes the body when it is there.",
    ),
    click.option(
        "--body", "body_name", help="Where the fitted SMPL-X file is now, if it has moved."
    ),
)


def measuring(command: Command) -> Command:
    """Give a command a take that is ready to be measured and a console, beside its own options."""

    @wraps(command)
    def run(
        session: Path,
        take: str,
        person: int | None,
        source: str,
        body_name: str | None,
        as_json: bool,
        **own: Any,
    ) -> None:
        from mocap.capture.session import Session
        from mocap.workflow.measure.take import Chosen, Measured

        chosen = Chosen(person, source, body_name, own.pop("height_m", None), own.pop("hand", None))
        command(Measured(Session.open(session).take(take), chosen), Console(as_json), **own)

    decorated: Any = run
    for decorate in (json_option, *reversed(_SUBJECT_OPTIONS), take_argument, session_argument):
        decorated = decorate(decorated)
    return cast(Command, decorated)


@click.group()
def measure() -> None:
    """Measure throws, exercises, gait and working postures of a take.

    Every number comes with a band, and says so when it cannot be trusted.
    """


@measure.command()
@measuring
def angles(ready: Measured, console: Console) -> None:
    """Write every joint angle of TAKE, frame by frame, with its standard deviation."""
    from mocap.workflow.measure.take import angles as measure_angles

    found, path = measure_angles(ready)
    console.warned(*ready.misfit.warnings if ready.misfit else ())
    for reason in dict.fromkeys(found.reasons.values()):
        names = [name for name, each in found.reasons.items() if each == reason]
        console.line(f"{len(names)} angles with gaps, as {names[0]}: {reason}")
    thorax = ready.segments.thorax
    _say(console, ready, [path], thorax=thorax, reasons=dict(found.reasons))


@measure.command()
@measuring
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
def pitching(
    ready: Measured,
    console: Console,
    norms: Path | None,
    target_deg: float | None,
    filter_hz: float | None,
    position_filter_hz: float | None,
    pictures: bool,
) -> None:
    """Measure the throws of TAKE: pitching.csv, curves.csv, pitching.c3d and report.html."""
    from mocap.workflow.measure.take import PitchingChoice
    from mocap.workflow.measure.take import pitching as measure_throws

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
    _say(console, ready, written, pitches=[_document(pitch, fps) for pitch in found.pitches])


def _document(pitch: Any, fps: float) -> dict[str, object]:
    return {
        "number": pitch.number,
        "events_s": {name: event.time_s(fps) for name, event in pitch.events.items()},
        "metrics": _metrics(pitch.metrics),
    }


def _metrics(metrics: tuple[Metric, ...]) -> dict[str, dict[str, object]]:
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
@measuring
@click.option(
    "--movement",
    "movements",
    multiple=True,
    help="Angle to test, as left_knee_flexion; several times for several.",
)
def range_of_motion(ready: Measured, console: Console, movements: tuple[str, ...]) -> None:
    """Measure how far joints of TAKE go, repetition by repetition."""
    from mocap.measure.exercises.range_of_motion import measure_range_of_motion

    _exercise(
        console,
        ready,
        lambda segments, points, misfit: measure_range_of_motion(
            segments, movements, points=points, misfit=misfit
        ),
    )


@measure.command()
@measuring
def squat(ready: Measured, console: Console) -> None:
    """Measure the squats of TAKE: depth, lean and knee valgus, left and right."""
    from mocap.measure.exercises.squat import measure_squat

    _exercise(
        console,
        ready,
        lambda segments, points, misfit: measure_squat(segments, points=points, misfit=misfit),
    )


@measure.command()
@measuring
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
def gait(
    ready: Measured, console: Console, direction_deg: float | None, belt_m_s: float | None
) -> None:
    """Measure the walk of TAKE: events, steps, strides and curves per cycle."""
    from mocap.measure.exercises.gait import measure_gait

    _exercise(
        console,
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
@measuring
def jump(ready: Measured, console: Console) -> None:
    """Measure the jumps of TAKE: flight time and height."""
    from mocap.measure.exercises.jump import measure_jump

    _exercise(
        console,
        ready,
        lambda segments, points, misfit: measure_jump(segments, points=points, misfit=misfit),
    )


@measure.command()
@measuring
def ergonomics(ready: Measured, console: Console) -> None:
    """Score the working postures of TAKE by RULA and REBA; inputs from its take.toml."""
    from mocap.workflow.measure.take import ergonomics as score

    _say(console, ready, score(ready))


def _say(console: Console, ready: Measured, written: list[Path], **more: Any) -> None:
    for path in written:
        console.line(f"Wrote {path}")
    console.result({"take": ready.take.name, "files": written, **more})


def _exercise(
    console: Console,
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
    _say(console, ready, written, metrics=_metrics(found.metrics))
