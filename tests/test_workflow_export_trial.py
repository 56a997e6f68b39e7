"""Options that no take could be written with are refused before anything is looked at."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

import mocap
from mocap.core.errors import ExportError
from mocap.workflow.choices import choices
from mocap.workflow.export.trial import refuse_impossible

WRONG: dict[str, Any] = {
    "order": "XYQ",
    "names": "nobody",
    "facing": "sideways",
    "fps": -3.0,
    "name_prefix": "my rig:",
    "to": "bvh,xyz",
}


@pytest.mark.parametrize(("name", "word"), WRONG.items())
def test_a_wrong_option_is_refused(name: str, word: Any) -> None:
    with pytest.raises(ExportError, match=re.escape(str(word).removeprefix("bvh,"))):
        refuse_impossible(choices(**{name: word}).export)


def test_options_that_can_be_written_pass() -> None:
    asked: dict[str, Any] = {
        "to": "bvh,fbx,glb,trc,csv",
        "unit": "cm",
        "up": "y",
        "ground": True,
        "start_s": 40.0,
    }
    refuse_impossible(choices(**asked).export)
    refuse_impossible(choices(target="unreal").export)
    refuse_impossible(choices().export)


def test_a_run_refuses_before_it_begins(tmp_path: Path) -> None:
    """There is no video in the take: the option is what is said, and nothing is written."""
    session = mocap.Session.create(tmp_path / "lab", rig="four_corner", board="a3_7x10")
    take = session.root / "takes" / "a"
    take.mkdir(parents=True)
    (take / "front_left.mp4").write_bytes(b"no video")
    before = sorted(session.root.rglob("*"))
    with pytest.raises(ExportError, match="XYQ"):
        mocap.run(session.root, choices=choices(order="XYQ"))
    assert sorted(session.root.rglob("*")) == before
