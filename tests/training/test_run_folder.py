"""The run folder keeps what was written, and tells which code wrote it."""

import subprocess
from pathlib import Path

import pytest

from depmap_cli.errors import DataInvalid, DepmapError, OutputUnwritable
from depmap_cli.training.resume import check_resumable
from depmap_cli.training.run_folder import RunFolder, git_state
from depmap_cli.training.runs import RunLayout, check_layout
from tests.support.runs import disk_full_at


def test_a_full_disk_keeps_the_log(tmp_path):
    folder = RunFolder(tmp_path)
    for epoch in range(2):
        folder.log_epoch(epoch, {"mse": 1.0 - 0.5 * epoch})
    before = (tmp_path / "log.csv").read_bytes()
    with disk_full_at(0), pytest.raises(OutputUnwritable, match=r"log\.csv: cannot be written"):
        folder.log_epoch(2, {"mse": 0.25})
    assert (tmp_path / "log.csv").read_bytes() == before
    assert not list(tmp_path.glob(".*"))  # nothing half-written
    folder.log_epoch(2, {"mse": 0.25, "contrastive": 2.0})  # which starts later
    assert [row["mse"] for row in folder.log_rows()] == ["1.00000", "0.50000", "0.25000"]
    assert [row["contrastive"] for row in folder.log_rows()] == ["", "", "2.00000"]


def test_what_a_killed_run_left_half_written_is_removed(tmp_path):
    (tmp_path / ".making-0-log.csv").write_text("half")
    RunFolder(tmp_path).make()
    assert not list(tmp_path.iterdir())


def test_the_folder_that_a_user_works_in_is_named(tmp_path, monkeypatch):
    here = Path()
    monkeypatch.chdir(tmp_path)
    (tmp_path / "weights.safetensors").touch()
    with pytest.raises(DataInvalid, match=f"--out {tmp_path}: the folder is not empty"):
        RunFolder(here).check(resume=False)
    with pytest.raises(DataInvalid, match=f"--out {tmp_path}: holds a single run"):
        check_layout(here, RunLayout.folds)
    with pytest.raises(DepmapError, match=f"--out {tmp_path}: holds weights"):
        check_resumable(here, {})


def git(folder: Path, *arguments: str) -> str:
    who = ("-c", "user.name=x", "-c", "user.email=x@x")
    command = ["git", "-C", str(folder), *who, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_is_that_of_the_code_not_of_a_project_around_it(tmp_path):
    installed, own = tmp_path / ".venv" / "package", tmp_path / "package"
    for folder in (installed, own):
        folder.mkdir(parents=True)
        (folder / "__init__.py").touch()
    (tmp_path / ".gitignore").write_text(".venv\n")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "mine")
    assert git_state(installed) is None
    assert git_state(own) == {"commit": git(tmp_path, "rev-parse", "HEAD"), "changed": False}
    (own / "__init__.py").write_text("changed = True\n")
    assert git_state(own)["changed"]
