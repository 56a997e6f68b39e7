"""The page of a session: how large, how soon, how much memory, and how fast a change is solved.

Needs Debian's Chromium (apt install chromium). Without a session the sample's throw is run first;
a session is one whose takes were run, as `mocap demo FOLDER` makes it. A change is solved in a
take of 30 s, made of what was detected in the short one forwards and backwards; and likewise on a
real take when --real names one.

    python benchmarks/studio.py [SESSION] [--take throw] [--part page|long|change] [--check]
                                [--real SESSION TAKE CAMERA]
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from figures import Figure, exit_code, print_figures

from mocap.capture.session import Session, Take
from mocap.core.body_motion import BodyMotion
from mocap.core.detections import Detections2D
from mocap.core.points import Points3D
from mocap.core.store import Provenance, load_artifact, load_provenance, save_artifact
from mocap.workflow.choices import Choices
from mocap.workflow.edits import add_edit
from mocap.workflow.job import TakeRun
from mocap.workflow.progress import Quiet
from mocap.workflow.results import Results
from mocap.workflow.run import run, run_take
from mocap.workflow.sample.demonstration import copy_sample
from mocap.workflow.studio.again import POINT_STAGES, choices_as_made, solve_again

CHROMIUM = shutil.which("chromium") or "chromium"
FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]
MB = 1e6
LONG_S = 600.0
MARKED_TAKE_S = 30.0
PARTS = ("page", "long", "change")
STUDIO_VIEW = "globalThis.studio?.view"
# Of the span that is marked, in the middle of the take.
SPAN_S = 2.0
# What lies farther from the span than the memory of the motion prior (0.1 s) fifty times over is
# moved by nothing but what the whole take tells: noise, lengths of bones, steps of the iteration.
FAR_S = 5.0
_BY_FRAME = (
    *("transl", "global_orient", "body_pose", "jaw_pose", "left_hand_pose", "right_hand_pose"),
    *("expression", "fit_error_mm", "rotation_sigma_deg"),
)


@contextmanager
def served(root: Path) -> Iterator[str]:
    """Serve a session in a process of its own; give its address."""
    line = [sys.executable, "-m", "mocap", "studio", str(root), "--no-open"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def memory_mb() -> float:
    """Return the memory of the largest process below this one that is a browser's, MB."""
    line = ["ps", "-eo", "pid,ppid,rss,comm"]
    found = subprocess.run(line, capture_output=True, text=True, check=True).stdout
    rows = [each.split(None, 3) for each in found.splitlines()[1:]]
    family = {os.getpid()}
    for _ in range(6):
        family |= {int(pid) for pid, parent, _, _ in rows if int(parent) in family}
    sizes = [int(rss) for pid, _, rss, name in rows if int(pid) in family and "chrom" in name]
    return max(sizes, default=0) * 1024 / MB


@contextmanager
def chromium() -> Iterator[Any]:
    """Give a browser."""
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


def opened(browser: Any, address: str, view: str) -> tuple[Any, float]:
    """Open a page; return it and the seconds until its first picture."""
    page = browser.new_page(viewport={"width": 1280, "height": 720})
    start = time.monotonic()
    page.goto(address, wait_until="commit")
    while not page.evaluate(f"Boolean({view}?.scene?.frame === 0)"):
        page.wait_for_timeout(10)
    return page, time.monotonic() - start


def page_figures(session: Session, take: Take) -> list[Figure]:
    """Measure report and studio of a short take in the browser."""
    figures = [
        Figure("report.html without videos", take.report_path.stat().st_size / MB, "MB", 3.0)
    ]
    with chromium() as browser:
        report = take.report_path.resolve().as_uri()
        page, seconds = opened(browser, report, "globalThis.mocapView")
        figures.append(Figure("first picture of the report", seconds, "s", 2.0))
        page.close()
        with served(session.root) as address:
            _, seconds = opened(browser, f"{address}?take={take.name}", STUDIO_VIEW)
    return [*figures, Figure("first picture of the studio", seconds, "s", 2.0)]


def long_page_figures(long: Session) -> list[Figure]:
    """Measure the studio with a take of ten minutes."""
    with chromium() as browser, served(long.root) as address:
        page, seconds = opened(browser, f"{address}?take=long", STUDIO_VIEW)
        first = Figure("first picture, take of 10 minutes", seconds, "s")
        return [first, *long_figures(page)]


