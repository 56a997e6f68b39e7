"""The report stage: one page about a take, and one about each of several people."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.capture.footage import Footage
from mocap.capture.session import Take
from mocap.core.body.fit_figures import FitFigures
from mocap.core.clocks import load_clocks
from mocap.core.detections import Tracks2D
from mocap.core.points import Points3D
from mocap.core.shapes import Array
from mocap.core.store import file_hash
from mocap.workflow.export.files import earlier_files
from mocap.workflow.frames import images_at
from mocap.workflow.job import Job, StageCode
from mocap.workflow.people import person_cards
from mocap.workflow.pipeline import Made
from mocap.workflow.results import FittedBody, Results
from mocap.workflow.rig.calibration_report import load_calibration_report

if TYPE_CHECKING:
    from mocap.studio.take.body_section import BodyFigures, ShapeFigures
    from mocap.studio.take.report_data import PersonCard, ReportData

# Enough to see whether skeleton and images agree over the take, few enough to read them quickly.
SHEET_FRAMES = 5


def _make(job: Job) -> Made:
    from mocap.reconstruct.exact_time import at_frame_times
    from mocap.studio.take.report import MAX_FRAMES, write_report
    from mocap.studio.take.report_data import ReportData
    from mocap.studio.understand.actions import timeline_rows
    from mocap.workflow.checks.causes import wrong_with
    from mocap.workflow.studio.material import player_of_person, player_take
    from mocap.workflow.sync import sync_curves
    from mocap.workflow.understand.actions import named, tellable

    take, footage = job.take, job.footage
    # They are kept as they are made: first, so that a run that is killed in them loses no more.
    videos = _videos(job) if job.choices.report_videos else {}
    job.progress.advanced("report: parts", 0, 2)
    points = job.load("points", Points3D)  # causes look at them too
    # The room behind the people is looked at by `mocap check` and `mocap doctor` alone.
    causes = wrong_with(take)
    tracks = job.load("tracks", Tracks2D)
    results = Results(take)
    actions = named(tellable(points), results.names)
    pages = pages_of(results, points)
    sheet = _Sheet(footage, tracks, points)
    # Residuals are those of the exact times; pictures show each image with what was found in it.
    timely = at_frame_times(tracks, points, footage.calibration)
    data = ReportData(
        take_name=take.name,
        calibration=footage.calibration,
        tracks=timely,
        points=points,
        warnings=(*footage.recording.warnings, *results.warnings()),
        provenance=_made_from(results),
        calibration_report=load_calibration_report(take.session),
        contact_sheet_png=sheet.of(tracks, points),
        everybody=_everybody(take, footage, pages),
        clocks=load_clocks(take.clocks_path) if take.clocks_path.is_file() else None,
        sync_curves=sync_curves(take.clocks_path),
        actions=actions,
        causes=causes,
    )
    bodies = results.bodies if job.has("bodies") else {}
    shown = {person: _body(each) for person, each in bodies.items()}
    player = player_take(take, lambda camera: f"packed-video {camera}" if camera in videos else "",
                         bodies=bool(bodies), most_frames=MAX_FRAMES)  # fmt: skip
    player = replace(player, actions=timeline_rows(actions))
    _remove_earlier(job)
    count = 2 + len(pages)
    job.progress.advanced("report: parts", 1, count)
    write_report(data, take.report_path, tuple(shown.values()), player, videos)
    for done, (person, page) in enumerate(pages.items(), 2):
        job.progress.advanced("report: parts", done, count)
        own = replace(
            of_person(data, person, results), contact_sheet_png=sheet.of(tracks, points, person)
        )
        body = [shown[person]] if person in shown else []
        write_report(own, page, body, player_of_person(player, take, person), videos)
    job.progress.advanced("report: parts", count, count)
    return Made([take.report_path, *pages.values()])


def of_person(data: ReportData, person: int, results: Results) -> ReportData:
    """Return what the report of one of several people shows."""
    return replace(
        data,
        take_name=f"{data.take_name}: {results.names.get(person, f'person {person}')}",
        tracks=data.tracks.of_person(person),
        points=data.points.of_person(person),
        everybody=tuple(
            replace(each, page="") for each in data.everybody if each.person_id == person
        ),
        actions=tuple(each for each in data.actions if each.person_id == person),
        whole_page=results.take.report_path.name,
    )


def pages_of(results: Results, points: Points3D) -> dict[int, Path]:
    """Return by person where the report of them alone is; none for a take of one person."""
    if len(points.person_ids) < 2:
        return {}
    whole = results.take.report_path
    return {
        person: whole.with_name(f"{whole.stem}_{results.label(person)}{whole.suffix}")
        for person in points.person_ids
    }


def _remove_earlier(job: Job) -> None:
    """Remove the reports of people that an earlier run wrote and nobody has changed since."""
    whole = job.take.report_path
    for name, each in earlier_files(job.earlier_manifest).items():
        path = (job.path.parent / name).resolve()
        ours = path.parent == whole.parent.resolve() and path.name.startswith(f"{whole.stem}_")
        if ours and path.is_file() and file_hash(path) == each.digest:
            path.unlink()


def _videos(job: Job) -> dict[str, bytes]:
    """Return small copies of the videos, by camera."""
    from mocap.workflow.studio.proxies import small_copy

    found: dict[str, bytes] = {}
    for camera, path in job.footage.videos.items():
        times = job.footage.recording.infos[camera].times_s
        job.progress.advanced("small copies: videos", len(found), len(job.footage.videos))
        found[camera] = small_copy(job.take, camera, path, times).read_bytes()
    return found


def _options(job: Job) -> dict[str, object]:
    return {
        "warnings": job.footage.recording.warnings,
        "videos": job.choices.report_videos,
    }


def _body(body: FittedBody) -> BodyFigures:
    """Return a body with what became of its feet, as the report shows it."""
    from mocap.studio.take.body_section import BodyFigures

    figures = body.figures
    if figures is None:
        return BodyFigures(body.motion)
    return BodyFigures(
        body.motion,
        slide_before_mm=figures.slide_before_mm,
        slide_after_mm=figures.slide_after_mm,
        shape=_shape(figures),
    )


def _shape(figures: FitFigures) -> ShapeFigures | None:
    """Return what the fit noted about a person's shape."""
    from mocap.studio.take.body_section import ShapeFigures

    if figures.body_height_m is None or figures.body_mass_kg is None:
        return None
    return ShapeFigures(
        height_m=figures.body_height_m,
        mass_kg=figures.body_mass_kg,
        given_height_m=figures.given_height_m,
        given_mass_kg=figures.given_mass_kg,
        given_sex=figures.given_sex,
        subject=figures.subject,
        takes=figures.shape_from,
    )


