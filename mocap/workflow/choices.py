"""What a person may choose for a take, and what is taken when nothing is said."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mocap.core.errors import ExportError, InputError
from mocap.core.options import option, option_name
from mocap.detect.known import OwnNetwork
from mocap.export.settings import ExportOptions

if TYPE_CHECKING:
    from mocap.body.feet.lock import FootLockMode
    from mocap.capture.session import Take

FREE_BODY = "free"
NO_BODY = "none"
"""What the choice of a body says when none is wanted."""

DEFAULT_PACE = "balanced"

ALL_TAKES = "auto"
"""The shape comes from all takes of the subject."""

NO_TAKES = "none"
"""Every take gets a shape of its own."""

FORMATS = ("bvh", "trc", "csv")


@dataclass(frozen=True)
class DetectorChoice:
    """Which network finds people, and how; `own` describes a network of the user's own."""

    name: str = option(
        "movenet",
        "Network that finds people, of `mocap models list`; auto: the best that is here.",
        name="--detector",
        key="detector",
    )
    weights: Path | None = option(
        None, "Weights of your own instead of those `mocap models fetch` got."
    )
    feet: bool = option(True, "Also find heels and toes.")
    own: OwnNetwork = field(default_factory=OwnNetwork)
    hands: bool = option(False, "Also find fingers: hands of 80 px and more are best.")
    pace: str = option(
        DEFAULT_PACE,
        "How thoroughly images are looked at.",
        name="--detect",
        key="detect",
        words=("thorough", "careful", "balanced", "fast"),
    )


@dataclass(frozen=True)
class SyncChoice:
    """How the clocks of the cameras are brought together."""

    on: bool = option(
        True,
        "Use the clocks that are found; otherwise only check the recorded times.",
        name="--sync",
        key="sync",
    )
    reference: str | None = option(
        None,
        "Bring the other cameras to this one's clock; one of the commonest rate by default.",
        metavar="CAMERA",
    )
    without: tuple[str, ...] = option(
        (), "Leave this camera out of the take; may be repeated.", metavar="CAMERA"
    )


@dataclass(frozen=True)
class ExportChoice(ExportOptions):
    """What to write of a take: the options of the files, and what concerns the take.

    Attributes:
        formats: suffixes without the dot.
        asked: options of the command line that were given; those that say nothing to a format are
            told.
    """

    formats: tuple[str, ...] = FORMATS
    fill_long_gaps: bool = option(
        False, "Bridge gaps of any length in the skeleton instead of refusing."
    )
    cameras: bool = option(False, "Add the cameras of the rig to GLB.")
    target: str | None = option(
        None,
        "Files as a program wants them, in a folder of its name: blender, unreal, unity, maya, "
        "motionbuilder, mixamo, vrm. Options given besides go before.",
        name="--for",
    )
    folder: str | None = option(None, "Folder to write to instead of the take's.", name="--output")
    asked: tuple[str, ...] = ()

    @property
    def placed(self) -> bool:
        """Whether floor, origin or front were asked for."""
        return not self.placing.nothing

    def folder_of(self, take: Take) -> Path:
        """Return the folder of a take's files."""
        folder = take.export_dir if self.folder is None else Path(self.folder)
        return folder if self.target is None else folder / self.target


@dataclass(frozen=True)
class FitChoice:
    """How bodies are fitted; what is None of the person stands in session.toml."""

    body: str = option(
        FREE_BODY,
        f"Body to fit: {FREE_BODY}, or a SMPL-X file of your own; {NO_BODY}: a skeleton straight "
        "from the keypoints.",
    )
    height_m: float | None = option(
        None, "Body height, instead of that in session.toml.", least=0.5, most=2.5
    )
    mass_kg: float | None = option(
        None, "Body mass: the girth that keypoints do not show.", least=5.0, most=400.0
    )
    sex: str | None = option(None, "Whose mean shape to start from.", words=("female", "male"))
    foot_lock: FootLockMode = option(
        "auto",
        "Hold standing feet: when sure, always, never, or only to the floor's height.",
        words=("auto", "always", "never", "ground"),
    )
    refine_views: bool = option(True, "Refine on the keypoints in every camera's image.")
    subject_shape: str = option(
        ALL_TAKES,
        "Takes that tell the shape: all of the person, only this one, or the one named.",
        metavar="auto|none|TAKE",
    )


