"""Who is in a take: everybody with a picture, and corrections of who is who."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from mocap.capture.edits import EDITS_LOCK, append_edit, kind_of, load_edits, remove_edit
from mocap.capture.edits_file import IdentityEdit, identity_edit, load_identity_edits
from mocap.capture.footage import Footage
from mocap.capture.session import Take
from mocap.core.detections import looked_at_every
from mocap.core.errors import InputError
from mocap.core.files.lock import alone
from mocap.core.shapes import Array
from mocap.core.store import atomic_write
from mocap.workflow.frames import images_at
from mocap.workflow.results import Results
from mocap.workflow.understand.lifted import refuse_lifted

if TYPE_CHECKING:
    from mocap.studio.take.report_data import PersonCard

# Side of a picture of a person, and how much is shown around them, as a share of their size.
PICTURE_PX = 160
_MARGIN = 0.15


def found_people(take: Take) -> list[dict[str, Any]]:
    """Return everybody whom the associate stage found, as it noted them.

    Raises:
        InputError: the stage has not run.
    """
    results = Results(take)
    if not results.has("tracks"):
        refuse_lifted(take)
        raise InputError(
            f"nobody has been told apart in take {take.name} yet. Run `mocap run "
            f"{take.session.root} {take.name}` or `mocap associate` first."
        )
    noted: list[dict[str, Any]] | None = results.provenance("tracks").notes.get("everybody")
    if noted is None:
        raise InputError(
            f"the tracks of take {take.name} were made by an earlier version, which kept one "
            f"person only. Run `mocap run {take.session.root} {take.name}` again."
        )
    return noted


def person_cards(take: Take, footage: Footage | None) -> tuple[PersonCard, ...]:
    """Return everybody who was found, with pictures where there is footage."""
    from mocap.studio.take.report_data import PersonCard

    people = found_people(take)
    tracks = Results(take).tracks
    frame_count = len(range(0, tracks.pixels.shape[1], looked_at_every(tracks.times_s)))
    pictures = pictures_of(people, footage, tracks.fps) if footage is not None else {}
    return tuple(
        PersonCard(
            person_id=each["person_id"],
            name=each["name"],
            chosen=each["chosen"],
            seconds=tuple(each["seconds"]),
            frames=each["frames"],
            frame_count=frame_count,
            views=sum(each["views_by_camera"].values()) / max(each["frames"], 1),
            height_m=each["height_m"],
            picture_png=pictures.get(each["person_id"]),
        )
        for each in people
    )


def pictures_of(
    people: Sequence[Mapping[str, Any]], footage: Footage, fps: float
) -> dict[int, bytes]:
    """Return a PNG of each person from the view that shows them best."""
    from mocap.studio.pictures.overlay import encode_png

    wanted: dict[str, dict[int, list[tuple[int, list[float]]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    for each in people:
        camera, frame, box = each["best_view"]
        wanted[camera][frame].append((each["person_id"], box))
    out = {}
    for camera, frames in wanted.items():
        video_from_calibration = _inverse(footage.matrices.get(camera))
        info = footage.recording.infos[camera]
        images = images_at(footage.take, info, sorted(frames), fps)
        for frame, image in images.items():
            for person_id, box in frames[frame]:
                out[person_id] = encode_png(_cut_out(image, box, video_from_calibration))
    return out


def _inverse(matrix: Array | None) -> Array:
    """Return the (2, 3) map back, of none the one that changes nothing."""
    if matrix is None:
        return np.eye(2, 3)
    back = np.linalg.inv(np.asarray(matrix)[:, :2])
    return np.concatenate([back, -back @ np.asarray(matrix)[:, 2:]], axis=1)


def _cut_out(image: Array, box: Sequence[float], back: Array) -> Array:
    """Return a square picture around a box x0 y0 x1 y1 in pixels of the calibration."""
    import cv2

    corners = np.array(box, dtype=np.float64).reshape(2, 2) @ back[:, :2].T + back[:, 2]
    middle = corners.mean(axis=0)
    side = (1.0 + 2.0 * _MARGIN) * max(float(np.ptp(corners, axis=0).max()), 8.0)
    scale = PICTURE_PX / side
    half = 0.5 * (PICTURE_PX - 1)
    matrix = np.array(
        [[scale, 0.0, half - scale * middle[0]], [0.0, scale, half - scale * middle[1]]]
    )
    return np.asarray(cv2.warpAffine(image, matrix, (PICTURE_PX, PICTURE_PX), flags=cv2.INTER_AREA))


def change_identities(
    take: Take, action: str, entry: Mapping[str, Any]
) -> tuple[IdentityEdit, str]:
    """Write a correction, or with "undo" take the last one back; return it and what was done."""
    if action == "undo":
        return undo_identity_edit(take), "taken out of"
    return add_identity_edit(take, {"do": action, **entry}), "written to"


def add_identity_edit(take: Take, entry: Mapping[str, Any]) -> IdentityEdit:
    """Check a correction, write it at the end of `edits.toml`, and return it.

    Raises:
        InputError: it cannot be understood, names nobody who is there, or the file is damaged.
    """
    given = {key: value for key, value in entry.items() if value is not None}
    edit = identity_edit(given, f"{take.edits_path}")
    earlier = load_identity_edits(take.edits_path)
    known = {each["person_id"] for each in found_people(take)}
    # The list is that of the last run: entries written since may have made new people.
    made = len(known) + sum(each.do == "split" for each in earlier)
    unknown = [each for each in edit.people if each not in known and each >= made]
    if unknown:
        raise InputError(
            f"there is no person {unknown[0]} in take {take.name}; there are "
            f"{', '.join(map(str, sorted(known)))}. `mocap people {take.session.root} {take.name}` "
            "lists them."
        )
    append_edit(take.edits_path, edit)
    return edit


@alone("mocap people", EDITS_LOCK)
def undo_identity_edit(take: Take) -> IdentityEdit:
    """Take the last correction out of `edits.toml` and return it.

    Raises:
        InputError: there is none.
    """
    edits = load_edits(take.edits_path)
    numbers = [k for k, edit in enumerate(edits) if kind_of(edit) == "identity"]
    if not numbers:
        raise InputError(f"{take.edits_path} has no [[identity]] entry to take back.")
    removed = remove_edit(take.edits_path, numbers[-1] + 1)
    assert isinstance(removed, IdentityEdit)
    return removed


def picture_sheet(cards: Sequence[PersonCard], path: Path) -> Path | None:
    """Write everybody's pictures side by side, each with its number; None without pictures."""
    import cv2

    from mocap.studio.pictures.overlay import encode_png

    tiles = []
    for card in cards:
        if card.picture_png is None:
            continue
        found = cv2.imdecode(np.frombuffer(card.picture_png, np.uint8), cv2.IMREAD_COLOR)
        tile = np.ascontiguousarray(np.asarray(found)[..., ::-1])
        where = (6, PICTURE_PX - 8)
        for width, colour in ((4, (0, 0, 0)), (1, (255, 255, 255))):
            label = str(card.person_id) if card.chosen else f"{card.person_id} out"
            cv2.putText(tile, label, where, cv2.FONT_HERSHEY_SIMPLEX, 0.7, colour, width)
        tiles.append(tile)
    if not tiles:
        return None
    with atomic_write(path) as temporary:
        temporary.write_bytes(encode_png(np.concatenate(tiles, axis=1)))
    return path


def people_table(take: Take) -> tuple[tuple[Sequence[str], list[Sequence[str]]], Path | None]:
    """Return header and rows of a table of everybody, and where their pictures were written."""
    cards = person_cards(take, Footage(take) if take.videos() else None)
    header = ("person", "number", "from s", "to s", "frames", "cameras", "height m", "")
    rows: list[Sequence[str]] = [
        (
            card.name,
            str(card.person_id),
            f"{card.seconds[0]:.1f}",
            f"{card.seconds[1]:.1f}",
            f"{card.frames}/{card.frame_count}",
            f"{card.views:.1f}",
            "-" if card.height_m is None else f"{card.height_m:.2f}",
            "" if card.chosen else "left out",
        )
        for card in cards
    ]
    return (header, rows), picture_sheet(cards, take.root / "people.png")
