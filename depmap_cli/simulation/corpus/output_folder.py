"""The output folder of a simulation, which an interrupted run can resume.

Files are written atomically: each is either complete or absent. ``simulation.json`` records the
settings, and a folder is only continued with the same settings.
"""

import json
from pathlib import Path
from typing import Any

from depmap_cli import __version__
from depmap_cli.errors import OutputUnwritable, UsageProblem
from depmap_cli.io.atomic_files import TEMP_PATTERN, atomic_write, remove_stale_temp
from depmap_cli.io.clean_text import clean
from depmap_cli.io.json_writer import json_file

SETTINGS_NAME = "simulation.json"


def claim_output_folder(out: Path, settings: dict[str, Any]) -> None:
    """Create the output folder, or check that an existing one was created with ``settings``.

    Raises:
        UsageProblem: the folder holds other files, or a corpus with other settings.
        OutputUnwritable: the folder cannot be created.
    """
    requested = json.loads(json.dumps({"version": __version__, **settings}))
    settings_path = out / SETTINGS_NAME
    if settings_path.is_file():
        _check_same_settings(out, json.loads(settings_path.read_text(encoding="utf-8")), requested)
        remove_stale_temp(out.rglob(TEMP_PATTERN))
        return
    try:
        out.mkdir(parents=True, exist_ok=True)
        if any(out.iterdir()):
            raise UsageProblem(
                f"{clean(str(out))}: the output folder is not empty", "choose a new folder"
            )
        with atomic_write(settings_path) as temporary:
            temporary.write_text(json_file(requested), encoding="utf-8")
    except OSError as error:
        raise OutputUnwritable(
            f"{clean(str(out))}: {error.strerror}", "choose another folder"
        ) from error


def _check_same_settings(out: Path, stored: dict[str, Any], requested: dict[str, Any]) -> None:
    names = stored.keys() | requested.keys()
    different = sorted(name for name in names if stored.get(name) != requested.get(name))
    if different:
        name = different[0]
        raise UsageProblem(
            f"{clean(str(out))}: the folder was created with "
            f"{name} {stored.get(name)}, not {requested.get(name)}",
            "give the same options to resume, or choose a new folder",
        )
