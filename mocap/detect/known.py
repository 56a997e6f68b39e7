"""The detectors by name: one table that says what each needs and how it is opened."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

from mocap.core.errors import InputError
from mocap.core.options import option

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mocap.detect.detect import Detector
    from mocap.detect.following.pace import Pace


AUTO = "auto"
"""Instead of the name of a detector: the best of those whose weights are here."""


@dataclass(frozen=True)
class OwnNetwork:
    """What describes an ONNX network of the user's own beside its file."""

    card: str = option("", "How an ONNX network is fed and read: a name or a .toml.")
    boxes: Path | None = option(
        None, "ONNX network that finds people for one that reads crops, instead of MoveNet."
    )
    boxes_card: str = option("", "How the network of --boxes is read.")

    @property
    def said(self) -> bool:
        """Whether anything is described."""
        return bool(self.card or self.boxes or self.boxes_card)


@dataclass(frozen=True)
class KnownDetector:
    """One detector; nothing is imported before it is opened.

    Attributes:
        name: as `--detector` says it.
        title: for people.
        opens: "module:function" that takes `feet`, `weights`, `workers` and `pace` and returns it.
        networks: (model, network) of the fetched weights it uses.
        own_weights: whether it needs a checkpoint of the user's.
        own_card: whether that is an ONNX network, which a card describes.
        keypoint_sets: names of what it may find, see `mocap.core.keypoints`.
        offsets: where its keypoints lie on the body, by name in `detector_offsets.toml`; "" when
            nobody has measured that.
    """

    name: str
    title: str
    opens: str
    networks: tuple[tuple[str, str], ...]
    own_weights: bool
    keypoint_sets: tuple[str, ...]
    offsets: str = ""
    own_card: bool = False

    def open(
        self, *, feet: bool, weights: Path | None, workers: int, pace: Pace, own: OwnNetwork
    ) -> Detector:
        """Return the detector, ready to run."""
        module, _, function = self.opens.partition(":")
        opener: Callable[..., Detector] = getattr(import_module(module), function)
        described = {"own": own} if self.own_card else {}
        return opener(feet=feet, weights=weights, workers=workers, pace=pace, **described)


_MOVENET = (("movenet", "multipose"), ("movenet", "thunder"))

DETECTORS: Mapping[str, KnownDetector] = {
    each.name: each
    for each in (
        KnownDetector(
            name="movenet",
            title="MoveNet MultiPose and Thunder; BlazePose for heels and toes",
            opens="mocap.detect.detectors:open_movenet",
            networks=_MOVENET,
            own_weights=False,
            keypoint_sets=("coco_17", "coco_17_feet"),
            offsets="movenet_blazepose",
        ),
        KnownDetector(
            name="blazepose",
            title="BlazePose, all 33 points with hands and feet, for the people MoveNet finds",
            opens="mocap.detect.one_look.blazepose_33:open_blazepose",
            networks=_MOVENET,
            own_weights=False,
            keypoint_sets=("blazepose_33",),
        ),
        KnownDetector(
            name="multipose",
            title="MoveNet MultiPose alone, through pip; BlazePose for heels and toes",
            opens="mocap.detect.one_look.multipose:open_multipose",
            networks=(("multipose", "multipose"),),
            own_weights=False,
            keypoint_sets=("coco_17", "coco_17_feet"),
        ),
        KnownDetector(
            name="blazepose_lite",
            title="BlazePose, 33 points by its smallest network, for the people MoveNet finds",
            opens="mocap.detect.small.open:open_blazepose_lite",
            networks=(*_MOVENET, ("blazepose", "lite")),
            own_weights=False,
            keypoint_sets=("blazepose_33",),
        ),
        KnownDetector(
            name="lightning",
            title="MoveNet MultiPose and Lightning instead of Thunder; BlazePose for feet",
            opens="mocap.detect.small.open:open_lightning",
            networks=(*_MOVENET, ("lightning", "lightning")),
            own_weights=False,
            keypoint_sets=("coco_17", "coco_17_feet"),
        ),
        KnownDetector(
            name="posenet",
            title="PoseNet for the people MoveNet finds; BlazePose for feet",
            opens="mocap.detect.small.open:open_posenet",
            networks=(*_MOVENET, ("posenet", "posenet")),
            own_weights=False,
            keypoint_sets=("coco_17", "coco_17_feet"),
        ),
        KnownDetector(
            name="centernet",
            title="MoveNet Thunder for the people CenterNet finds; BlazePose for feet",
            opens="mocap.detect.small.open:open_centernet",
            networks=(*_MOVENET, ("centernet", "centernet")),
            own_weights=False,
            keypoint_sets=("coco_17", "coco_17_feet"),
            offsets="movenet_blazepose",
        ),
        KnownDetector(
            name="nanodet",
            title="MoveNet Thunder for the people NanoDet finds; BlazePose for feet",
            opens="mocap.detect.small.open:open_nanodet",
            networks=(*_MOVENET, ("nanodet", "nanodet")),
            own_weights=False,
            keypoint_sets=("coco_17", "coco_17_feet"),
            offsets="movenet_blazepose",
        ),
        KnownDetector(
            name="hrnet",
            title="HRNet W32/W48; weights of your own: --detector hrnet --weights FILE",
            opens="mocap.detect.hrnet.detector:open_hrnet",
            networks=_MOVENET,
            own_weights=True,
            keypoint_sets=("coco_17", "coco_17_feet", "synthpose_52", "wholebody_133"),
        ),
        KnownDetector(
            name="onnx",
            title="ONNX networks of your own: --detector onnx --weights FILE --card NAME",
            opens="mocap.detect.onnx.open:open_onnx",
            networks=(),
            own_weights=True,
            keypoint_sets=(
                "coco_17",
                "coco_17_feet",
                "coco_18",
                "body_25",
                "halpe_26",
                "synthpose_52",
                "wholebody_133",
                "halpe_136",
            ),
            own_card=True,
        ),
    )
}


def known_detector(
    name: str, weights: Path | None = None, own: OwnNetwork | None = None
) -> KnownDetector:
    """Return a detector of the table.

    Raises:
        InputError: there is none of this name, or it does not go with these weights.
    """
    if name not in DETECTORS:
        raise InputError(
            f"there is no detector {name!r}; known are {', '.join(DETECTORS)}, {AUTO}."
        )
    found = DETECTORS[name]
    if found.own_weights and weights is None:
        raise InputError(f"detector {name!r} needs a checkpoint file: give it with --weights.")
    if weights is not None and not found.own_weights:
        others = " or ".join(repr(each.name) for each in DETECTORS.values() if each.own_weights)
        raise InputError(f"detector {name!r} has its own weights; --weights is for {others}.")
    if weights is not None and not weights.is_file():
        raise InputError(f"the weights file {weights} does not exist.")
    if found.own_card and not (own and own.card):
        raise InputError(
            f"detector {name!r} needs to know the network: name its card with --card (`mocap "
            "models list` names them), or give a .toml of your own."
        )
    if own and own.said and not found.own_card:
        raise InputError(f"--card and --boxes are for detector 'onnx', not for {name!r}.")
    if own and (own.boxes is None) != (not own.boxes_card):
        raise InputError("--boxes and --boxes-card go together: a network and how it is read.")
    return found
