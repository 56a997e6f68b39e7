"""Every problem a user can fix, as one tree.

MocapError
├── InputError             a file or an option is wrong or unreadable
├── StorageError           a file cannot be written: full disk, permissions, broken device
├── SessionError           the session folder is incomplete or contradicts itself
├── CalibrationError       the cameras cannot be calibrated from what was recorded
├── DetectionError         2D detection cannot work on these frames
├── ModelError             network weights are missing, damaged or unsafe
├── SyncError              the clocks of the cameras cannot be found
├── ReconstructionError    2D points cannot become 3D points
├── BodyError              a skeleton or body cannot be built from these points
├── ExportError            a format cannot hold what was asked
└── MissingExtraError      an optional dependency is needed for this command

A message says what, where, how much, and what to do next, in one or two sentences.
"""

from __future__ import annotations


class MocapError(Exception):
    """A problem the user can fix; the message says what happened and what to do.

    It is one line, whatever the files held that it quotes.
    """

    def __str__(self) -> str:
        """Return the message without line breaks and characters that terminals act on."""
        said = " ".join(super().__str__().split())
        return "".join(each if each.isprintable() else "?" for each in said)


class InputError(MocapError):
    """A file or an option is wrong or unreadable."""


class NewerError(InputError):
    """What was written by a newer version of this tool, which an older one must not replace."""


class StorageError(MocapError):
    """A file cannot be written: full disk, permissions, broken device."""


class SessionError(MocapError):
    """The session folder is incomplete or contradicts itself."""


class CalibrationError(MocapError):
    """The cameras cannot be calibrated from what was recorded."""


class DetectionError(MocapError):
    """2D detection cannot work on these frames."""


class ModelError(MocapError):
    """Network weights are missing, damaged or unsafe."""


class SyncError(MocapError):
    """The clocks of the cameras cannot be found."""


class ReconstructionError(MocapError):
    """2D points cannot become 3D points."""


class BodyError(MocapError):
    """A skeleton or a body cannot be built from these points."""


class ExportError(MocapError):
    """A format cannot hold what was asked for."""


class MissingExtraError(MocapError):
    """An optional dependency is needed; the message names the command that installs it."""
