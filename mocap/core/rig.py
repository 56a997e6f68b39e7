"""The rig as planned: which cameras there are and how they are synchronised."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RigCamera:
    """One camera of a rig.

    Attributes:
        name: camera name, equal to the file name of its videos.
        image_size: (width, height) in pixels, or None when any size will do.
        serial: serial number, for people.
        lens_mm: focal length printed on the lens, for people.
        position_hint_m: planned position in the world, metres, or None.
        readout_s: from the first row of its rolling shutter to the last; 0: not known, or at once.
    """

    name: str
    image_size: tuple[int, int] | None = None
    serial: str = ""
    lens_mm: float | None = None
    position_hint_m: tuple[float, float, float] | None = None
    readout_s: float = 0.0


@dataclass(frozen=True)
class Rig:
    """A named set of cameras that record together.

    Attributes:
        name: name of the definition.
        fps: frames per second they are set to, or None when any rate will do.
        sync: how frames are aligned: "genlock" (hardware) or "none" (started by hand).
        cameras: names are unique.
        target_deg: direction of the target of throws from the plan's X, seen from above; None:
            the plan has none.
    """

    name: str
    fps: float | None
    sync: str
    cameras: tuple[RigCamera, ...]
    target_deg: float | None = None

    def __post_init__(self) -> None:
        """Check the camera names."""
        names = [camera.name for camera in self.cameras]
        if len(names) < 2 or len(set(names)) != len(names):
            raise ValueError(
                f"rig '{self.name}' needs at least two cameras with different names; it has "
                f"{', '.join(names) or 'none'}"
            )

    @property
    def camera_names(self) -> tuple[str, ...]:
        """Camera names in order."""
        return tuple(camera.name for camera in self.cameras)
