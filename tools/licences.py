"""List the licence of everything that this project installs, fetches or holds.

    python tools/licences.py [--check] [--sbom FILE]

writes `docs/licences.md` from what the installed packages say of themselves and from the model
cards; `--check` only tells whether it is as it should be, `--sbom` writes a CycloneDX bill of
materials too.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from mocap.core.files.reading import read_toml

ROOT = Path(__file__).resolve().parents[1]
LIST = ROOT / "docs" / "licences.md"

NOT_INSTALLED = {
    "opensim": "Apache-2.0",
    "smplx": "NON-COMMERCIAL (Max Planck Society); nothing here needs it",
    "usd-core": "LicenseRef-TOST-1.0 (Tomorrow Open Source Technology License)",
    "ptloader": "not stated by the package; body-models needs it, for development only",
}
"""What an environment may lack, or does not say: as the publishers state it."""

DATA = (
    ("free body, `mocap/body/data/free_body.npz`", "CC0-1.0", "MakeHuman's assets, see its NOTICE"),
    ("boards and rigs, `calibration_boards/`, `rigs/`", "Apache-2.0", "this project"),
    ("sample sessions, `samples/`", "Apache-2.0", "rendered by `tools/build_samples.py`"),
    ("models of actions, exercises and depth, `mocap/understand/models/`", "Apache-2.0",
     "trained by `tools/train_understanding.py` on scripted motion"),
)  # fmt: skip

_LONGEST = 60
"""Some packages put the whole text where the name of the licence belongs."""


@dataclass(frozen=True)
class Part:
    """Something with a licence."""

    name: str
    version: str
    licence: str
    origin: str = ""


def main() -> int:
    """Write the list, or tell whether it is right."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="write nothing")
    parser.add_argument("--sbom", type=Path, help="CycloneDX JSON to write")
    asked = parser.parse_args()
    parts = packages()
    if asked.sbom:
        asked.sbom.write_text(json.dumps(bill(parts), indent=1) + "\n", encoding="utf-8")
    unknown = [part.name for part in parts if not part.licence]
    if unknown:
        print(f"no licence is known of {', '.join(unknown)}")
        return 1
    text = listing(parts, models())
    if asked.check:
        same = LIST.is_file() and LIST.read_text(encoding="utf-8") == text
        print("the list is right" if same else f"{LIST} is not what this tool writes: run it")
        return 0 if same else 1
    LIST.write_text(text, encoding="utf-8")
    return 0


def pinned() -> dict[str, str]:
    """Return the version of every package in constraints.txt."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pairs = [line.split("==") for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(name): version.split(";")[0].strip() for name, version in pairs}


def declared() -> set[str]:
    """Return every package that pyproject.toml names, extras included."""
    project = read_toml(ROOT / "pyproject.toml")["project"]
    groups = [project["dependencies"], *project["optional-dependencies"].values()]
    return {canonicalize_name(Requirement(each).name) for group in groups for each in group}


def packages() -> list[Part]:
    """Return everything that is pinned or declared, with the licence it states."""
    versions = pinned()
    found = []
    for name in sorted({*versions, *declared()}):
        try:
            licence = licence_of(distribution(name))
        except PackageNotFoundError:
            licence = NOT_INSTALLED.get(name, "")
        found.append(Part(name, versions.get(name, ""), NOT_INSTALLED.get(name, licence)))
    return found


def licence_of(package: Distribution) -> str:
    """Return what a package says of its licence: expression, classifier, or the old field."""
    data = package.metadata.json
    if data.get("license_expression"):
        return str(data["license_expression"])
    said = [
        each.rpartition(" :: ")[2]
        for each in package.metadata.get_all("Classifier") or ()
        if each.startswith("License ::") and each != "License :: OSI Approved"
    ]
    if said:
        return ", ".join(dict.fromkeys(said))
    first = str(data.get("license") or "").strip() or _first_line(package)
    first = first.split("\n")[0]
    return first if len(first) <= _LONGEST else f"{first[:_LONGEST]}…"


def _first_line(package: Distribution) -> str:
    """Return the title of the licence that comes along as a file; "" where there is none."""
    for name in package.metadata.get_all("License-File") or ():
        for path in (each for each in package.files or () if each.name == Path(name).name):
            lines = Path(str(package.locate_file(path))).read_text("utf-8", "replace").split("\n")
            titles = [line.strip() for line in lines if line.strip()]
            if titles:
                return titles[0]
    return ""


def models() -> list[Part]:
    """Return every network that can be fetched, and the licence its card states."""
    folder = ROOT / "mocap" / "detect" / "models"
    found = []
    for path in sorted(folder.glob("*.toml")):
        card = read_toml(path)
        if "checkpoints" in card:
            found += [
                Part(each["name"], "", "HRNet MIT, mmpose and SynthPose Apache-2.0 (their code)",
                     "COCO images")
                for each in card["checkpoints"]
            ]  # fmt: skip
        else:
            found.append(Part(card["name"], "", card["licence"], card["title"]))
    return found


def listing(parts: Sequence[Part], networks: Sequence[Part]) -> str:
    """Return the page."""
    lines = [
        "# Licences",
        "",
        "Written by `tools/licences.py` from what packages and model cards state; a test keeps it "
        "complete.",
        "This project is Apache-2.0.",
        "",
        "## Packages",
        "",
        "Those that are installed, and those of extras and of development.",
        "",
        *_table(("package", "version", "licence"), ((p.name, p.version, p.licence) for p in parts)),
        "",
        "## Networks",
        "",
        "None is in this project: they are fetched by whoever uses them, from their publishers.",
        "",
        *_table(("network", "licence", "what"), ((p.name, p.licence, p.origin) for p in networks)),
        "",
        "## Data in this project",
        "",
        *_table(("data", "licence", "from"), DATA),
    ]
    return "\n".join(lines) + "\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    return [*lines, *(f"| {' | '.join(re.sub(r'[|]', '/', c) for c in row)} |" for row in rows)]


def bill(parts: Sequence[Part]) -> dict[str, object]:
    """Return a bill of materials in CycloneDX 1.5."""
    components = [
        {
            "type": "library",
            "name": part.name,
            "version": part.version,
            "purl": f"pkg:pypi/{part.name}@{part.version}",
            "licenses": [{"license": {"name": part.licence}}],
        }
        for part in parts
    ]
    return {"bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "components": components}


if __name__ == "__main__":
    sys.exit(main())
