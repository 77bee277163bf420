"""List, verify and add the files of the weights folder, for `depmap weights`."""

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
"""File in the weights folder with the hashes of the others, in the format of `sha256sum`."""
SUFFIX = ".safetensors"
FOREIGN = "foreign"
"""Kind of a safetensors file that depmap did not write, such as open_clip weights."""


def list_weights() -> Iterator[WeightsEntry]:
    """Describe the files of the weights folder, in the order of their names.

    Raises:
        WeightsInvalid: the folder does not exist.
    """
    yield from map(describe_weights, _weights_files())


def describe_weights(path: Path) -> WeightsEntry:
    """Describe a file by its hash and its document, without reading its tensors.

    Raises:
        WeightsInvalid: the file does not exist.
    """
    if not path.is_file():
        raise WeightsInvalid(
            f"{clean(str(path))}: no such weights file",
            "check the path, or see depmap weights list",
        )
    document: dict[str, Any] = {"kind": FOREIGN}
    problem = ""
    try:
        document = read_document(path)
    except WeightsInvalid as error:
        if not _is_safetensors(path):
            document, problem = {"kind": ""}, error.message
    return WeightsEntry(
        file=path.name,
        kind=document["kind"],
        about=str(document.get("training_data", "")),
        simulated=document.get("simulated"),
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
    """Read files completely and check them: hash as in ``SUMS``, if they are listed there; finite
    tensors; available semantic weights.

    Args:
        paths: files; if empty, all files of the weights folder, including those that ``SUMS`` lists
            but that are missing.

    Yields:
        An entry for each file; its ``problem`` says what is wrong.

    Raises:
        WeightsInvalid: a file of ``paths``, or the weights folder, does not exist.
    """
    if not paths:
        paths = _weights_files()
        yield from _missing_files()
    for path in paths:
        entry = describe_weights(path)
        try:
            if not entry.problem:
                _check_content(path, entry)
        except WeightsInvalid as error:
            entry = entry.model_copy(update={"problem": str(error)})
        yield entry


def _weights_files() -> list[Path]:
    folder = weights_folder()
    if not folder.is_dir():
        raise WeightsInvalid(
            f"{clean(str(folder))}: no such weights folder", "check DEPMAP_WEIGHTS"
        )
    return sorted(folder.glob(f"[!.]*{SUFFIX}"))


def _missing_files() -> Iterator[WeightsEntry]:
    """Entries for the files that ``SUMS`` lists but that are not in the weights folder."""
    for name, sha256 in _read_sums(weights_folder()).items():
        if not (weights_folder() / name).is_file():
            problem = f"listed in {SUMS}, but missing (install or fetch it again)"
            yield WeightsEntry(
                file=name, kind="", about="", simulated=None, size=0, sha256=sha256, problem=problem
            )


def _check_content(path: Path, entry: WeightsEntry) -> None:
    """Check hash, tensors and semantic weights.

    Raises:
        WeightsInvalid: one of them is wrong.
    """
    import torch

    expected = _read_sums(path.parent).get(path.name, entry.sha256)
    if expected != entry.sha256:
        raise WeightsInvalid(f"its hash differs from {SUMS}", "install or fetch it again")
    for name, tensor in load_tensors(path).items():
        if not torch.isfinite(tensor).all():
            raise WeightsInvalid(
                f"tensor {clean(name)} is not finite", "train or fetch the file again"
            )
    if entry.kind == "depmap":
        trained_with = read_document(path).get("semantics", {})
        find_semantic_weights(path, str(trained_with.get("model")), str(trained_with.get("sha256")))


def import_file(path: Path, force: bool = False) -> WeightsEntry:
    """Copy a file into the weights folder and verify it there.

    Args:
        path: the file.
        force: replace another file of this name.

    Returns:
        The new entry of the weights folder.

    Raises:
        WeightsInvalid: the file does not exist, is not safetensors, or fails verification.
        UsageProblem: the folder has another file of this name, and ``force`` is not set.
        OutputUnwritable: the folder cannot be written.
    """
    if path.suffix != SUFFIX:
        raise WeightsInvalid(
            f"{clean(str(path))}: not a safetensors file",
            "pickled weights (.pt, .bin) are never loaded; import a safetensors file",
        )
    sha256 = describe_weights(path).sha256
    with _verified_file(path.name, sha256, force) as temporary:
        shutil.copyfile(path, temporary)
    return describe_weights(weights_folder() / path.name)


def fetch(
    url: str, sha256: str, on_progress: FractionCallback, force: bool = False
) -> WeightsEntry:
    """Download a file with this hash into the weights folder and verify it there.

    Returns:
        The new entry of the weights folder.

    Raises:
        DownloadFailed: the file is unavailable or has another hash; nothing is stored.
        WeightsInvalid, UsageProblem, OutputUnwritable: as ``import_file``.
    """
    name, sha256 = file_name_of(url), checked_hash(sha256)
    with _verified_file(name, sha256, force) as temporary:
        download(url, sha256, temporary, on_progress)
    return describe_weights(weights_folder() / name)


@contextmanager
def _verified_file(name: str, sha256: str, force: bool) -> Iterator[Path]:
    """Yield a temporary path to write to; the file enters the weights folder if it is verified.

    Its hash is then added to ``SUMS``.
    """
    folder = weights_folder()
    target = folder / name
    if target.exists() and not force and sha256_of(target) != sha256:
        raise UsageProblem(
            f"{clean(str(target))}: the weights folder has another file of this name",
            "rename one of the files, or replace the old one with --force",
        )
    try:
        remove_stale_temp(folder.glob(TEMP_PATTERN), STALE_AGE)
        with atomic_write(target) as temporary:
            yield temporary
            entry = describe_weights(temporary)
            if entry.problem:
                raise WeightsInvalid(
                    f"{clean(name)}: not a safetensors file",
                    "nothing was stored; give a safetensors file",
                )
            _check_content(temporary, entry)
        with locked(folder / f".{SUMS}.lock"):
            sums = {**_read_sums(folder), name: sha256}
            lines = "".join(f"{digest}  {file}\n" for file, digest in sorted(sums.items()))
            write_file(folder, SUMS, lines.encode())
    except OSError as error:
        raise unwritable(str(target), error) from error


def _read_sums(folder: Path) -> dict[str, str]:
    """File name -> hash, from ``SUMS`` in ``folder``; {} if it is missing or unreadable."""
    try:
        lines = (folder / SUMS).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return {}
    pairs = (line.split(maxsplit=1) for line in lines)
    return {pair[1].lstrip("*"): pair[0] for pair in pairs if len(pair) == 2}
