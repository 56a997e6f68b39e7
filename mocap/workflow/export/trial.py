"""Options of an export, tried before a long run: what cannot be written is said at once.

The same code that will write the files writes those of a made-up motion of a few frames, into a
folder that is thrown away. So nothing has to be known here about any option or format.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

from mocap.workflow.choices import FORMATS, ExportChoice

_SECONDS, _FPS, _SIGMA_M = 0.2, 60.0, 0.005


def refuse_impossible(choice: ExportChoice) -> None:
    """Refuse options that no take could be written with; those nobody gave are possible.

    Raises:
        ExportError, MissingExtraError: an unknown word, options that exclude each other, or a
            format whose package is not installed.
    """
    if not choice.asked and choice.target is None and choice.formats == FORMATS:
        return
    from mocap.core.keypoints import COCO_17_FEET
    from mocap.export.character.character import Character
    from mocap.export.job import ExportTake, export_take
    from mocap.synthetic.motion.motion import body_keypoints, walk
    from mocap.synthetic.motion.random_motion import points_of

    motion = walk(_SECONDS, _FPS)
    points = points_of(body_keypoints(motion), COCO_17_FEET.keypoint_names, _FPS, _SIGMA_M)
    # Where the take begins and ends, and what is seen of it, is not known yet.
    changed: Any = {"start_s": None, "end_s": None, "cameras": False, "verify": False}
    tried = replace(choice, **changed)
    take = ExportTake((Character(motion.skeleton),), points, floor_m=0.0)
    with tempfile.TemporaryDirectory(prefix="mocap_export_") as folder:
        export_take(take, Path(folder), "trial", choice.formats, tried)
