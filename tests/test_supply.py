"""What is installed is known: every package has a licence in the list, and a hash."""

from __future__ import annotations

import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def licences() -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module("licences")
    finally:
        sys.path.pop(0)


@pytest.fixture(scope="module")
def hashes(licences: ModuleType) -> ModuleType:
    sys.path.insert(0, str(ROOT / "tools"))
    try:
        return importlib.import_module("pin_hashes")
    finally:
        sys.path.pop(0)


def test_the_list_of_licences_is_complete_and_right(licences: ModuleType) -> None:
    parts, networks = licences.packages(), licences.models()
    assert [part.name for part in parts if not part.licence] == []
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    assert text == licences.listing(parts, networks)
    assert licences.declared() <= {part.name for part in parts}
    cards = {path.stem for path in (ROOT / "mocap" / "detect" / "models").glob("*.toml")}
    assert cards - {"hrnet_checkpoints"} <= {network.name for network in networks}


def test_the_bill_of_materials_names_every_package(licences: ModuleType) -> None:
    parts = licences.packages()
    bill = json.loads(json.dumps(licences.bill(parts)))
    assert bill["bomFormat"] == "CycloneDX"
    assert [each["name"] for each in bill["components"]] == [part.name for part in parts]


def test_every_pinned_package_has_a_hash(licences: ModuleType, hashes: ModuleType) -> None:
    stored = {name: version for name, (version, _) in hashes.stored().items()}
    assert stored.items() >= licences.pinned().items()
    assert all(found for _, found in hashes.stored().values())
    # Only names, versions and hashes: nothing that says where files come from.
    lines = hashes.FILE.read_text(encoding="utf-8").splitlines()
    assert all(line.startswith("#") or hashes._LINE.match(line) for line in lines)
