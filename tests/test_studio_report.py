"""The report's figures are right, and nothing from outside reaches its page unescaped."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips_take import fake_take
from walker import MEASURES, keypoints_on, walk

from mocap.calibrate.verdict.report import CalibrationReport
from mocap.core.camera import Calibration
from mocap.core.detections import Tracks2D
from mocap.core.errors import InputError
from mocap.core.files.typed_json import from_json
from mocap.core.plain import plain
from mocap.core.points import Points3D, Source
from mocap.studio.page.page import _base85, number, percent
from mocap.studio.take import figures
from mocap.studio.take.report import write_report
from mocap.studio.take.report_data import (
    PersonCard,
    ReportData,
    bone_figures,
    camera_figures,
    camera_keypoint_errors_px,
    percentile,
    residuals_px,
    source_shares,
    view_counts,
)
from mocap.studio.take.scene import MAX_FRAMES, SOURCE_COLOURS, scene
from mocap.studio.understand.actions import PersonStrip
from mocap.synthetic.rigs import ring
from mocap.understand.actions import ActionSpan
from mocap.workflow.report import of_person, pages_of
from mocap.workflow.results import Results

HOSTILE = '</script><img src=x onerror="alert(1)">&'


def take(frames: int = 30, rig: Calibration | None = None, shift_px: float = 0.0) -> ReportData:
    """A walker seen without noise by a ring of cameras, the second one shifted to the right."""
    rig = rig or ring(4, image_size=(1280, 720), focal_px=800.0)
    points = keypoints_on(walk(frames=frames))
    pixels = rig.project(points.xyz)
    pixels[1, ..., 0] += shift_px
    confidence = np.where(np.isfinite(pixels[..., 0]), 0.9, 0.0)
    tracks = Tracks2D(
        rig.names, points.keypoint_names, points.person_ids, points.fps, pixels, confidence
    )
    return ReportData("walk_01", rig, tracks, points)


class Page(HTMLParser):
    """Collects tags, texts and the data of a page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.data = ""
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        name, attributes = self.tags[-1] if self.tags else ("", {})
        if name == "script" and attributes.get("id") == "report-data":
            self.data += data
        elif name not in ("script", "style"):
            self.text += data

    def document(self) -> dict[str, Any]:
        loaded = json.loads(self.data)
        assert isinstance(loaded, dict)
        return loaded


def test_a_shifted_camera_shows_by_its_signed_offset() -> None:
    data = take(shift_px=3.0)
    figures = camera_figures(data, residuals_px(data))
    assert [camera.name for camera in figures] == ["cam1", "cam2", "cam3", "cam4"]
    # Noise-free projections: only rounding of the lens model remains elsewhere.
    np.testing.assert_allclose(figures[1].bias_px, [3.0, 0.0], atol=1e-6)
    assert figures[1].median_px == pytest.approx(3.0) and figures[0].median_px < 1e-6
    (errors,) = camera_keypoint_errors_px(residuals_px(data), 50.0)
    assert errors.shape == (4, 21)
    np.testing.assert_allclose(errors[1], 3.0, atol=1e-6)


def test_bones_sources_and_views_are_counted() -> None:
    data = take()
    points = data.points
    source, views = points.source.copy(), points.view_count.copy()
    knee = points.keypoint_names.index("left_knee")
    source[:10, 0, knee], views[:10, 0, knee] = Source.INTERPOLATED, 1
    points = replace(points, source=source, view_count=views)
    assert source_shares(points)[Source.INTERPOLATED][knee] == pytest.approx(1 / 3)
    np.testing.assert_array_equal(view_counts(points), [0, 10, 0, 0, 21 * 30 - 10])
    bones = {bone.bone: bone for bone in bone_figures(points)}
    thigh = bones["left_hip", "left_knee"]
    assert thigh.median_mm == pytest.approx(1000 * MEASURES.bone["left_knee"])
    assert thigh.spread_mm < 1e-6
    assert not any("nose" in end for bone in bones for end in bone)


