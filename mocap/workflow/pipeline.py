"""Run stages one after another, skipping what is current.

A stage is current when its artifact was made by the same stage with the same options from inputs
with the same content, and can still be read. Every artifact is written atomically, so a run that
was killed continues with the stage it was in.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, TypeVar

from mocap.core.errors import InputError, NewerError
from mocap.core.files.reading import read_json, reading
from mocap.core.store import (
    Provenance,
    file_hash,
    load_artifact,
    load_provenance,
    provenance_from,
    save_artifact,
    shared_artifacts,
    write_text,
)

T = TypeVar("T")

LONGEST_NAME = 100
"""Characters of a name that are said of a file that is gone."""

MADE = "made"
CURRENT = "current"


@dataclass(frozen=True)
class Made:
    """What a stage hands back besides its artifact.

    Attributes:
        content: the artifact, or the files written.
        warnings: sentences for people, kept in the artifact's provenance.
        notes: JSON values for people: counts, estimates.
    """

    content: Any
    warnings: Sequence[str] = ()
    notes: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Stage:
    """One step of the pipeline.

    Attributes:
        name: name of the stage and of its command.
        inputs: files it reads, by a short name.
        options: what changes its result; JSON values only.
        stored: provenance of the artifact, None when there is none; InputError when damaged.
        build: make and store the artifact; takes what to record, returns what was recorded.
        forget: drop unfinished work; called when the stage is forced and once it is stored.
        revision: of the algorithm; what an earlier one made is made again.
        defaults: options that an artifact of an earlier version may not name, and what they were
            then.
        outdated: why it must be made again although inputs and options are the same; "" else.
        serves: options of an artifact as they are compared: one that was made with other options
            may serve as well.
    """

    name: str
    inputs: Mapping[str, Path]
    options: Mapping[str, Any]
    stored: Callable[[], Provenance | None]
    build: Callable[[Provenance], Provenance]
    forget: Callable[[], None] = lambda: None
    revision: int = 1
    defaults: Mapping[str, Any] = field(default_factory=dict)
    outdated: Callable[[Provenance], str] = lambda _: ""
    serves: Callable[[Mapping[str, object]], Mapping[str, object]] = dict


@dataclass(frozen=True)
class Outcome:
    """What happened to a stage.

    Attributes:
        stage: name.
        status: "made" or "current".
        reason: why it was made, or "nothing has changed".
        seconds: wall time.
        warnings: of the artifact, new or kept.
        notes: of the artifact.
    """

    stage: str
    status: str
    reason: str
    seconds: float
    warnings: tuple[str, ...]
    notes: Mapping[str, Any]


def artifact_stage(
    name: str,
    path: Path,
    cls: type[Any],
    *,
    inputs: Mapping[str, Path],
    options: Mapping[str, Any],
    make: Callable[[], Made] | None = None,
    go_on: Callable[[Provenance], Made] | None = None,
    forget: Callable[[], None] = lambda: None,
    revision: int = 1,
    defaults: Mapping[str, Any] | None = None,
    outdated: Callable[[Provenance], str] = lambda _: "",
    serves: Callable[[Mapping[str, object]], Mapping[str, object]] = dict,
) -> Stage:
    """Return a stage whose result is one `.npz` artifact of type `cls`.

    Either `make` makes it, or `go_on`, which keeps pieces of it and is told what they are made
    from.
    """
    if (make is None) == (go_on is None):
        raise ValueError(f"stage {name} is made in no way, or in two")

    def stored() -> Provenance | None:
        if not path.is_file():
            return None
        load_artifact(path, cls)
        return load_provenance(path)

    def build(record: Provenance) -> Provenance:
        made = make() if make is not None else go_on(record)  # type: ignore[misc]
        complete = _completed(record, made)
        save_artifact(made.content, path, complete)
        return complete

    known = defaults or {}
    return Stage(name, inputs, options, stored, build, forget, revision, known, outdated, serves)


def files_stage(
    name: str,
    manifest: Path,
    *,
    inputs: Mapping[str, Path],
    options: Mapping[str, Any],
    make: Callable[[], Made],
    forget: Callable[[], None] = lambda: None,
    revision: int = 1,
    defaults: Mapping[str, Any] | None = None,
    outdated: Callable[[Provenance], str] = lambda _: "",
) -> Stage:
    """Return a stage that writes files and remembers them with their hashes in `manifest`.

    The manifest is written last: files without one are not finished. A file that was changed or
    removed since makes the stage run again.
    """

    def stored() -> Provenance | None:
        if not manifest.is_file():
            return None
        with reading(manifest, "what a stage wrote"):
            document = read_json(manifest)
            files = {str(name): str(digest) for name, digest in document.pop("files").items()}
            record = provenance_from(document)
        for file, digest in files.items():
            path = manifest.parent / file
            if not _is_there(path):
                raise InputError(f"{path.name[:LONGEST_NAME]} is gone.")
            if file_hash(path) != digest:
                raise InputError(f"{path.name} was changed or damaged since it was written.")
        return record

    def build(record: Provenance) -> Provenance:
        manifest.unlink(missing_ok=True)
        made = make()
        complete = _completed(record, made)
        files = {_relative(path, manifest.parent): file_hash(path) for path in made.content}
        document = {**complete.__dict__, "files": files}
        write_text(manifest, json.dumps(document, indent=1, sort_keys=True) + "\n")
        return complete

    return Stage(
        name, inputs, options, stored, build, forget, revision, defaults or {}, outdated
    )  # fmt: skip


def run_stages(
    stages: Sequence[Stage],
    *,
    version: str,
    hash_of: Callable[[Path], str] = file_hash,
    from_stage: str | None = None,
    started: Callable[[str, str], None] = lambda stage, reason: None,
    finished: Callable[[Outcome], None] = lambda outcome: None,
) -> list[Outcome]:
    """Run `stages` in order and return what happened to each.

    Args:
        stages: in order; later ones read the artifacts of earlier ones.
        version: of this package, recorded in the artifacts.
        hash_of: content hash of an input file or folder.
        from_stage: this stage and those after it run even when they are current.
        started: told the stage and the reason before a stage runs.
        finished: told the outcome after each stage.

    Raises:
        InputError: `from_stage` is none of the stages.
        NewerError: a newer version made what a stage would replace.
        MocapError: whatever a stage raises; earlier artifacts stay.
    """
    names = [stage.name for stage in stages]
    if from_stage is not None and from_stage not in names:
        raise InputError(f"there is no stage '{from_stage}' here; known: {', '.join(names)}.")
    forced = False
    outcomes = []
    for stage in stages:
        forced = forced or stage.name == from_stage
        outcomes.append(_run_stage(stage, version, hash_of, forced, started))
        finished(outcomes[-1])
    return outcomes


def _run_stage(
    stage: Stage,
    version: str,
    hash_of: Callable[[Path], str],
    forced: bool,
    started: Callable[[str, str], None],
) -> Outcome:
    start = time.monotonic()
    _check_inputs(stage)
    wanted = Provenance(
        stage=stage.name,
        version=version,
        options=_as_json(stage.options),
        inputs={name: hash_of(path) for name, path in stage.inputs.items()},
        revision=stage.revision,
    )
    found, reason = _judge(stage, wanted, forced)
    if not reason and found is not None:
        stage.forget()  # of a run that was killed between storing and forgetting
        seconds = time.monotonic() - start
        return Outcome(
            stage.name, CURRENT, "nothing has changed", seconds, found.warnings, found.notes
        )
    started(stage.name, reason)
    if forced:
        stage.forget()
    with shared_artifacts():
        record = stage.build(wanted)
    stage.forget()
    seconds = time.monotonic() - start
    return Outcome(stage.name, MADE, reason, seconds, record.warnings, record.notes)


def _check_inputs(stage: Stage) -> None:
    for name, path in stage.inputs.items():
        if not path.exists():
            raise InputError(
                f"`mocap {stage.name}` needs {name}, but {path} does not exist. Run the stages "
                "before it, or `mocap run`."
            )


def _judge(stage: Stage, wanted: Provenance, forced: bool) -> tuple[Provenance | None, str]:
    """Return what is stored and why the stage must run; no reason means that it is current."""
    if forced:
        return None, "asked for"
    try:
        found = stage.stored()
    except NewerError:
        raise
    except InputError as error:
        return None, f"rebuilt, because {error}"
    if found is None:
        return None, "not made yet"
    if found.revision > wanted.revision:
        raise NewerError(
            f"what `mocap {stage.name}` made here is of a newer mocap-studio ({found.version}, "
            f"revision {found.revision} of the algorithm; this one has {wanted.revision}). Update "
            "mocap-studio, or make it again on purpose: --force, or mocap run --from "
            f"{stage.name}."
        )
    options = stage.serves({**_as_json(stage.defaults), **found.options})
    told = replace(found, options=_as_json(options))
    return found, difference(told, wanted) or stage.outdated(found)


def difference(found: Provenance, wanted: Provenance) -> str:
    """Say in a few words what differs between two provenances; empty when nothing does."""
    if found.stage != wanted.stage:
        return f"made by stage {found.stage}"
    if found.revision != wanted.revision:
        return f"the algorithm changed: revision {found.revision} -> {wanted.revision}"
    changed = [
        f"{name} {found.options.get(name)!r} -> {wanted.options.get(name)!r}"
        for name in sorted({*found.options, *wanted.options})
        if found.options.get(name) != wanted.options.get(name)
    ]
    if changed:
        return f"options changed: {', '.join(changed)}"
    inputs = sorted(
        name
        for name in {*found.inputs, *wanted.inputs}
        if found.inputs.get(name) != wanted.inputs.get(name)
    )
    return f"input changed: {', '.join(inputs)}" if inputs else ""


def _completed(record: Provenance, made: Made) -> Provenance:
    return replace(record, warnings=tuple(made.warnings), notes=_as_json(made.notes))


def _as_json(values: Mapping[str, Any]) -> dict[str, object]:
    """Return the values as JSON gives them back, so that tuples compare equal to lists."""
    document: dict[str, object] = json.loads(json.dumps(dict(values)))
    return document


def _is_there(path: Path) -> bool:
    """Tell whether a file lies under a name, which in a damaged manifest may be none a file has."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def _relative(path: Path, folder: Path) -> str:
    return Path(os.path.relpath(path, folder)).as_posix()