def long_figures(page: Any) -> list[Figure]:
    """Measure a take of ten minutes once all of it has arrived."""
    start = time.monotonic()
    count = "Math.ceil(studio.view.take.frames / studio.view.take.meta.part)"
    while not page.evaluate(f"studio.view.take.parts.filter(Boolean).length === {count}"):
        page.wait_for_timeout(100)
    seconds = time.monotonic() - start
    page.evaluate("studio.view.clock.show(studio.view.take.frames - 10)")
    page.wait_for_timeout(500)
    held = page.evaluate(
        "studio.view.take.parts.reduce((sum, part) => sum + part.arrays.xyz.buffer.byteLength, 0)"
    )
    return [
        Figure("all of it has arrived after", seconds, "s"),
        Figure("numbers of the take in the page", held / MB, "MB"),
        Figure("memory of the page's process", memory_mb(), "MB", 1000.0),
    ]


def long_session(session: Session, take: Take, root: Path) -> Session:
    """Make a take of ten minutes by repeating a short one; videos are copied, not coded anew."""
    points = load_artifact(take.artifact("smoothed"), Points3D)
    times = int(np.ceil(LONG_S * points.fps / len(points.xyz)))
    rig, board = session.config.rig or "four_corner", session.config.board or "a1_5x7"
    made = Session.create(root, rig=rig, board=board)
    shutil.copy(session.calibration_path, made.calibration_path)
    folder = root / "takes" / "long"
    folder.mkdir(parents=True)
    fields = ("xyz", "covariance", "reprojection_error_px", "view_count", "source")
    longer: Any = {name: np.concatenate([getattr(points, name)] * times) for name in fields}
    record = replace(load_provenance(take.artifact("smoothed")), inputs={})
    save_artifact(replace(points, **longer), folder / "smoothed.npz", record)
    for person, path in take.body_paths().items():
        body = load_artifact(path, BodyMotion)
        moved: Any = {name: np.concatenate([getattr(body, name)] * times) for name in _BY_FRAME}
        record = replace(load_provenance(path), inputs={})
        save_artifact(replace(body, **moved), folder / f"body_{person}.npz", record)
    for camera, path in take.videos().items():
        repeat_video(path, folder / f"{camera}.mp4", times)
    return made


def repeat_video(path: Path, target: Path, times: int) -> None:
    """Write a video one after the other, packet by packet."""
    import av

    with av.open(str(target), "w") as out:
        stream: Any = None
        shift = 0
        for _ in range(times):
            with av.open(str(path)) as source:
                video = source.streams.video[0]
                stream = out.add_stream_from_template(video) if stream is None else stream
                length = 0
                for packet in source.demux(video):
                    if packet.dts is None or packet.pts is None:
                        continue
                    length = max(length, packet.pts + (packet.duration or 0))
                    packet.pts, packet.dts, packet.stream = (
                        packet.pts + shift,
                        packet.dts + shift,
                        stream,
                    )
                    out.mux(packet)
                shift += length


def detected_session(session: Session, take: Take, root: Path) -> None:
    """Make a take of half a minute of what was found in a short one, forwards and backwards."""
    shutil.copytree(session.root, root, ignore=shutil.ignore_patterns("takes"))
    found = load_artifact(take.artifact("detections"), Detections2D)
    frames = found.pixels.shape[1]
    times = int(np.ceil(MARKED_TAKE_S * found.fps / frames))
    folder = root / "takes" / "long"
    folder.mkdir(parents=True)
    for camera, path in take.videos().items():
        repeat_video(path, folder / f"{camera}.mp4", times)
    there = np.arange(frames)
    at = np.concatenate([there[::-1] if k % 2 else there for k in range(times)])
    by_frame = ("pixels", "confidence", "boxes", "view_ids")
    longer: Any = {name: getattr(found, name)[:, at] for name in by_frame}
    starts = np.arange(times) * frames / found.fps
    longer["times_s"] = np.concatenate([found.times_s + start for start in starts], axis=1)
    long = Session.open(root).take("long")
    detecting = TakeRun.of(long, Choices(), Quiet(), ("detect",))
    (stage,) = detecting.build()
    record = Provenance(
        stage="detect",
        version="benchmark",
        options=json.loads(json.dumps(dict(stage.options))),
        inputs={name: detecting.hashes(path) for name, path in stage.inputs.items()},
        revision=stage.revision,
    )
    save_artifact(replace(found, **longer), long.artifact("detections"), record)
    run_take(long, Choices(), Quiet(), stages=("sync", *POINT_STAGES))


