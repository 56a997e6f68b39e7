"""One person in all cameras, at coarse offsets: whom the refinement follows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import FloatArray, IntArray
from mocap.sync.refine import PersonStream
from mocap.sync.scan import AgreementScan, essential_of
from mocap.sync.scan_kernels import scan_lags
from mocap.sync.streams import Stream, sizes_px

# The same person one frame later is nearer than this share of their size; after a gap of at most
# this long they may be anybody.
LINK_OF_SIZE, MAX_GAP_S = 0.4, 0.5
# Fragments smaller than this share of the largest one are left alone, and this many are looked at.
LEAST_SHARE, MAX_FRAGMENTS = 0.05, 12
# Fragments of one person agree about this well, those of two people at 0.2.
SAME_PERSON, MIN_KEYPOINTS = 0.5, 30
TABLE_S = 0.01


@dataclass(frozen=True, eq=False)
class Fragment:
    """Somebody followed in one camera as long as they were seen without a break.

    Attributes:
        camera: index.
        frames: (n,) frame indices, ascending.
        slots: (n,) index into the person axis of the stream.
        weight: sum of the sizes in the image.
    """

    camera: int
    frames: IntArray
    slots: IntArray
    weight: float


def fragments_of(stream: Stream, camera: int) -> list[Fragment]:
    """Follow people from frame to frame in the image; largest fragments first."""
    size = sizes_px(stream.pixels)
    if stream.pixels.shape[1] == 1:
        frames = np.flatnonzero(size[:, 0] > 0)
        slots = np.zeros(len(frames), dtype=np.int64)
        return [Fragment(camera, frames, slots, float(size.sum()))] if len(frames) else []
    open_ends: list[list[tuple[int, int]]] = []
    done: list[list[tuple[int, int]]] = []
    for frame, time in enumerate(stream.times_s):
        old = [f for f in open_ends if time - stream.times_s[f[-1][0]] > MAX_GAP_S]
        done += old
        open_ends = [f for f in open_ends if f not in old]
        _link(stream, size, frame, open_ends)
    every = [np.array(each, dtype=np.int64) for each in done + open_ends]
    found = [Fragment(camera, e[:, 0], e[:, 1], float(size[e[:, 0], e[:, 1]].sum())) for e in every]
    found.sort(key=lambda each: -each.weight)
    return [f for f in found if f.weight >= LEAST_SHARE * found[0].weight][:MAX_FRAGMENTS]


def _link(
    stream: Stream, size: FloatArray, frame: int, open_ends: list[list[tuple[int, int]]]
) -> None:
    """Continue the open fragments with the people of a frame, nearest first; open the others."""
    present = [slot for slot in range(size.shape[1]) if size[frame, slot] > 0]
    options = []
    for number, fragment in enumerate(open_ends):
        last = stream.pixels[fragment[-1]]
        for slot in present:
            gap = np.linalg.norm(stream.pixels[frame, slot] - last, axis=-1)
            gap = gap[np.isfinite(gap)]
            distance = float(np.median(gap)) if len(gap) else np.inf
            if distance < LINK_OF_SIZE * size[frame, slot]:
                options.append((distance, number, slot))
    taken: set[int] = set()
    free = set(present)
    for _, number, slot in sorted(options):
        if number not in taken and slot in free:
            open_ends[number].append((frame, slot))
            taken.add(number)
            free.remove(slot)
    open_ends.extend([(frame, slot)] for slot in sorted(free))


def follow_one(
    scan: AgreementScan, poses: Sequence[FloatArray], offsets_s: FloatArray
) -> list[PersonStream]:
    """Return the stream of one person in every camera: the largest whom others agree on.

    `poses` are camera_from_world (4, 4); cameras that never see the person get an empty stream.
    """
    fragments = [f for c, s in enumerate(scan.streams) for f in fragments_of(s, c)]
    members = _gathered(scan, poses, offsets_s, fragments)
    out = []
    for camera, stream in enumerate(scan.streams):
        theirs = [each for each in members if each.camera == camera]
        out.append(PersonStream(stream.times_s, _pixels(stream, theirs), stream.rows))
    return out


def _pixels(stream: Stream, fragments: list[Fragment]) -> FloatArray:
    """Return the pixels (frame, keypoint, 2) of fragments of one person."""
    if stream.pixels.shape[1] == 1 and len(fragments) == 1:
        others = np.ones(len(stream.pixels), dtype=bool)
        others[fragments[0].frames] = False
        if np.isnan(stream.pixels[others]).all():
            return stream.pixels[:, 0]  # nobody else: of a long take a copy is large
    pixels = np.full((len(stream.times_s), *stream.pixels.shape[2:]), np.nan)
    for each in fragments:
        pixels[each.frames] = stream.pixels[each.frames, each.slots]
    return pixels


def _gathered(
    scan: AgreementScan,
    poses: Sequence[FloatArray],
    offsets_s: FloatArray,
    fragments: list[Fragment],
) -> list[Fragment]:
    """Return the fragments of one person: from the best seed, add whoever agrees with them."""
    count = len(fragments)
    score = np.full((count, count), np.nan)
    for a in range(count):
        for b in range(count):
            if fragments[a].camera < fragments[b].camera:
                value, seen = _agreement(scan, poses, offsets_s, fragments[a], fragments[b])
                if seen >= MIN_KEYPOINTS:
                    score[a, b] = score[b, a] = value
    weight = np.array([each.weight for each in fragments])
    agrees = np.nan_to_num(score) >= SAME_PERSON
    if count == 0 or not agrees.any():
        return fragments[:1]
    members = [int(np.argmax(weight + agrees @ weight))]
    while True:
        support = np.where(agrees[:, members].any(axis=1), weight, 0.0)
        for n in np.argsort(-support, kind="stable"):
            if support[n] > 0 and _fits(fragments, members, int(n)):
                members.append(int(n))
                break
        else:
            return [fragments[n] for n in members]


def _fits(fragments: list[Fragment], members: list[int], new: int) -> bool:
    """Nobody is at two places of one image."""
    mine = fragments[new]
    return all(
        n != new
        and (
            fragments[n].camera != mine.camera
            or not np.isin(mine.frames, fragments[n].frames).any()
        )
        for n in members
    )


def _agreement(
    scan: AgreementScan,
    poses: Sequence[FloatArray],
    offsets_s: FloatArray,
    first: Fragment,
    second: Fragment,
) -> tuple[float, float]:
    """Return agreement and number of keypoints compared of two fragments at the offsets."""
    a, b = scan.streams[first.camera], scan.streams[second.camera]
    rays_b = np.full((len(b.times_s), 1, *b.rays.shape[2:]), np.nan)
    rays_b[second.frames, 0] = b.rays[second.frames, second.slots]
    lookup = np.arange(b.times_s[0], b.times_s[-1] + TABLE_S, TABLE_S)
    score, seen = np.zeros(1), np.zeros(1)
    rays_a = a.rays[first.frames, first.slots][:, None]
    scan_lags(
        np.ascontiguousarray(rays_a),
        a.times_s[first.frames],
        Stream(b.times_s, rays_b, rays_b).nearest(lookup),
        lookup[0],
        TABLE_S,
        np.array([offsets_s[first.camera] - offsets_s[second.camera]]),
        essential_of(poses[first.camera], poses[second.camera]),
        scan.scale((first.camera, second.camera)),
        score,
        seen,
    )
    return float(score[0]), float(seen[0])
