"""The page in Debian's Chromium: frames to the frame, lenses to the pixel, changes end to end."""

from __future__ import annotations

import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from known_session import known_people, known_session
from studio_session import (
    BIT_PX,
    BITS,
    CORNERS,
    FPS,
    FRAMES,
    SIZE,
    serving,
    session_of_videos,
    write_numbered,
)
from test_studio_report import take as report_data

from mocap.capture.edits import board_edits_path, load_edits
from mocap.capture.session import Session, Take
from mocap.core.calibration_file import save_calibration
from mocap.core.camera import Calibration
from mocap.core.detections import Corners
from mocap.core.points import Source
from mocap.core.store import Provenance, load_artifact, save_artifact
from mocap.studio.player.take import PlayerTake, still_camera
from mocap.studio.take.report import write_report
from mocap.studio.understand.actions import label_words
from mocap.synthetic.sample import load_truth
from mocap.workflow.choices import Choices
from mocap.workflow.progress import Quiet
from mocap.workflow.results import Results
from mocap.workflow.rig.calibrate import calibrate_session
from mocap.workflow.run import run_take
from mocap.workflow.sample.demonstration import SAMPLE, copy_sample
from mocap.workflow.studio.material import curves_of
from mocap.workflow.understand.actions import recognise

CHROMIUM = shutil.which("chromium") or "/usr/bin/chromium"
# Software drawing, so that the pictures are the same with and without a graphics card.
FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not Path(CHROMIUM).exists(), reason="Chromium is not installed"),
]

