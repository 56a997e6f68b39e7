"""Corrections of who is who, made by a person, applied to what was found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from mocap.capture.edits_file import IdentityEdit
from mocap.core.errors import ReconstructionError
from mocap.core.shapes import BoolArray
from mocap.reconstruct.people.following import Track
from mocap.reconstruct.people.stitching import Person, joined

# People seen by two cameras each in this many frames at once are two people.
_MAX_TOGETHER_FRAMES = 5


def edited(
    people: Mapping[int, Person], edits: Sequence[IdentityEdit], every: int = 1
) -> tuple[dict[int, Person], dict[int, str]]:
    """Return the people by number after all edits, in order, and the names given.

    People are known in one of `every` frames; edits count all of them.

    Raises:
        ReconstructionError: an edit names nobody, or makes one person of two seen together.
    """
    out, names = dict(people), {}
    new = max(out, default=-1) + 1
    for index, edit in enumerate(edits):
        missing = [person for person in edit.people if person not in out]
        if missing:
            raise ReconstructionError(
                f"edits.toml, entry {index + 1} ({edit.as_text()}): there is no person "
                f"{missing[0]}; there are {', '.join(map(str, out)) or 'none'}. Correct or remove "
                "the entry: `mocap people SESSION TAKE` lists everybody."
            )
        first = edit.people[0]
        if edit.do == "swap":
            second = edit.people[1]
            out[first], out[second] = _swapped(out[first], out[second], edit, every)
        elif edit.do == "merge":
            out[first] = _merged(out[first], out.pop(edit.people[1]), edit, index)
        elif edit.do == "split":
            span = _span(out[first].track, edit, every)
            out[first], out[new] = _part(out[first], ~span), _part(out[first], span)
            new += 1
        elif edit.do == "drop":
            out[first] = _part(out[first], ~_span(out[first].track, edit, every))
        elif edit.name is not None:
            names[first] = edit.name
        out = {person: each for person, each in out.items() if len(each.track.frames)}
    return out, {person: name for person, name in names.items() if person in out}


def _span(track: Track, edit: IdentityEdit, every: int) -> BoolArray:
    """Return the instants (n,) an edit is about."""
    first = 0 if edit.from_frame is None else edit.from_frame
    last = np.iinfo(np.int64).max if edit.to_frame is None else edit.to_frame
    frames = every * track.frames
    return np.asarray((frames >= first) & (frames <= last))


def _part(person: Person, kept: BoolArray) -> Person:
    return Person(person.track.part(kept), person.joins)


def _swapped(
    first: Person, second: Person, edit: IdentityEdit, every: int
) -> tuple[Person, Person]:
    one, two = _span(first.track, edit, every), _span(second.track, edit, every)
    return (
        Person(_in_order(first.track.part(~one), second.track.part(two)), first.joins),
        Person(_in_order(second.track.part(~two), first.track.part(one)), second.joins),
    )


def _merged(first: Person, second: Person, edit: IdentityEdit, index: int) -> Person:
    """Return both as one; where both are seen, the view of the first counts."""
    both = np.isin(second.track.frames, first.track.frames)
    sure = np.isin(second.track.frames, first.track.frames[first.track.views >= 2])
    together = int(np.sum(sure & (second.track.views >= 2)))
    if together > _MAX_TOGETHER_FRAMES:
        raise ReconstructionError(
            f"edits.toml, entry {index + 1} ({edit.as_text()}): they are seen in different places "
            f"at the same time in {together} frames, so they are two people. Remove the entry, or "
            "split one of them first."
        )
    return Person(_in_order(first.track, second.track.part(~both)), first.joins + second.joins)


def _in_order(first: Track, second: Track) -> Track:
    whole = joined([first, second])
    order = np.argsort(whole.frames, kind="stable")
    return Track(
        whole.frames[order],
        whole.members[order],
        whole.swapped[order],
        whole.skeletons[order],
        whole.expected[order],
    )