def test_cameras_are_judged_by_the_images_that_were_looked_at() -> None:
    whole = take(frames=31)
    assert whole.looked_at is whole
    times, pixels = np.array(whole.tracks.times_s), np.array(whole.tracks.pixels)
    times[:, 1::2], pixels[:, 1::2] = np.nan, np.nan
    views = np.array(whole.points.view_count)
    views[1::2] = 0
    data = replace(
        whole,
        tracks=replace(whole.tracks, times_s=times, pixels=pixels),
        points=replace(whole.points, view_count=views),
    )
    seen = data.looked_at
    assert (seen.stride, data.stride, len(seen.points.xyz)) == (1, 2, 16)
    assert (seen.points.fps, seen.tracks.fps) == (whole.points.fps / 2, whole.points.fps / 2)
    residuals = residuals_px(seen)
    assert [each.seen for each in camera_figures(seen, residuals)] == [1.0] * 4
    assert np.isfinite(figures.over_time(seen, residuals)["data"][1]["y"]).all()
    np.testing.assert_array_equal(view_counts(seen.points), [0, 0, 0, 0, 21 * 16])


@pytest.mark.parametrize("size", [0, 1, 2, 3, 4, 4001])
def test_letters_of_what_is_packed_are_those_of_the_standard(size: int) -> None:
    data = np.random.default_rng(size).bytes(size)
    assert _base85(data) == base64.b85encode(data, pad=True).decode("ascii")
    assert _base85(b"\xff" * size) == base64.b85encode(b"\xff" * size, pad=True).decode("ascii")


def test_percentile_skips_what_is_unknown() -> None:
    values = np.array([[1.0, np.nan, 3.0], [np.nan, np.nan, np.nan]])
    np.testing.assert_array_equal(percentile(values, 50.0, axis=1), [2.0, np.nan])
    assert percentile(values, 50.0) == 2.0
    assert np.isnan(percentile(np.zeros(0), 50.0))
    assert np.isnan(percentile(np.zeros((2, 0)), 50.0, axis=1)).all()


def test_scene_holds_the_positions_to_the_millimetre() -> None:
    data = take()
    content = scene(data.calibration, data.points)
    packed = np.frombuffer(base64.b64decode(content["xyz"]), dtype="<i2")
    shown = packed.reshape(30, 1, 21, 3) * content["step"] + content["origin"]
    # Half of a millimetre step.
    assert np.abs(shown - data.points.xyz).max() <= 0.5e-3 + 1e-12
    assert len(content["cameras"]) == 4
    np.testing.assert_allclose(content["cameras"][0]["center"], data.calibration.cameras[0].center)


def test_long_takes_are_thinned_and_gaps_stay_gaps() -> None:
    points = keypoints_on(walk(frames=MAX_FRAMES + 1))
    xyz = points.xyz.copy()
    xyz[2] = np.nan
    content = scene(take().calibration, replace(points, xyz=xyz))
    assert content["stride"] == 2 and content["frames"] == (MAX_FRAMES + 2) // 2
    packed = np.frombuffer(base64.b64decode(content["xyz"]), dtype="<i2").reshape(-1, 21, 3)
    assert (packed[1] == content["missing"]).all() and (packed[0] != content["missing"]).all()


