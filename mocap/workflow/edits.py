"""What a person changes about a take: list, add and remove the entries of `edits.toml`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from mocap.capture.edits import KINDS, AnyEdit, Edit, append_edit, checked, kind_of, load_edits
from mocap.capture.session import Take
from mocap.capture.toml_tables import suggest
from mocap.core.errors import InputError
from mocap.workflow.graph import path_of
from mocap.workflow.people import add_identity_edit
from mocap.workflow.results import Results


def listed(take: Take) -> list[Mapping[str, object]]:
    """Return every entry with its number from 1, in words and as it is written."""
    return [
        {
            "number": number,
            "kind": kind_of(edit),
            "text": edit.as_text(),
            "toml": edit.as_toml(),
            "redoes": KINDS[kind_of(edit)].redoes,
        }
        for number, edit in enumerate(load_edits(take.edits_path), start=1)
    ]


def add_edit(take: Take, kind: str, entry: Mapping[str, Any]) -> AnyEdit:
    """Check an entry against the take, write it at the end of `edits.toml`, and return it.

    Args:
        take: the take.
        kind: of `mocap.capture.edits.KINDS`.
        entry: its keys; those that are None or empty are left out.

    Raises:
        InputError: it cannot be understood, or speaks of something that the take does not have.
    """
    given = {key: value for key, value in entry.items() if value not in (None, "", (), [])}
    if kind == "identity":
        return add_identity_edit(take, given)
    edit = checked(kind, given, f"{take.edits_path}")
    assert isinstance(edit, Edit)
    _check_take(take, edit)
    append_edit(take.edits_path, edit)
    return edit


def _check_take(take: Take, edit: Edit) -> None:
    """Raise InputError when an entry speaks of something that the take does not have."""
    cameras = list(take.videos())
    if edit.camera is not None and edit.camera not in cameras:
        raise InputError(
            f"take {take.name} has no camera '{edit.camera}'. {suggest(edit.camera, cameras)}"
        )
    if not path_of(take, "points").is_file():
        return
    # Stale or not, they tell how long the take is and who and what is in it.
    results = Results(take)
    points = results.stored_points()
    frames = len(points.xyz)
    spoken = [f for f in (edit.from_frame, edit.to_frame, edit.frame) if f is not None]
    if spoken and max(spoken) > frames - 1:
        raise InputError(
            f"take {take.name} has the frames 0 to {frames - 1}; frame {max(spoken):g} is none."
        )
    _check_names(take, edit, points.keypoint_names, points.person_ids)


def _check_names(take: Take, edit: Edit, keypoints: Sequence[str], people: Sequence[int]) -> None:
    unknown = [name for name in edit.keypoints if name not in keypoints]
    if unknown:
        raise InputError(
            f"take {take.name} has no keypoint '{unknown[0]}'. {suggest(unknown[0], keypoints)}"
        )
    if edit.person is not None and edit.person not in people:
        raise InputError(
            f"take {take.name} has no person {edit.person}; there are "
            f"{', '.join(map(str, people)) or 'none'}."
        )
