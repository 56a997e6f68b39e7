"""What `mocap measure ergonomics` does: score, alert, and tell of the worst moments."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np

from mocap.core.files.lock import alone
from mocap.core.files.tables import Table, cell, write_table
from mocap.core.plain import plain
from mocap.core.store import write_text
from mocap.measure.ergonomics.alerts import (
    Alert,
    Moment,
    alerts,
    exposure,
    worst_moments,
)
from mocap.measure.ergonomics.posture import postures
from mocap.measure.ergonomics.scores import Assessment, Limits, Task, assess_reba, assess_rula
from mocap.measure.overbent import overbent
from mocap.measure.tables import frame_table
from mocap.studio.measure.exercise import Ergonomics, write_ergonomics_report
from mocap.workflow.measure.pictures import moment_pictures
from mocap.workflow.measure.take import Measured, take_facts


@alone("mocap measure")
def ergonomics(ready: Measured) -> tuple[list[Path], list[str]]:
    """Score the postures of a person; write scores, alerts and report.html.

    Returns the files, and lines for people.
    """
    task, limits = _task(ready.settings.ergonomics), Limits()
    assessments: dict[tuple[str, str], Assessment] = {}
    columns = {}
    by_side = postures(ready.segments)
    for side, posture in by_side.items():
        for method, each in (
            ("RULA", assess_rula(posture, task, limits)),
            ("REBA", assess_reba(posture, task, limits)),
        ):
            assessments[method, side] = each
            key = f"{method.lower()}_{side}"
            columns[key] = np.where(each.known, each.scores.final, np.nan)
            columns[f"{key}_borderline"] = each.borderline.astype(np.float64)
            for part, score in each.parts.items():
                columns[f"{key}_{part}"] = score.astype(np.float64)
    segments = ready.segments
    fps = segments.fps
    told = alerts(assessments, by_side, task, fps)
    worst = worst_moments(assessments, by_side, task, fps)
    times = exposure(segments, by_side, limits)
    moments = [(f"{moment_words(each)}, {each.time_s:.1f} s", each.frame) for each in worst]
    pictures, said = moment_pictures(ready.take, ready.person_points, {0: moments})
    found = Ergonomics(
        assessments, fps, segments.thorax, task, limits, (*_unseen(ready), *said), told,
        worst, times, pictures.get(0, ()),
    )  # fmt: skip
    folder = ready.folder("ergonomics")
    report = folder / "report.html"
    write_ergonomics_report(take_facts(ready), found, report)
    machine = {
        "take": ready.take.name,
        "person": ready.person,
        "alerts": [asdict(each) for each in told],
        "worst_moments": [asdict(each) for each in worst],
        "exposure": asdict(times),
    }
    write_text(folder / "alerts.json", json.dumps(plain(machine), indent=1) + "\n")
    files = [
        write_table(folder / "scores.csv", frame_table(columns, fps)),
        write_table(folder / "alerts.csv", alerts_table(told)),
        folder / "alerts.json",
        report,
    ]
    return files, _lines(assessments, told, worst)


def _lines(
    found: Mapping[tuple[str, str], Assessment], told: Sequence[Alert], worst: Sequence[Moment]
) -> list[str]:
    """Return the scores for the console."""
    out = []
    for (method, side), each in found.items():
        known = np.asarray(each.scores.final)[each.known]
        if not len(known):
            out.append(f"{method}, {side} arm: not scored, an angle that is needed is missing")
            continue
        out.append(
            f"{method}, {side} arm: median {np.median(known):.0f}, worst {known.max()}; borderline "
            f"in {100.0 * each.borderline[each.known].mean():.0f} % of frames"
        )
    if worst:
        out.append(f"worst moment at {worst[0].time_s:.1f} s: {moment_words(worst[0])}")
    out.append(f"{len(told)} alerts (a posture held long at a high score)")
    return out


def moment_words(moment: Moment) -> str:
    """Return a moment in words."""
    part = moment.part.replace("_", " ")
    return f"{moment.method} {moment.score}, {moment.side} arm, driven by the {part}"


def alerts_table(told: Sequence[Alert]) -> Table:
    """Return one row per alert: when, how long, which rule, and what drives it."""
    head = ["start_s", "end_s", "seconds", "method", "arm", "least_score", "driven_by", "rule"]
    return head, [
        [
            cell(each.start_s), cell(each.end_s), cell(each.end_s - each.start_s), each.method,
            each.side, str(each.score), each.part, each.rule,
        ]
        for each in told
    ]  # fmt: skip


def _task(given: Mapping[str, int]) -> Task:
    flags = ("arm_supported", "wrist_twist_end", "legs_supported", "shoulder_raised", "sitting")
    values = {key: bool(value) if key in flags else value for key, value in given.items()}
    return Task(**values)  # type: ignore[arg-type]


def _unseen(ready: Measured) -> Sequence[str]:
    """Say what the scores rest on that was not seen."""
    unexplained = ready.misfit.warnings if ready.misfit else ()
    out = [*ready.segments.notes, *overbent(ready.segments).warnings, *unexplained]
    if not ready.settings.ergonomics:
        out.append(
            "load, grip, muscle use and support were not told: the scores assume none of them. "
            "Write them in [ergonomics] of the take's `take.toml`"
        )
    if np.isnan(ready.segments.rotation("left_hand")).all():
        out.append("the hands were not measured: wrists count as straight")
    return out