READ = """([name, bits, width]) => {
  const video = studio.view.videos[name].element, canvas = document.createElement("canvas");
  canvas.width = 320; canvas.height = 240;
  const c = canvas.getContext("2d");
  c.drawImage(video, 0, 0, 320, 240);
  let number = 0;
  for (let bit = 0; bit < bits; bit++)
    if (c.getImageData(16 + bit * width + width / 2, 50, 1, 1).data[0] > 125) number += 1 << bit;
  return number;
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield opened
        opened.close()


class Watched:
    """A page that remembers what went wrong and what left the machine."""

    def __init__(self, browser: Any, address: str, **options: Any) -> None:
        self.page = browser.new_page(**{"viewport": {"width": 1280, "height": 720}, **options})
        self.wrong: list[str] = []
        self.page.on("console", self._heard)
        self.page.on("pageerror", lambda error: self.wrong.append(f"error: {error}"))
        start = re.match(r"file:|\w+://[^/]*", address)
        assert start is not None
        allowed = (start[0], "blob:", "data:")
        self.page.on("request", lambda asked: self._asked(asked.url, allowed))
        self.page.goto(address)

    def _heard(self, message: Any) -> None:
        if message.type == "error":
            self.wrong.append(f"console: {message.text} {message.location}")

    def _asked(self, url: str, allowed: tuple[str, ...]) -> None:
        if not url.startswith(allowed):
            self.wrong.append(f"asked outside: {url}")

    def until(self, condition: str, seconds: float = 60.0) -> None:
        """Wait until a condition holds; the page's policy forbids Playwright's own way (eval)."""
        end = time.monotonic() + seconds
        while not self.page.evaluate(f"Boolean({condition})"):
            assert time.monotonic() < end, f"{condition} never held"
            self.page.wait_for_timeout(30)

    def ready(self) -> Watched:
        self.until("globalThis.studio?.view?.scene")
        return self

    def close(self) -> None:
        self.page.close()
        assert not self.wrong, "\n".join(self.wrong)


@pytest.fixture(scope="module")
def numbers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Calibration]]:
    root = tmp_path_factory.mktemp("studio") / "lab"
    rig = session_of_videos(root)
    with serving(root) as (address, _):
        yield address, rig


def test_the_image_shown_is_that_of_the_frame(
    browser: Any, numbers: tuple[str, Calibration]
) -> None:
    """H.264 with B-frames, a variable frame rate, HEVC of 10 bit (a proxy), and plain H.264."""
    watched = Watched(browser, numbers[0]).ready()
    page = watched.page
    watched.until("studio.view.videos.every(v => v.image >= 0 || v.failed)")
    assert page.evaluate("studio.view.videos.map(v => v.failed)") == [""] * 4
    rng = np.random.default_rng(0)
    for frame in (0, 1, FRAMES - 1, *rng.integers(0, FRAMES, 7).tolist(), 7, 6, 8):
        page.evaluate(
            "async frame => { studio.view.clock.show(frame); await studio.view.settled; }", frame
        )
        watched.until(f"studio.view.videos.every(v => v.image === {frame})", 10.0)
        shown = [page.evaluate(READ, [k, BITS, BIT_PX]) for k in range(4)]
        assert shown == [frame] * 4
    # While it plays, image and scene are of one frame, and both go on.
    page.evaluate("studio.view.clock.show(0)")
    page.keyboard.press("Space")
    seen = page.evaluate(
        """async () => { const seen = [], view = studio.view; for (let k = 0; k < 25; k++) {
        await new Promise(requestAnimationFrame);
        const video = view.videos.find(v => !v.element.paused);
        if (video) seen.push([view.clock.frame, view.scene.frame]); } return seen; }"""
    )
    assert all(clock == scene for clock, scene in seen)
    watched.until("studio.view.clock.frame > 3", 20.0)
    page.keyboard.press("k")
    assert page.evaluate("studio.view.clock.playing") is False
    watched.close()


def test_looking_through_a_camera_is_right_to_the_pixel(
    browser: Any, numbers: tuple[str, Calibration]
) -> None:
    address, rig = numbers
    watched = Watched(browser, address).ready()
    page = watched.page
    page.evaluate("studio.view.scene.show.cameras = false")
    page.keyboard.press("1")
    watched.until("studio.view.scene.through === 0")
    for camera in range(len(rig.cameras)):
        shown = page.evaluate(
            """async camera => {
            const { project } = await import("mocap/lens.js"), { take } = studio.view;
            return take.keypoints.map((_, k) => {
              const place = [0, 0, 0];
              take.point(0, 0, k, place);
              return [place, project(take.cameras[camera], place)];
            }); }""",
            camera,
        )
        for place, pixel in shown:
            wanted = rig.cameras[camera].project(np.array(place))
            inside = np.isfinite(wanted).all() and (np.abs(wanted - 160) < 170).all()
            if pixel is not None:
                np.testing.assert_allclose(pixel, wanted, atol=0.1)
            else:
                assert not inside or camera > 0
    # What the graphics card draws: the middle of each ball in the picture.
    drawn = page.evaluate(
        """() => { const { scene, take } = studio.view;
        Object.assign(scene.show, { body: false, keypoints: true, feet: false });
        scene.floor.visible = false;
        scene.set(0);
        const { canvas, window: box } = scene, ratio = canvas.width / canvas.clientWidth;
        const copy = document.createElement("canvas");
        copy.width = canvas.width; copy.height = canvas.height;
        const c = copy.getContext("2d"); c.drawImage(canvas, 0, 0);
        const { data } = c.getImageData(0, 0, copy.width, copy.height), found = [];
        for (let y = 0; y < copy.height; y++) for (let x = 0; x < copy.width; x++)
          if (data[4 * (y * copy.width + x) + 3] > 127)
            found.push([(x + 0.5) / ratio - box.left, (y + 0.5) / ratio - box.top]);
        return found.map((each) => each.map((px) => px / box.scale - 0.5)); }"""
    )
    places = np.array(drawn)
    w, h = rig.cameras[0].image_size
    wanted = np.array([[6, 6], [w - 7, 6], [6, h - 7], [w - 7, h - 7], [w / 2, h / 2]])
    for corner, pixel in zip(CORNERS, wanted, strict=True):
        near = places[np.linalg.norm(places - pixel, axis=1) < 5.0]
        # A ball's outline is an ellipse whose middle lies off its centre by less than its radius
        # times its half angle: 0.02 px here.
        assert len(near) > 3 and np.abs(near.mean(axis=0) - pixel).max() < 1.0, corner
    watched.close()


STAGES = ("detect", "sync", "associate", "triangulate", "smooth")


def choose(page: Any, label: str, value: str | list[str]) -> None:
    page.locator(".side label", has_text=re.compile(f"^{label}")).locator("select").select_option(
        value
    )


def actions_are_drawn(watched: Watched, take: Take) -> None:
    """Compare what the timeline says and draws of actions with what is recognised."""
    watched.until("studio.view.take.meta.actions?.length === 1")
    (strip,) = recognise(take)
    told = watched.page.get_attribute(".timeline", "aria-label")
    assert told is not None
    for span in strip.spans:
        words = f"{label_words(span.label)} from {span.start_s:.1f} to {span.end_s:.1f} s"
        assert words in told
    # The colour in the middle of the first stretch, above its words.
    drawn, wanted = watched.page.evaluate(
        """() => { const { timeline, take } = studio.view, span = take.meta.actions[0].spans[0];
        const { canvas } = timeline, ratio = canvas.width / canvas.clientWidth;
        const x = timeline.x(0.5 * (span.start_s + span.end_s) * take.fps), y = 20 + 46 - 4 + 1;
        const c = canvas.getContext("2d"), rgb = c.getImageData(x * ratio, y * ratio, 1, 1).data;
        return [[...rgb].slice(0, 3), span.colour]; }"""
    )
    assert "#{:02x}{:02x}{:02x}".format(*drawn) == wanted
    points = Results(take).points
    told = watched.page.evaluate("studio.view.timeline.qualityAt(12, 0)")
    median_px = np.nanmedian(points.reprojection_error_px[12, 0])
    found = re.fullmatch(r"frame 12: (\d+) % measured, \d+ % filled, ([\d.]+) views, "
                         r"([\d.]+) px apart from the images, ± (\d+) mm", told)  # fmt: skip
    assert found is not None, told
    wanted_figures = [100.0 * (points.source[12, 0] == Source.MEASURED).mean(),
                      points.view_count[12, 0].mean(), median_px,
                      1000.0 * np.nanmedian(points.sigma_m[12, 0])]  # fmt: skip
    steps = [0.5, 0.06, 0.1, 0.51]
    for figure, wished, step in zip(found.groups(), wanted_figures, steps, strict=True):
        assert abs(float(figure) - wished) <= step, told


def angles_have_bands(watched: Watched, take: Take) -> None:
    """Compare a joint angle and its deviation under the cursor with what is measured."""
    watched.until("Object.keys(studio.view.take.arrays).some(name => name.startsWith('spread'))")
    name = "left knee flexion"
    _, values, spread = curves_of(take)[name]
    assert spread is not None
    page = watched.page
    page.select_option("[aria-label='Curve']", label=name)
    page.evaluate("studio.view.clock.show(20)")
    told = page.inner_text(".reading")
    assert told.endswith(" deg")
    value, band = (float(each) for each in told.removesuffix(" deg").split(" ± "))
    # One decimal; deviations travel with two digits.
    assert value == pytest.approx(values[20], abs=0.051)
    assert band == pytest.approx(2.0 * spread[20], abs=0.051 + 0.04 * spread[20])


def test_every_change_from_the_page_to_the_points(browser: Any, tmp_path: Path) -> None:
    rig, xyz = known_session(tmp_path / "lab", "walk")
    take = Session.open(tmp_path / "lab").take("walk")
    with known_people(rig, xyz), serving(tmp_path / "lab") as (address, _):
        run_take(take, Choices(), Quiet(), stages=STAGES)
        before = Results(take).points
        watched = Watched(browser, address).ready()
        page = watched.page
        page.wait_for_selector("text=Add change")
        actions_are_drawn(watched, take)
        angles_have_bands(watched, take)

        def mark(first: int, last: int) -> None:
            page.evaluate(
                "([a, b]) => { studio.view.clock.span = [a, b]; studio.view.clock.tell('span'); }",
                [first, last],
            )

        def add(kind: str, said: str, **fields: str | list[str]) -> None:
            choose(page, "Add", kind)
            for label, value in fields.items():
                choose(page, label, value)
            page.click("text=Add change")
            page.wait_for_selector(f".side li:has-text('{said}')")

        camera = rig.names[0]
        mark(10, 20)
        add("ignore", f"ignore {camera}", camera=camera)
        mark(5, 6)
        add("mirror", f"mirror {rig.names[1]}", camera=rig.names[1])
        mark(25, 30)
        add("gap", "gap missing left_wrist", do="missing", keypoints=["left_wrist"])
        add("contact", "contact stands left", do="stands", side="left")
        mark(2, 33)
        add("trim", "trim from frame 2 to 33")
        page.evaluate("studio.view.clock.show(17)")
        add("event", "event set ball_release at frame 17", do="set", name="ball_release")
        choose(page, "Add", "identity")
        choose(page, "do", "name")
        page.locator(".side label", has_text=re.compile("^people")).locator("input").fill("0")
        page.locator(".side label", has_text=re.compile("^name")).locator("input").fill("Anna")
        page.evaluate("studio.view.clock.span = null")
        page.click("text=Add change")
        page.wait_for_selector(".side li:has-text('name 0 Anna')")
        assert [edit.as_text().split()[0] for edit in load_edits(take.edits_path)] == [
            "ignore", "mirror", "gap", "contact", "trim", "event", "name",
        ]  # fmt: skip
        page.click("text=Solve points again")
        watched.until("studio.mine === null && studio.before")
        assert page.inner_text(".side [role=alert] >> nth=1") == ""
        after = Results(take)
        seen = after.tracks.confidence[after.tracks.camera_names.index(camera)] > 0
        assert not seen[10:21].any() and seen[:10].any()
        wrist = before.keypoint_names.index("left_wrist")
        assert (after.points.source[25:31, 0, wrist] == Source.MISSING).all()
        gone = f"studio.view.take.point(27, 0, {wrist}, [0, 0, 0])"
        assert page.evaluate(gone) is False
        page.keyboard.press("b")
        page.wait_for_selector("text=BEFORE")
        assert page.evaluate(gone) is True
        # The trimmed take in a file: frames 2 to 33.
        for box in page.query_selector_all(".side input[type=checkbox]"):
            box.set_checked(box.get_attribute("value") == "trc")
        page.click("text=Write files")
        watched.until("studio.mine === null")
        page.wait_for_selector(".files a")
        text = next(take.export_dir.glob("*.trc")).read_text()
        assert text.splitlines()[2].split("\t")[2] == "32"
        for _ in range(7):
            page.click("[aria-label='Remove change 1']")
            page.wait_for_timeout(150)
        watched.until("document.querySelectorAll('.side li button').length === 0")
        assert not take.edits_path.exists()
        watched.close()


def test_two_windows_know_of_each_other(browser: Any, numbers: tuple[str, Calibration]) -> None:
    first, second = Watched(browser, numbers[0]).ready(), Watched(browser, numbers[0]).ready()
    second.page.wait_for_selector("text=other window shows this take", timeout=20_000)
    second.close()
    # A window that is closed is not counted any more, and nothing was going on that it would stop.
    first.until("document.getElementById('state').textContent === ''", 10.0)
    first.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 420])
def test_the_page_is_accessible_and_fits(
    browser: Any, numbers: tuple[str, Calibration], scheme: str, width: int
) -> None:
    watched = Watched(
        browser, numbers[0], viewport={"width": width, "height": 720}, color_scheme=scheme
    ).ready()
    page = watched.page
    page.wait_for_selector("text=Add change")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
    found = page.evaluate("axe.run()")
    broken = [
        (
            each["id"],
            [node["html"][:160] for node in each["nodes"]],
            each["nodes"][0]["failureSummary"],
        )
        for each in found["violations"]
    ]
    assert not broken, json.dumps(broken, indent=1)
    watched.close()


def test_by_keyboard_alone(browser: Any, numbers: tuple[str, Calibration]) -> None:
    watched = Watched(browser, numbers[0]).ready()
    page = watched.page
    frame = "studio.view.clock.frame"
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    assert page.evaluate(frame) == 2
    page.keyboard.press("i")
    page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("o")
    assert page.evaluate("studio.view.clock.span") == [2, 12]
    page.keyboard.press("Escape")
    page.keyboard.press("End")
    assert page.evaluate(frame) == FRAMES - 1 and page.evaluate("studio.view.clock.span") is None
    page.keyboard.press("2")
    assert page.evaluate("studio.view.scene.through") == 1
    page.keyboard.press("0")
    assert page.evaluate("studio.view.scene.through") is None
    page.keyboard.press("?")
    page.keyboard.press("Escape")
    # Every control can be reached and is named.
    named = page.evaluate(
        """() => [...document.querySelectorAll("button, select, input")].filter(each =>
        !(each.textContent.trim() || each.getAttribute("aria-label") || each.labels?.length))
        .map(each => each.outerHTML)"""
    )
    assert named == []
    watched.close()


def test_the_calibration_room_leaves_frames_out(browser: Any, tmp_path: Path) -> None:
    """The sample's board: a frame is stepped to, called bad, taken back; its picture is shown."""
    root = tmp_path / "sample"
    copy_sample(root)
    session = Session.open(root)
    save_calibration(load_truth(SAMPLE).calibration, session.calibration_path)
    camera = session.rig().camera_names[0]
    size = load_truth(SAMPLE).calibration[camera].image_size
    path = session.calibration_corners_path(camera)
    path.parent.mkdir(parents=True, exist_ok=True)
    frames = np.repeat([3, 8], 4)
    pixels = np.tile([[100.0, 100.0], [200.0, 100.0], [200.0, 200.0], [100.0, 200.0]], (2, 1))
    corners = Corners(camera, size, 40, frames, np.tile(np.arange(4), 2), pixels)
    save_artifact(corners, path, Provenance("corners", "0", {}, {}))
    with serving(root) as (address, _):
        watched = Watched(browser, address)
        page = watched.page
        watched.until("globalThis.studio?.session")
        page.click("#room-rig")
        watched.until("studio.rigView?.root3")
        slider = page.locator(f"[aria-label='Frame of the board, {camera}']")
        slider.fill("1")
        page.wait_for_selector(f"text={camera}: frame 8, 4 corners")
        page.click("text=This frame is bad")
        page.wait_for_selector(f".side li:has-text('ignore {camera} from frame 8 to 8')")
        assert load_edits(board_edits_path(session.root))[0].as_text().endswith("frame 8 to 8")
        page.click("[aria-label='Take back 1']")
        watched.until("document.querySelectorAll('.side ol li').length === 0")
        assert not board_edits_path(session.root).exists()
        page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text("utf-8"))
        assert page.evaluate("axe.run()")["violations"] == []
        watched.close()


