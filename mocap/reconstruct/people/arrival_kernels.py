"""People who come and go: new ones out of detections left over, lost ones ended."""

from __future__ import annotations

import numpy as np

from mocap.core.kernels.arrays import copy_rows
from mocap.core.kernels.compiled import part
from mocap.core.shapes import BoolArray, FloatArray
from mocap.reconstruct.people.instant_kernels import NOBODY, people_of_instant
from mocap.reconstruct.people.matching_kernels import (
    expected_views,
    is_shaped_like_a_person,
    median_gap,
    project_person,
)
from mocap.reconstruct.people.state import MAX_LIVE, Live, Records, Rig

# A person unseen for longer than this has left, for now (`stitching` may find them again).
COAST_S = 1.0
# Somebody seen for less than this has not proved to be there: dropped after a tenth of a second.
PROVED_S = 0.17
UNPROVED_COAST_S = 0.1

# Nobody new appears this near a known person.
INSIDE_M = 0.3
# Somebody new this near a lost person, farther the longer they are lost, is the lost person; who
# was seen a frame ago has not moved by the width of a body.
FOUND_AGAIN_M = 0.15
FOUND_AGAIN_M_S = 2.0
MAX_FOUND_AGAIN_M = 1.2
# Share of the cameras that should see a new person and do.
BIRTH_SHARE = 0.5

# Two people whose median keypoints are this near are one, followed twice.
SAME_M = 0.15
DOUBLED_S = 0.5

_NEW_AT_ONCE = 12


@part
def write(live: Live, person: int, frame: int, expected: int, records: Records) -> None:
    """Add a row for a person and frame."""
    row = records.filled[0]
    records.frame[row] = frame
    records.track[row] = live.track[person]
    for c in range(live.members.shape[1]):
        records.members[row, c] = live.members[person, c]
        records.swapped[row, c] = live.swapped[person, c]
    copy_rows(live.position[person], records.skeleton[row])
    records.expected[row] = expected
    records.filled[0] = row + 1


@part
def find_new(
    rig: Rig,
    rays: FloatArray,
    tolerance: FloatArray,
    free: BoolArray,
    fps: float,
    frame: int,
    live: Live,
    records: Records,
) -> None:
    """Group the detections left over into people: the lost found again, and new ones."""
    cameras, keypoints = len(rig.poses), live.position.shape[1]
    members = np.zeros((_NEW_AT_ONCE, cameras), np.int64)
    swapped = np.zeros((_NEW_AT_ONCE, cameras), np.bool_)
    skeletons = np.zeros((_NEW_AT_ONCE, keypoints, 3))
    found = people_of_instant(
        rig.poses, rig.essentials, rays, tolerance, rig.orders, free, members, swapped, skeletons
    )
    projected, outline = np.zeros((cameras, keypoints, 2)), np.zeros((cameras, 4))
    depth = np.zeros(cameras)
    for new in range(found):
        views = 0
        for c in range(cameras):
            views += members[new, c] != NOBODY
        if views < 2 or not is_shaped_like_a_person(skeletons[new], rig.bones):
            continue
        project_person(rig.poses, skeletons[new], projected, outline, depth)
        count = live.counts[0]
        expected = expected_views(rig, outline, depth, live.outline[:count], live.depth[:count])
        if views < BIRTH_SHARE * expected:
            continue
        person = _place_for(live, skeletons[new], fps)
        if person == NOBODY:
            continue
        copy_rows(skeletons[new], live.position[person])
        copy_rows(outline, live.outline[person])
        for c in range(cameras):
            live.members[person, c] = members[new, c]
            live.swapped[person, c] = swapped[new, c]
            live.depth[person, c] = depth[c]
            live.view_id[person, c] = NOBODY
        write(live, person, frame, expected, records)


@part
def _place_for(live: Live, skeleton: FloatArray, fps: float) -> int:
    """Return the row of somebody lost who was found again or of somebody new; -1 for neither."""
    count = live.counts[0]
    lost, least, doubtful = NOBODY, np.inf, False
    for person in range(count):
        gap = median_gap(skeleton, live.position[person])
        if live.unseen[person] == 0:
            if gap < INSIDE_M:
                return NOBODY
            continue
        unseen_s = live.unseen[person] / fps
        reach = min(FOUND_AGAIN_M + FOUND_AGAIN_M_S * unseen_s, MAX_FOUND_AGAIN_M)
        if unseen_s <= COAST_S and gap < reach and gap < least:
            lost, least = person, gap
        doubtful = doubtful or reach <= gap < INSIDE_M
    if lost != NOBODY:
        for i in range(3):
            live.velocity[lost, i] *= 0.5
        live.unseen[lost] = 0
        live.hits[lost] += 1
        return lost
    if doubtful or count >= MAX_LIVE:
        return NOBODY
    live.counts[0] += 1
    live.track[count] = live.counts[1]
    live.counts[1] += 1
    live.velocity[count] = 0.0
    live.unseen[count] = 0
    live.hits[count] = 1
    live.doubled[count] = 0
    live.build[count] = np.nan
    return count


@part
def end_doubles(live: Live, fps: float) -> None:
    """Of two who follow one body, end the younger: at once before they have proved to be there.

    People who embrace are as near as that for a moment.
    """
    gone = int(COAST_S * fps) + 1
    for person in range(live.counts[0]):
        double = False
        for other in range(live.counts[0]):
            if person == other or live.unseen[other] >= gone:
                continue
            younger = live.hits[person] < live.hits[other] or (
                live.hits[person] == live.hits[other] and live.track[person] > live.track[other]
            )
            if younger and median_gap(live.position[person], live.position[other]) < SAME_M:
                double = True
                break
        live.doubled[person] = live.doubled[person] + 1 if double else 0
        proved = live.hits[person] >= PROVED_S * fps
        if double and (not proved or live.doubled[person] > DOUBLED_S * fps):
            live.unseen[person] = gone
            live.members[person] = NOBODY


@part
def forget(live: Live, fps: float) -> None:
    """End those unseen for too long; the last row moves into the place of an ended one."""
    person = 0
    while person < live.counts[0]:
        unseen_s = live.unseen[person] / fps
        unproved = live.hits[person] < PROVED_S * fps
        if unseen_s <= COAST_S and not (unproved and unseen_s > UNPROVED_COAST_S):
            person += 1
            continue
        live.counts[0] -= 1
        last = live.counts[0]
        live.track[person] = live.track[last]
        copy_rows(live.position[last], live.position[person])
        copy_rows(live.predicted[last], live.predicted[person])
        copy_rows(live.outline[last], live.outline[person])
        for i in range(3):
            live.velocity[person, i] = live.velocity[last, i]
        for i in range(live.build.shape[1]):
            live.build[person, i] = live.build[last, i]
        for c in range(live.members.shape[1]):
            live.members[person, c] = live.members[last, c]
            live.swapped[person, c] = live.swapped[last, c]
            live.depth[person, c] = live.depth[last, c]
            live.view_id[person, c] = live.view_id[last, c]
        live.unseen[person] = live.unseen[last]
        live.hits[person] = live.hits[last]
        live.doubled[person] = live.doubled[last]
        live.slack[person] = live.slack[last]