class _Sheet:
    """Images of every camera over the take, read once, to draw people on."""

    def __init__(self, footage: Footage, tracks: Tracks2D, points: Points3D) -> None:
        """Read the images."""
        frames = range(0, len(points.xyz), max(1, len(points.xyz) // SHEET_FRAMES))[:SHEET_FRAMES]
        infos = footage.recording.infos
        self._footage = footage
        self._images: dict[str, dict[int, Array]] = {
            camera: images_at(footage.take, infos[camera], frames, points.fps)
            for camera in (tracks.camera_names if footage.videos else ())
        }

    def of(self, tracks: Tracks2D, points: Points3D, person: int | None = None) -> bytes | None:
        """Return the images with detections and skeletons of everybody or one person drawn on
        them, as JPEG; None where no camera has images."""
        from mocap.studio.pictures.cells import encode_jpeg
        from mocap.studio.pictures.overlay import Overlay, contact_sheet

        if not self._images:
            return None
        if person is not None:
            tracks, points = tracks.of_person(person), points.of_person(person)
        overlay = Overlay(self._footage.calibration, tracks, points, self._footage.matrices)
        return encode_jpeg(contact_sheet(overlay, self._images))


def _everybody(take: Take, footage: Footage, pages: Mapping[int, Path]) -> tuple[PersonCard, ...]:
    """Return who was found; nobody where the tracks do not tell."""
    if "everybody" not in Results(take).provenance("tracks").notes:
        return ()
    return tuple(
        replace(card, page=pages[card.person_id].name if card.person_id in pages else "")
        for card in person_cards(take, footage)
    )


def _made_from(results: Results) -> tuple[tuple[str, str], ...]:
    """Return stage and options of every artifact, for the foot of the report."""
    lines = []
    for made in results.records():
        shown = {key: value for key, value in made.options.items() if key != "image_maps"}
        options = ", ".join(f"{key} {value}" for key, value in shown.items())
        lines.append(
            (made.stage, f"mocap-studio {made.version}" + (f"; {options}" * bool(options)))
        )
    return tuple(lines)


STAGE = StageCode(make=_make, options=_options, defaults=lambda: {"videos": False})