def test_a_rig_is_calibrated_again_without_a_bad_frame(browser: Any, tmp_path: Path) -> None:
    """The sample's recordings: one frame is called bad, the rig is solved without it and shown."""
    session = copy_sample(tmp_path / "sample")
    made = calibrate_session(session, Quiet())
    camera = made.report.cameras[0]
    before = session.calibration()
    corners = load_artifact(session.calibration_corners_path(camera.name), Corners)
    with serving(session.root) as (address, _):
        watched = Watched(browser, address)
        page = watched.page
        watched.until("globalThis.studio?.session")
        page.click("#room-rig")
        watched.until("studio.rigView?.root3")
        shown = "studio.rigView?.data.report.cameras[0].frames"
        assert page.evaluate(shown) == camera.frames
        bad = page.evaluate("studio.rigView.data.cameras[0].frames[20].frame")
        assert bad in corners.frame
        page.locator(f"[aria-label='Frame of the board, {camera.name}']").fill("20")
        page.wait_for_selector(f"text={camera.name}: frame {bad}, ")
        page.click("text=This frame is bad")
        page.wait_for_selector(f".side li:has-text('from frame {bad} to {bad}')")
        page.click("text=Calibrate again")
        watched.until(f"{shown} === {camera.frames - 1}", 120.0)
        page.wait_for_selector(".verdict:has-text('PASS')")
        assert page.inner_text(".side [role=alert]") == ""
        # The page shows what is on the disk; one frame less moves the rig by next to nothing.
        after = session.calibration()
        centers = page.evaluate("studio.rigView.data.cameras.map(each => each.center)")
        np.testing.assert_allclose(centers, [each.center for each in after.cameras], atol=1e-9)
        first = [each.center for each in before.cameras]
        assert 0.0 < np.abs(np.array(centers) - first).max() < 0.01
        watched.close()


