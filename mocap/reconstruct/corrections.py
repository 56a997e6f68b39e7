"""Corrections of a person, applied to what was found: cameras not believed, sides, gaps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from mocap.capture.edits import Edit
from mocap.capture.toml_tables import suggest
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.errors import ReconstructionError
from mocap.core.points import Points3D, Source
from mocap.core.shapes import BoolArray, IntArray
from mocap.reconstruct.people.scene import mirror_of


def believed(detections: Detections2D, edits: Sequence[Edit]) -> Detections2D:
    """Return detections, at frames of the common clock, without what is not believed.

    Edits about one person are left to `corrected`, when it is known who is who.

    Raises:
        ReconstructionError: an edit names a camera or a keypoint that is not there.
    """
    chosen = [edit for edit in edits if edit.kind == "ignore" and edit.person is None]
    if not chosen:
        return detections
    pixels, confidence = np.array(detections.pixels), np.array(detections.confidence)
    for edit in chosen:
        camera = _camera(edit, detections.camera_names)
        frames = edit.slice_of(pixels.shape[1])
        keypoints = _keypoints(edit, detections.keypoint_names)
        pixels[camera, frames, :, keypoints] = np.nan
        confidence[camera, frames, :, keypoints] = 0.0
    # A box without keypoints is a person of whom nothing is known: it would still be followed.
    seen: BoolArray = np.asarray((confidence > 0.0).any(axis=-1))
    boxes = np.where(seen[..., None], detections.boxes, np.nan)
    return replace(detections, pixels=pixels, confidence=confidence, boxes=boxes)


def corrected(tracks: Tracks2D, edits: Sequence[Edit]) -> Tracks2D:
    """Return tracks with sides exchanged and views of one person ignored, as edits say, in order.

    Raises:
        ReconstructionError: an edit names a camera, a person or a keypoint that is not there.
    """
    chosen = [edit for edit in edits if edit.kind != "ignore" or edit.person is not None]
    if not chosen:
        return tracks
    pixels, confidence = np.array(tracks.pixels), np.array(tracks.confidence)
    other = mirror_of(tracks.keypoint_names)
    for edit in chosen:
        camera = _camera(edit, tracks.camera_names)
        span = edit.slice_of(pixels.shape[1])
        for person in _people(edit, tracks.person_ids):
            if edit.kind == "mirror":
                pixels[camera, span, person] = pixels[camera, span, person][:, other]
                confidence[camera, span, person] = confidence[camera, span, person][:, other]
            else:
                keypoints = _keypoints(edit, tracks.keypoint_names)
                pixels[camera, span, person, keypoints] = np.nan
                confidence[camera, span, person, keypoints] = 0.0
    return replace(tracks, pixels=pixels, confidence=confidence)


def bridged(points: Points3D, edits: Sequence[Edit]) -> BoolArray:
    """Return (frame, person, keypoint) True where a gap is to be bridged whatever its width.

    Raises:
        ReconstructionError: an edit names a person or a keypoint that is not there.
    """
    asked = np.zeros(points.source.shape, dtype=bool)
    for edit in edits:
        if edit.kind == "gap":
            keypoints = _keypoints(edit, points.keypoint_names)
            frames = edit.slice_of(len(asked))
            for person in _people(edit, points.person_ids):
                asked[frames, person, keypoints] = edit.do == "bridge"
    return asked


def with_gaps(points: Points3D, edits: Sequence[Edit]) -> Points3D:
    """Return points that are missing where the last edit about them says so."""
    bridge = bridged(points, edits)
    named = np.zeros(bridge.shape, dtype=bool)
    for edit in edits:
        if edit.kind == "gap":
            keypoints = _keypoints(edit, points.keypoint_names)
            for person in _people(edit, points.person_ids):
                named[edit.slice_of(len(named)), person, keypoints] = True
    missing = named & ~bridge
    if not missing.any():
        return points
    return replace(
        points,
        xyz=np.where(missing[..., None], np.nan, points.xyz),
        covariance=np.where(missing[..., None, None], np.nan, points.covariance),
        reprojection_error_px=np.where(missing, np.nan, points.reprojection_error_px),
        view_count=np.where(missing, 0, points.view_count),
        source=np.where(missing, Source.MISSING, points.source).astype(points.source.dtype),
    )


def _camera(edit: Edit, names: Sequence[str]) -> int:
    if edit.camera is None or edit.camera not in names:
        raise ReconstructionError(
            f"edits.toml ({edit.as_text()}): the take has no camera '{edit.camera}'. "
            f"{suggest(edit.camera or '', names)} Correct or remove the entry: "
            "`mocap edit SESSION TAKE` lists them."
        )
    return list(names).index(edit.camera)


def _people(edit: Edit, ids: Sequence[int]) -> list[int]:
    if edit.person is None:
        return list(range(len(ids)))
    if edit.person not in ids:
        raise ReconstructionError(
            f"edits.toml ({edit.as_text()}): there is no person {edit.person}; there are "
            f"{', '.join(map(str, ids)) or 'none'}. Correct or remove the entry: "
            "`mocap edit SESSION TAKE` lists them."
        )
    return [list(ids).index(edit.person)]


def _keypoints(edit: Edit, names: Sequence[str]) -> IntArray:
    unknown = [name for name in edit.keypoints if name not in names]
    if unknown:
        raise ReconstructionError(
            f"edits.toml ({edit.as_text()}): there is no keypoint '{unknown[0]}'. "
            f"{suggest(unknown[0], names)} Correct or remove the entry: "
            "`mocap edit SESSION TAKE` lists them."
        )
    chosen = edit.keypoints or tuple(names)
    return np.array([list(names).index(name) for name in chosen], dtype=np.int64)
