"""What a stage is given to do its work, and what it hands to the pipeline."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from mocap.capture.edits import Edit, edits_of, edits_told
from mocap.capture.footage import Footage
from mocap.capture.session import Take
from mocap.core.store import Provenance, load_artifact
from mocap.workflow.choices import Choices
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.graph import (
    CALIBRATION,
    CALIBRATION_REPORT,
    GRAPH,
    SESSION_FILES,
    VIDEOS,
    Row,
    maker,
)
from mocap.workflow.pipeline import Made, Stage, artifact_stage, files_stage
from mocap.workflow.progress import Progress
from mocap.workflow.results import Results
from mocap.workflow.version import installed_version

T = TypeVar("T")


def _nothing(_: Job) -> Mapping[str, Any]:
    return {}


@dataclass(frozen=True, eq=False)
class StageCode:
    """What a stage does; every function is given its job.

    Attributes:
        make: compute the artifact, or write the files.
        options: what changes the result beside its inputs; JSON values only.
        inputs: files it reads beside those in its row, by a short name.
        forget: drop unfinished work: it is forced, or stored.
        defaults: what options were before there was a choice: a choice that is new makes nothing
            stale that was made as it is by default.
        outdated: why what is stored must be made again although neither inputs nor options have
            changed; "" when it need not.
        serves: options of an artifact as they are compared with those that are wanted: what was
            made with more effort than is asked for may serve as well.
        path: where the artifact or the manifest is, when choices may move it; else as the row says.
    """

    make: Callable[[Job], Made]
    options: Callable[[Job], Mapping[str, Any]] = _nothing
    inputs: Callable[[Job], Mapping[str, Path]] = _nothing
    forget: Callable[[Job], None] = lambda _: None
    defaults: Callable[[], Mapping[str, Any]] = dict
    path: Callable[[Job], Path] | None = None
    outdated: Callable[[Job, Provenance], str] = lambda *_: ""
    serves: Callable[[Job, Mapping[str, object]], Mapping[str, object]] = lambda _, options: options


def code_of(row: Row) -> StageCode:
    """Return what a stage of the table does."""
    code: StageCode = import_module(row.code).STAGE
    return code


@dataclass(frozen=True, eq=False)
class TakeRun:
    """A take on its way through the stages.

    Attributes:
        take: the take.
        choices: what a person chose.
        progress: who is told.
        stages: names of those that are run now.
        footage: recordings, calibrated cameras and image maps; looked at when needed.
        hashes: content hashes of large files.
    """

    take: Take
    choices: Choices
    progress: Progress
    stages: tuple[str, ...]
    footage: Footage
    hashes: FileHashes

    @classmethod
    def of(cls, take: Take, choices: Choices, progress: Progress, stages: Sequence[str]) -> TakeRun:
        """Prepare a run; nothing is read yet."""
        hashes = FileHashes(take.session.hash_cache_path, take.session.root)
        return cls(take, choices, progress, tuple(stages), Footage(take), hashes)

    def refuse_stale_inputs(self) -> None:
        """Raise InputError when what this run starts from does not belong to what it came from."""
        results = Results(self.take)
        for row in GRAPH:
            if row.name in self.stages:
                for source in Job(self, row).sources():
                    if source.name not in self.stages:
                        results.refuse_stale_stage(source)

    def build(self) -> list[Stage]:
        """Return the stages of this run in the order of the table."""
        return [Job(self, row).stage() for row in GRAPH if row.name in self.stages]


@dataclass(frozen=True, eq=False)
class Job:
    """One stage of one take.

    Attributes:
        run: the take and what was chosen.
        row: the stage.
        earlier_manifest: text of the manifest that an earlier run left; it goes before new files
            are written, so that half of them are not taken for all.
    """

    run: TakeRun
    row: Row
    earlier_manifest: str = ""

    @property
    def take(self) -> Take:
        """The take."""
        return self.run.take

    @property
    def choices(self) -> Choices:
        """What a person chose."""
        return self.run.choices

    @property
    def footage(self) -> Footage:
        """Recordings, calibrated cameras and image maps of the take."""
        return self.run.footage

    @property
    def progress(self) -> Progress:
        """Who is told."""
        return self.run.progress

    @property
    def path(self) -> Path:
        """Where the artifact or the manifest is."""
        moved = code_of(self.row).path
        return self.take.root / self.row.file if moved is None else moved(self)

    def input_path(self, role: str) -> Path:
        """Return the file that a role means for this stage."""
        return self.take.root / maker(role, self.row.name).file

    def load(self, role: str, cls: type[T]) -> T:
        """Return the artifact that a role means for this stage."""
        return load_artifact(self.input_path(role), cls)

    def has(self, name: str) -> bool:
        """Tell whether something that need not be there is: made before in this run, or kept.

        A whole run says by its stages what it wants; a single stage takes what there is.
        """
        if name in SESSION_FILES:
            return self._session_files(name)[name].is_file()
        if maker(name, self.row.name).name in self.run.stages:
            return True
        whole = {GRAPH[0].name, maker("points").name} & set(self.run.stages)
        return not whole and Results(self.take).has(name)

    def sources(self) -> list[Row]:
        """Return the stages whose results this one reads."""
        there = [name for name in self.row.reads_if_there if self.has(name)]
        names = (*self.row.reads, *there)
        return [maker(name, self.row.name) for name in names if name not in SESSION_FILES]

    def inputs(self) -> dict[str, Path]:
        """Return every file that the stage reads, by the name provenance gives it."""
        found: dict[str, Path] = {}
        there = [name for name in self.row.reads_if_there if self.has(name)]
        for name in (*self.row.reads, *there):
            if name in SESSION_FILES:
                found |= self._session_files(name)
            elif name in self.row.reads or self._will_be(name):
                found[maker(name, self.row.name).key] = self.input_path(name)
        return {**found, **code_of(self.row).inputs(self)}

    def options(self) -> dict[str, Any]:
        """Return what changes the result beside its inputs: choices, and edits that it obeys."""
        options = dict(code_of(self.row).options(self))
        if self.row.edits:
            options["edits"] = edits_told(self.take.edits_path, self.row.edits)
        return options

    def _defaults(self) -> Mapping[str, Any]:
        """Return what options were before there was a choice: there were no edits to obey."""
        defaults = code_of(self.row).defaults()
        return {"edits": [], **defaults} if self.row.edits else defaults

    def edits(self, *kinds: str) -> tuple[Edit, ...]:
        """Return the edits of some kinds that the stage obeys, in the order of the file."""
        assert set(kinds) <= set(self.row.edits)
        return edits_of(self.take.edits_path, *kinds)

    def record(self) -> Provenance:
        """Return what the artifact is made from."""
        return Provenance(
            stage=self.row.name,
            version=installed_version(),
            options=self.options(),
            inputs={name: self.run.hashes(path) for name, path in self.inputs().items()},
            revision=self.row.revision,
        )

    def stage(self) -> Stage:
        """Return the stage as the pipeline runs it."""
        code = code_of(self.row)
        if not self.row.kind:
            earlier = self.path.read_text("utf-8", "replace") if self.path.is_file() else ""
            job = replace(self, earlier_manifest=earlier)
            return files_stage(
                self.row.name,
                self.path,
                inputs=self.inputs(),
                options=self.options(),
                make=lambda: code.make(job),
                forget=lambda: code.forget(self),
                revision=self.row.revision,
                defaults=self._defaults(),
                outdated=lambda found: code.outdated(job, found),
            )
        return artifact_stage(
            self.row.name,
            self.path,
            self.row.type(),
            inputs=self.inputs(),
            options=self.options(),
            make=lambda: code.make(self),
            forget=lambda: code.forget(self),
            revision=self.row.revision,
            defaults=self._defaults(),
            outdated=lambda found: code.outdated(self, found),
            serves=lambda options: code.serves(self, options),
        )

    def _will_be(self, role: str) -> bool:
        made = maker(role, self.row.name).name in self.run.stages
        return made or self.input_path(role).is_file()

    def _session_files(self, name: str) -> dict[str, Path]:
        session = self.take.session
        if name == VIDEOS:
            return self.footage.recording.videos
        paths = {
            CALIBRATION: session.calibration_path,
            CALIBRATION_REPORT: session.calibration_report_path,
        }
        return {name: paths[name]}
