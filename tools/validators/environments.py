"""Environments of the validators: installed once, each apart from the project and the others."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
HOME = ROOT / ".venv-validators"

NODE_PACKAGES = ("fbx2gltf@0.9.7", "three@0.187.0", "gltf-validator@2.0.0-dev.3.10")

PYTHON_PACKAGES = {
    "tables": ("c3d==0.6.0", "pybvh==0.9.0"),
    # Blender needs exactly this Python and the old numpy.
    "blender": ("bpy==5.0.1", "numpy<2"),
    "opensim": ("opensim==4.6",),
    "usd": ("usd-core==26.11", "numpy"),
    "kinetics": ("ezc3d==1.7.2", "matplotlib", "numpy", "pandas", "scikit-learn", "scipy", "tqdm"),
}
_BLENDER_PYTHON = "3.11"

# What must be importable afterwards.
_IMPORTS = {
    "tables": "c3d, pybvh",
    "blender": "bpy",
    "opensim": "opensim",
    "usd": "pxr",
    "kinetics": "kineticstoolkit",
}

_WITHOUT_DEPENDENCIES = {
    # OpenSim models with set-up files; their package needs much that only it uses.
    "opensim": ("pose2sim==0.10.49",),
    # A window toolkit and a look at its home page are not needed to compute.
    "kinetics": ("kineticstoolkit==0.17.0", "limitedinteraction==1.0"),
}


class Unavailable(Exception):
    """A tool cannot be installed here; the message says why."""


@dataclass(frozen=True)
class Environment:
    """An installed tool."""

    folder: Path

    @property
    def python(self) -> Path:
        """The interpreter of a Python environment."""
        return self.folder / "bin" / "python"

    @property
    def packages(self) -> Path:
        """Where the packages of a Python environment are."""
        return next((self.folder / "lib").glob("python*/site-packages"))


def node() -> Environment:
    """Return the node packages, installing them where they are missing.

    Raises:
        Unavailable: no node, or the packages cannot be had.
    """
    folder = HOME / "node"
    missing = [program for program in ("node", "npm") if shutil.which(program) is None]
    if missing:
        raise Unavailable(f"{' and '.join(missing)} not found")
    if not (folder / "node_modules" / "three").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        command = ["npm", "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
        _install([*command, *NODE_PACKAGES], folder)
    converter = folder / "node_modules" / "fbx2gltf" / "bin" / "Linux" / "FBX2glTF"
    if converter.is_file():
        converter.chmod(0o755)  # npm unpacks it without the right to run
    return Environment(folder)


def python(name: str) -> Environment:
    """Return a Python environment, creating it where it is missing.

    Raises:
        Unavailable: its packages cannot be installed.
    """
    folder = HOME / name
    done = folder / ".installed"
    if done.is_file():
        return Environment(folder)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    if name == "blender" and version != _BLENDER_PYTHON:
        raise Unavailable(f"bpy needs Python {_BLENDER_PYTHON}; this is {version}")
    if not (folder / "bin" / "python").is_file():
        _install([sys.executable, "-m", "venv", str(folder)], folder)
    _install([str(folder / "bin" / "pip"), "install", "--quiet", *PYTHON_PACKAGES[name]], folder)
    for package in _WITHOUT_DEPENDENCIES.get(name, ()):
        pip = [str(folder / "bin" / "pip"), "install", "--quiet", "--no-deps"]
        _install([*pip, package], folder)
    # A wheel may install and still lack a library of the system.
    _install([str(folder / "bin" / "python"), "-c", f"import {_IMPORTS[name]}"], folder)
    done.touch()
    return Environment(folder)


def _install(command: list[str], folder: Path) -> None:
    """Run an installation; say its last line when it fails."""
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    if run.returncode:
        last = (run.stderr.strip() or run.stdout.strip() or "no message").splitlines()[-1]
        raise Unavailable(f"cannot install into {folder.name}: {last}")
