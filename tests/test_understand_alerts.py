"""Alerts hold exactly where the rules say."""

from __future__ import annotations

from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pytest
from understand_clips import clip_of

from mocap.core.errors import InputError
from mocap.understand.actions import ActionWindow
from mocap.understand.alerts import check_actions, find_alerts, load_rules, measures_of
from mocap.understand.joints import JOINT_NAMES, JointClip

RULE = """
[[rule]]
name = "deep"
says = "bends the left knee"
for_s = 0.3
[[rule.all]]
measure = "left_knee_bend_deg"
above = 60
"""


def rules_of(folder: Path, content: str) -> Path:
    path = folder / "rules.toml"
    path.write_text(content, encoding="utf-8")
    return path


def test_the_shipped_rules_load() -> None:
    with as_file(files("mocap.understand.models") / "rules.toml") as path:
        assert {rule.name for rule in load_rules(path)} >= {"bent_back_lift"}


def test_an_alert_covers_the_frames_in_which_the_condition_holds(tmp_path: Path) -> None:
    clip = clip_of("squat")
    (rule,) = load_rules(rules_of(tmp_path, RULE))
    bend = measures_of(clip)["left_knee_bend_deg"]
    alerts = find_alerts(clip, [rule])
    assert alerts
    covered = np.zeros(len(bend), bool)
    for alert in alerts:
        covered |= (clip.times_s >= alert.start_s - 1e-9) & (clip.times_s < alert.end_s - 1e-9)
    assert (bend[covered] > 60.0).all()
    # Whatever else is deep is shorter than the rule asks for.
    assert (~covered & (bend > 60.0)).sum() < 9


def test_unseen_joints_raise_nothing(tmp_path: Path) -> None:
    clip = clip_of("squat")
    seen = clip.seen.copy()
    seen[:, JOINT_NAMES.index("left_knee")] = False
    blind = JointClip(clip.times_s, clip.xyz, seen, clip.size_m)
    assert find_alerts(blind, load_rules(rules_of(tmp_path, RULE))) == ()


def test_a_rule_may_ask_for_an_action(tmp_path: Path) -> None:
    rule = RULE.replace("for_s = 0.3", 'for_s = 0.3\naction = "deep_squat"')
    clip = clip_of("squat")
    rules = load_rules(rules_of(tmp_path, rule))
    assert find_alerts(clip, rules) == ()
    window = ActionWindow(0.0, 10.0, "deep_squat", 1.0, 1.0, "deep_squat")
    assert find_alerts(clip, rules, [window])
    check_actions(rules, ["walk", "deep_squat"])
    with pytest.raises(InputError, match="Did you mean 'deep_squats'"):
        check_actions(rules, ["walk", "deep_squats"])


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("left_knee_bend_deg", "left_kne_bend_deg"), "left_knee_bend_deg"),
        (("above = 60", ""), "'above' or 'below'"),
        (("above = 60", 'above = "much"'), "must be a number"),
        (("above = 60", "above = true"), "must be a number"),
        (("for_s = 0.3", "for_s = -1"), "above zero"),
        (('name = "deep"', 'nmae = "deep"'), "Did you mean 'name'"),
        (("[[rule.all]]", "[[rule.any]]"), "unknown key"),
        ((RULE, ""), "no [[rule]]"),
    ],
)
def test_wrong_rules_are_named(tmp_path: Path, change: tuple[str, str], said: str) -> None:
    with pytest.raises(InputError) as caught:
        load_rules(rules_of(tmp_path, RULE.replace(*change)))
    assert said in str(caught.value)
