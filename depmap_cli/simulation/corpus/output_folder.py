"""Rendering in pieces that are whole or absent, so that runs can be killed and go on.

Random numbers come from the seed and from what is drawn, never from the order of work: the same
seed gives the same recordings with any number of processes.
"""

import json
from pathlib import Path
from typing import Any

from depmap_cli import __version__
from depmap_cli.errors import OutputUnwritable, UsageProblem
from depmap_cli.io.atomic_files import TEMP_PATTERN, atomic_write, remove_stale_temp

SETTINGS = "simulation.json"


def claim(out: Path, settings: dict[str, Any]) -> None:
    """Open an output folder for these settings, or go on in one that was opened for the same.

    Raises:
        UsageProblem: it holds other things, or recordings simulated otherwise.
        OutputUnwritable: it cannot be made.
    """
    asked = json.loads(json.dumps({"version": __version__, **settings}))
    stored = out / SETTINGS
    if stored.is_file():
        _refuse_others(out, json.loads(stored.read_text()), asked)
        remove_stale_temp(out.rglob(TEMP_PATTERN))
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise UsageProblem(f"{out.name}: not empty", "choose a new folder")
        with atomic_write(stored) as aside:
            aside.write_text(json.dumps(asked, indent=2) + "\n")
    except OSError as error:
        raise OutputUnwritable(f"{out.name}: {error.strerror}", "choose another folder") from error


def _refuse_others(out: Path, stored: dict[str, Any], asked: dict[str, Any]) -> None:
    other = sorted(n for n in stored.keys() | asked.keys() if stored.get(n) != asked.get(n))
    if other:
        name = other[0]
        raise UsageProblem(
            f"{out.name}: begun with {name} {stored.get(name)}, not {asked.get(name)}",
            "give the same options to go on, or choose a new folder",
        )
