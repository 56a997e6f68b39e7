"""How clearly the offset found is better than any other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mocap.core.shapes import FloatArray, IntArray
from mocap.sync.offsets import PairCurves
from mocap.sync.scan import AgreementScan

# A rival is another peak of the camera's joint curve, farther away than a step takes.
RIVAL_APART_S = 0.25
MAX_RIVALS = 4
# A rival that overlaps for less than this share of the time is none: were it right, agreement over
# the longer time would be a miracle.
RIVAL_OVERLAP = 0.5
# Agreement is compared second by second: residuals of one second hang together.
BLOCK_S = 1.0
# Blocks with fewer keypoints, and rivals with fewer common blocks, tell nothing.
MIN_KEYPOINTS, MIN_BLOCKS = 10, 6
TABLE_S = 0.005
# A peak of the scan is within half a step of 40 ms of the best offset.
SHARPEN_STEPS = 4


@dataclass(frozen=True)
class Evidence:
    """What speaks for the offset of a camera.

    Attributes:
        t: paired Student's t of the agreement against the best rival, over seconds of all pairs;
            NaN where there is nothing to compare.
        agreement: mean agreement at the offset, 0..1; NaN where never seen together.
    """

    t: float
    agreement: float


def peaks(grid_s: FloatArray, score: FloatArray, apart_s: float, count: int) -> IntArray:
    """Return the indices of the strongest local maxima, at least `apart_s` apart, best first."""
    s = np.where(np.isfinite(score), score, -np.inf)
    inner = np.flatnonzero((s[1:-1] >= s[:-2]) & (s[1:-1] >= s[2:]) & np.isfinite(s[1:-1])) + 1
    found: list[int] = []
    for k in inner[np.argsort(-s[inner], kind="stable")]:
        if all(abs(grid_s[k] - grid_s[f]) > apart_s for f in found):
            found.append(int(k))
            if len(found) == count:
                break
    return np.array(found, dtype=np.int64)


def evidence_of(
    scan: AgreementScan, curves: PairCurves, offsets: FloatArray, camera: int
) -> Evidence:
    """Compare a camera's refined offset with its rivals, second by second, in all its pairs."""
    joint = curves.of_camera(camera, offsets)
    overlap = curves.overlap_of_camera(camera, offsets)
    here = np.argmin(np.abs(curves.grid_s - offsets[camera]))
    away = np.abs(curves.grid_s - offsets[camera]) > RIVAL_APART_S
    away &= overlap >= RIVAL_OVERLAP * overlap[here]
    rivals = peaks(curves.grid_s, np.where(away, joint, -np.inf), RIVAL_APART_S, MAX_RIVALS)
    rivals_s = [_sharpened(scan, offsets, camera, curves.grid_s[k]) for k in rivals]
    tried = np.array([offsets[camera], *rivals_s])
    rows = [
        _blocks(scan, (other, camera), offsets[other] - tried)
        for other in range(curves.cameras)
        if other != camera
    ]
    blocks = np.concatenate(rows)
    found = blocks[:, 0]
    agreement = float(np.mean(found[np.isfinite(found)])) if np.isfinite(found).any() else np.nan
    against = [_paired_t(found - blocks[:, r]) for r in range(1, len(tried))]
    told = [t for t in against if np.isfinite(t)]
    return Evidence(min(told) if told else np.nan, agreement)


def unsure_s(scan: AgreementScan, offsets: FloatArray, camera: int) -> float:
    """Return how far from a camera's offset others lie that agree as well, in seconds.

    As well is: worse by less than the standard error of the difference, second by second. Up to
    where rivals begin.
    """
    steps = round(RIVAL_APART_S / TABLE_S)
    away = np.arange(-steps, steps + 1) * TABLE_S
    rows = [
        _blocks(scan, (other, camera), offsets[other] - offsets[camera] - away)
        for other in range(len(offsets))
        if other != camera
    ]
    blocks = np.concatenate(rows)
    worse_t = np.array([_paired_t(blocks[:, steps] - each) for each in blocks.T])
    return float(np.abs(away[worse_t < 1.0]).max(initial=0.0))


def _sharpened(scan: AgreementScan, offsets: FloatArray, camera: int, rival_s: float) -> float:
    """Return the best offset near a rival: the one found was refined, its rivals must be too."""
    tried = rival_s + np.arange(-SHARPEN_STEPS, SHARPEN_STEPS + 1) * TABLE_S
    total, count = np.zeros(len(tried)), np.zeros(len(tried))
    for other in range(len(offsets)):
        if other != camera:
            score, seen = scan.scores((other, camera), offsets[other] - tried, table_s=TABLE_S)
            total += np.nan_to_num(score) * seen
            count += seen
    return float(tried[np.argmax(total / np.maximum(count, 1.0))])


def _blocks(scan: AgreementScan, pair: tuple[int, int], lags_s: FloatArray) -> FloatArray:
    """Return the agreement (block, lag) of a pair, second by second of its first camera."""
    first = scan.streams[pair[0]]
    rows = []
    for start in np.arange(first.times_s[0], first.times_s[-1] + 1e-9, BLOCK_S):
        window = (float(start), float(start + BLOCK_S))
        score, seen = scan.scores(pair, lags_s, table_s=TABLE_S, window_s=window)
        rows.append(np.where(seen > MIN_KEYPOINTS, score, np.nan))
    return np.array(rows).reshape(-1, len(lags_s))


def _paired_t(difference: FloatArray) -> float:
    """Return mean / standard error; NaN for fewer than `MIN_BLOCKS` differences."""
    known = difference[np.isfinite(difference)]
    if len(known) < MIN_BLOCKS:
        return np.nan
    return float(np.mean(known) / (np.std(known, ddof=1) / np.sqrt(len(known)) + 1e-9))
