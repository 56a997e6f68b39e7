"""People followed from frame to frame: known people first, new people from what is left over.

Every frame: each live person is predicted; in each camera people and detections are matched one
to one, plain or with left and right exchanged, so that nobody is in two places of one image and no
two people share a detection; each person is solved robustly from their views, views that do not
agree with the result are given back; matching and solving run twice. Detections left over are
grouped without history (`instant_kernels`). The cost is cameras x people x detections.
"""

from __future__ import annotations

import math

import numpy as np

from mocap.core.kernels.arrays import copy_rows
from mocap.core.kernels.compiled import kernel, part
from mocap.core.shapes import BoolArray, FloatArray, IntArray
from mocap.reconstruct.people.arrival_kernels import (
    PROVED_S,
    end_doubles,
    find_new,
    forget,
    write,
)
from mocap.reconstruct.people.assignment_kernels import assign_rows
from mocap.reconstruct.people.instant_kernels import NOBODY
from mocap.reconstruct.people.matching_kernels import (
    agreement,
    build_misfit,
    build_of,
    cameras_left,
    expected_views,
    free_all,
    match_of,
    median_gap,
    median_step,
    project_person,
    slide_to_view,
    tolerance_of,
)
from mocap.reconstruct.people.solving_kernels import (
    NOISE_OF_TOLERANCE,
    depth_sd_m,
    keep_better,
    middle_of,
    solve_person,
)
from mocap.reconstruct.people.state import Instants, Live, Records, Rig

# Time constants of the body's velocity: how fast it follows, how long it lasts seen and unseen.
VELOCITY_FOLLOWS_S = 0.077
VELOCITY_LASTS_S = 1.65
VELOCITY_LASTS_UNSEEN_S = 0.32
# The tolerance widens by this much a second unseen, up to twice.
SLACK_PER_S = 3.6
MAX_SLACK = 2.0

# A body's middle is no farther than this from where it was predicted, and a person unseen no
# farther than they can walk.
JUMP_M = 0.25
JUMP_M_S = 1.5
# With somebody else within this, a jump to their place must not pass for one's own: bodies that
# hold each other are 0.25 m apart.
BESIDE_M = 1.0
JUMP_BESIDE_M = 0.15
# How far off a prediction is after one frame: it counts against rays by this.
PREDICTED_M = 0.1
# A solution whose bones differ from the person's own by more than this (0.2: a fifth, median over
# the bones) is put together from two people. Noise makes it 0.05 to 0.1.
MAX_BUILD_MISFIT = 0.2
BUILD_LASTS_S = 3.0

# Two views that leave keypoints uncertain by this along their rays count as one when alone, without
# the prediction, they put the person this far from where they are.
DOUBTFUL_DEPTH_SD_M = 0.08
MAX_DEPTH_ERROR_M = 0.15
# A person seen by one camera is moved to where it sees them if it shows them, not somebody mixed
# with another, whose keypoints fit half.
SURE_SUPPORT = 0.6
# By so much better, of a support in [0, 1], fits a detection that is the same person in its view as
# last time: less than people differ who stand apart, so that it decides between equals only.
SAME_IN_VIEW = 0.02


@kernel
def follow_frames(
    rig: Rig, instants: Instants, fps: float, first_frame: int, live: Live, records: Records
) -> None:
    """Follow everybody through successive frames; `live` and `records` are continued."""
    frames = len(instants.tolerance)
    free = np.zeros(instants.tolerance.shape[1:], np.bool_)
    for f in range(frames):
        rays, confidence = instants.rays[f], instants.confidence[f]
        _predict(live, fps)
        for last in range(2):
            free_all(instants.tolerance[f], free)
            _match(rig, rays, instants.boxes[f], instants.view_ids[f], free, live, fps)
            for person in range(live.counts[0]):
                _solve(rig, rays, confidence, live, person, last == 1, fps)
        end_doubles(live, fps)
        free_all(instants.tolerance[f], free)
        for person in range(live.counts[0]):
            _count_and_free(rig, rays, live, person, free, fps)
        _record(rig, live, first_frame + f, instants.view_ids[f], records)
        if cameras_left(free) >= 2:
            find_new(rig, rays, instants.tolerance[f], free, fps, first_frame + f, live, records)
        forget(live, fps)


@part
def _predict(live: Live, fps: float) -> None:
    """Move everybody on by their velocity."""
    for person in range(live.counts[0]):
        for k in range(live.position.shape[1]):
            for i in range(3):
                live.position[person, k, i] += live.velocity[person, i] / fps
        copy_rows(live.position[person], live.predicted[person])
        live.slack[person] = min(1.0 + SLACK_PER_S * live.unseen[person] / fps, MAX_SLACK)


