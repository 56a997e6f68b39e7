"""mocap measure from the command line: files, reports, overrides, norms, and what it refuses."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import ezc3d
import numpy as np
import pytest
from click.testing import CliRunner, Result
from stick_person import keypoints_of, person

from mocap.body.model import load_free_body
from mocap.capture.session import Session, Take
from mocap.capture.take_file import load_take_settings
from mocap.cli import main
from mocap.core.body_motion import BodyMotion, split_rotations
from mocap.core.errors import InputError
from mocap.core.keypoints import COCO_17_FEET
from mocap.core.points import Points3D, Source
from mocap.core.store import Provenance, save_artifact
from mocap.measure.norms import parse_norms
from mocap.synthetic.motion.motion import body_keypoints, throw
from mocap.workflow.edits import add_edit
from mocap.workflow.results import Results

FPS = 240.0
MADE = Provenance("smooth", "0", warnings=("the rig was bumped",))


def new_take(root: Path) -> Take:
    Session.create(root, rig="four_corner", board="a3_7x10")
    folder = root / "takes" / "one"
    folder.mkdir(parents=True)
    (folder / "left.mp4").write_bytes(b"no video is needed to measure")
    return Session.open(root).take("one")


@pytest.fixture(scope="module")
def bullpen(tmp_path_factory: pytest.TempPathFactory) -> Take:
    """A throw with keypoints and the true body as the fitted one."""
    take = new_take(tmp_path_factory.mktemp("measure") / "bullpen")
    motion, model = throw(2.8, FPS, seed=1), load_free_body()
    xyz = body_keypoints(motion)[:, None]
    shape = xyz.shape[:3]
    points = Points3D(
        keypoint_names=COCO_17_FEET.keypoint_names,
        person_ids=(0,),
        fps=FPS,
        xyz=xyz,
        covariance=np.broadcast_to(np.eye(3) * 0.002**2, (*shape, 3, 3)).copy(),
        reprojection_error_px=np.ones(shape),
        view_count=np.full(shape, 8),
        source=np.full(shape, Source.MEASURED, dtype=np.uint8),
    )
    save_artifact(points, take.artifact("smoothed"), MADE)
    body = BodyMotion(
        person_id=0,
        model_name=model.name,
        model_hash=model.content_hash,
        joint_names=model.joint_names,
        fps=FPS,
        betas=motion.betas,
        transl=motion.transl,
        expression=np.zeros((len(xyz), 0)),
        flat_hand_mean=True,
        fit_error_mm=np.zeros(len(xyz)),
        rotation_sigma_deg=np.ones((len(xyz), model.joint_count)),
        observable=np.ones(model.joint_count, dtype=np.bool_),
        **split_rotations(motion.rotations),
    )
    save_artifact(body, take.body_path(0), Provenance("fit", "0"))
    take.settings_path.write_text("[[throws]]\nfoot_plant_s = 1.46\n")
    return take


def run(*words: object) -> Result:
    return CliRunner().invoke(main, ["measure", *(str(word) for word in words)])


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def test_pitching_writes_tables_c3d_and_report(bullpen: Take, tmp_path: Path) -> None:
    norms = tmp_path / "norms.csv"
    norms.write_text("name,phase,mean,sd\nmax_elbow_flexion,,100,5\nelbow_flexion,0,80,9\n")
    result = run("pitching", bullpen.session.root, "one", "--height-m", 1.7, "--norms", norms,
                 "--target-deg", 0, "--no-pictures", "--json")  # fmt: skip
    assert result.exit_code == 0, result.output
    throws = json.loads(result.stdout)["throws"]
    assert len(throws) == 1
    assert throws[0]["metrics"]["stride_length"]["untrusted_because"] is None
    (row,) = rows_of(bullpen.measure_dir / "pitching" / "pitching.csv")
    assert row["session_pitch"] == "one_1" and row["hand"] == "right"
    assert float(row["fp_100_time"]) == 1.46  # as take.toml says
    assert 150 < float(row["max_shoulder_external_rotation"]) < 190
    assert float(row["elbow_flexion_mer_band"]) > 0
    assert "ISB" in row["thorax"]
    curves = rows_of(bullpen.measure_dir / "pitching" / "curves.csv")
    assert {"session_pitch", "time", "elbow_flexion_deg", "BR_time"} <= set(curves[0])
    assert float(curves[1]["time"]) - float(curves[0]["time"]) == pytest.approx(1 / FPS, abs=1e-5)
    assert (bullpen.measure_dir / "pitching" / "pitching.c3d").stat().st_size > 10_000
    page = (bullpen.measure_dir / "pitching" / "report.html").read_text(encoding="utf-8")
    for text in ("Ball release", "set by hand", "Butterworth", "the rig was bumped", "20 Hz",
                 "Kinematic sequence", "Read", "within"):  # fmt: skip
        assert text in page, text


@pytest.mark.slow
def test_throws_obey_events_that_a_person_sets_and_removes(bullpen: Take) -> None:
    add_edit(bullpen, "event", {"do": "set", "name": "foot_plant", "frame": 1.5 * FPS})
    add_edit(bullpen, "event", {"do": "remove", "name": "peak_knee_height"})
    try:
        result = run("pitching", bullpen.session.root, "one", "--no-pictures", "--json")
        assert result.exit_code == 0, result.output
        (row,) = rows_of(bullpen.measure_dir / "pitching" / "pitching.csv")
        # edits.toml goes before take.toml, which says 1.46.
        assert float(row["fp_100_time"]) == 1.5
        found, _ = Results(bullpen).events()
        (events,) = [each for each in found if each.kind == "pitching"]
        names = [event.name for event in events.groups[0]]
        assert "ball_release" in names and "peak_knee_height" not in names
    finally:
        bullpen.edits_path.unlink()
    found, stale = Results(bullpen).events()
    assert not found and "before edits.toml was changed" in stale[0]


def test_key_points_alone_are_said_in_table_and_report(bullpen: Take) -> None:
    result = run("pitching", bullpen.session.root, "one", "--source", "keypoints",
                 "--no-pictures")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "Warning: the direction of the target" in result.output
    (row,) = rows_of(bullpen.measure_dir / "pitching" / "pitching.csv")
    assert "NOT the chest" in row["thorax"] and row["torso_rotation_br"] == ""
    assert "torso_rotation_br" in row["untrusted"].split(";")


def test_exercises_and_postures_write_their_files(tmp_path: Path) -> None:
    take = new_take(tmp_path / "clinic")
    share = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(360) / 120.0)
    zero = np.zeros(360)
    bent = np.stack([5 + 85 * share, zero, zero], axis=-1)
    both = {"knee": bent, "hip": bent}
    points = keypoints_of(person(360, 60.0, left=both, right=both))
    save_artifact(points, take.artifact("smoothed"), MADE)
    take.settings_path.write_text("[ergonomics]\nreba_load = 2\n")
    squat = run("squat", take.session.root, "one", "--json")
    assert squat.exit_code == 0, squat.output
    told = json.loads(squat.stdout)["metrics"]
    assert told["count"]["value"] == 3 and "inwards" in told["left_valgus"]["untrusted_because"]
    assert len(rows_of(take.measure_dir / "squat" / "squat.csv")) == 3
    summary = rows_of(take.measure_dir / "squat" / "summary.csv")
    depth = next(row for row in summary if row["name"] == "depth")
    assert float(depth["value"]) == pytest.approx(90, abs=1) and float(depth["band"]) > 0
    events = rows_of(take.measure_dir / "squat" / "events.csv")
    assert len(events) == 3 and float(events[0]["time"]) == pytest.approx(1.0, abs=0.02)
    labels = ezc3d.c3d(str(take.measure_dir / "squat" / "squat.c3d"))["parameters"]["EVENT"]
    assert len(labels["LABELS"]["value"]) == 3
    angles = run("angles", take.session.root, "one", "--json")
    assert angles.exit_code == 0, angles.output
    assert "NOT the chest" in json.loads(angles.stdout)["thorax"]
    row = rows_of(take.measure_dir / "angles" / "angles.csv")[60]
    # Two thigh bones of 42 cm with ends some 2 mm off: a third of a degree and more.
    assert float(row["left_knee_flexion_deg"]) == pytest.approx(90, abs=1)
    assert 0.05 < float(row["left_knee_flexion_sd_deg"]) < 2.0
    motion = run("range-of-motion", take.session.root, "one", "--movement", "left_knee_flexion")
    assert motion.exit_code == 0, motion.output
    assert "repetitions 3" in motion.output and "Warning: from keypoints alone" in motion.output
    page = (take.measure_dir / "range-of-motion" / "report.html").read_text(encoding="utf-8")
    assert "least change" in page and "the rig was bumped" in page
    postures = run("ergonomics", take.session.root, "one")
    assert postures.exit_code == 0, postures.output
    assert "RULA, left arm: median" in postures.output and "worst moment at" in postures.output
    told = json.loads((take.measure_dir / "ergonomics" / "alerts.json").read_text())
    assert told["worst_moments"] and told["exposure"]["lifts"] == 0
    assert (take.measure_dir / "ergonomics" / "alerts.csv").is_file()
    page = (take.measure_dir / "ergonomics" / "report.html").read_text(encoding="utf-8")
    assert "Time in each action level" in page and "Sustained postures" in page
    jump = run("jump", take.session.root, "one")
    assert jump.exit_code == 0 and (take.measure_dir / "jump" / "report.html").is_file()
    gait = run("gait", take.session.root, "one")
    assert gait.exit_code == 1 and "no walk to measure" in gait.output
    pitching = run("pitching", take.session.root, "one")
    assert pitching.exit_code == 1 and "nobody throws" in pitching.output
    body = run("squat", take.session.root, "one", "--source", "body")
    assert body.exit_code == 1 and "no fitted body" in body.output
    person_7 = run("squat", take.session.root, "one", "--person", 7)
    assert person_7.exit_code == 1 and "--person" in person_7.output


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[throws]]\nrelease = 1.0\n", "unknown key 'release'"),
        ("[[pitches]]\nball_release_s = -1\n", "seconds"),  # as older files say
        ("[[throws]]\n[[pitches]]\n", "keep one"),
        ("[ergonomics]\nreba_load = 9\n", "0 to 3"),
        ("ergonomics = 1\n", "table"),
        ("speed = 1\n", "unknown key 'speed'"),
    ],
)
def test_take_settings_are_read_strictly(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "take.toml"
    assert load_take_settings(path).throws == ()
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        load_take_settings(path)


def test_norms_are_percentiles_or_mean_and_spread() -> None:
    norms = parse_norms("name,phase,p05,p50,p95\na,,1,2,3\nb,50,0,1,2\nb,0,1,2,3\n", "file")
    assert norms.metrics["a"] == (1.0, 2.0, 3.0)
    np.testing.assert_allclose(norms.curves["b"][:, 0], [0, 50])
    low, middle, high = parse_norms("name,mean,sd\na,10,2\n", "file").metrics["a"]
    assert (low, middle, high) == pytest.approx((6.71, 10, 13.29))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("name,value\na,1\n", "columns"),
        ("name,mean,sd\na,x,2\n", "line 2: 'x'"),
        ("name,mean,sd\na,,\n", "line 2: fill"),
        ("name,p05,p50,p95\na,3,2,1\n", "do not increase"),
        ("name,mean,sd\na,inf,1\n", "not finite"),
    ],
)
def test_norms_say_which_line_is_wrong(text: str, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_norms(text, "norms.csv")