def test_a_moment_of_a_long_take_stands_for_all_of_its_frames(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    data = take()
    seen = data.tracks.pixels.copy()
    seen[:, 17] += 40.0  # one bad frame of the third moment
    data = replace(data, tracks=replace(data.tracks, pixels=seen))
    residuals = residuals_px(data)
    monkeypatch.setattr(figures, "MOST_MOMENTS", 4)
    p95, median, unmeasured = figures.over_time(data, residuals)["data"]
    assert figures.frames_a_moment(30) == 8
    # The last moment has six frames; each stands at the middle of its own.
    np.testing.assert_allclose(60.0 * p95["x"], [3.5, 11.5, 19.5, 26.5])
    for moment, first in enumerate(range(0, 30, 8)):
        frames = np.moveaxis(residuals.length[:, first : first + 8], 1, 0)
        by_frame = [percentile(each, q) for q in (50.0, 95.0) for each in frames]
        assert median["y"][moment] == np.median(by_frame[: len(frames)])
        assert p95["y"][moment] == max(by_frame[len(frames) :])
    assert p95["y"].argmax() == 2 and not unmeasured["y"].any()
    monkeypatch.setattr(figures, "MOST_MOMENTS", 30)
    assert len(figures.over_time(data, residuals)["data"][0]["y"]) == 30


def test_page_is_self_contained_and_complete(tmp_path: Path) -> None:
    data = replace(
        take(),
        warnings=("camera 'cam2' may have been moved.",),
        provenance=(("mocap-studio", "0.1.0"),),
        contact_sheet_png=b"\x89PNG\r\n\x1a\n",
    )
    path = tmp_path / "report.html"
    write_report(data, path)
    page = Page(path)
    for attributes in (attributes for _, attributes in page.tags):
        for name in ("src", "href"):
            assert (attributes.get(name) or "data:").startswith("data:")
    places = {attributes["id"] for _, attributes in page.tags if attributes.get("id")}
    document = page.document()
    packs = {"packed-three", "packed-plotly", "packed-take", "packed-part0", "player-modules"}
    assert set(document["charts"]) | {"player", "time"} | packs <= places
    for words in ("1 warning", "camera 'cam2' may", "How this was made", "30 frames at 60 fps"):
        assert words in page.text
    assert path.stat().st_size < 2.6e6
    write_report(data, tmp_path / "again.html")
    assert path.read_bytes() == (tmp_path / "again.html").read_bytes()


def test_the_cause_of_what_is_wrong_stands_before_its_symptoms(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    data = replace(take(), warnings=("a symptom",), causes=("sync: 'left' was started late.",))
    write_report(data, path)
    page = Page(path).text
    assert "What is wrong, the first cause first" in page
    assert page.index("was started late") < page.index("a symptom")
    write_report(replace(data, causes=()), path)
    assert "What is wrong" not in Page(path).text


def test_actions_have_a_strip_of_one_colour_a_label(tmp_path: Path) -> None:
    def did(name: str, *labels: str) -> PersonStrip:
        spans = [ActionSpan(float(k), k + 1.0, label, 0.9) for k, label in enumerate(labels)]
        return PersonStrip(0, name, (), spans, ())

    people = (did(HOSTILE, "walk", "none of these", "throw"), did("person 1", "throw"))
    write_report(replace(take(), actions=people), tmp_path / "report.html")
    html = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert HOSTILE not in html
    found = re.findall(r'<rect fill="(#\w+)"[^>]*><title>([a-z ]+), ', html)
    assert len(found) == 4
    colours = {label: {c for c, name in found if name == label} for _, label in found}
    assert len(colours["throw"]) == 1 and colours["throw"] != colours["walk"]
    write_report(take(), tmp_path / "nobody.html")
    assert "judgement of form" not in (tmp_path / "nobody.html").read_text(encoding="utf-8")


def test_each_of_several_people_has_a_linked_report_of_their_own(tmp_path: Path) -> None:
    alone = take()
    fields = ("xyz", "covariance", "reprojection_error_px", "view_count", "source")
    twice = {name: np.concatenate([getattr(alone.points, name)] * 2, axis=1) for name in fields}
    points = Points3D(alone.points.keypoint_names, (0, 4), alone.points.fps, **twice)
    tracks = replace(
        alone.tracks,
        person_ids=(0, 4),
        pixels=np.concatenate([alone.tracks.pixels, alone.tracks.pixels + 3.0], axis=2),
        confidence=np.concatenate([alone.tracks.confidence] * 2, axis=2),
    )
    cards = [
        PersonCard(person, name, True, (0.0, 0.5), 30, 30, 4.0, None, page=page)
        for person, name, page in ((0, HOSTILE, "report_person0.html"), (4, "Bo B.", "Bo B..html"))
    ]
    whole = replace(alone, tracks=tracks, points=points, everybody=tuple(cards))
    results = Results(fake_take(tmp_path / "lab"))
    own = of_person(whole, 4, results)
    assert own.tracks.person_ids == own.points.person_ids == (4,)
    np.testing.assert_array_equal(own.tracks.pixels[:, :, 0], tracks.pixels[:, :, 1])
    for data, places in ((whole, {"report_person0.html", "Bo%20B..html"}), (own, {"report.html"})):
        write_report(data, tmp_path / "page.html")
        page = Page(tmp_path / "page.html")
        links = {attributes.get("href") for name, attributes in page.tags if name == "a"}
        assert links == places
    assert pages_of(results, points)[4].name == "report_person4.html"
    assert pages_of(results, alone.points) == {}


def test_every_source_has_a_colour() -> None:
    assert set(SOURCE_COLOURS) == set(Source)


def test_names_from_outside_stay_text(tmp_path: Path) -> None:
    rig = ring(3, image_size=(1280, 720), focal_px=800.0)
    rig = replace(rig, cameras=(replace(rig.cameras[0], name=HOSTILE), *rig.cameras[1:]))
    data = replace(
        take(rig=rig),
        take_name=HOSTILE,
        warnings=(HOSTILE,),
        provenance=((HOSTILE, HOSTILE),),
        calibration_report=from_json(
            CalibrationReport,
            {
                **{"verdict": "FAIL", "board": HOSTILE, "frames": 0, "sigma_px": 0.2},
                "findings": [{"level": "FAIL", "text": HOSTILE, "remedy": HOSTILE}],
                **{"cameras": [], "pairs": [], "dropped_views": [], "notes": []},
                **{"held_out": None, "converged": True, "iterations": 1},
            },
            "report",
        ),
    )
    path = tmp_path / "report.html"
    write_report(data, path)
    page = Page(path)
    assert not any("onerror" in attributes for _, attributes in page.tags)
    assert [name for name, _ in page.tags].count("script") == 8
    assert page.text.count(HOSTILE) >= 6
    document = page.document()
    # Plotly reads HTML-like tags in labels, so names are escaped there; the player sets texts only.
    assert all("<" not in name for name in document["charts"]["error-median"]["data"][0]["x"])


def test_nothing_seen_gives_a_report_that_says_so(tmp_path: Path) -> None:
    data = take(frames=4)
    tracks = replace(
        data.tracks,
        pixels=np.full_like(data.tracks.pixels, np.nan),
        confidence=np.zeros_like(data.tracks.confidence),
    )
    points = Points3D(
        data.points.keypoint_names,
        data.points.person_ids,
        data.points.fps,
        np.full_like(data.points.xyz, np.nan),
        np.full_like(data.points.covariance, np.nan),
        np.full_like(data.points.reprojection_error_px, np.nan),
        np.zeros_like(data.points.view_count),
        np.zeros_like(data.points.source),
    )
    path = tmp_path / "report.html"
    write_report(replace(data, tracks=tracks, points=points), path)
    page = Page(path)
    assert "100.0 % missing" in page.text
    assert not re.search(r"\bnan\b|\bNaN\b", page.text + page.data)


def test_tracks_and_points_of_different_runs_are_refused() -> None:
    data = take(frames=4)
    with pytest.raises(InputError, match="of one run"):
        replace(data, points=take(frames=5).points)


def test_numbers_for_people() -> None:
    assert number(-0.04, 1, "px") == "0.0\N{NO-BREAK SPACE}px"
    assert number(-2.25, 2) == "−2.25" and number(float("nan"), 1, "mm") == "–"
    assert [percent(share) for share in (0.0, 0.0004, 0.5, 0.9996, 1.0)] == [
        "0.0 %",
        "< 0.1 %",
        "50.0 %",
        "> 99.9 %",
        "100.0 %",
    ]
    assert plain({"a": np.array([1.23456789, np.nan])}, digits=5) == {"a": [1.2346, None]}
