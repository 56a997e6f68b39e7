"""mocap measure angles|pitching|squat|gait|… SESSION TAKE."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial, wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from mocap.cli.console import Console, json_option
from mocap.cli.options import Number, options_of, take_argument
from mocap.workflow.measure.choices import Chosen, PitchingChoice

if TYPE_CHECKING:
    from mocap.capture.session import Take
    from mocap.core.points import Points3D
    from mocap.measure.exercises.exercise import Exercise
    from mocap.measure.misfit import Misfit
    from mocap.measure.segments.segments import Segments
    from mocap.workflow.measure.take import Measured


@dataclass(frozen=True)
class Asked:
    """What every measurement is asked: which take, whose motion, from what."""

    take: Take
    chosen: Chosen
    console: Console

    def ready(self, **athlete: Any) -> Measured:
        """Return the take, ready to be measured."""
        from mocap.workflow.measure.take import Measured

        return Measured(self.take, replace(self.chosen, **athlete))

    def say(self, written: list[Path], **more: Any) -> None:
        """Tell of the files written."""
        self.console.lines(f"Wrote {path}" for path in written)
        self.console.result({"take": self.take.name, "files": written, **more})


def asks_for_a_take(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command SESSION, TAKE, --person, --source, --body and --json as one `Asked`."""

    @take_argument
    @options_of(Chosen, only=("person", "source", "body"))
    @json_option
    @wraps(command)
    def called(take: Take, console: Console, **options: Any) -> None:
        chosen = Chosen(*(options.pop(name) for name in ("person", "source", "body")))
        command(Asked(take, chosen, console), **options)

    return called


@click.group()
def measure() -> None:
    """Measure throws, exercises, gait and working postures of a take.

    Every number comes with a band, and says so when it cannot be trusted.
    """


@measure.command()
@asks_for_a_take
def angles(asked: Asked) -> None:
    """Write every joint angle of TAKE, frame by frame, with its standard deviation."""
    from mocap.workflow.measure.take import angles as measure_angles

    ready = asked.ready()
    found, path = measure_angles(ready)
    asked.console.warned(*(ready.misfit.warnings if ready.misfit else ()))
    for reason in dict.fromkeys(found.reasons.values()):
        names = [name for name, each in found.reasons.items() if each == reason]
        asked.console.line(f"{len(names)} angles with gaps, as {names[0]}: {reason}")
    asked.say([path], thorax=ready.segments.thorax, reasons=dict(found.reasons))


@measure.command()
@asks_for_a_take
@options_of(Chosen, only=("hand", "height_m", "mass_kg"))
@options_of(PitchingChoice)
def pitching(asked: Asked, **choice: Any) -> None:
    """Measure the throws of TAKE: pitching.csv, curves.csv, pitching.c3d and report.html."""
    from mocap.workflow.measure.documents import throw_document
    from mocap.workflow.measure.take import pitching as measure_throws

    athlete = {name: choice.pop(name) for name in ("hand", "height_m", "mass_kg")}
    ready = asked.ready(**athlete)
    found, written = measure_throws(ready, PitchingChoice(**choice))
    asked.console.warned(*found.warnings)
    fps = found.thrower.fps
    for throw in found.throws:
        grey = sum(not metric.trusted for metric in throw.metrics)
        release = throw.events.get("ball_release")
        when = f"release at {release.time_s(fps):.3f} s, " if release else ""
        asked.console.line(
            f"throw {throw.number}: {when}{len(throw.metrics)} metrics, {grey} to read with care"
        )
    asked.say(written, throws=[throw_document(throw, fps) for throw in found.throws])


@measure.command("range-of-motion")
@asks_for_a_take
@click.option(
    "--movement",
    "movements",
    multiple=True,
    help="Angle to test, as left_knee_flexion; several times for several.",
)
def range_of_motion(asked: Asked, movements: tuple[str, ...]) -> None:
    """Measure how far joints of TAKE go, repetition by repetition."""
    from mocap.measure.exercises.range_of_motion import measure_range_of_motion

    _exercise(asked, asked.ready(), measure_range_of_motion, movements=movements)


_EXERCISES = {
    "squat": "Measure the squats of TAKE: depth, lean and knee valgus, left and right.",
    "lunge": "Measure the lunges of TAKE, forwards or sideways: depth, lean, knees.",
    "sit-to-stand": "Measure rises from a seat in TAKE: depth, lean, knees.",
    "shoulder-raise": "Measure how far TAKE raises both arms, repetition by repetition.",
    "jump": "Measure the jumps of TAKE: flight time and height.",
}


_LOADED = ("squat", "lunge")


def _add_exercise(kind: str, text: str) -> None:
    """Add a command that measures an exercise without options of its own."""

    @measure.command(kind, help=text)
    @asks_for_a_take
    @options_of(Chosen, only=("mass_kg",) if kind in _LOADED else ())
    def command(asked: Asked, mass_kg: float | None = None) -> None:
        from mocap.measure.exercises.kinds import measure_exercise

        ready = asked.ready(mass_kg=mass_kg)
        _exercise(asked, ready, partial(measure_exercise, kind), mass_kg=ready.mass_kg)


for _kind, _text in _EXERCISES.items():
    _add_exercise(_kind, _text)


@measure.command()
@asks_for_a_take
@click.option(
    "--direction-deg",
    type=Number(),
    help="Direction of the walk from world X, seen from above; else along its way.",
)
@click.option(
    "--belt-m-s",
    type=Number(0.0),
    help="Speed of the treadmill's belt; else the standing feet tell it.",
)
@options_of(Chosen, only=("mass_kg",))
def gait(asked: Asked, mass_kg: float | None, **options: Any) -> None:
    """Measure the walk of TAKE: events, steps, strides and curves per cycle."""
    from mocap.measure.exercises.gait import measure_gait

    ready = asked.ready(mass_kg=mass_kg)
    _exercise(asked, ready, measure_gait, mass_kg=ready.mass_kg, **options)


@measure.command()
@asks_for_a_take
def ergonomics(asked: Asked) -> None:
    """Score the working postures of TAKE by RULA and REBA; inputs from its take.toml."""
    from mocap.workflow.measure.ergonomics import ergonomics as score

    written, lines = score(asked.ready())
    asked.console.lines(lines)
    asked.say(written)


def _exercise(asked: Asked, ready: Measured, how: Callable[..., Exercise], **options: Any) -> None:
    """Measure an exercise, write its files and tell of them."""
    from mocap.workflow.measure.documents import metrics_document
    from mocap.workflow.measure.take import exercise

    def measured(segments: Segments, points: Points3D, misfit: Misfit | None) -> Exercise:
        return how(segments, points=points, misfit=misfit, **options)

    found, written = exercise(ready, measured)
    asked.console.warned(*found.warnings)
    grey = sum(not metric.trusted for metric in found.metrics)
    counted = [m for m in found.metrics if not m.unit]
    counts = ", ".join(f"{metric.label.lower()} {metric.value:g}" for metric in counted)
    asked.console.line(f"{counts}; {len(found.metrics)} metrics, {grey} to read with care")
    asked.console.lines(f"Form: {each}" for each in found.feedback)
    told = metrics_document(found.metrics)
    asked.say(written, metrics=told, feedback=list(found.feedback))
