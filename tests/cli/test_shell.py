"""The command in a shell: colours, completion, and an example in the help of each command."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from depmap_cli.cli import app

ROOT = Path(__file__).parents[2]


def depmap(*arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "depmap_cli", *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


def commands(group, *before):
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from commands(command, *before, name)
        else:
            yield pytest.param(command, id=" ".join([*before, name]))


@pytest.mark.parametrize("command", list(commands(get_command(app))))
def test_every_command_shows_an_example(command, request):
    name = request.node.callspec.id
    assert re.search(rf"Examples?:\s(.|\n)*depmap {name}\b", command.help), name


def test_no_escape_codes_without_a_terminal():
    done = depmap("weights", "list")
    assert done.returncode == 0
    assert "\x1b" not in done.stdout + done.stderr


def test_no_color_is_honoured():
    coloured = depmap("weights", "list", FORCE_COLOR="1", NO_COLOR="")
    plain = depmap("weights", "list", FORCE_COLOR="1", NO_COLOR="1")
    colour = re.compile(r"\x1b\[[0-9;]*3[0-9]m")
    assert "\x1b[" in coloured.stdout
    assert not colour.search(plain.stdout)


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_can_complete(shell):
    done = depmap("--show-completion", shell, _TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION="1")
    assert done.returncode == 0
    assert f"_COMPLETE=complete_{shell}" in done.stdout


def test_completion_knows_commands_and_options():
    """Called like bash calls the installed command."""
    script = Path(sys.executable).with_name("depmap")
    asked = {"COMP_WORDS": "depmap score --over", "COMP_CWORD": "2"}
    environment = {**os.environ, "_DEPMAP_COMPLETE": "complete_bash", **asked}
    done = subprocess.run([script], env=environment, capture_output=True, text=True)
    assert "--overwrite" in done.stdout
