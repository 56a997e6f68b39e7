"""Find a person in videos with MediaPipe Pose in a process of its own: landmarks and CPU time.

Run by `single_person.py` with the interpreter of a separate environment; this file must not import
the project. Arguments: a folder to write into, "filtered" or "unfiltered" (MediaPipe's own filter
over time), and videos. Full model, tracking from image to image: found once by the detector, then
in a crop that the landmarks before tell, as the package does by itself. Writes a JSON file for each
video in the form people write landmarks down in, and `cost.json`: images, and CPU seconds from the
file of the video to the landmarks. Loading the networks is not counted.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from mediapipe.python.solutions.pose import Pose

FULL = 1
"""Number of the model between "lite" and "heavy"."""


def main() -> None:
    """Look at every video."""
    folder, filtered = Path(sys.argv[1]), sys.argv[2] == "filtered"
    cv2.setNumThreads(1)
    images, spent_s = 0, 0.0
    for video in map(Path, sys.argv[3:]):
        with Pose(
            static_image_mode=False, model_complexity=FULL, smooth_landmarks=filtered
        ) as eyes:
            eyes.process(np.full((64, 64, 3), 127, np.uint8))  # networks are loaded by now
            began = time.process_time()
            frames = look(eyes, video)
            spent_s += time.process_time() - began
        images += len(frames)
        (folder / f"{video.stem}.json").write_text(json.dumps({"frames": frames}))
    (folder / "cost.json").write_text(json.dumps({"images": images, "cpu_s": spent_s}))


def look(eyes: Any, video: Path) -> list[dict[str, Any]]:
    """Return what is seen in every image."""
    capture = cv2.VideoCapture(str(video))
    frames: list[dict[str, Any]] = []
    while True:
        there, image = capture.read()
        if not there:
            return frames
        seen = eyes.process(cv2.cvtColor(image, cv2.COLOR_BGR2RGB)).pose_landmarks
        frames.append(
            {"frame": len(frames), "pose_landmarks": landmarks(seen.landmark if seen else ())}
        )


def landmarks(seen: Sequence[Any]) -> list[dict[str, float]]:
    """Return landmarks as numbers: shares of the image and visibility."""
    return [{"x": each.x, "y": each.y, "z": each.z, "visibility": each.visibility} for each in seen]


if __name__ == "__main__":
    main()
