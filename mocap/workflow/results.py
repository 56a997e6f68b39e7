"""The results of a take: one loader, and one rule of what is stale.

A result is stale when an input that its provenance names has another content now than when it was
made, or when such an input is stale itself. Only contents are compared, never dates: a session
that is copied stays as it is. An input that is gone can contradict nothing. A stale result is
refused: its numbers would belong to points that are not there any more.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from mocap.capture.edits import edits_told
from mocap.capture.session import Take
from mocap.capture.session_file import Subject
from mocap.core.body.fit_figures import FitFigures
from mocap.core.body_motion import BodyMotion
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.errors import InputError, SessionError
from mocap.core.files.documents import load_document
from mocap.core.files.reading import read_json, reading
from mocap.core.files.typed_json import from_json
from mocap.core.points import Points3D
from mocap.core.store import (
    SCHEMA_VERSION,
    Provenance,
    artifact_format,
    file_hash,
    load_artifact,
    load_provenance,
)
from mocap.measure.events import MeasuredEvents
from mocap.workflow.choices import FREE_BODY
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.graph import CALIBRATION, GRAPH, VIDEOS, Row, maker, row_of
from mocap.workflow.understand.lifted import refuse_lifted

if TYPE_CHECKING:
    from mocap.body.model import BodyModel

T = TypeVar("T")

EVENTS_FILE = "events.json"
"""In the folder of a measurement: the events that it found."""


@dataclass(frozen=True, eq=False)
class FittedBody:
    """A fitted body with what it was made with.

    Attributes:
        motion: shape and pose.
        body: "free", or the file that was fitted.
        offsets: name of the detector's displacements that the fit used; "" when nothing tells.
        figures: how the fit went; None where nothing tells.
    """

    motion: BodyMotion
    body: str
    offsets: str
    figures: FitFigures | None

    def model(self, body: str | None = None) -> BodyModel:
        """Load the body that was fitted; `body` says where its file is now, if it has moved.

        Raises:
            InputError: the file is not where it was.
            BodyError: it cannot be used, or is another body.
        """
        from mocap.body.mesh import check_same_body
        from mocap.body.smplx_file import load_body

        name = body or self.body
        if name != FREE_BODY and not Path(name).is_file() and body is None:
            raise InputError(
                f"person {self.motion.person_id} was fitted to the body file {name}, which is not "
                f"there (seen from {Path.cwd()}). Put it back, or name where it is with --body: "
                "`mocap mesh` and `mocap measure` take it, all others need another fit."
            )
        model = load_body(name)
        check_same_body(model, self.motion)
        return model


def _file_name(name: str) -> str:
    """Return a name as part of a file name; "" when nothing is left that tells anything."""
    plain = "".join(letter if letter.isalnum() or letter in ".-" else "_" for letter in name)
    plain = plain.strip("._")
    # "person3" could be another person's number.
    return "" if plain.removeprefix("person").strip("_").isdigit() else plain


class Results:
    """What stages made of a take; loaded when asked for, refused when stale."""

    def __init__(self, take: Take) -> None:
        """Look at the results of a take."""
        self.take = take
        self._reasons: dict[str, str] = {}

    @cached_property
    def detections(self) -> Detections2D:
        """Every person in every image."""
        return self.load("detections", Detections2D)

    @cached_property
    def tracks(self) -> Tracks2D:
        """Who is who across cameras and time."""
        return self.load("tracks", Tracks2D)

    @cached_property
    def points(self) -> Points3D:
        """The keypoints in space, smoothed."""
        return self.load("points", Points3D)

    @cached_property
    def names(self) -> dict[int, str]:
        """The names of people by number: given by hand or told by height; nobody else's."""
        if not self.has("tracks"):
            return {}
        everybody = self.provenance("tracks").notes.get("everybody") or ()
        numbers = {int(each["person_id"]): str(each["name"]) for each in everybody}
        return {person: name for person, name in numbers.items() if name != f"person {person}"}

    def label(self, person: int) -> str:
        """Return what files and folders call a person: their name, else "person" and number.

        Letters, digits, dots and dashes of the name stay; two people are never called the same.
        """
        labels = {each: _file_name(name) for each, name in self.names.items()}
        own = labels.get(person, "")
        shared = sum(label.casefold() == own.casefold() for label in labels.values()) > 1
        return f"person{person}" if not own or shared else own

    def subject(self, person: int, people: Sequence[int]) -> Subject | None:
        """Return who of session.toml a person is: whoever has their name.

        The subject of a take, where nobody has that name, is its main person, first of `people`.
        """
        known = {each.name: each for each in self.take.session.config.subjects}
        if self.names.get(person) in known:
            return known[self.names[person]]
        expected = self.take.subject()
        if expected is None or expected.name in self.names.values() or person != people[0]:
            return None
        return expected

    @cached_property
    def bodies(self) -> dict[int, FittedBody]:
        """The fitted bodies by person; empty when none was fitted.

        Raises:
            InputError: they were fitted to other points than there are now.
        """
        refuse_lifted(self.take)
        self.refuse_stale("bodies")
        people = self.take.body_paths()
        if self.has("points"):
            # A body of somebody whom the points do not know was left by an earlier run.
            people = {k: path for k, path in people.items() if k in self.points.person_ids}
        return {person: self._body(person, path) for person, path in people.items()}

    def events(self) -> tuple[list[MeasuredEvents], list[str]]:
        """Return the events that measurements found, and a sentence for each that is stale.

        Raises:
            InputError: a file of events is damaged.
        """
        found, stale = [], []
        edited = edits_told(self.take.edits_path, ("trim", "event"))
        for path in sorted(self.take.measure_dir.glob(f"**/{EVENTS_FILE}")):
            events, record = load_document(path, MeasuredEvents)
            if record.options.get("edits", []) != edited:
                stale.append(
                    f"the events of `mocap measure {events.kind}` were found before edits.toml was "
                    "changed and are left out; measure again."
                )
            elif changed := self._changed_input(record):
                stale.append(
                    f"the events of `mocap measure {events.kind}` were found on another "
                    f"{changed.name} than there is now and are left out; measure again."
                )
            else:
                found.append(events)
        return found, stale

    def measured_from(self, *, bodies: Sequence[int]) -> dict[str, str]:
        """Return the hashes that the provenance of a measurement names: points, and bodies."""
        paths = {maker("points").key: self.path("points")}
        paths |= {f"body_{person}": self.take.body_path(person) for person in bodies}
        return {name: file_hash(path) for name, path in paths.items()}

    def has(self, role: str) -> bool:
        """Tell whether there is such a result."""
        if role == "bodies":
            return bool(self.take.body_paths())
        return self.path(role).is_file()

    def path(self, role: str) -> Path:
        """Return the file that a role means: "detections", "tracks", "points", …"""
        return self.take.root / maker(role).file

    def stored_points(self) -> Points3D:
        """Return the keypoints in space as they are stored, stale or not."""
        return load_artifact(self.path("points"), Points3D)

    def stored_bodies(self) -> dict[int, FittedBody]:
        """Return the fitted bodies as they are stored, stale or not."""
        return {person: self._body(person, path) for person, path in self.take.body_paths().items()}

    def stored_body_options(self) -> Mapping[str, object] | None:
        """Return what was chosen for the first fitted body; None when there is none."""
        paths = self.take.body_paths()
        return load_provenance(next(iter(paths.values()))).options if paths else None

    def load(self, role: str, cls: type[T]) -> T:
        """Return the artifact that a role means.

        Raises:
            InputError: it is not there, damaged, or stale.
        """
        refuse_lifted(self.take)
        self.refuse_stale(role)
        return load_artifact(self.path(role), cls)

    def provenance(self, role: str) -> Provenance:
        """Return what made an artifact, stale or not."""
        return load_provenance(self.path(role))

    def warnings(self) -> tuple[str, ...]:
        """Return what the stages said, each once, and which results an older algorithm made."""
        said = dict.fromkeys(each for record in self.records() for each in record.warnings)
        return (*said, *self.outdated())

    def records(self) -> list[Provenance]:
        """Return what made each artifact that is there, in the order of the stages."""
        return [record for row in GRAPH if row.kind for record in self._records(row)]

    def of_older_format(self) -> list[str]:
        """Return the names of artifacts that an earlier version kept in its own format."""
        paths = [(row.key, self.take.root / row.file) for row in GRAPH if row.kind]
        paths += [(path.stem, path) for path in self.take.body_paths().values()]
        return [
            key for key, path in paths if path.is_file() and artifact_format(path) < SCHEMA_VERSION
        ]

    def outdated(self) -> list[str]:
        """Return a sentence for each result that an earlier revision of its algorithm made."""
        return [
            f"{row.makes} of take {self.take.name} were made by an earlier algorithm (revision "
            f"{record.revision}, now {row.revision}); {self._remedy()} makes them again."
            for row in GRAPH
            for record in list(self._records(row))[:1]
            if row.makes and record.revision != row.revision
        ]

    def refuse_stale(self, role: str) -> None:
        """Raise InputError when a result does not belong to what it was made from."""
        self.refuse_stale_stage(maker(role))

    def refuse_stale_stage(self, row: Row) -> None:
        """Raise InputError when the result of a stage does not belong to its inputs."""
        if reason := self._stale(row):
            raise InputError(
                f"the {row.makes or row.name} of take {self.take.name} cannot be used: {reason}. "
                f"Run {self._remedy()} first, which makes again what has to be."
            )

    def _stale(self, row: Row) -> str:
        """Return why the result of a stage is stale; "" when it is not.

        Only what it was made from is opened: a damaged body is no reason to refuse tracks.
        """
        if row.name not in self._reasons:
            makers = (maker(role, row.name) for role in self._artifacts_read(row))
            upstream = filter(None, (self._stale(each) for each in makers))
            self._reasons[row.name] = self._changed(row) or next(upstream, "")
        return self._reasons[row.name]

    def _artifacts_read(self, row: Row) -> list[str]:
        made = {each.makes for each in GRAPH}
        return [role for role in row.reads if role in made]

    def _changed(self, row: Row) -> str:
        for record in self._records(row):
            if source := self._changed_input(record, VIDEOS in row.reads):
                return f"{source.name} is not what stage {row.name} read"
            told = edits_told(self.take.edits_path, row.edits) if row.edits else []
            if row.edits and record.options.get("edits", []) != told:
                return f"{self.take.edits_path.name} is not what stage {row.name} obeyed"
        return ""

    def _changed_input(self, record: Provenance, of_videos: bool = False) -> Path | None:
        """Return the first input that has another content now than provenance says."""
        for name, digest in record.inputs.items():
            source = self._source(name, record, of_videos)
            if source is not None and source.exists() and self._hash(source) != digest:
                return source
        return None

    def _records(self, row: Row) -> Iterator[Provenance]:
        """Yield the provenance of a stage's results."""
        if row.makes == "bodies":
            yield from (load_provenance(path) for path in self.take.body_paths().values())
        elif row.kind and (self.take.root / row.file).is_file():
            yield load_provenance(self.take.root / row.file)

    def _source(self, name: str, record: Provenance, of_videos: bool) -> Path | None:
        """Return the file that provenance means by a short name; None when it is not known."""
        if of_videos and name in self._videos:
            return self._videos[name]
        if name == CALIBRATION:
            return self.take.session.calibration_path
        if name == "body":
            return Path(str(record.options.get("body", "")))
        if name.startswith("body_"):
            return self.take.root / f"{name}.npz"
        key, _, other = name.partition(" of ")
        rows = [each for each in GRAPH if each.key == key]
        if not rows:
            return None
        if not other:
            return self.take.root / rows[0].file
        try:
            return self.take.session.take(other).root / rows[0].file
        except SessionError:
            return None

    @cached_property
    def _videos(self) -> dict[str, Path]:
        return self.take.videos()

    @cached_property
    def _large(self) -> FileHashes:
        return FileHashes(self.take.session.hash_cache_path, self.take.session.root)

    def _hash(self, path: Path) -> str:
        # Videos are large and remembered; artifacts are small and read.
        large = path.is_dir() or path in self._videos.values()
        return self._large(path) if large else file_hash(path)

    def _body(self, person: int, path: Path) -> FittedBody:
        record = load_provenance(path)
        return FittedBody(
            load_artifact(path, BodyMotion),
            body=str(record.options.get("body", FREE_BODY)),
            offsets=str(record.options.get("detector_offsets", "")),
            figures=self._figures.get(f"person{person}"),
        )

    @cached_property
    def _figures(self) -> dict[str, FitFigures]:
        path = self.take.root / row_of("fit").file
        if not path.is_file():
            return {}
        with reading(path, "the manifest of a fit", f"Run {self._remedy()}."):
            notes = read_json(path, "the manifest of a fit")["notes"]
            people = {name: notes[name] for name in notes if name.startswith("person")}
        return {
            name: from_json(FitFigures, entry, f"{path}: {name}") for name, entry in people.items()
        }

    def _remedy(self) -> str:
        return f"`mocap run {self.take.session.root} {self.take.name}`"
