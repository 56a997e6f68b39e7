"""Make the pictures of docs/studio.md: the page of a session in Debian's Chromium.

    python tools/studio_pictures.py SAMPLE_SESSION REAL_SESSION REAL_TAKE

SAMPLE_SESSION is what `mocap demo` made. Of the real take only what we drew is shown: its videos
are other people's.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
FLAGS = ["--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader", "--no-sandbox"]


@contextmanager
def served(session: str) -> Iterator[str]:
    """Serve a session; give the address of its page."""
    line = [sys.executable, "-m", "mocap", "studio", session, "--no-open"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


def taken(
    browser: Any,
    address: str,
    name: str,
    *,
    size: tuple[int, int],
    steps: str,
    scheme: str = "light",
) -> None:
    """Open the page, do some steps in it, and keep a picture."""
    width, height = size
    page = browser.new_page(viewport={"width": width, "height": height}, color_scheme=scheme)
    page.goto(address)
    while not page.evaluate("Boolean(globalThis.studio?.view?.scene)"):
        page.wait_for_timeout(50)
    page.wait_for_timeout(1500)
    page.evaluate(steps)
    page.wait_for_timeout(3000)
    page.screenshot(path=str(DOCS / name), type="jpeg", quality=72)
    page.close()


def main() -> None:
    """Take the pictures."""
    from playwright.sync_api import sync_playwright

    sample, real, take = sys.argv[1:4]
    wide, narrow = (1400, 960), (420, 860)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=FLAGS)
        with served(sample) as address:
            throw = f"{address}?take=throw"
            show = "studio.view.clock.show(90)"
            taken(browser, throw, "studio_throw.jpg", size=wide, steps=show)
            through = f"{show}; studio.view.look(2)"
            taken(browser, throw, "studio_through.jpg", size=wide, steps=through, scheme="dark")
            taken(browser, throw, "studio_narrow.jpg", size=narrow, steps=show)
            room = "document.getElementById('room-rig').click()"
            taken(browser, throw, "studio_rig.jpg", size=(1400, 1100), steps=room)
        with served(real) as address:
            alone = (
                "studio.view.wall.remove(); studio.view.stage.parentNode.style.display = 'block'; "
                "Object.assign(studio.view.scene.show, {body: false, feet: false, sigma: true, "
                "keypoints: true}); studio.view.clock.show(60)"
            )
            taken(browser, f"{address}?take={take}", "studio_real.jpg", size=wide, steps=alone)
        browser.close()


if __name__ == "__main__":
    main()
