"""The fit stage: bodies beside the points they came from, and the export that comes from them."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from stages import export_stage, fit_stage

from mocap.body.body_skeleton import skeleton_of
from mocap.body.fit.fit import height_by_bones
from mocap.body.model import load_free_body
from mocap.capture.session import Session, Take
from mocap.cli.console import Console
from mocap.core.body_motion import BodyMotion
from mocap.core.calibration_file import save_calibration
from mocap.core.errors import InputError, SessionError
from mocap.core.files.names import portable
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D
from mocap.core.store import Provenance, load_artifact, load_provenance, save_artifact
from mocap.export.bvh import reader as bvh_reader
from mocap.synthetic.motion.motion import squat
from mocap.synthetic.motion.random_motion import measured_points, true_points
from mocap.synthetic.observations import observe_points
from mocap.synthetic.rigs import ring
from mocap.workflow import run as running
from mocap.workflow.choices import ExportChoice, FitChoice, choices
from mocap.workflow.pipeline import CURRENT, MADE, Outcome, Stage, run_stages
from mocap.workflow.results import Results

FRAMES = 40

# There are no videos here, hence nothing that cameras saw.
POINTS_ONLY = FitChoice(refine_views=False)


@pytest.fixture
def take(tmp_path: Path) -> Take:
    session = Session.create(tmp_path / "lab", rig="four_corner", board="a1_5x7")
    root = session.root / "takes" / "a"
    root.mkdir()
    take = Take("a", root, session)
    save_points(take, seed=1)
    return take


def save_points(take: Take, seed: int, larger: float = 1.0) -> None:
    names = COCO_17_FEET.keypoint_names
    motion = squat(FRAMES / 30.0, 30.0, seed=seed)
    points = measured_points(
        larger * true_points(motion, names), names, 30.0, sigma_m=0.005, seed=seed
    )
    save_artifact(points, take.artifact("smoothed"), Provenance("smooth", "0"))


def run(*stages: Stage) -> list[Outcome]:
    return run_stages(stages, version="0")


def test_fits_once_and_again_when_the_points_change(take: Take) -> None:
    (first,) = run(fit_stage(take, POINTS_ONLY))
    assert first.status == MADE
    # nothing says which detector found these keypoints
    assert "were not measured" in first.warnings[0]
    assert first.notes["person0"]["converged"]
    assert load_artifact(take.body_path(0), BodyMotion).frame_count == FRAMES
    assert run(fit_stage(take, POINTS_ONLY))[0].status == CURRENT
    assert run(fit_stage(take, FitChoice(height_m=1.8, refine_views=False)))[0].status == MADE
    save_points(take, seed=2)
    with pytest.raises(InputError, match=r"bodies of take a cannot be used: smoothed\.npz is not"):
        _ = Results(take).bodies
    assert run(fit_stage(take, POINTS_ONLY))[0].status == MADE


def test_refines_on_the_images_unless_told_not_to(take: Take) -> None:
    with pytest.raises(InputError, match="needs tracks"):
        run(fit_stage(take, FitChoice()))
    points = load_artifact(take.artifact("smoothed"), Points3D)
    rig = ring(4)
    save_calibration(rig, take.session.calibration_path)
    # The cameras saw the person 2 cm further to the side than the points in space say.
    seen = points.xyz + np.array([0.02, 0.0, 0.0])
    tracks = observe_points(rig, seen, points.keypoint_names, fps=30.0, noise_px=1.0)
    save_artifact(tracks, take.artifact("tracks"), Provenance("associate", "0"))
    bodies = []
    for choice in (FitChoice(), POINTS_ONLY):
        assert run(fit_stage(take, choice))[0].status == MADE
        bodies.append(load_artifact(take.body_path(0), BodyMotion))
        made = load_provenance(take.body_path(0))
        assert made.options["refine_views"] == choice.refine_views
        assert ({"tracks", "calibration"} <= set(made.inputs)) == choice.refine_views
    moved = np.median(bodies[0].transl - bodies[1].transl, axis=0)
    # 1 px is 4 mm at 4 m, with four cameras about 3 mm, against 5 mm of the points: what the
    # cameras say weighs more, and by far more as they have the larger share.
    assert 0.01 < moved[0] < 0.02
    np.testing.assert_allclose(moved[1:], 0.0, atol=0.003)
    stale = Provenance("smooth", "0", inputs={"calibration": "0" * 64})
    save_artifact(points, take.artifact("smoothed"), stale)
    with pytest.raises(InputError, match=r"calibration\.toml is not what stage .* read"):
        run(fit_stage(take, FitChoice()))


def test_export_comes_from_the_body(take: Take) -> None:
    choice = ExportChoice(formats=("bvh",))
    run(export_stage(take, choice))
    skeleton_joints = bvh_reader.read(take.export_dir / "a.bvh").joint_names
    run(fit_stage(take, POINTS_ONLY), export_stage(take, choice, with_bodies=True))
    clip = bvh_reader.read(take.export_dir / "a.bvh")
    assert len(clip.joint_names) == 55 > len(skeleton_joints)
    # the root is the pelvis joint
    motion = load_artifact(take.body_path(0), BodyMotion)
    positions, _ = skeleton_of(motion, load_free_body()).forward_kinematics()
    np.testing.assert_allclose(clip.root_positions, positions[:, 0], atol=1e-5)
    # a run that wants no body gets none
    run(export_stage(take, choice, with_bodies=False))
    assert bvh_reader.read(take.export_dir / "a.bvh").joint_names == skeleton_joints
    # a body that was made from other points is refused, not left out in silence
    save_points(take, seed=3)
    with pytest.raises(InputError, match=r"Run `mocap run .* a` first"):
        run(export_stage(take, choice))


def test_names_a_missing_body_file(take: Take) -> None:
    with pytest.raises(InputError, match=r"no body file .*SMPLX_NONE.npz"):
        fit_stage(take, FitChoice(body="SMPLX_NONE.npz", refine_views=False))


def subject_session(take: Take, text: str = "") -> Session:
    """Return the session of a take with a subject and a second take of theirs."""
    path = take.session.root / "session.toml"
    path.write_text(path.read_text() + f"[[subjects]]\nname = 'Ann'\n{text}")
    session = Session.open(take.session.root)
    for name, seed in (("a", 1), ("b", 4)):
        (session.root / "takes" / name).mkdir(exist_ok=True)
        (session.root / "takes" / name / "left.mp4").touch()
        save_points(session.take(name), seed=seed)
    return session


def bone_lengths(take: Take) -> np.ndarray:
    motion = load_artifact(take.body_path(0), BodyMotion)
    return np.asarray(np.linalg.norm(skeleton_of(motion, load_free_body()).rest_offsets, axis=-1))


def test_takes_of_a_subject_get_one_body(take: Take) -> None:
    session = subject_session(take)
    a, b = session.take("a"), session.take("b")
    for each in (a, b):
        (outcome,) = run(fit_stage(each, POINTS_ONLY))
        assert outcome.notes["person0"]["shape_from"] == ["a", "b"]
        assert outcome.notes["person0"]["subject"] == "Ann"
    np.testing.assert_array_equal(bone_lengths(a), bone_lengths(b))
    # nothing is left to do, in whatever order
    for each in (b, a):
        assert run(fit_stage(each, POINTS_ONLY))[0].status == CURRENT
    # other points of one take are other bones of both only when they tell another shape
    save_points(b, seed=5)
    assert run(fit_stage(a, POINTS_ONLY))[0].status == CURRENT
    save_points(b, seed=5, larger=1.15)
    (again,) = run(fit_stage(a, POINTS_ONLY))
    said = r"the shape of Ann moved by \d\.\d of its standard deviations: a, b tell it now"
    assert re.fullmatch(said, again.reason)


def test_takes_tell_the_shape_from_what_the_cameras_saw(take: Take) -> None:
    session = subject_session(take)
    rig = ring(4)
    save_calibration(rig, session.calibration_path)
    a, b = session.take("a"), session.take("b")
    for each in (a, b):
        points = load_artifact(each.artifact("smoothed"), Points3D)
        # The cameras saw a person a twentieth larger, about a point on the floor between them.
        tracks = observe_points(rig, 1.05 * points.xyz, points.keypoint_names, fps=30.0)
        save_artifact(tracks, each.artifact("tracks"), Provenance("associate", "0"))
    run(fit_stage(a, POINTS_ONLY))
    by_points = bone_lengths(a)
    (outcome,) = run(fit_stage(a, FitChoice()))
    assert outcome.status == MADE
    by_views = bone_lengths(a)
    run(fit_stage(b, FitChoice()))
    np.testing.assert_array_equal(bone_lengths(b), by_views)
    # the images have the larger share, the mean of all people some
    grown = by_views[1:22].sum() / by_points[1:22].sum()
    assert 1.02 < grown < 1.05


def test_the_shape_can_be_told_by_one_take_or_by_each(take: Take) -> None:
    session = subject_session(take)
    a, b = session.take("a"), session.take("b")
    told = replace(POINTS_ONLY, subject_shape="a")
    run(fit_stage(a, told), fit_stage(b, told))
    np.testing.assert_array_equal(bone_lengths(a), bone_lengths(b))
    by_a = bone_lengths(a)
    run(fit_stage(a, replace(POINTS_ONLY, subject_shape="none")))
    # its evidence leads to the optimum that a fit stops short of by some micrometres
    np.testing.assert_allclose(bone_lengths(a), by_a, atol=5e-4)
    with pytest.raises(SessionError, match="no take 'c'"):
        fit_stage(a, replace(POINTS_ONLY, subject_shape="c"))
    b.artifact("smoothed").unlink()
    with pytest.raises(InputError, match="no smoothed points"):
        fit_stage(a, replace(POINTS_ONLY, subject_shape="b"))


def test_takes_of_two_subjects_keep_apart(take: Take) -> None:
    session = subject_session(take, "[[subjects]]\nname = 'Bob'\n")
    a, b = session.take("a"), session.take("b")
    a.settings_path.write_text("subject = 'Ann'\n")
    b.settings_path.write_text("subject = 'Bob'\n")
    (outcome,) = run(fit_stage(a, POINTS_ONLY))
    assert outcome.notes["person0"]["shape_from"] == []
    assert not any("but not who is in a" in each for each in outcome.warnings)
    with pytest.raises(InputError, match="another subject's"):
        fit_stage(a, replace(POINTS_ONLY, subject_shape="b"))
    a.settings_path.unlink()
    (outcome,) = run(fit_stage(a, POINTS_ONLY))
    assert any("names Ann, Bob, but not who is in a" in each for each in outcome.warnings)


def test_facts_of_the_subject_shape_the_body(take: Take) -> None:
    session = subject_session(take, "height_m = 1.75\nmass_kg = 85\nsex = 'male'\n")
    a = session.take("a")
    (outcome,) = run(fit_stage(a, POINTS_ONLY))
    notes = outcome.notes["person0"]
    assert notes["body_height_m"] == pytest.approx(1.75, abs=0.01)
    assert notes["body_mass_kg"] == pytest.approx(85.0, rel=0.04)
    options = load_provenance(a.body_path(0)).options
    assert (options["height_m"], options["mass_kg"], options["sex"]) == (1.75, 85.0, "male")
    seen_m = height_by_bones(load_artifact(a.artifact("smoothed"), Points3D), load_free_body())
    # the command line wins; that this height is not that of the bones is said
    (outcome,) = run(fit_stage(a, replace(POINTS_ONLY, height_m=1.7)))
    assert outcome.reason == "options changed: height_m 1.75 -> 1.7"
    assert outcome.notes["person0"]["body_height_m"] == pytest.approx(1.7, abs=0.01)
    for off_m, said in ((0.02, False), (0.15, True)):
        (outcome,) = run(fit_stage(a, replace(POINTS_ONLY, height_m=round(seen_m + off_m, 2))))
        assert any("was given" in each for each in outcome.warnings) == said


@pytest.mark.parametrize(
    ("stages", "from_stage", "expected"),
    [
        (
            ("smooth", "fit", "report"),
            None,
            ["a smooth", "b smooth", "a fit+report", "b fit+report"],
        ),
        # what was asked for, and all after it
        (
            ("smooth", "fit", "report"),
            "smooth",
            ["a smooth!", "b smooth!", "a fit!+report", "b fit!+report"],
        ),
        (("fit", "report"), "report", ["a fit+report!", "b fit+report!"]),
        (("smooth", "report"), "report", ["a smooth+report!", "b smooth+report!"]),
    ],
)
def test_bodies_wait_for_the_points_of_all_takes(
    take: Take,
    monkeypatch: pytest.MonkeyPatch,
    stages: tuple[str, ...],
    from_stage: str | None,
    expected: list[str],
) -> None:
    session = subject_session(take)
    calls = []

    def record(
        each: Take, *_: object, only: tuple[str, ...], from_stage: str | None, **__: object
    ) -> list[Outcome]:
        marked = [stage + "!" * (stage == from_stage) for stage in only]
        calls.append(f"{each.name} {'+'.join(marked)}")
        return []

    monkeypatch.setattr(running, "run_take", record)
    takes = [session.take("a"), session.take("b")]
    running.run_takes(takes, choices(), Console(), stages=stages, from_stage=from_stage)
    assert calls == expected
    with pytest.raises(InputError, match="no stage 'export'"):
        running.run_takes(takes, choices(), Console(), stages=stages, from_stage="export")


def test_files_of_a_take_that_windows_cannot_hold_have_a_name_that_it_can(take: Take) -> None:
    root = take.root.rename(take.root.with_name("a|b:c*?."))
    odd = Take(root.name, root, take.session)
    run(export_stage(odd, ExportChoice(formats=("bvh", "trc"))))
    written = sorted(path.name for path in odd.export_dir.iterdir() if path.suffix != ".json")
    assert written == [f"{portable(odd.name)}.bvh", f"{portable(odd.name)}.trc"]