@dataclass(frozen=True)
class Choices:
    """What a person may choose for a take.

    Attributes:
        detector: which network finds people.
        sync: how clocks are brought together.
        export: formats and how they are written.
        person: "all" who are seen in a tenth of the take, "main", "largest", or numbers and names.
        fit: the body and how it is fitted; None: no body, a skeleton straight from the keypoints.
        report_videos: whether the report holds small copies of the videos.
    """

    detector: DetectorChoice = field(default_factory=DetectorChoice)
    sync: SyncChoice = field(default_factory=SyncChoice)
    export: ExportChoice = field(default_factory=ExportChoice)
    person: str = option(
        "all",
        "Who: all seen in a tenth of the take, the main person, the largest in the images, or "
        "numbers and names of `mocap people`, separated by commas.",
        metavar="all|main|largest|N|NAME",
    )
    fit: FitChoice | None = field(default_factory=FitChoice)
    report_videos: bool = option(
        False, "Put small copies of the videos (480 px) into the report.", name="--videos"
    )


def export_choice(to: str | None = None, target: str | None = None, **given: Any) -> ExportChoice:
    """Return what to write.

    Args:
        to: formats, separated by commas; the program's, or BVH, TRC and CSV when left out.
        target: a program of `mocap.export.targets`.
        given: fields of `ExportChoice`; None for what was not said.

    Raises:
        InputError: no format was named.
        ExportError: an unknown program, or a field that does not exist.
    """
    from mocap.export.targets import target as settings_of

    name, settings = (None, {}) if target is None else settings_of(target)
    said = {key: value for key, value in given.items() if value is not None}
    known = {each.name: each for each in fields(ExportChoice)}
    unknown = set(said) - set(known)
    if unknown:
        raise ExportError(f"there is no export option '{min(unknown)}'.")
    formats = settings.get("formats", FORMATS)
    if to is not None:
        words = [each.strip().lower() for each in to.split(",") if each.strip()]
        if not words:
            raise InputError("--to names no format. Name one or more, as in bvh,trc.")
        formats = tuple(dict.fromkeys(words))
    asked = tuple(
        sorted(option_name(known[key]) for key, value in said.items() if value is not False)
    )
    chosen = {**settings, **said, "formats": formats}
    if "names" in chosen:
        chosen["names"] = chosen["names"].lower()
    if "order" in chosen:
        chosen["order"] = chosen["order"].upper()
    return ExportChoice(**chosen, target=name, asked=asked)


def choices(
    *,
    detector: str = "movenet",
    weights: Path | None = None,
    feet: bool = True,
    card: str = "",
    boxes: Path | None = None,
    boxes_card: str = "",
    hands: bool = False,
    detect: str = DEFAULT_PACE,
    sync: bool = True,
    reference: str | None = None,
    without: tuple[str, ...] = (),
    to: str | None = None,
    body: str | None = None,
    height_m: float | None = None,
    mass_kg: float | None = None,
    sex: str | None = None,
    foot_lock: FootLockMode = "auto",
    refine_views: bool = True,
    subject_shape: str = "auto",
    person: str = "all",
    report_videos: bool = False,
    **export: Any,
) -> Choices:
    """Return what was chosen; `export` are arguments of `export_choice`.

    Raises:
        InputError: the file of weights does not exist, or no format was named.
    """
    for said, file in (("--weights", weights), ("--boxes", boxes)):
        if file is not None and not file.is_file():
            raise InputError(f"the file of weights {file} does not exist. Correct {said}.")
    return Choices(
        DetectorChoice(
            detector,
            weights,
            feet,
            own=OwnNetwork(card, boxes, boxes_card),
            hands=hands,
            pace=detect,
        ),
        SyncChoice(sync, reference, without),
        export_choice(to, **export),
        fit=None
        if body == NO_BODY
        else FitChoice(
            body or FREE_BODY,
            height_m,
            mass_kg,
            sex,
            foot_lock,
            refine_views,
            subject_shape,
        ),
        person=person,
        report_videos=report_videos,
    )
