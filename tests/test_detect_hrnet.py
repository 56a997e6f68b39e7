"""HRNet: published parameter names, OpenVINO parity, and checkpoints read safely."""

from __future__ import annotations

import collections
import datetime
import io
import os
import pickle
import tracemalloc
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mocap.core.errors import ModelError
from mocap.core.files.unpickling import ModestUnpickler
from mocap.core.keypoints import COCO_17
from mocap.core.shapes import Array
from mocap.detect.checkpoints import CheckpointRecipe, recipe_of
from mocap.detect.hrnet.detector import (
    KEYPOINT_SETS_BY_COUNT,
    HRNetReader,
    hrnet_reader,
    image_from_input,
    input_per_heatmap_pixel,
    openvino_engine,
    torch_engine,
)
from mocap.detect.hrnet.network import PoseHRNet
from mocap.detect.hrnet.weights import load_hrnet, read_state_dict
from mocap.detect.people import Detection
from mocap.detect.top_down import TopDown

SMALL = 8
"""Width of a network with all parts of HRNet that fits into a test."""


def conv(
    name: str, outside: int, inside: int, kernel: int
) -> Iterator[tuple[str, tuple[int, ...]]]:
    yield f"{name}.weight", (outside, inside, kernel, kernel)


def norm(name: str, channels: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    for part in ("weight", "bias", "running_mean", "running_var"):
        yield f"{name}.{part}", (channels,)
    yield f"{name}.num_batches_tracked", ()


def conv_norm(name: str, outside: int, inside: int, kernel: int) -> Iterator[Any]:
    """A convolution and its batch norm inside a Sequential."""
    yield from conv(f"{name}.0", outside, inside, kernel)
    yield from norm(f"{name}.1", outside)


def official_tensors(width: int, joints: int) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield name and shape of every tensor of a published PoseHRNet."""
    for index, inside in ((1, 3), (2, 64)):
        yield from conv(f"conv{index}", 64, inside, 3)
        yield from norm(f"bn{index}", 64)
    for block in range(4):
        name, inside = f"layer1.{block}", 64 if block == 0 else 256
        shapes = [(64, inside, 1), (64, 64, 3), (256, 64, 1)]
        for index, (outside, source, kernel) in enumerate(shapes, start=1):
            yield from conv(f"{name}.conv{index}", outside, source, kernel)
            yield from norm(f"{name}.bn{index}", outside)
    yield from conv_norm("layer1.0.downsample", 256, 64, 1)
    channels = [width * 2**level for level in range(4)]
    yield from conv_norm("transition1.0", width, 256, 3)
    yield from conv_norm("transition1.1.0", channels[1], 256, 3)
    yield from conv_norm("transition2.2.0", channels[2], channels[1], 3)
    yield from conv_norm("transition3.3.0", channels[3], channels[2], 3)
    for stage, modules in ((2, 1), (3, 4), (4, 3)):
        for module in range(modules):
            outputs = 1 if (stage, module) == (4, 2) else stage
            yield from exchange_tensors(f"stage{stage}.{module}", channels[:stage], outputs)
    yield "final_layer.weight", (joints, width, 1, 1)
    yield "final_layer.bias", (joints,)


def exchange_tensors(name: str, channels: list[int], outputs: int) -> Iterator[Any]:
    for branch, size in enumerate(channels):
        for block in range(4):
            for index in (1, 2):
                yield from conv(f"{name}.branches.{branch}.{block}.conv{index}", size, size, 3)
                yield from norm(f"{name}.branches.{branch}.{block}.bn{index}", size)
    for end in range(outputs):
        for start, size in enumerate(channels):
            path = f"{name}.fuse_layers.{end}.{start}"
            if start > end:
                yield from conv_norm(path, channels[end], size, 1)
            for step in range(end - start):
                last = step == end - start - 1
                yield from conv_norm(f"{path}.{step}", channels[end] if last else size, size, 3)


@pytest.mark.parametrize(("width", "joints", "millions"), [(32, 17, 28.536), (48, 17, 63.596)])
def test_parameters_carry_the_published_names(width: int, joints: int, millions: float) -> None:
    with torch.device("meta"):
        network = PoseHRNet(width, joints)
    ours = {name: tuple(tensor.shape) for name, tensor in network.state_dict().items()}
    assert ours == dict(official_tensors(width, joints))
    assert len(ours) == 1754
    count = sum(each.numel() for each in network.parameters())
    assert count / 1e6 == pytest.approx(millions, abs=5e-4)


@cache
def small_network(joints: int = 17) -> PoseHRNet:
    """Return a small random network in evaluation mode, its batch norms as if trained."""
    torch.manual_seed(7)
    network = PoseHRNet(SMALL, joints)
    for name, each in network.state_dict().items():
        if name.endswith("running_var"):
            each.uniform_(0.5, 2.0)
        elif name.endswith("running_mean"):
            each.normal_(0.0, 0.1)
    return network.eval()


def test_openvino_gives_what_torch_gives() -> None:
    network, recipe = small_network(), CheckpointRecipe((96, 128))
    images = np.random.default_rng(2).normal(size=(2, 3, 128, 96)).astype(np.float32)
    by_torch = torch_engine(network, "cpu")(images)
    by_openvino = openvino_engine(network, recipe)(images)
    assert by_torch.shape == (2, 17, 32, 24)
    # float32 through some 300 convolutions, summed in another order.
    np.testing.assert_allclose(by_openvino, by_torch, atol=2e-5 * np.abs(by_torch).max())


def under(prefix: str, state: dict[str, Any]) -> dict[str, Any]:
    return {prefix + name: tensor for name, tensor in state.items()}


def as_mmpose(state: dict[str, Any], head: str) -> dict[str, Any]:
    return {
        (f"{head}.{name}" if name.startswith("final_layer") else f"backbone.{name}"): tensor
        for name, tensor in state.items()
    }


LAYOUTS: dict[str, Any] = {
    "official": lambda state: state,
    "training": lambda state: {"epoch": 3, "state_dict": under("module.", state), "perf": 0.7},
    "mmpose 0.x": lambda state: {
        "meta": {"epoch": 210, "config": "model = dict()"},
        "state_dict": as_mmpose(state, "keypoint_head"),
        "optimizer": {"state": {}, "param_groups": [{"lr": 1e-3}]},
    },
    "mmpose 1.x": lambda state: {
        "meta": {"time": datetime.datetime(2022, 9, 14), "history": np.arange(3.0)},
        "state_dict": as_mmpose(state, "head") | {"data_preprocessor.mean": torch.zeros(3, 1, 1)},
        "message_hub": {"log": collections.OrderedDict(loss=np.float64(0.1)), "path": Path("x")},
    },
    "without counters": lambda state: {
        name: each for name, each in state.items() if not name.endswith("num_batches_tracked")
    },
}


@pytest.mark.parametrize(
    ("layout", "zipped"),
    [*((layout, True) for layout in LAYOUTS), ("official", False), ("mmpose 1.x", False)],
)
def test_every_layout_gives_the_same_network(tmp_path: Path, layout: str, zipped: bool) -> None:
    network = small_network(joints=52)
    path = tmp_path / "weights.pth"
    state = dict(network.state_dict())
    torch.save(LAYOUTS[layout](state), path, _use_new_zipfile_serialization=zipped)
    loaded = load_hrnet(path)
    assert loaded.final_layer.out_channels == 52
    assert not loaded.training
    for name, tensor in loaded.state_dict().items():
        if not name.endswith("num_batches_tracked"):
            assert torch.equal(tensor, state[name]), name


class Bomb:
    """An object whose pickle makes a folder when it is read as pickles usually are."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[Any, ...]:
        return (os.mkdir, (str(self.target),))


class EvalBomb(Bomb):
    def __reduce__(self) -> tuple[Any, ...]:
        return (eval, (f"__import__('os').mkdir({str(self.target)!r})",))


@pytest.mark.parametrize("bomb", [Bomb, EvalBomb])
@pytest.mark.parametrize("where", ["alone", "beside the tensors", "instead of a tensor"])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old format"])
def test_code_in_a_checkpoint_is_refused_and_not_run(
    tmp_path: Path, bomb: type[Bomb], where: str, zipped: bool
) -> None:
    target, path = tmp_path / "ran", tmp_path / "weights.pth"
    content: Any = bomb(target)
    if where == "beside the tensors":
        content = {"state_dict": dict(small_network().state_dict()), "meta": content}
    elif where == "instead of a tensor":
        content = {**small_network().state_dict(), "conv1.weight": content}
    torch.save(content, path, _use_new_zipfile_serialization=zipped)
    with pytest.raises(ModelError, match=r"was not loaded|no HRNet"):
        load_hrnet(path)
    assert not target.exists()


def test_the_bomb_of_these_tests_would_go_off(tmp_path: Path) -> None:
    for bomb in (Bomb, EvalBomb):
        target = tmp_path / bomb.__name__
        pickle.loads(pickle.dumps(bomb(target)))
        assert target.exists()


def test_a_bare_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    path, target = tmp_path / "weights.pth", tmp_path / "ran"
    path.write_bytes(pickle.dumps(EvalBomb(target)))
    with pytest.raises(ModelError):
        read_state_dict(path)
    assert not target.exists()


@pytest.mark.parametrize("size", [2**26, 2**62])
def test_a_bytearray_that_is_not_there_does_not_ask_for_memory(size: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises((pickle.UnpicklingError, MemoryError, EOFError)):
            ModestUnpickler(io.BytesIO(b"\x80\x05\x96" + size.to_bytes(8, "little") + b"ab")).load()
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()
    whole = pickle.dumps([bytearray(b"ab"), 1], 5)
    assert ModestUnpickler(io.BytesIO(whole)).load() == [bytearray(b"ab"), 1]


def test_a_number_in_a_checkpoint_does_not_ask_for_memory(tmp_path: Path) -> None:
    path = tmp_path / "numbered.pth"
    # 1, remembered under a number: an array up to that number would take a gigabyte. PyTorch's safe
    # mode refuses the empty bytearray that follows.
    remembered = b"K\x01r" + (2**26).to_bytes(4, "little")
    path.write_bytes(b"\x80\x02" + remembered + b"\x96" + bytes(8) + b".")
    tracemalloc.start()
    try:
        with pytest.raises(ModelError, match="numbered"):
            read_state_dict(path)
        assert tracemalloc.get_traced_memory()[1] < 50e6
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kept", [0, 1, 100, 0.3, 0.9, 0.999])
@pytest.mark.parametrize("zipped", [True, False], ids=["zip", "old format"])
def test_truncated_checkpoints_are_refused(tmp_path: Path, kept: float, zipped: bool) -> None:
    path = tmp_path / "weights.pth"
    torch.save(small_network().state_dict(), path, _use_new_zipfile_serialization=zipped)
    data = path.read_bytes()
    path.write_bytes(data[: int(kept * len(data)) if isinstance(kept, float) else kept])
    with pytest.raises(ModelError, match=r"weights\.pth"):
        load_hrnet(path)


def test_checkpoints_of_other_networks_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.pth"
    for content in ({"conv1.weight": torch.zeros(64, 3, 3, 3)}, {}, [1, 2], torch.zeros(3)):
        torch.save(content, path)
        with pytest.raises(ModelError, match="no HRNet pose checkpoint"):
            load_hrnet(path)


def test_tensors_that_do_not_fit_are_named(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    state = dict(small_network().state_dict())
    state["stage3.0.branches.1.0.conv1.weight"] = torch.zeros(3)
    torch.save(state, path)
    with pytest.raises(ModelError, match=r"1 tensors .* stage3\.0\.branches\.1\.0\.conv1"):
        load_hrnet(path)


def test_values_that_are_not_numbers_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    state = dict(small_network().state_dict())
    state["conv1.weight"] = torch.full_like(state["conv1.weight"], torch.nan)
    torch.save(state, path)
    with pytest.raises(ModelError, match=r"damaged: conv1\.weight"):
        load_hrnet(path)


@pytest.mark.parametrize(
    ("name", "size", "decoding", "sigma_px"),
    [
        ("pose_hrnet_w32_256x192.pth", (192, 256), "quarter", 2),
        ("pose_hrnet_w48_384x288.pth", (288, 384), "quarter", 3),
        ("td-hm_hrnet-w32_dark-8xb64-210e_coco-256x192-0e00bf12.pth", (192, 256), "dark", 2),
        ("td-hm_hrnet-w48_udp-8xb32-210e_coco-384x288-70d7ab01.pth", (288, 384), "udp", 3),
        ("hrnet-w48_dark.pth", (288, 384), "dark", 3),
        ("mine.pth", (192, 256), "quarter", 2),
    ],
)
def test_names_say_how_to_run(
    tmp_path: Path, name: str, size: tuple[int, int], decoding: str, sigma_px: int
) -> None:
    path = tmp_path / name
    path.write_bytes(b"any content")
    recipe = recipe_of(path)
    assert (recipe.input_size, recipe.decoding, recipe.sigma_px) == (size, decoding, sigma_px)


def test_recipes_that_cannot_run_are_refused() -> None:
    with pytest.raises(ModelError, match="not a multiple of 32"):
        CheckpointRecipe((190, 256))
    with pytest.raises(ModelError, match="'soft' is unknown"):
        CheckpointRecipe(decoding="soft")


@pytest.mark.parametrize("decoding", ["quarter", "udp"])
def test_the_box_fills_the_input_up_to_the_margin(decoding: str) -> None:
    recipe = CheckpointRecipe((192, 256), decoding)
    box = np.array([100.0, 50.0, 200.0, 450.0])  # tall: its height decides
    matrix = image_from_input(box, recipe)
    last = np.array([191, 255]) if decoding == "udp" else np.array([192, 256])
    first_corner, last_corner = matrix[:, 2], matrix[:, :2] @ last + matrix[:, 2]
    np.testing.assert_allclose((first_corner + last_corner) / 2, [150, 250])
    np.testing.assert_allclose(last_corner - first_corner, [1.25 * 400 * 0.75, 1.25 * 400])


class FakeFinder:
    """Finds one given person and no feet."""

    def __init__(self, person: Detection) -> None:
        self.person = person

    def find(self, image: Array) -> list[Detection]:
        return [self.person]


@pytest.mark.parametrize("decoding", ["quarter", "dark", "udp"])
@pytest.mark.parametrize("joints", [17, 52, 133])
def test_keypoints_come_back_where_the_heat_maps_put_them(decoding: str, joints: int) -> None:
    """An engine that draws Gaussians at known image points must give these points back."""
    recipe = CheckpointRecipe((192, 256), decoding)
    names = KEYPOINT_SETS_BY_COUNT[joints]
    box = np.array([80.0, 40.0, 200.0, 280.0])
    truth = np.random.default_rng(5).uniform([100, 80], [180, 240], size=(joints, 2))
    matrix = image_from_input(box, recipe)
    in_input = np.linalg.solve(matrix[:, :2], (truth - matrix[:, 2]).T).T
    step = input_per_heatmap_pixel(recipe)

    def engine(images: Array) -> Array:
        assert images.shape == (2, 3, 256, 192)
        maps = np.zeros((2, joints, 64, 48), np.float32)
        y, x = np.mgrid[:64, :48]
        mirrored = in_input * [-1, 1] + [191, 0]
        for image, points in ((0, in_input), (1, mirrored[list(names.mirror_indices())])):
            for joint, (u, v) in enumerate(points / step):
                maps[image, joint] = 0.9 * np.exp(-((x - u) ** 2 + (y - v) ** 2) / 8)
        return maps

    guess = Detection(truth[:17], np.full(17, 0.5), box)
    detector = TopDown(FakeFinder(guess), HRNetReader(engine, recipe, names))
    (found,) = detector(np.zeros((320, 280, 3), np.uint8))
    assert detector.keypoint_names == names.keypoint_names
    # One heat-map pixel is 4 input pixels of 1.17 image pixels each: 4.7 px. A quarter of it after
    # the quarter step; an eighth by the one-pixel shift of the mirror average; nothing with UDP.
    limit = {"quarter": 0.5, "dark": 0.15, "udp": 0.02}[decoding] * 4.7
    assert np.abs(found.pixels - truth).max() < limit
    assert found.confidence.min() > 0.75


def test_a_skeleton_of_someone_else_gives_way_to_the_first_guess() -> None:
    def engine(images: Array) -> Array:
        maps = np.zeros((2, 17, 64, 48), np.float32)
        maps[:, :, 5, 5] = 1.0
        return maps

    truth = np.random.default_rng(6).uniform([120, 150], [180, 270], size=(17, 2))
    guess = Detection(truth, np.full(17, 0.5), np.array([80.0, 40.0, 200.0, 280.0]))
    detector = TopDown(FakeFinder(guess), HRNetReader(engine, CheckpointRecipe(), COCO_17))
    (found,) = detector(np.zeros((320, 280, 3), np.uint8))
    np.testing.assert_array_equal(found.pixels, truth)


def test_a_checkpoint_runs_from_its_file(tmp_path: Path) -> None:
    path = tmp_path / "small_dark_128x96.pth"
    torch.save(small_network().state_dict(), path)
    guess = Detection(np.full((17, 2), 60.0), np.full(17, 0.5), np.array([10.0, 10.0, 90.0, 110.0]))
    reader = hrnet_reader(path)
    detector = TopDown(FakeFinder(guess), reader)
    assert reader.recipe.input_size == (96, 128)
    (found,) = detector(np.zeros((120, 100, 3), np.uint8))
    assert found.pixels.shape == (17, 2)


def test_unknown_keypoints_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(small_network(joints=16).state_dict(), path)
    with pytest.raises(ModelError, match="16 keypoints; supported are 17, 52, 133"):
        hrnet_reader(path)
