"""Where the detector of a take puts its keypoints on the body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mocap.capture.session import Take
from mocap.core.points import Points3D
from mocap.core.store import load_provenance
from mocap.detect.known import DETECTORS
from mocap.workflow.graph import row_of
from mocap.workflow.measure.importing import IMPORT, is_imported

if TYPE_CHECKING:
    from mocap.body.landmarks import Offsets


HAND_OFFSETS = "mediapipe_hands"
"""Where the hand network of `--hands` puts its keypoints."""


def detector_of(take: Take) -> str:
    """Return the name of the detector of a take; "unknown" when nothing tells."""
    if is_imported(take):
        return IMPORT
    path = take.root / row_of("detect").file
    if not path.is_file():
        return "unknown"
    return str(load_provenance(path).options.get("detector", "unknown"))


def detector_offsets(detector: str, points: Points3D) -> tuple[Offsets, list[str]]:
    """Return where a detector puts its keypoints, and what to say about it."""
    from mocap.body.landmarks import Offsets, offsets_of, unmeasured_offsets

    if detector == IMPORT:
        # Joint centres and markers of a laboratory are what they say.
        return Offsets(), []
    if detector in DETECTORS and DETECTORS[detector].offsets:
        networks = [DETECTORS[detector].offsets]
        if "left_hand_root" in points.keypoint_names:
            networks.append(HAND_OFFSETS)
        return offsets_of("+".join(networks)), []
    return unmeasured_offsets(points.keypoint_names), [
        f"the keypoint definitions of detector '{detector}' were not measured: hips and shoulders "
        "of the fitted body may be off by 3 cm."
    ]
