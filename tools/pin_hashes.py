"""Write `hashes.txt`: every pinned package with the SHA-256 of the file that pip chose for it.

    python tools/pin_hashes.py [--check]

`make venv HASHES=1` installs nothing else. pip is asked what it would install (`--dry-run`), so
the hashes are those that its index states; hashes that are there already stay while the version
does, so that running this on several systems gathers the files of all. `--check` tells whether
every pinned package has a hash.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from licences import ROOT, pinned

FILE = ROOT / "hashes.txt"
HEAD = (
    "# Written by tools/pin_hashes.py: `make venv HASHES=1` installs these files and no others.\n"
    "# Hashes of systems that are not here: run the tool there. torch is the build for processors\n"
    "# that its publisher offers apart: have pip find it (PIP_FIND_LINKS, or another index).\n"
)
BUILD = ("setuptools",)
"""What building this package needs; pyproject.toml asks for it."""

_LINE = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^ ]+)(?P<hashes>( --hash=sha256:\w{64})+)$")


def main() -> int:
    """Write the file, or tell whether it holds all."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="ask nobody, write nothing")
    asked = parser.parse_args()
    known = stored()
    if asked.check:
        missing = [
            name for name, version in pinned().items() if known.get(name, ("",))[0] != version
        ]
        print(f"no hash of {', '.join(missing)}" if missing else "every pinned package has a hash")
        return 1 if missing else 0
    lines = []
    for name, (version, digest) in sorted(chosen().items()):
        before = known.get(name, ("", ()))
        # pip takes a file of its index before one of a folder: one build of torch alone is named.
        kept = before[1] if before[0] == version and name != "torch" else ()
        hashes = sorted({*kept, digest})
        lines.append(f"{name}=={version}" + "".join(f" --hash=sha256:{each}" for each in hashes))
    FILE.write_text(HEAD + "\n".join(lines) + "\n", encoding="utf-8")
    print(f"{len(lines)} packages in {FILE}")
    return 0


def stored() -> dict[str, tuple[str, tuple[str, ...]]]:
    """Return version and hashes by package, as the file has them."""
    found = {}
    for line in FILE.read_text(encoding="utf-8").splitlines() if FILE.is_file() else ():
        match = _LINE.match(line)
        if match:
            hashes = tuple(re.findall(r"sha256:(\w+)", match["hashes"]))
            found[match["name"]] = (match["version"], hashes)
    return found


def chosen() -> dict[str, tuple[str, str]]:
    """Return version and hash of the file that pip would install here, by package."""
    wanted = [f"{name}=={version}" for name, version in pinned().items()]
    wanted += [name for name in BUILD if name not in pinned()]
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--dry-run", "--no-deps",
                   "--ignore-installed", "--report", str(report), *wanted]  # fmt: skip
        subprocess.run(command, check=True)
        document = json.loads(report.read_text(encoding="utf-8"))
    found = {}
    for each in document["install"]:
        name = re.sub(r"[-_.]+", "-", each["metadata"]["name"]).lower()
        digest = each["download_info"]["archive_info"]["hashes"]["sha256"]
        # "2.13.0+cpu" is a build of the version that is pinned.
        found[name] = (each["metadata"]["version"].partition("+")[0], digest)
    return found


if __name__ == "__main__":
    sys.exit(main())