def solve_figures(root: Path, name: str, camera: str) -> list[Figure]:
    """Ignore a camera for two seconds of a take, solve it again, and compare with a full run."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "session"
        shutil.copytree(root, copy)
        take = Session.open(copy).take(name)
        take.edits_path.unlink(missing_ok=True)
        chosen = choices_as_made(take)
        solve_again(take, Quiet(), body=False)
        points = Results(take).points
        half = round(0.5 * SPAN_S * points.fps)
        middle = len(points.xyz) // 2
        span = {
            "from_frame": max(middle - half, 0),
            "to_frame": min(middle + half, len(points.xyz) - 1),
        }
        add_edit(take, "ignore", {"camera": camera, **span})
        start, wall = time.process_time(), time.monotonic()
        solve_again(take, Quiet(), body=False)
        cpu, seconds = time.process_time() - start, time.monotonic() - wall
        local = Results(take).points.xyz
        run_take(take, chosen, Quiet(), stages=POINT_STAGES, from_stage="associate")
        made = Results(take).points
        full = made.xyz
        apart = 1000.0 * np.linalg.norm(local - full, axis=-1)
        # Somebody whom two cameras saw is gone when one of them is ignored.
        stayed = [each for each in points.person_ids if each in made.person_ids]
        before, after = (
            np.concatenate([each.of_person(person).xyz for person in stayed], axis=1)
            for each in (points, made)
        )
        moved = 1000.0 * np.linalg.norm(after - before, axis=-1)
    frame, reach = np.arange(len(points.xyz)), FAR_S * points.fps
    far = (frame < span["from_frame"] - reach) | (frame > span["to_frame"] + reach)
    span_s = (span["to_frame"] - span["from_frame"] + 1) / points.fps
    return [
        Figure("length of the take", len(points.xyz) / points.fps, "s"),
        Figure(f"{span_s:.2g} s without {camera}, solved again", cpu, "CPU s", 5.0),
        Figure("the same, on the clock", seconds, "s"),
        Figure("largest distance to a full run", float(np.nanmax(apart)), "mm", 0.1),
        Figure("largest change by the edit", float(np.nanmax(moved)), "mm"),
        *(
            Figure(f"of these {FAR_S:g} s and more from the span, {which}", value, "mm")
            for which, value in _told(moved[far])
        ),
    ]


def _told(values: Any) -> list[tuple[str, float]]:
    """Return the median and the largest of what is known; nothing where nothing is."""
    known = values[np.isfinite(values)]
    if not known.size:
        return []
    return [("median", float(np.median(known))), ("largest", float(known.max()))]


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("session", type=Path, nargs="?")
    parser.add_argument("--take", default="throw")
    parser.add_argument("--real", nargs=3, metavar=("SESSION", "TAKE", "CAMERA"))
    parser.add_argument("--part", choices=PARTS, action="append", help="only these")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        if asked.session is None:
            run(copy_sample(folder / "sample"), [asked.take])
        session = Session.open(asked.session or folder / "sample")
        take = session.take(asked.take)
        figures: list[Figure] = []
        parts = asked.part or PARTS
        if shutil.which("chromium") is None:
            print("Chromium is not installed (apt install chromium): the page is not measured.")
            parts = [each for each in parts if each == "change"]
        if "page" in parts:
            figures += page_figures(session, take)
            print_figures("The page", figures)
        if "long" in parts:
            long = long_page_figures(long_session(session, take, folder / "long"))
            print_figures("A take of ten minutes", long)
            figures += long
        if "change" in parts:
            detected_session(session, take, folder / "detected")
            camera = session.calibration().names[0]
            solved = solve_figures(folder / "detected", "long", camera)
            print_figures("A change, solved again", solved)
            figures += solved
        if asked.real:
            root, name, camera = asked.real
            real = solve_figures(Path(root), name, camera)
            print_figures("The same in a real take", real)
            filmed = Session.open(root)
            detected_session(filmed, filmed.take(name), folder / "real")
            longer = solve_figures(folder / "real", "long", camera)
            print_figures("The same in a real take, made longer", longer)
            figures += [*real, *longer]
    return exit_code(figures, check=asked.check)


if __name__ == "__main__":
    raise SystemExit(main())
