"""What `mocap actions` does: recognise what everybody in a take did, write tables and a page."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import numpy as np

from mocap.capture.session import Take
from mocap.core.errors import InputError
from mocap.core.files.lock import alone
from mocap.core.files.tables import write_table
from mocap.core.points import Points3D, Source
from mocap.core.store import write_text
from mocap.studio.understand.actions import PersonStrip, write_actions_page
from mocap.understand.action_model import DEFAULT_NETWORK, ActionModel, load_action_model
from mocap.understand.actions import action_spans, action_windows
from mocap.understand.alerts import Rule, check_actions, find_alerts, load_rules
from mocap.understand.joints import JointClip, joint_clip
from mocap.workflow.results import Results
from mocap.workflow.understand.lifted import refuse_lifted
from mocap.workflow.version import installed_version

NEVER_CLAIMED = "no diagnosis, no judgement of form, no falls"


def recognise(
    take: Take,
    *,
    person: int | None = None,
    rules_file: Path | None = None,
    network: str = DEFAULT_NETWORK,
) -> tuple[PersonStrip, ...]:
    """Return what each person of a take did, and which rules their postures met.

    Args:
        take: a take with smoothed points.
        person: only this one; None: everybody.
        rules_file: rules of the user's own; None: those of the package.
        network: one of `mocap.understand.action_model.NETWORKS`.

    Raises:
        InputError: there are no points but a preview from one camera, no such person, nothing can
            be told of anybody, or the rules are wrong.
        ModelError: the model cannot be loaded.
    """
    refuse_lifted(take)
    results = Results(take)
    people = _people(results.points, person)
    found = strips(results.points, people, rules_file=rules_file, network=network)
    return named(found, results.names)


def strips(
    points: Points3D,
    people: Sequence[int],
    *,
    rules_file: Path | None = None,
    network: str = DEFAULT_NETWORK,
) -> tuple[PersonStrip, ...]:
    """Return what people of a take did and which rules they met; arguments as for `recognise`.

    Raises:
        InputError: nothing can be told of anybody, for keypoints are missing or a limb was never
            seen; or the rules are wrong.
        ModelError: the model cannot be loaded.
    """
    rules = _rules(rules_file)
    model = load_action_model(network=network)
    check_actions(rules, model.labels)
    found = tuple(_strip_or_why(points, each, rules, model) for each in people)
    if found and all(each.untold for each in found):
        raise InputError(found[0].untold)
    return found


def tellable(points: Points3D) -> tuple[PersonStrip, ...]:
    """Return the strips of everybody of whom enough was seen to tell anything.

    Raises:
        ModelError: the model cannot be loaded.
    """
    rules, model = _rules(None), load_action_model()
    found = (_strip_or_why(points, each, rules, model) for each in points.person_ids)
    return tuple(each for each in found if not each.untold)


def named(people: Sequence[PersonStrip], names: Mapping[int, str]) -> tuple[PersonStrip, ...]:
    """Return strips under the names that people have; `names` are by their numbers."""
    return tuple(replace(each, name=names.get(each.person_id, each.name)) for each in people)


def _strip_or_why(
    points: Points3D, person: int, rules: Sequence[Rule], model: ActionModel
) -> PersonStrip:
    """Return the strip of a person, or why nothing can be told of them: others may be told."""
    try:
        return _strip(points, person, rules, model)
    except InputError as error:
        return PersonStrip(person, f"person {person}", (), (), (), str(error))


def _strip(points: Points3D, person: int, rules: Sequence[Rule], model: ActionModel) -> PersonStrip:
    clip = clip_of(points, person)
    windows = action_windows(clip, model=model)
    alerts = find_alerts(clip, rules, windows)
    return PersonStrip(person, f"person {person}", windows, action_spans(windows), alerts)


@alone("mocap actions")
def write_actions(take: Take, people: Sequence[PersonStrip]) -> list[Path]:
    """Write `actions.csv`, `alerts.csv`, `actions.json` and `actions.html` into `actions/`."""
    folder = take.root / "actions"
    folder.mkdir(exist_ok=True)
    spans = [(p.name, s.start_s, s.end_s, s.label, s.confidence) for p in people for s in p.spans]
    alerts = [(p.name, a.start_s, a.end_s, a.rule) for p in people for a in p.alerts]
    when = ["person", "start_s", "end_s"]
    tables = {
        "actions.csv": ([*when, "label", "confidence"], [_texts(each) for each in spans]),
        "alerts.csv": ([*when, "rule"], [_texts(each) for each in alerts]),
    }
    written = [write_table(folder / name, table) for name, table in tables.items()]
    return [
        *written,
        *write_reading(
            folder / "actions",
            document(take, people),
            lambda page: write_actions_page(page, take.name, people),
        ),
    ]


def write_reading(
    stem: Path, document: Mapping[str, Any], write_page: Callable[[Path], object]
) -> list[Path]:
    """Write what was read of a take as a JSON document and as a page; return both files."""
    files = [stem.with_suffix(".json"), stem.with_suffix(".html")]
    write_text(files[0], json.dumps(document, indent=1) + "\n")
    write_page(files[1])
    return files


def _texts(row: Sequence[str | float]) -> list[str]:
    return [each if isinstance(each, str) else f"{each:.3f}" for each in row]


def told(people: Sequence[PersonStrip]) -> list[str]:
    """Return who did what when, in lines for people."""
    lines = []
    for each in people:
        lines.append(f"{each.name}: {each.untold}" if each.untold else each.name)
        lines += [f"  {s.start_s:6.1f} to {s.end_s:6.1f} s  {s.label}" for s in each.spans]
    return lines


def document(take: Take, people: Sequence[PersonStrip]) -> Mapping[str, Any]:
    """Return everything that was recognised as JSON values."""
    return {
        "take": take.name,
        "version": installed_version(),
        "claims": NEVER_CLAIMED,
        "people": [
            {
                "person": person.person_id,
                "name": person.name,
                "untold": person.untold,
                "spans": [asdict(span) for span in person.spans],
                "windows": [asdict(window) for window in person.windows],
                "alerts": [asdict(alert) for alert in person.alerts],
            }
            for person in people
        ],
    }


def clip_of(points: Points3D, person: int) -> JointClip:
    """Return the joints of one person; values that no camera supports count as not seen."""
    own = points.of_person(person)
    known = own.source[:, 0] != Source.EXTRAPOLATED
    xyz = np.where(known[..., None], own.xyz[:, 0], np.nan)
    return joint_clip(xyz, own.keypoint_names, np.arange(len(xyz)) / own.fps)


def _people(points: Points3D, person: int | None) -> tuple[int, ...]:
    if person is None:
        return tuple(int(each) for each in points.person_ids)
    return (points.person_ids[points.person_index(person)],)


def _rules(path: Path | None) -> tuple[Rule, ...]:
    if path is not None:
        return load_rules(path)
    with as_file(files("mocap.understand.models") / "rules.toml") as shipped:
        return load_rules(shipped)
