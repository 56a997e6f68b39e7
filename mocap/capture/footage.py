"""The recordings of a take with all that tells where their pixels are in space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property
from pathlib import Path

import numpy as np

from mocap.capture.checks import Recording, check_take, image_map_warnings, image_maps
from mocap.capture.image_map import ImageMap
from mocap.capture.session import Take
from mocap.capture.shutters import readouts, rows_of, shutter_of
from mocap.capture.take_file import load_take_settings
from mocap.core.camera import Calibration
from mocap.core.errors import InputError
from mocap.core.shapes import FloatArray


class Footage:
    """A take's videos, the calibrated cameras they belong to, and the maps of their pixels.

    Whoever turns pixels into space needs all three: a video with black bars that is read without
    its map moves points by centimetres and looks right. Each is looked at when it is needed first.
    """

    def __init__(self, take: Take) -> None:
        """Look at a take."""
        self.take = take

    @cached_property
    def recording(self) -> Recording:
        """The videos, compared with each other and, once there is one, with the calibration.

        Raises:
            SessionError: too few videos, or one of a camera that was not calibrated.
            InputError: a video is unreadable.
        """
        calibrated = self.take.session.calibration_path.is_file()
        return check_take(self.take, self.take.session.calibration() if calibrated else None)

    @cached_property
    def calibration(self) -> Calibration:
        """The calibrated cameras of this take, and no others.

        Raises:
            InputError: there is no calibration, or it is damaged.
        """
        whole = self.take.session.calibration()
        return whole.subset([name for name in whole.names if name in self.recording.infos])

    @cached_property
    def maps(self) -> dict[str, ImageMap]:
        """From video pixels to calibration pixels, by camera.

        Raises:
            SessionError: sizes of video and calibration do not fit together.
        """
        return image_maps(self.take.session, self.recording.infos, self.calibration)

    @property
    def matrices(self) -> dict[str, FloatArray]:
        """The (2, 3) matrix of each map, calibration_from_video."""
        return {camera: each.matrix for camera, each in self.maps.items()}

    @cached_property
    def readout_s(self) -> dict[str, float]:
        """How long the rolling shutter of each camera takes, where rig or `take.toml` say it.

        Raises:
            InputError: `take.toml` names a camera that is not there, or a shutter takes longer
                than a frame.
        """
        infos = self.recording.infos
        given = load_take_settings(self.take.settings_path).readout_s
        for camera in given:
            if camera not in infos:
                raise InputError(
                    f"{self.take.settings_path}: 'readout_ms' names '{camera}', but the cameras "
                    f"are {', '.join(infos)}. Correct it."
                )
        known = {**readouts(self.take.session), **given}
        return {name: shutter_of(known[name], infos[name]) for name in infos if known.get(name)}

    def row_lateness(self, cameras: Sequence[str]) -> FloatArray:
        """Return (camera, 3) how much later than its image a video's pixel was taken."""
        infos = self.recording.infos
        return np.array([rows_of(self.readout_s.get(name, 0.0), infos[name]) for name in cameras])

    @property
    def videos(self) -> Mapping[str, Path]:
        """The video of each camera."""
        return self.recording.videos

    @property
    def fps(self) -> float:
        """Frames per second, common to all cameras."""
        return self.recording.fps

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know about the videos, and what was done to their pixels."""
        return (*self.recording.warnings, *image_map_warnings(self.maps))
