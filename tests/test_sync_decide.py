"""What is used and said of the clocks that were found."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mocap.core.clocks import CameraClock, Clocks, Verdict
from mocap.core.errors import SyncError
from mocap.sync.decide import SyncWish, decide
from mocap.sync.people import PeopleSync

LEFT = CameraClock("left", verdict=Verdict.REFERENCE, agreement=0.82, evidence_t=9.0)


def found(right: CameraClock, recorded: float = 0.3) -> PeopleSync:
    return PeopleSync(
        Clocks("left", (LEFT, right)),
        np.zeros((2, 3)),
        np.array([-30.0, 0.0, 30.0]),
        np.array([recorded, recorded]),
        None,
    )


def right(offset_s: float, verdict: Verdict = Verdict.SURE, sigma_s: float = 4e-4) -> CameraClock:
    return CameraClock(
        "right", offset_s, sigma_s=sigma_s, method="motion", verdict=verdict, agreement=0.81,
        evidence_t=7.0, said={"motion": offset_s},
    )  # fmt: skip


def test_a_camera_that_started_later_is_said_and_used() -> None:
    decision = decide(found(right(3.412)), SyncWish(), {"left": 0.0, "right": 3.408})
    (sentence,) = decision.found
    assert sentence == "right: 3.4120 s later than left, ± 0.4 ms by motion; sound 3.408 s"
    assert decision.clocks["right"].offset_s == 3.412 and not decision.warnings


@pytest.mark.parametrize(("offset", "sigma"), [(0.0009, 1e-4), (0.006, 2.3e-3)])
def test_what_does_not_stand_out_is_silent_and_changes_nothing(offset: float, sigma: float) -> None:
    decision = decide(found(right(offset, sigma_s=sigma)), SyncWish(), {})
    assert decision.clocks["right"].offset_s == 0.0
    assert not decision.found and not decision.warnings


def test_little_evidence_moves_nothing_that_agrees_as_well_at_the_recorded_time() -> None:
    unsure = right(-0.0135, Verdict.UNSURE, 2e-3)
    kept = decide(found(unsure, recorded=0.82), SyncWish(), {})
    assert kept.clocks["right"].offset_s == 0.0 and not kept.found
    assert kept.clocks["right"].said == {"motion": -0.0135}
    # What was found may be right all the same.
    assert kept.clocks["right"].sigma_s == pytest.approx(np.hypot(2e-3, 0.0135))
    assert decide(found(unsure, recorded=0.7), SyncWish(), {}).clocks["right"].offset_s == -0.0135
    sure = decide(found(right(-0.0135), recorded=0.82), SyncWish(), {})
    assert sure.clocks["right"].offset_s == -0.0135


def test_the_sigma_of_an_unsure_clock_is_how_far_the_others_reach_that_agree_as_well() -> None:
    within, beyond = (right(each, Verdict.UNSURE, 0.020) for each in (0.015, 0.050))
    assert decide(found(within), SyncWish(), {}).clocks["right"].offset_s == 0.0
    moved = decide(found(beyond), SyncWish(), {})
    assert moved.clocks["right"].offset_s == 0.050
    assert moved.found == (
        "right: 0.0500 s later than left, ± 20.0 ms by motion (not sure: little evidence)",
    )


def test_methods_that_contradict_each_other_are_said() -> None:
    decision = decide(found(right(3.412)), SyncWish(), {"left": 0.0, "right": 3.2})
    (warning,) = decision.warnings
    assert "212 ms apart" in warning and "right" in warning


def test_refused_keeps_the_recorded_time_and_names_the_cure() -> None:
    refused = replace(right(0.0, Verdict.REFUSED, np.nan), said={}, evidence_t=0.2)
    decision = decide(found(refused, recorded=0.5), SyncWish(), {})
    assert decision.clocks["right"].offset_s == 0.0
    assert "Clap once" in decision.warnings[0] and "take.toml" in decision.warnings[0]
    sound = {"left": 1.0, "right": 3.5}
    heard = decide(found(refused, recorded=0.5), SyncWish(), sound, {"right": 40.0})
    assert heard.clocks["right"].drift_ppm == 40.0
    assert heard.clocks["right"].offset_s == 2.5 and heard.clocks["right"].method == "sound"
    # Nobody moves and the recorded time is as good as any: nothing to say.
    assert not decide(found(refused, recorded=0.8), SyncWish(), {}).warnings


def test_a_camera_of_another_time_ends_in_one_sentence() -> None:
    absent = replace(right(0.0, Verdict.REFUSED, np.nan), agreement=0.2, said={})
    with pytest.raises(SyncError, match=r"'right' agrees.*--without right"):
        decide(found(absent, recorded=0.15), SyncWish(), {})
    given = decide(found(absent, recorded=0.15), SyncWish(offset_s={"right": 2.0}), {})
    assert given.clocks["right"].offset_s == 2.0
    assert given.clocks["right"].verdict is Verdict.GIVEN


def test_switched_off_it_only_says_that_the_cameras_disagree() -> None:
    for wish in (SyncWish(on=False), SyncWish(hardware=True)):
        decision = decide(found(right(0.74)), wish, {})
        assert decision.clocks["right"].offset_s == 0.0
        (warning,) = decision.warnings
        assert "the cameras disagree" in warning and "0.7400 s later" in warning


def test_a_refused_camera_is_named_when_the_others_are_moved() -> None:
    moved = right(3.412)
    third = CameraClock("third", verdict=Verdict.REFUSED, agreement=0.46, evidence_t=2.0)
    result = PeopleSync(
        Clocks("left", (LEFT, moved, third)),
        np.zeros((3, 3)),
        np.array([-30.0, 0.0, 30.0]),
        np.array([0.5, 0.5, 0.45]),
        None,
        (0.0, 3.2, 0.1),
    )
    frozen, refused = decide(result, SyncWish(), {}).warnings
    assert "'right' shows one image again and again for 3.2 s" in frozen
    assert "'third'" in refused and "recorded time is kept" in refused