@part
def _match(
    rig: Rig,
    rays: FloatArray,
    boxes: FloatArray,
    view_ids: IntArray,
    free: BoolArray,
    live: Live,
    fps: float,
) -> None:
    """Match people and detections; those who have proved to be there choose before the others."""
    count = live.counts[0]
    rows = np.zeros(count, np.int64)
    for person in range(count):
        project_person(
            rig.poses,
            live.position[person],
            live.projected[person],
            live.outline[person],
            live.depth[person],
        )
        live.members[person] = NOBODY
        live.swapped[person] = False
        live.support[person] = 0.0
    for stage in range(2):
        chosen = 0
        for person in range(count):
            sure = live.hits[person] >= PROVED_S * fps
            if sure == (stage == 0):
                rows[chosen] = person
                chosen += 1
        if chosen > 0:
            for c in range(len(free)):
                _match_camera(rig, rays[c], boxes[c], view_ids[c], free[c], live, rows[:chosen], c)


@part
def _match_camera(
    rig: Rig,
    rays: FloatArray,
    boxes: FloatArray,
    view_ids: IntArray,
    free: BoolArray,
    live: Live,
    rows: FloatArray,
    c: int,
) -> None:
    """Match the people `rows` and the free detections (slot,) of camera c one to one."""
    slots = len(free)
    # A person who fits no detection takes a column of their own.
    cost = np.zeros((len(rows), slots + len(rows)))
    cost[:] = 1.0
    supports = np.zeros((len(rows), slots))
    mirrored = np.zeros((len(rows), slots), np.bool_)
    anything = False
    for row in range(len(rows)):
        person = rows[row]
        if live.depth[person, c] <= 0.0:
            continue
        outline = live.outline[person, c]
        tolerance = tolerance_of(rig, c, outline, live.slack[person])
        for slot in range(slots):
            if not free[slot] or _far_apart(outline, boxes[slot], tolerance):
                continue
            support, swap = match_of(live.projected[person, c], rays[slot], rig.orders, tolerance)
            if support > 0.0:
                supports[row, slot] = support
                same = view_ids[slot] >= 0 and view_ids[slot] == live.view_id[person, c]
                cost[row, slot] = 1.0 - support - (SAME_IN_VIEW if same else 0.0)
                mirrored[row, slot] = swap
                anything = True
    if not anything:
        return
    column_of = np.zeros(len(rows), np.int64)
    assign_rows(cost, column_of)
    for row in range(len(rows)):
        slot = column_of[row]
        if slot < slots and cost[row, slot] < 1.0:
            person = rows[row]
            live.members[person, c] = slot
            live.swapped[person, c] = mirrored[row, slot]
            live.support[person, c] = supports[row, slot]
            free[slot] = False


@part
def _far_apart(first: FloatArray, second: FloatArray, margin: float) -> bool:
    """Return whether two boxes do not touch even when one is widened by the margin."""
    return bool(
        second[0] > first[2] + margin
        or second[2] < first[0] - margin
        or second[1] > first[3] + margin
        or second[3] < first[1] - margin
    )


@part
def _views(live: Live, person: int) -> int:
    views = 0
    for slot in live.members[person]:
        views += slot != NOBODY
    return views


@part
def _solve(
    rig: Rig,
    rays: FloatArray,
    confidence: FloatArray,
    live: Live,
    person: int,
    last: bool,
    fps: float,
) -> None:
    """Solve a person from their views; give back those that do not agree with the result."""
    cameras, keypoints = len(rig.poses), live.position.shape[1]
    members, swapped = live.members[person], live.swapped[person]
    skeleton = np.zeros((keypoints, 3))
    projected, outline = np.zeros((cameras, keypoints, 2)), np.zeros((cameras, 4))
    build = np.zeros(len(rig.bones))
    depth, share, tolerance = np.zeros(cameras), np.zeros(cameras), np.zeros(cameras)
    for c in range(cameras):
        tolerance[c] = tolerance_of(rig, c, live.outline[person, c], live.slack[person])
    unseen_s = live.unseen[person] / fps
    pull = (NOISE_OF_TOLERANCE / (PREDICTED_M + JUMP_M_S * unseen_s)) ** 2
    views = _views(live, person)
    while views >= 2:
        solve_person(
            rig,
            rays,
            confidence,
            members,
            swapped,
            live.position[person],
            live.predicted[person],
            pull,
            tolerance,
            skeleton,
        )
        project_person(rig.poses, skeleton, projected, outline, depth)
        for c in range(cameras):
            tolerance[c] = tolerance_of(rig, c, outline[c], 1.0)
        if agreement(rig, rays, members, swapped, projected, tolerance, share) == views:
            break
        worst = NOBODY
        for c in range(cameras):
            share[c] = min(share[c], live.support[person, c])
            if members[c] != NOBODY and (worst == NOBODY or share[c] < share[worst]):
                worst = c
        members[worst] = NOBODY
        views -= 1
    build_of(skeleton, rig.bones, build)
    jump = JUMP_BESIDE_M if _is_beside_another(live, person) else JUMP_M
    if views >= 2 and (
        median_gap(skeleton, live.predicted[person]) > jump + JUMP_M_S * unseen_s
        or build_misfit(build, live.build[person]) > MAX_BUILD_MISFIT
    ):
        members[:] = NOBODY
        views = 0
    if views < 2:
        if last:
            # The first round may have moved them with a view that was given back since.
            copy_rows(live.predicted[person], live.position[person])
        return
    facing = False
    if views == 2 and depth_sd_m(rig, members, skeleton, tolerance) > DOUBTFUL_DEPTH_SD_M:
        alone = np.zeros((keypoints, 3))
        solve_person(
            rig, rays, confidence, members, swapped, skeleton, skeleton, 0.0, tolerance, alone
        )
        facing = median_gap(alone, skeleton) > MAX_DEPTH_ERROR_M
    if facing:
        keep_better(members, share)
    elif last:
        _steer(live, person, skeleton, fps)
    for k in range(keypoints):
        if not np.isnan(skeleton[k, 0]):
            for i in range(3):
                live.position[person, k, i] = skeleton[k, i]
    if not facing:
        live.slack[person] = 1.0


