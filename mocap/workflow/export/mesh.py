"""The skin of the fitted bodies of a take, as files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from mocap.body.mesh import check_same_body, posed_skins
from mocap.body.model import BodyModel
from mocap.capture.footage import Footage
from mocap.capture.session import Take
from mocap.core.body_motion import BodyMotion
from mocap.core.errors import BodyError, InputError
from mocap.core.files.lock import alone
from mocap.core.files.names import portable
from mocap.core.shapes import Array
from mocap.core.store import atomic_write
from mocap.workflow.export.choices import MeshChoice
from mocap.workflow.frames import images_at
from mocap.workflow.progress import Progress
from mocap.workflow.results import Results

# As many as the sheet of the report: enough to see a fit that slips, few enough to look at.
SHEET_FRAMES = 5


@dataclass(frozen=True, eq=False)
class MeshBodies:
    """The bodies whose skin is written, by person, and the model they pose."""

    model: BodyModel
    motions: Mapping[int, BodyMotion]

    @property
    def frame_count(self) -> int:
        """Frames of the longest motion."""
        return max(motion.frame_count for motion in self.motions.values())


def mesh_bodies(take: Take, choice: MeshChoice) -> MeshBodies:
    """Return the fitted bodies of a take and the model they were fitted with.

    Raises:
        BodyError: there is none, not of this person, or it was fitted to another body.
        InputError: they were fitted to other points than there are now.
    """
    fitted = Results(take).bodies
    if choice.person is not None and choice.person not in fitted:
        known = ", ".join(str(person) for person in fitted) or "nobody"
        raise BodyError(
            f"take {take.name} has no fitted body of person {choice.person}; it has {known}."
        )
    if not fitted:
        raise BodyError(f"take {take.name} has no fitted body yet: fit one first.")
    people = list(fitted) if choice.person is None else [choice.person]
    model = fitted[people[0]].model(choice.body)
    motions = {person: fitted[person].motion for person in people}
    for motion in motions.values():
        check_same_body(model, motion)
    return MeshBodies(model, motions)


@alone("mocap mesh")
def write_meshes(
    take: Take, bodies: MeshBodies, choice: MeshChoice, suffix: str, progress: Progress
) -> list[Path]:
    """Write one mesh a frame and person; return the files."""
    from mocap.export.mesh_files import MESH_WRITERS

    write = MESH_WRITERS[suffix]
    folder = take.mesh_dir
    folder.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    results = Results(take)
    labels = {person: results.label(person) for person in bodies.motions}
    for person, motion in bodies.motions.items():
        frames = choice.chosen(motion.frame_count)
        name = portable(take.name) + (f"_{labels[person]}" if len(bodies.motions) > 1 else "")
        for done, (frame, skin) in enumerate(posed_skins(bodies.model, motion, frames), 1):
            path = folder / f"{name}_{frame:06d}.{suffix}"
            write(path, skin, bodies.model.faces, bodies.model.licence_note)
            written.append(path)
            progress.advanced(labels[person], done, len(frames))
    progress.finished(f"Wrote {len(written)} meshes to {folder}")
    return written


@alone("mocap mesh")
def write_overlay(take: Take, bodies: MeshBodies, choice: MeshChoice, progress: Progress) -> Path:
    """Draw the bodies on frames of every camera, spread over the chosen ones."""
    from mocap.studio.pictures.cells import encode_png
    from mocap.studio.pictures.mesh_overlay import MeshOverlay, mesh_sheet
    from mocap.studio.pictures.overlay import spread_frames

    footage = Footage(take)
    if not footage.videos:
        raise InputError(
            f"take {take.name} has no videos to draw bodies on: its keypoints were imported."
        )
    within = choice.chosen(bodies.frame_count)
    frames = [within[k] for k in spread_frames(len(within), SHEET_FRAMES)]
    skins: dict[int, dict[int, Array]] = {frame: {} for frame in frames}
    for person, motion in bodies.motions.items():
        own = [frame for frame in frames if frame < motion.frame_count]
        for frame, skin in posed_skins(bodies.model, motion, own):
            skins[frame][person] = skin
    fps = next(iter(bodies.motions.values())).fps
    overlay = MeshOverlay(
        calibration=footage.calibration,
        image_maps=footage.matrices,
        skins=skins,
        faces=dict.fromkeys(bodies.motions, bodies.model.faces),
        fps=fps,
    )
    images = {
        camera: images_at(take, footage.recording.infos[camera], frames, fps)
        for camera in footage.calibration.names
    }
    note = "SMPL-X licence" if bodies.model.licence_note else ""
    with atomic_write(take.mesh_overlay_path) as temporary:
        temporary.write_bytes(encode_png(mesh_sheet(overlay, images, note=note)))
    progress.finished(f"Wrote {take.mesh_overlay_path}")
    return take.mesh_overlay_path
