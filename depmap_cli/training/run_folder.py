"""The run folder: settings, log, weights and results of one training run."""

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
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from depmap_cli import __version__
from depmap_cli.data.labelled_video import RUN_FILES, LabelledVideo
from depmap_cli.errors import DataInvalid, OutputUnwritable
from depmap_cli.io.atomic_files import TEMP_PATTERN, atomic_write, remove_stale_temp
from depmap_cli.io.checkpoint import save_checkpoint
from depmap_cli.io.clean_text import clean
from depmap_cli.io.json_writer import json_file
from depmap_cli.runtime.versions import package_versions
from depmap_cli.training.model_card import model_card
from depmap_cli.weights.locations import RUN_WEIGHTS

BEST, LAST, WEIGHTS = "best.safetensors", "last.safetensors", RUN_WEIGHTS
CONFIG, RUN = RUN_FILES
LOG = "log.csv"
_PACKAGES = (
    *("torch", "torchvision", "numpy", "open_clip_torch", "timm", "facenet-pytorch"),
    *("av", "opencv-python", "pytorch_wavelets", "safetensors", "pydantic"),
)


@dataclass(frozen=True)
class RunFolder:
    """Paths and writers of one run.

    ===================  ====================================================
    config.yaml          every setting, resolved
    run.json             versions, git commit, seed, data and command; under ``resumed`` the same
                         for each resumption
    log.csv              a row for each epoch; ``tensorboard/`` holds the same
    best.safetensors     the weights of the best epoch on Development, full precision
    last.safetensors     the weights of the last finished epoch, full precision
    state.safetensors    what the next epoch starts from, for ``--resume``
    weights.safetensors  for ``depmap score``: the best weights, with data for intervals
    development.csv      estimates of these weights on Development
    card.md              the model card
    ===================  ====================================================
    """

    path: Path

    def check(self, resume: bool) -> None:
        """Check that a run may write here, before it starts.

        Raises:
            DataInvalid: the folder holds files and ``resume`` is not set.
            OutputUnwritable: the folder cannot be created or written.
        """
        with self._explain_os_error():
            existing = next(p for p in (self.path, *self.path.absolute().parents) if p.exists())
            occupied = existing == self.path and any(existing.iterdir())
        if not (existing.is_dir() and os.access(existing, os.W_OK)):
            raise OutputUnwritable(
                f"{out_option(self.path)}: cannot write there", "choose another folder"
            )
        if occupied and not resume:
            raise DataInvalid(
                f"{out_option(self.path)}: the folder is not empty",
                "add --resume to continue the run in it, or choose another folder",
            )

    def make(self) -> None:
        """Create the folder if it is missing, and remove incomplete files from it.

        Raises:
            OutputUnwritable: it cannot be created.
        """
        with self._explain_os_error():
            self.path.mkdir(parents=True, exist_ok=True)
            remove_stale_temp(self.path.glob(TEMP_PATTERN))

    @contextmanager
    def _explain_os_error(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputUnwritable(
                f"{out_option(self.path)}: {error.strerror}", "choose another folder"
            ) from error

    def describe(self, config: dict[str, Any], about: dict[str, Any]) -> None:
        """Write config.yaml and run.json, which records how the run started and each resumption."""
        import yaml

        run = {
            "depmap": __version__,
            "python": platform.python_version(),
            "platform": platform.platform(),
            "versions": package_versions(_PACKAGES),
            "git": git_state(Path(__file__).parents[1]),
            "started": datetime.now(UTC).isoformat(timespec="seconds"),
            **about,
        }
        self.write(CONFIG, yaml.safe_dump(config, sort_keys=False))
        if first := self._read_run():
            run = {**first, "resumed": [*first.get("resumed", []), run]}
        self.write(RUN, json_file(run))

    def _read_run(self) -> dict[str, Any]:
        """Content of run.json; empty if the file is missing or damaged."""
        try:
            return dict(json.loads((self.path / RUN).read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError):
            return {}

    def log_epoch(self, epoch: int, row: dict[str, float]) -> None:
        """Add an epoch's row to the log, in place of rows of this and later epochs.

        A run that is killed after it has logged an epoch repeats that epoch.
        """
        from torch.utils.tensorboard import SummaryWriter

        rows = [logged for logged in self.log_rows() if int(logged["epoch"]) < epoch]
        rows.append({"epoch": str(epoch), **{k: f"{v:.5f}" for k, v in row.items()}})
        names = list(dict.fromkeys(name for logged in rows for name in logged))
        text = io.StringIO()
        writer = csv.DictWriter(text, names, restval="", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        self.write(LOG, text.getvalue())
        folder = str(self.path / "tensorboard")
        with (
            _writable(self.path / "tensorboard"),
            SummaryWriter(folder, purge_step=epoch) as board,
        ):
            for name, value in row.items():
                board.add_scalar(name, value, epoch)

    def log_rows(self) -> list[dict[str, str]]:
        """The rows of the log so far."""
        path = self.path / LOG
        if not path.is_file():
            return []
        with path.open(newline="") as file:
            return list(csv.DictReader(file))

    def save_weights(self, name: str, model: nn.Module, document: dict[str, Any]) -> None:
        """Write the model's weights in full precision, in place of earlier ones of this name."""
        save_checkpoint(self.path / name, "depmap", document, model.state_dict())

    def write_results(
        self, document: dict[str, Any], development: list[LabelledVideo], estimates: np.ndarray
    ) -> None:
        """Write the estimates of the finished weights on Development, and the model card."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["video", "subject", "session", "task", "score", "estimate"])
        for video, estimate in zip(development, estimates, strict=True):
            names = [video.path.name, video.subject, video.session, video.task]
            writer.writerow([*names, video.score, f"{estimate:.3f}"])
        self.write("development.csv", text.getvalue())
        self.write("card.md", model_card(document))

    def write(self, name: str, text: str) -> None:
        """Write a text file atomically: if that fails, the old file is kept.

        Raises:
            OutputUnwritable: the disk is full, or permission is missing.
        """
        with _writable(self.path / name), atomic_write(self.path / name) as temporary:
            temporary.write_text(text, encoding="utf-8")


def out_option(folder: Path) -> str:
    """The option that names a run folder, for messages."""
    return f"--out {shown_path(folder)}"


def shown_path(folder: Path) -> str:
    """A folder for messages: as the user gave it, but the working folder by its path."""
    return clean(str(folder if folder.name else folder.resolve()))


@contextmanager
def _writable(path: Path) -> Iterator[None]:
    """Turn an OSError into an error that names the file."""
    try:
        yield
    except OSError as error:
        raise OutputUnwritable(
            f"{clean(str(path))}: cannot be written: {error.strerror}",
            "check free space and permissions",
        ) from error


def git_state(folder: Path) -> dict[str, Any] | None:
    """Commit of the checkout that this code runs from, and whether it has changes.

    None if there is no checkout, or if it does not track this code, such as one around a ``.venv``.
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
