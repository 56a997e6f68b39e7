"""Sessions and takes as Python users have them: with their footage, results and runs."""

from __future__ import annotations

from collections.abc import Mapping

from mocap.capture import session as plain
from mocap.capture.footage import Footage
from mocap.core.camera import Calibration
from mocap.core.detections import Detections2D, Tracks2D
from mocap.core.shapes import Array
from mocap.workflow.choices import Choices, SyncChoice
from mocap.workflow.progress import Quiet
from mocap.workflow.results import Results


class Session(plain.Session):
    """A session folder; `Session.open(folder)` opens it."""

    def take(self, name: str) -> Take:
        """Return a take by its name.

        Raises:
            SessionError: there is no such take; the message gives the nearest name.
        """
        found = super().take(name)
        return Take(found.name, found.root, self)


class Take(plain.Take):
    """One recording of all cameras."""

    def footage(self) -> Footage:
        """Return recordings, calibrated cameras and image maps: what detect and associate want."""
        return Footage(self)

    def results(self) -> Results:
        """Return what `mocap run` made of the take; what is stale is refused."""
        return Results(self)


def synchronise(
    detections: Detections2D, footage: Footage, choice: SyncChoice | None = None
) -> Detections2D:
    """Bring the cameras of a take to one clock, as `mocap sync` does; see `at_one_clock`.

    Args:
        detections: as `detect` gives them, each camera at its own frames.
        footage: of the same take.
        choice: which camera keeps its clock, which are left out; without: as take.toml says.

    Raises:
        InputError: a camera that was named is none of the take.
        SessionError: fewer than two cameras are left.
    """
    from mocap.workflow.job import TakeRun
    from mocap.workflow.sync import at_one_clock

    choices = Choices(sync=choice or SyncChoice())
    return at_one_clock(
        TakeRun.of(footage.take, choices, Quiet(), ("sync",)), detections
    ).detections


def associate(
    detections: Detections2D,
    cameras: Footage | Calibration,
    *,
    image_maps: Mapping[str, Array] | None = None,
    person: str = "all",
) -> Tracks2D:
    """Tell who is who across cameras and time.

    Args:
        detections: in pixels of the videos.
        cameras: the footage of the take, which knows how video and calibration pixels relate; or
            a calibration alone, for videos in its own pixels.
        image_maps: with a calibration alone: per camera (2, 3) calibration_from_video.
        person: "all" who are seen in a tenth of the take or more, "main", "largest" in the images,
            or numbers, separated by commas; person 0 is the main person.

    Raises:
        ReconstructionError: nobody was detected, no two cameras agree on anybody, or `person` is
            nobody.
    """
    from mocap.reconstruct.associate import associate as by_calibration

    if isinstance(cameras, Footage):
        calibration, maps = cameras.calibration, {**cameras.matrices, **(image_maps or {})}
        return by_calibration(detections, calibration, image_maps=maps, person=person)
    return by_calibration(detections, cameras, image_maps=image_maps, person=person)
