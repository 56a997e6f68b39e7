"""What a machine has and lacks, and what is wrong with a take."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mocap.capture.session import Take
    from mocap.workflow.progress import Progress

PACKAGES = (
    "numpy",
    "scipy",
    "numba",
    "opencv-contrib-python-headless",
    "av",
    "openvino",
    "torch",
    "plotly",
    "reportlab",
)
CODECS = ("h264", "hevc", "vp9", "av1", "mpeg4", "mjpeg")
OLDEST_PYTHON = (3, 11)


@dataclass(frozen=True)
class MachineCheck:
    """One thing looked at: OK, or what to do."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


Looked = tuple[dict[str, object], list[str], bool]
"""A document for machines, lines for people, and whether nothing is wrong."""


def look_at_machine(warm: bool = False) -> Looked:
    """Return what was looked at: versions, codecs, weights, npm, cores and graphics card.

    With `warm` the kernels are compiled first, which takes the first run's time.
    """
    if warm:
        from mocap.workflow.compile_ahead import compile_all

        compile_all()
    checks = machine_checks()
    lines = []
    for check in checks:
        sign = "ok     " if check.ok else "MISSING" if check.needed else "absent "
        lines.append(f"{sign} {check.name}: {check.found}")
        if not check.ok and check.remedy:
            lines.append(f"        {check.remedy}")
    ok = all(check.ok or not check.needed for check in checks)
    return {"checks": [check.__dict__ for check in checks]}, lines, ok


def look_at_take(take: Take, progress: Progress) -> Looked:
    """Return what is wrong with a take, the cause first."""
    from mocap.workflow.checks.causes import causes_of

    causes = causes_of(take, progress)
    lines = [each.line() for each in causes] or [
        f"Nothing wrong was found in take {take.name}: calibration, videos, names, places and "
        "clocks of the cameras, what they see, floor and scale fit together."
    ]
    return {"causes": [asdict(each) for each in causes]}, lines, not causes


def machine_checks() -> list[MachineCheck]:
    """Return the checks of this machine one by one."""
    checks = [_python(), *map(_package, PACKAGES), *_codecs(), *_weights(), _npm(), _machine()]
    return [*checks, _kernels(), _graphics_card()]


def _python() -> MachineCheck:
    least = ".".join(map(str, OLDEST_PYTHON))
    ok = sys.version_info >= OLDEST_PYTHON
    return MachineCheck(
        "Python", ok, platform.python_version(), f"Install Python {least} or newer."
    )


def _package(name: str) -> MachineCheck:
    try:
        return MachineCheck(name, True, version(name))
    except PackageNotFoundError:
        return MachineCheck(name, False, "not installed", f"pip install {name}")


def _codecs() -> list[MachineCheck]:
    try:
        from av.codec import codecs_available
    except ImportError as error:
        return [MachineCheck("video codecs", False, str(error), "pip install av")]
    missing = [name for name in CODECS if name not in codecs_available]
    found = ", ".join(name for name in CODECS if name in codecs_available)
    remedy = f"Videos in {', '.join(missing)} must be converted to H.264 first."
    return [MachineCheck("video codecs", not missing, found, remedy)]


def _weights() -> list[MachineCheck]:
    from mocap.detect.registry import list_models

    return [
        MachineCheck(
            f"weights of {model.card.name}",
            model.usable,
            str(model.folder) if model.usable else "damaged" if model.damaged else "not fetched",
            f"mocap models fetch {model.card.name}",
            needed=False,
        )
        for model in list_models()
    ]


def _npm() -> MachineCheck:
    path = shutil.which("npm")
    remedy = "Only needed to fetch weights; install Node.js, or copy the weights by hand."
    return MachineCheck("npm", path is not None, path or "not found", remedy, needed=False)


def _machine() -> MachineCheck:
    return MachineCheck("processor", True, f"{os.cpu_count()} cores, {platform.machine()}")


def _kernels() -> MachineCheck:
    from mocap.workflow.compile_ahead import are_compiled

    ok = are_compiled()
    remedy = "The first run compiles them; `mocap doctor --warm` does that now."
    found = "compiled" if ok else "not compiled yet"
    return MachineCheck("numerical kernels", ok, found, remedy, needed=False)


def _graphics_card() -> MachineCheck:
    driver = shutil.which("nvidia-smi")
    remedy = "Everything runs without one, only slower."
    if driver is None:
        return MachineCheck("graphics card", False, "no NVIDIA driver", remedy, needed=False)
    asked = subprocess.run(
        [driver, "--query-gpu=name", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    name = asked.stdout.strip() if asked.returncode == 0 else ""
    return MachineCheck(
        "graphics card", bool(name), name or "the driver finds none", remedy, needed=False
    )
