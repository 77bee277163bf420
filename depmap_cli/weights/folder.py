"""What `depmap weights` does: the files of the weights folder listed, verified, added to."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from depmap_cli.errors import UsageProblem, WeightsInvalid
from depmap_cli.io.atomic_files import STALE_AGE, TEMP_PATTERN, atomic_write, remove_stale_temp
from depmap_cli.io.checkpoint import load_tensors, read_document
from depmap_cli.io.clean_text import clean
from depmap_cli.io.download import checked_hash, download, file_name_of
from depmap_cli.io.file_identity import sha256_of
from depmap_cli.io.locks import locked
from depmap_cli.io.output_files import unwritable, write_file
from depmap_cli.results import WeightsEntry
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.weights.locations import find_semantic_weights, weights_folder

SUMS = "SHA256SUMS"
"""In the weights folder: hashes of its files, as `sha256sum --check` reads them."""
SUFFIX = ".safetensors"
FOREIGN = "foreign"
"""Kind of a safetensors file that depmap did not write, such as open_clip's."""


def list_weights() -> Iterator[WeightsEntry]:
    """The files of the weights folder, by name, with their hashes."""
    yield from map(describe_weights, _weights_files())


def describe_weights(path: Path) -> WeightsEntry:
    """What a file says of itself.

    Raises:
        WeightsInvalid: there is no such file.
    """
    if not path.is_file():
        raise WeightsInvalid(f"{clean(path.name)}: no such weights file", "see depmap weights list")
    found: dict[str, Any] = {"kind": FOREIGN}
    problem = ""
    try:
        found = read_document(path)
    except WeightsInvalid as error:
        if not _is_safetensors(path):
            found, problem = {"kind": ""}, error.message
    return WeightsEntry(
        file=path.name,
        kind=found["kind"],
        about=str(found.get("training_data", "")),
        simulated=found.get("simulated"),
        size=path.stat().st_size,
        sha256=sha256_of(path),
        problem=problem,
    )


def _is_safetensors(path: Path) -> bool:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "numpy"):
            return True
    except (SafetensorError, OSError):
        return False


def verify_weights(paths: list[Path]) -> Iterator[WeightsEntry]:
    """Files, or all of the weights folder, read whole: bytes as in ``SUMS``, if they are listed
    there, finite tensors, and semantic weights at hand; ``problem`` says what is wrong. Of the
    folder, those that ``SUMS`` lists are there."""
    if not paths:
        paths = _weights_files()
        yield from _missing()
    for path in paths:
        entry = describe_weights(path)
        try:
            if not entry.problem:
                _check(path, entry)
        except WeightsInvalid as error:
            entry = entry.model_copy(update={"problem": str(error)})
        yield entry


def _weights_files() -> list[Path]:
    if not weights_folder().is_dir():
        name = clean(weights_folder().name)
        raise WeightsInvalid(f"{name}: no such weights folder", "is DEPMAP_WEIGHTS right?")
    return sorted(weights_folder().glob(f"[!.]*{SUFFIX}"))


def _missing() -> Iterator[WeightsEntry]:
    """What ``SUMS`` lists and the folder lacks."""
    for name, sha256 in _sums(weights_folder()).items():
        if not (weights_folder() / name).is_file():
            problem = f"{SUMS} lists it, but it is not there (hint: install or fetch it again)"
            yield WeightsEntry(
                file=name, kind="", about="", simulated=None, size=0, sha256=sha256, problem=problem
            )


def _check(path: Path, entry: WeightsEntry) -> None:
    import torch

    expected = _sums(path.parent).get(path.name, entry.sha256)
    if expected != entry.sha256:
        raise WeightsInvalid("its bytes are not those of SHA256SUMS", "install or fetch it again")
    for name, tensor in load_tensors(path).items():
        if not torch.isfinite(tensor).all():
            raise WeightsInvalid(f"{clean(name)} is not finite", "train or fetch it again")
    if entry.kind == "depmap":
        trained_with = read_document(path).get("semantics", {})
        find_semantic_weights(path, str(trained_with.get("model")), str(trained_with.get("sha256")))


def import_file(path: Path, force: bool = False) -> WeightsEntry:
    """Copy a file into the weights folder, once it is verified there; the entry it has then.

    Raises:
        WeightsInvalid: it is not safetensors, or not whole.
        UsageProblem: another file of this name is there, and not ``force``.
        OutputUnwritable: the folder cannot be written.
    """
    if path.suffix != SUFFIX:
        raise WeightsInvalid(
            f"{clean(path.name)}: not a safetensors file",
            "pickled weights (.pt, .bin) are never loaded",
        )
    sha256 = describe_weights(path).sha256
    with _new_file(path.name, sha256, force) as aside:
        shutil.copyfile(path, aside)
    return describe_weights(weights_folder() / path.name)


def fetch(url: str, sha256: str, told: FractionCallback, force: bool = False) -> WeightsEntry:
    """Download a file of this hash into the weights folder; the entry it has then.

    Raises:
        DownloadFailed: it is not to be had, or is another one; nothing is kept.
        WeightsInvalid, UsageProblem, OutputUnwritable: as ``import_file``.
    """
    name, sha256 = file_name_of(url), checked_hash(sha256)
    with _new_file(name, sha256, force) as aside:
        download(url, sha256, aside, told)
    return describe_weights(weights_folder() / name)


@contextmanager
def _new_file(name: str, sha256: str, force: bool) -> Iterator[Path]:
    """Where to write a file of the weights folder that becomes one once it is verified."""
    folder = weights_folder()
    there = folder / name
    if there.exists() and not force and sha256_of(there) != sha256:
        raise UsageProblem(
            f"{clean(name)}: the weights folder has another file of this name",
            "rename one of them, or replace that one with --force",
        )
    try:
        remove_stale_temp(folder.glob(TEMP_PATTERN), STALE_AGE)
        with atomic_write(there) as aside:
            yield aside
            entry = describe_weights(aside)
            if entry.problem:
                raise WeightsInvalid(f"{clean(name)}: not a safetensors file", "nothing was kept")
            _check(aside, entry)
        with locked(folder / f".{SUMS}.lock"):
            sums = {**_sums(folder), name: sha256}
            lines = "".join(f"{known}  {file}\n" for file, known in sorted(sums.items()))
            write_file(folder, SUMS, lines.encode())
    except OSError as error:
        raise unwritable(f"{folder.name}/{name}", error) from error


def _sums(folder: Path) -> dict[str, str]:
    """Hashes by file name; empty without ``SUMS``."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    found = (line.split(maxsplit=1) for line in lines)
    return {pair[1].lstrip("*"): pair[0] for pair in found if len(pair) == 2}
