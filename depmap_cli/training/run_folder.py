"""The run folder: everything that tells what a run was and how it went."""

import csv
import io
import json
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from depmap_cli import __version__
from depmap_cli.data.labelled_video import RUN_FILES, LabelledVideo
from depmap_cli.errors import DataInvalid, OutputUnwritable
from depmap_cli.io.atomic_files import TEMP_PATTERN, atomic_write, remove_stale_temp
from depmap_cli.io.checkpoint import save_checkpoint
from depmap_cli.training.model_card import model_card
from depmap_cli.weights.locations import RUN_WEIGHTS

BEST, LAST, WEIGHTS = "best.safetensors", "last.safetensors", RUN_WEIGHTS
CONFIG, RUN = RUN_FILES
LOG = "log.csv"
_PACKAGES = (
    *("torch", "torchvision", "numpy", "open_clip_torch", "timm", "facenet-pytorch"),
    *("opencv-python", "pytorch_wavelets", "safetensors", "pydantic"),
)


@dataclass(frozen=True)
class RunFolder:
    """Paths and writers of one run.

    ================== =====================================================
    config.yaml        every setting, resolved
    run.json           versions, git state, seed, data, command; likewise each ``resumed``
    log.csv            a row an epoch; ``tensorboard/`` holds the same
    best.safetensors   the epoch best on Development, full precision
    last.safetensors   the last finished epoch, likewise
    state.safetensors  what the next epoch starts from, for ``--resume``
    weights.safetensors  what ``depmap score`` takes: the best, calibrated
    development.csv    estimates of the best on Development
    card.md            the model card
    ================== =====================================================
    """

    path: Path

    def check(self, resume: bool) -> None:
        """Whether a run may write here, before there is anything to write.

        Raises:
            DataInvalid: it holds files and ``resume`` was not asked for.
            OutputUnwritable: it cannot be made or written.
        """
        with self._ours():
            there = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
            occupied = there == self.path and any(there.iterdir())
        if not (there.is_dir() and os.access(there, os.W_OK)):
            raise OutputUnwritable(
                f"{self._option}: nothing can be written there", "choose another folder"
            )
        if occupied and not resume:
            raise DataInvalid(
                f"{self._option}: the folder is not empty", "add --resume, or choose another"
            )

    def make(self) -> None:
        """Make the folder, or take up the one that is there, without what was half-written.

        Raises:
            OutputUnwritable: it cannot be made.
        """
        with self._ours():
            self.path.mkdir(parents=True, exist_ok=True)
            remove_stale_temp(self.path.glob(TEMP_PATTERN))

    @property
    def _option(self) -> str:
        return f"--out {folder_name(self.path)}"

    @contextmanager
    def _ours(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputUnwritable(
                f"{self._option}: {error.strerror}", "choose another folder"
            ) from error

    def keep(self, name: str, model: nn.Module, document: dict[str, Any]) -> None:
        """Keep these weights, in place of earlier ones of this name."""
        save_checkpoint(self.path / name, "depmap", document, model.state_dict())

    def log(self, epoch: int, row: dict[str, float]) -> None:
        """Write an epoch's row; rows of a run that was killed after it are replaced."""
        from torch.utils.tensorboard import SummaryWriter

        rows = [r for r in self.rows() if int(r["epoch"]) < epoch]
        rows.append({"epoch": str(epoch), **{k: f"{v:.5f}" for k, v in row.items()}})
        names = list(dict.fromkeys(name for r in rows for name in r))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write(LOG, text.getvalue())
        folder = str(self.path / "tensorboard")
        with _writable("tensorboard"), SummaryWriter(folder, purge_step=epoch) as board:
            for name, value in row.items():
                board.add_scalar(name, value, epoch)

    def rows(self) -> list[dict[str, str]]:
        """The log so far."""
        path = self.path / LOG
        if not path.is_file():
            return []
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    def describe(self, config: dict[str, Any], about: dict[str, Any]) -> None:
        """Write config.yaml and run.json, which tells how the run began and each resumption."""
        import yaml

        versions = {name: _version(name) for name in _PACKAGES}
        run = {
            "depmap": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "versions": versions,
            "git": git_state(Path(__file__).parents[1]),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            **about,
        }
        self.write(CONFIG, yaml.safe_dump(config, sort_keys=False))
        if began := self._described():
            run = {**began, "resumed": [*began.get("resumed", []), run]}
        self.write(RUN, json.dumps(run, indent=2) + "\n")

    def _described(self) -> dict[str, Any]:
        """What run.json says; nothing where it is not there or not whole."""
        try:
            return dict(json.loads((self.path / RUN).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def conclude(
        self, document: dict[str, Any], development: list[LabelledVideo], found: np.ndarray
    ) -> None:
        """Write the finished weights' estimates on Development, and the model card."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["video", "subject", "session", "task", "score", "estimate"])
        for r, estimate in zip(development, found, strict=True):
            row = [r.path.name, r.subject, r.session, r.task, r.score, f"{estimate:.3f}"]
            writer.writerow(row)
        self.write("development.csv", text.getvalue())
        self.write("card.md", model_card(document))

    def write(self, name: str, text: str) -> None:
        """Write a text file aside, then rename it; where that fails, the old one stays.

        Raises:
            OutputUnwritable: no space, or no right.
        """
        with _writable(name), atomic_write(self.path / name) as aside:
            aside.write_text(text, encoding="utf-8")


def folder_name(folder: Path) -> str:
    """How messages name a folder, which may be given as ``.``."""
    return folder.name or folder.resolve().name


@contextmanager
def _writable(name: str) -> Iterator[None]:
    """Turns an OSError into one line."""
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(
            f"{name}: cannot be written: {error.strerror}", "check space and rights"
        ) from error


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the checkout that this code runs from and whether it was changed.

    None where there is none, or where it does not hold this code, as one around a ``.venv``.
    """

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(folder), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10)
        return done.stdout.strip()

    try:
        git("ls-files", "--error-unmatch", "__init__.py")
        return {"commit": git("rev-parse", "HEAD"), "changed": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None
