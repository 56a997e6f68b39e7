"""Where the page of the player comes from: our own modules, and three.js as it is installed."""

from __future__ import annotations

from importlib.resources import files

CLIENT = files("mocap.studio.player") / "client"
"""Scripts, styles and the page."""


PLAYER_MODULES = (
    *("colours.js", "data.js", "lens.js", "clock.js", "scene.js", "video.js", "overlay.js"),
    *("timeline.js", "curves.js", "view.js", "report.js"),
)
"""What a report needs of it."""


def three_js() -> bytes:
    """Return three.js (MIT licence) with its orbit controls, out of an installed package."""
    return (files("jupyter_threejs_sage") / "static" / "r130" / "three.min.js").read_bytes()
