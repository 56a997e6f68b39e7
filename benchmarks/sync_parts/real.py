"""A real take (pose2sim_single, BSD-3): its 60 fps frames as cameras that were not in step."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from figures import Figure

from mocap.calibrate.interchange.formats import read_foreign
from mocap.capture.image_map import estimate_image_map
from mocap.capture.video import probe, read_frames
from mocap.core.camera import Calibration
from mocap.core.clocks import Verdict
from mocap.core.detections import Detections2D
from mocap.core.errors import SyncError
from mocap.core.shapes import FloatArray
from mocap.reconstruct.rig.refine import RigRefinement, refine_rig
from mocap.reconstruct.rig.views import PeopleTake
from mocap.sync.decide import SyncWish, decide
from mocap.sync.people import PeopleSync, sync_people

# Where the keypoints that come with the recording have these joints.
BODY_25B = {
    "left_shoulder": 5, "right_shoulder": 2, "left_elbow": 6, "right_elbow": 3,
    "left_wrist": 7, "right_wrist": 4, "left_hip": 12, "right_hip": 9, "left_knee": 13,
    "right_knee": 10, "left_ankle": 14, "right_ankle": 11,
}  # fmt: skip
FPS = 60.0


class RealClip:
    """Keypoints of every camera and frame, and the calibration that came with them."""

    def __init__(self, data: Path) -> None:
        """Read the recording below `data`."""
        root = data / "pose2sim_single"
        self.calibration = read_foreign(root / "calibration" / "Calib.qca.txt")
        names = self.calibration.names
        self.maps = {name: self._map(root / "videos" / f"{name}.mp4") for name in names}
        folder = root / "reference" / "body25b_json"
        people = [self._people(folder / f"{name}_json") for name in names]
        self.frames = min(len(camera) for camera in people)
        slots = max(len(frame) for camera in people for frame in camera)
        self.table = np.full((len(people), self.frames, slots, len(BODY_25B), 3), np.nan)
        for c, camera in enumerate(people):
            for f, frame in enumerate(camera[: self.frames]):
                self.table[c, f, : len(frame)] = frame

    def _map(self, video: Path) -> FloatArray:
        info = probe(video)
        bars = (image for _, image in islice(read_frames(video, gray=True, step=15), 5))
        size = self.calibration[info.camera].image_size
        return estimate_image_map(info.camera, info.image_size, size, bars).matrix

    def _people(self, folder: Path) -> list[FloatArray]:
        order = list(BODY_25B.values())
        out = []
        for file in sorted(folder.glob("*.json")):
            found = [p["pose_keypoints_2d"] for p in json.loads(file.read_text())["people"]]
            out.append(np.array(found).reshape(len(found), -1, 3)[:, order])
        return out

    def synced(
        self,
        picks: Sequence[Sequence[int]],
        *,
        held: bool = False,
        calibration: Calibration | None = None,
    ) -> tuple[PeopleSync, FloatArray]:
        """Return what is found when each camera kept some frames, and each one's true start.

        `held`: frames may stand more than once, as stills that fill a video up. `calibration`: that
        which came with the recording by default.
        """
        start = np.array([pick[0] for pick in picks]) / FPS
        seen = self.seen(picks, held=held)
        return sync_people(seen, calibration or self.calibration, image_maps=self.maps), start

    def refined(self) -> RigRefinement:
        """Return the rig refined from the people of the recording as it is."""
        whole = self.seen([range(self.frames)] * len(self.table))
        return refine_rig(self.calibration, [PeopleTake("clip", whole, self.maps)])

    def seen(self, picks: Sequence[Sequence[int]], *, held: bool = False) -> Detections2D:
        """Return what each camera saw when it kept some frames."""
        count = max(len(pick) for pick in picks)
        cut = np.full((len(picks), count, *self.table.shape[2:]), np.nan)
        times = np.full((len(picks), count), np.nan)
        for c, pick in enumerate(picks):
            cut[c, : len(pick)] = self.table[c, list(pick)]
            own = np.arange(len(pick)) if held else np.array(pick) - pick[0]
            times[c, : len(pick)] = own / FPS
        confidence = np.clip(np.nan_to_num(cut[..., 2]), 0.0, 1.0)
        pixels = np.where(confidence[..., None] > 0.0, cut[..., :2], np.nan)
        boxes = np.full((*cut.shape[:3], 4), np.nan)
        names = self.calibration.names
        return Detections2D(names, tuple(BODY_25B), FPS, pixels, confidence, boxes, times)


def real_figures(data: Path) -> list[Figure]:
    """Gate 5: phases of the frames, cut and filled up streams, with the rig as it was shipped."""
    clip = RealClip(data)
    whole = range(clip.frames)
    half = clip.frames // 2
    filled = [[0] * pad + list(whole) for pad in (0, 192, 474, 684)]
    cases: dict[str, Sequence[Sequence[int]]] = {
        "60 fps as 30 fps in two phases": [whole[::2], whole[1::2], whole[::2], whole[1::2]],
        "streams cut by 19, 7 and 12 frames": [whole, whole[19:], whole[7:], whole[12:]],
        "one camera of another second": [whole[:half], whole[5:half], whole[3:half], whole[half:]],
        "starts 3.2, 7.9, 11.4 s early, filled with stills": filled,
        "in step, as it is": [whole] * 4,
    }
    figures = []
    for name, picks in cases.items():
        found, start = clip.synced([list(pick) for pick in picks], held=picks is filled)
        if picks is filled:
            start = -np.array([(len(pick) - clip.frames) / FPS for pick in picks])
        figures += _figures_of(name, found, start)
    return figures


def refined_figures(data: Path) -> list[Figure]:
    """Gate 5 with the rig refined from the people first."""
    clip = RealClip(data)
    refinement = clip.refined()
    whole = range(clip.frames)
    figures = [Figure("the refined rig is accepted", float(refinement.accepted), "", 1.0, ">=")]
    phases = [whole[::2], whole[1::2], whole[::2], whole[1::2]]
    cut = [whole, whole[19:], whole[7:], whole[12:]]
    for name, picks in (("phases", phases), ("streams cut", cut), ("in step", [whole] * 4)):
        found, start = clip.synced(picks, calibration=refinement.calibration)
        figures += _figures_of(name, found, start, line_ms=4.0)
    return figures


def _figures_of(
    name: str, found: PeopleSync, start: FloatArray, line_ms: float = 6.0
) -> list[Figure]:
    clocks, moved = found.clocks, 0
    try:
        decision = decide(found, SyncWish(), {})
        said = " ".join(decision.warnings)
        moved = sum(c.offset_s != 0.0 or c.drift_ppm != 0.0 for c in decision.clocks.cameras)
    except SyncError as ended:
        # The run ends with one sentence: nothing is used that could be wrong.
        said = str(ended) + "".join(f"'{name}'" for name in clocks.names)
    zero = start[clocks.names.index(clocks.reference)]
    used = [
        (clock.offset_s - (true - zero), clock.sigma_s)
        for clock, true in zip(clocks.cameras, start, strict=True)
        if clock.verdict in (Verdict.SURE, Verdict.UNSURE)
    ]
    refused = [c.camera for c in clocks.cameras if c.verdict is Verdict.REFUSED]
    figures = [Figure(f"{name}: cameras REFUSED, recorded time kept", len(refused), "of 4")]
    if used:
        error, sigma = np.abs(np.array(used)).T
        figures += [
            Figure(f"{name}: offset, worst", 1e3 * float(error.max()), "ms", line_ms),
            Figure(f"{name}: worst in sigmas", float((error / sigma).max()), "", 3.0),
        ]
    if not start.any():
        figures.append(Figure(f"{name}: cameras moved", moved, "of 4", 0.0))
    else:
        silent = sum(f"'{camera}'" not in said for camera in refused)
        figures.append(Figure(f"{name}: REFUSED and not said", silent, "", 0.0))
    return figures
