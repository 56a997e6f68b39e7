"""Refuse videos that lie under wrong names: copies by their content, swapped ones by the people."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from mocap.core.errors import SessionError

if TYPE_CHECKING:
    from mocap.capture.footage import Footage
    from mocap.core.detections import Detections2D


def refuse_copies(videos: Mapping[str, Path], hash_of: Callable[[Path], str], where: str) -> None:
    """Refuse one recording under the names of two cameras.

    Args:
        videos: by camera.
        hash_of: content hash of a file or folder.
        where: for the message: "take 'dance'".

    Raises:
        SessionError: names both files.
    """
    first: dict[str, str] = {}
    for camera, path in videos.items():
        other = first.setdefault(hash_of(path), camera)
        if other != camera:
            raise SessionError(
                f"cameras '{other}' and '{camera}' of {where} have the same recording: "
                f"{videos[other].name} and {path.name} are equal to the last byte. One of them was "
                f"copied under the wrong name; copy the right one to {path.parent}."
            )


def refuse_swapped(detections: Detections2D, footage: Footage) -> None:
    """Refuse videos under each other's names: the people in them agree with another order.

    Raises:
        SessionError: says which video is of which camera.
    """
    from mocap.reconstruct.swapped import find_swap

    found = find_swap(detections, footage.calibration, image_maps=footage.matrices)
    if found is not None:
        raise SessionError(f"take '{footage.take.name}': {found.sentence()}")
