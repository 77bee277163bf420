"""`depmap simulate`: error messages, and one small corpus from end to end."""

import os
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from depmap_cli.cli import app
from depmap_cli.errors import EXIT_ERROR, EXIT_USAGE


@pytest.fixture
def simulate(tmp_path, monkeypatch):
    """Runs the command: (exit code, all output)."""
    monkeypatch.delenv("DEPMAP_FACE_MODEL", raising=False)

    def call(*arguments):
        result = CliRunner().invoke(app, ["simulate", str(tmp_path / "out"), *map(str, arguments)])
        problem = result.exception
        if getattr(problem, "exit_code", None):  # as depmap_cli.cli.main says it
            return problem.exit_code, f"{problem.message} {problem.hint}"
        return result.exit_code, result.output

    return call


@pytest.mark.parametrize(
    "arguments",
    [
        ("--faces", 4, "--portraits", 8),
        ("--size", 97),
        ("--splits", "1,2"),
        ("--splits", "0,0,0"),
        ("--splits", "a,b,c"),
        ("--tasks", "dancing"),
        ("--sessions", 0),
        ("--effect", -1),
    ],
)
def test_bad_options_are_usage_errors(simulate, arguments):
    code, said = simulate("--face-model", "x.npz", *arguments)
    assert code == EXIT_USAGE
    assert arguments[0] in said


def test_no_face_model_is_told_even_without_the_renderer(tmp_path):
    code = "import sys; sys.modules['numba'] = None; from depmap_cli.cli import main; main()"
    environment = {k: v for k, v in os.environ.items() if k != "DEPMAP_FACE_MODEL"}
    command = [sys.executable, "-c", code, "simulate", str(tmp_path / "out")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == EXIT_USAGE
    assert "git clone" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_missing_face_model_names_the_command_to_fetch_it(simulate):
    for arguments in ((), ("--face-model", "nowhere/face.npz")):
        code, said = simulate(*arguments)
        assert code == EXIT_USAGE
        assert "git clone" in said
        assert ("nowhere/face.npz" in said) == bool(arguments)


def test_a_missing_extra_names_the_command_to_install_it(simulate, monkeypatch):
    monkeypatch.setitem(sys.modules, "numba", None)
    code, said = simulate("--face-model", "x.npz")
    assert code == EXIT_ERROR
    assert "pip install 'depmap-cli[simulate]'" in said


@pytest.mark.usefixtures("in_process")
def test_a_corpus_from_end_to_end(simulate, still_renderer, monkeypatch, tmp_path):
    from depmap_cli.simulation.rendering import renderer_api

    monkeypatch.setattr(renderer_api, "FaceModelRenderer", lambda path: still_renderer)
    options = ("--sessions", 3, "--splits", "1,1,1", "--seconds", 2, "--fps", 5, "--size", 96)
    code, said = simulate("--face-model", "x.npz", "--tasks", "northwind", *options)
    assert code == 0, said
    assert len(list((tmp_path / "out").glob("*/Northwind/*.mp4"))) == 3
    assert not list((tmp_path / "out").glob("*/Freeform"))
    code, said = simulate("--face-model", "x.npz", "--seed", 9, *options)
    assert code == EXIT_USAGE
