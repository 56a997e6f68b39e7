"""Zero-lag low-pass filters, derivatives and angular velocities; cut-offs are always stated."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import cast

import numpy as np
from scipy.signal import butter, filtfilt

from mocap.core.errors import InputError
from mocap.core.rotation import rotvec_from_matrix
from mocap.core.runs import runs
from mocap.core.shapes import Array, BoolArray, FloatArray, IntArray
from mocap.measure.segments.segments import Segments

ORDER = 4
"""Order of the filter after both passes: two of order two, forwards and backwards."""

# A run needs this many frames before its two ends stop deciding everything in between.
_LEAST_FRAMES = 6
# Mirrored frames at each end, in periods of the cut-off: its answer to a step has faded by then.
_PAD_PERIODS = 3.0


# A cut-off this near to half the frame rate passes nearly all there is; nearer, the warped design
# frequency runs away.
_HIGHEST_SHARE_OF_RATE = 0.45


def possible_cutoff_hz(wanted_hz: float, fps: float) -> float:
    """Return a cut-off that a frame rate allows: the wanted one, or 0.45 times the rate.

    >>> possible_cutoff_hz(12.0, 60.0), possible_cutoff_hz(12.0, 20.0)
    (12.0, 9.0)
    """
    return min(wanted_hz, _HIGHEST_SHARE_OF_RATE * fps)


def butterworth(
    values: Array, fps: float, cutoff_hz: float | None, *, corrected: bool = True
) -> FloatArray:
    """Low-pass values (frame, ...) by a 4th-order Butterworth filter without lag.

    Two passes of a 2nd-order filter lower the cut-off; with `corrected` the design cut-off is
    raised in tan(pi f / fps) by 1 / (sqrt(2) - 1)^(1/4), so that the whole filter has its half
    power at `cutoff_hz` (Winter 2009, section 2.2.4.4). NaN stays; each stretch between NaN is
    filtered by itself, and those shorter than six frames are NaN afterwards.

    Args:
        values: frames first.
        fps: frames per second.
        cutoff_hz: half-power frequency; None does not filter.
        corrected: False gives the plain double pass, as other tools do.

    Raises:
        InputError: the cut-off is not between 0 and half the frame rate.
    """
    out = np.asarray(values, dtype=np.float64).copy()
    if cutoff_hz is None:
        return out
    if not 0.0 < cutoff_hz < 0.5 * fps:
        raise InputError(
            f"a cut-off of {cutoff_hz:g} Hz does not fit {fps:g} frames per second: it must lie "
            f"between 0 and {0.5 * fps:g} Hz. Lower it, or record faster."
        )
    warped = np.tan(np.pi * cutoff_hz / fps)
    if corrected:
        warped /= (np.sqrt(2.0) - 1.0) ** 0.25
    numerator, denominator = _design(float(2.0 / np.pi * np.arctan(warped)))
    flat = out.reshape(len(out), -1)
    for columns, start, end in _stretches(np.isfinite(flat)):
        if end - start < _LEAST_FRAMES:
            flat[start:end, columns] = np.nan
            continue
        run, pad = (
            flat[start:end, columns],
            min(end - start - 1, int(_PAD_PERIODS * fps / cutoff_hz)),
        )
        flat[start:end, columns] = filtfilt(
            numerator, denominator, run, axis=0, padtype="odd", padlen=pad
        )
    return flat.reshape(out.shape)


def _stretches(known: BoolArray) -> Iterator[tuple[IntArray, int, int]]:
    """Yield columns of `known` (frame, column) that are alike, with a stretch of theirs: first
    frame and end."""
    alike: dict[bytes, list[int]] = {}
    for index, column in enumerate(known.T):
        alike.setdefault(column.tobytes(), []).append(index)
    for columns in alike.values():
        for start, end in runs(known[:, columns[0]]):
            yield np.array(columns), start, end


def _design(share_of_nyquist: float) -> tuple[FloatArray, FloatArray]:
    """Return numerator and denominator of one pass, order two."""
    numerator, denominator = cast(tuple[FloatArray, FloatArray], butter(2, share_of_nyquist))
    return numerator, denominator


def filter_segments(segments: Segments, cutoff_hz: float | None) -> Segments:
    """Low-pass positions and rotations: the position stage.

    Rotations are filtered entry by entry and made orthonormal again (chordal mean): right for
    turns of less than a few degrees per frame within the filter's window. Measured turns and
    guessed ones are filtered apart: nothing is averaged across a change of rule.
    """
    if cutoff_hz is None:
        return segments
    known = segments.axial_known[..., None, None]
    smooth = np.where(
        known,
        butterworth(np.where(known, segments.rotations, np.nan), segments.fps, cutoff_hz),
        butterworth(np.where(known, np.nan, segments.rotations), segments.fps, cutoff_hz),
    )
    seen: BoolArray = np.asarray(np.isfinite(smooth).all(axis=(-2, -1)))
    left, _, right = np.linalg.svd(np.where(seen[..., None, None], smooth, np.eye(3)))
    turned = np.where(seen[..., None, None], left @ right, np.nan)
    positions = butterworth(segments.positions, segments.fps, cutoff_hz)
    return replace(segments, rotations=turned, positions=positions)


def derivative(values: Array, fps: float) -> FloatArray:
    """Return the time derivative of values (frame, ...) by central differences."""
    array = np.asarray(values, dtype=np.float64)
    if len(array) < 2:
        return np.full_like(array, np.nan)
    return np.asarray(np.gradient(array, axis=0)) * fps


def angular_velocity(rotations: Array, fps: float, rule: Array | None = None) -> FloatArray:
    """Return the angular velocity (frame, 3) in rad/s of rotations (frame, 3, 3), world axes.

    From the rotation between the neighbours of each frame (logarithm on SO(3)); the first and
    the last frame take their only neighbour. NaN where a rotation is, and where `rule` (frame,),
    by which each rotation was found, changes: two rules differ by a step, which is no velocity.
    """
    r = np.asarray(rotations, dtype=np.float64)
    before = np.concatenate([r[:1], r[:-1]])
    after = np.concatenate([r[1:], r[-1:]])
    steps = np.full(len(r), 2.0)
    steps[[0, -1]] = 1.0
    turn = after @ np.swapaxes(before, -1, -2)
    seen: BoolArray = np.asarray(np.isfinite(turn + r).all(axis=(-2, -1)))
    if rule is not None:
        own = np.asarray(rule)
        seen &= np.concatenate([own[:1], own[:-1]]) == own
        seen &= np.concatenate([own[1:], own[-1:]]) == own
    out = np.full((len(r), 3), np.nan)
    if len(r) > 1 and seen.any():
        out[seen] = rotvec_from_matrix(turn[seen]) * (fps / steps[seen])[:, None]
    return out


def segment_velocity_deg(segments: Segments, segment: str) -> FloatArray:
    """Return the angular velocity (frame, 3) in deg/s of a segment, in its own axes."""
    rotation = segments.rotation(segment)
    world = angular_velocity(rotation, segments.fps, segments.known(segment))
    return np.rad2deg(np.einsum("fji,fj->fi", rotation, world))


def joint_velocity_deg(
    segments: Segments, proximal: str, distal: str, *, in_distal: bool = True
) -> FloatArray:
    """Return the angular velocity (frame, 3) in deg/s of one segment against another.

    A vector, not the rate of Euler angles (those blow up near singular poses), resolved in the
    axes of the distal segment or of the proximal one.
    """
    relative = segments.relative(proximal, distal)
    rule = 2 * segments.known(proximal).astype(np.int64) + segments.known(distal)
    in_proximal = np.rad2deg(angular_velocity(relative, segments.fps, rule))
    return np.einsum("fji,fj->fi", relative, in_proximal) if in_distal else in_proximal