def test_the_report_runs_from_a_file_and_asks_nothing(browser: Any, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    data = report_data()
    # One camera's video travels in the page.
    clip = tmp_path / "clip.mp4"
    times = np.arange(30) / FPS
    write_numbered(clip, "libx264", "yuv420p", times, {"bf": "0"})
    cameras = [still_camera(each, 30) for each in data.calibration.cameras]
    cameras[0] = replace(
        cameras[0],
        image=np.arange(30),
        image_times_s=times,
        video_size=SIZE,
        source="packed-video a",
    )
    player = PlayerTake("walk", data.points, cameras)
    write_report(data, path, player=player, videos={"a": clip.read_bytes()})
    watched = Watched(browser, path.as_uri())
    page = watched.page
    watched.until("globalThis.mocapView?.scene?.frame === 0")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("mocapView.clock.frame") == 1
    watched.until("document.querySelectorAll('.plot .main-svg').length > 5")
    page.evaluate("async () => { mocapView.clock.show(19); await mocapView.settled; }")
    watched.until("mocapView.videos[0].image === 19")
    assert page.evaluate(READ.replace("studio.view", "mocapView"), [0, BITS, BIT_PX]) == 19
    assert page.evaluate("document.documentElement.scrollWidth") <= 1280
    watched.close()
