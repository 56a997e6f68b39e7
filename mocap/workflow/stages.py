"""The stages of a take: what each reads, what changes its result, and what it calls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from mocap.capture.checks import Recording, check_take, image_map_warnings, image_maps
from mocap.capture.image_map import ImageMap
from mocap.capture.session import Take
from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.points import Points3D, Source
from mocap.core.store import load_artifact
from mocap.workflow.choices import Choices
from mocap.workflow.detect import detect_stage, load_detections
from mocap.workflow.export.stage import export_stage
from mocap.workflow.file_hashes import FileHashes
from mocap.workflow.fit.stage import fit_stage
from mocap.workflow.pipeline import Made, Stage, artifact_stage
from mocap.workflow.progress import Progress
from mocap.workflow.report import report_stage
from mocap.workflow.stage_names import STAGES


class TakeStages:
    """Builds the stages of one take; looks at recordings and calibration only when needed."""

    def __init__(self, take: Take, choices: Choices, progress: Progress) -> None:
        """Prepare the stages of `take`."""
        self.take = take
        self.choices = choices
        self.progress = progress
        self.hashes = FileHashes(take.session.hash_cache_path, take.session.root)

    @cached_property
    def recording(self) -> Recording:
        """The videos, compared with each other and, once there is one, with the calibration."""
        calibrated = self.take.session.calibration_path.is_file()
        return check_take(self.take, self.take.session.calibration() if calibrated else None)

    @cached_property
    def calibration(self) -> Calibration:
        """The cameras of this take, calibrated."""
        whole = self.take.session.calibration()
        return whole.subset([name for name in whole.names if name in self.recording.infos])

    @cached_property
    def maps(self) -> dict[str, ImageMap]:
        """From video pixels to calibration pixels, by camera."""
        return image_maps(self.take.session, self.recording.infos, self.calibration)

    def build(self, names: Sequence[str]) -> list[Stage]:
        """Return the named stages in pipeline order."""
        makers: Mapping[str, Callable[[], Stage]] = {
            "detect": self._detect,
            "associate": self._associate,
            "triangulate": self._triangulate,
            "smooth": self._smooth,
            "fit": lambda: fit_stage(self.take, self.choices.fit),
            "export": lambda: export_stage(
                self.take,
                self.choices.export,
                # A whole run says whether it wants bodies; the export alone takes what there is.
                with_bodies="fit" in names if "smooth" in names else None,
            ),
            "report": lambda: report_stage(
                self.take,
                self.recording,
                self.calibration,
                self.maps,
                with_bodies="fit" in names,
            ),
        }
        return [makers[name]() for name in STAGES if name in names]

    def _detect(self) -> Stage:
        return detect_stage(
            self.take, self.recording, self.choices.detector, self.hashes, self.progress
        )

    def _associate(self) -> Stage:
        matrices = {camera: each.matrix for camera, each in self.maps.items()}

        def make() -> Made:
            from mocap.reconstruct.associate import associate_with_report

            detections = load_detections(self.take, self.recording)
            tracks, report = associate_with_report(
                detections, self.calibration, image_maps=matrices, person=self.choices.person
            )
            notes = {
                "people": len(tracks.person_ids),
                "people_seen": report.people_seen,
                "frames_in_two_views": report.frames_in_two_views,
            }
            return Made(tracks, [*image_map_warnings(self.maps), *report.warnings()], notes)

        return artifact_stage(
            "associate",
            self.take.artifact("tracks"),
            Tracks2D,
            inputs=self._inputs("detections"),
            options={
                "person": self.choices.person,
                "image_maps": {camera: each.tolist() for camera, each in matrices.items()},
            },
            make=make,
        )

    def _triangulate(self) -> Stage:
        def make() -> Made:
            from mocap.reconstruct.triangulate import triangulate

            points = triangulate(self._load("tracks", Tracks2D), self.calibration)
            return Made(points, (), _quality(points))

        return artifact_stage(
            "triangulate",
            self.take.artifact("points3d"),
            Points3D,
            inputs=self._inputs("tracks"),
            options={},
            make=make,
        )

    def _smooth(self) -> Stage:
        def make() -> Made:
            from mocap.reconstruct.rig.check import camera_bias
            from mocap.reconstruct.smooth import smooth_with_report

            tracks = self._load("tracks", Tracks2D)
            raw = self._load("points3d", Points3D)
            points, report = smooth_with_report(raw, tracks, self.calibration)
            bias = camera_bias(points, tracks, self.calibration)
            return Made(points, [*report.warnings(), *bias.warnings], _quality(points))

        return artifact_stage(
            "smooth",
            self.take.artifact("smoothed"),
            Points3D,
            inputs=self._inputs("tracks", "points3d"),
            options={},
            make=make,
        )

    def _inputs(self, *artifacts: str) -> dict[str, Path]:
        paths = {name: self.take.artifact(name) for name in artifacts}
        return {**paths, "calibration": self.take.session.calibration_path}

    def _load(self, artifact: str, cls: type[Any]) -> Any:
        return load_artifact(self.take.artifact(artifact), cls)


def _quality(points: Points3D) -> dict[str, float]:
    """Return the figures a person asks for first; null where nothing was seen."""
    error = points.reprojection_error_px[np.isfinite(points.reprojection_error_px)]
    return {
        "measured_share": round(points.share(Source.MEASURED), 4),
        "missing_share": round(points.share(Source.MISSING), 4),
        "median_error_px": round(float(np.median(error)), 3) if len(error) else -1.0,
    }