@part
def _is_beside_another(live: Live, person: int) -> bool:
    """Return whether anybody else is expected near, by the middles of the bodies."""
    own, theirs = np.zeros(3), np.zeros(3)
    middle_of(live.predicted[person], own)
    for other in range(live.counts[0]):
        if other == person:
            continue
        middle_of(live.predicted[other], theirs)
        x, y, z = theirs[0] - own[0], theirs[1] - own[1], theirs[2] - own[2]
        if x * x + y * y + z * z < BESIDE_M * BESIDE_M:
            return True
    return False


@part
def _steer(live: Live, person: int, skeleton: FloatArray, fps: float) -> None:
    """Correct a person's velocity by how far they are from where they were predicted."""
    step = np.zeros(3)
    if not median_step(skeleton, live.predicted[person], step):
        return
    gain = 1.0 - math.exp(-1.0 / (VELOCITY_FOLLOWS_S * fps))
    lasts = math.exp(-1.0 / (VELOCITY_LASTS_S * fps))
    gain *= fps / (1.0 + live.unseen[person])
    for i in range(3):
        live.velocity[person, i] = lasts * live.velocity[person, i] + gain * step[i]


@part
def _count_and_free(
    rig: Rig, rays: FloatArray, live: Live, person: int, free: BoolArray, fps: float
) -> None:
    """Count a person as seen or unseen and take their detections away from `free`."""
    views = _views(live, person)
    if views >= 2:
        live.unseen[person] = 0
        live.hits[person] += 1
        # Two views of two people make a body that is nobody's: it must not be learnt.
        if views >= 3 or live.hits[person] < fps:
            _learn_build(rig, live, person, fps)
    else:
        live.unseen[person] += 1
        lasts = math.exp(-1.0 / (VELOCITY_LASTS_UNSEEN_S * fps))
        for i in range(3):
            live.velocity[person, i] *= lasts
    for c in range(len(rig.poses)):
        slot = live.members[person, c]
        if slot == NOBODY:
            continue
        free[c, slot] = False
        if live.unseen[person] > 0 and live.support[person, c] >= SURE_SUPPORT:
            order = rig.orders[1] if live.swapped[person, c] else rig.orders[0]
            slide_to_view(rig.poses[c], live.position[person], rays[c, slot], order)


@part
def _learn_build(rig: Rig, live: Live, person: int, fps: float) -> None:
    """Take this frame into a person's usual build, a mean over the last seconds."""
    build = np.zeros(len(rig.bones))
    build_of(live.position[person], rig.bones, build)
    gain = 1.0 / min(live.hits[person], int(BUILD_LASTS_S * fps) + 1)
    for i in range(len(build)):
        if np.isnan(live.build[person, i]):
            live.build[person, i] = build[i]
        elif not np.isnan(build[i]):
            live.build[person, i] += gain * (build[i] - live.build[person, i])


@part
def _record(rig: Rig, live: Live, frame: int, view_ids: IntArray, records: Records) -> None:
    """Write down everybody who is seen by a camera, and who they are in its view."""
    count = live.counts[0]
    for person in range(count):
        for c in range(len(view_ids)):
            if live.members[person, c] != NOBODY:
                live.view_id[person, c] = view_ids[c, live.members[person, c]]
    for person in range(count):
        project_person(
            rig.poses,
            live.position[person],
            live.projected[person],
            live.outline[person],
            live.depth[person],
        )
    for person in range(count):
        if _views(live, person) == 0:
            continue
        expected = expected_views(
            rig,
            live.outline[person],
            live.depth[person],
            live.outline[:count],
            live.depth[:count],
        )
        write(live, person, frame, expected, records)
