"""`depmap weights list|verify|import|fetch`."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from depmap_cli.cli.command import DepmapCommand
from depmap_cli.cli.shared_options import JsonOption, QuietOption
from depmap_cli.cli.terminal import note, one_line, progress_bar
from depmap_cli.errors import EXIT_ERROR

if TYPE_CHECKING:
    from depmap_cli.results import WeightsEntry

app = typer.Typer(
    no_args_is_help=True,
    help="Manage the weights folder ($DEPMAP_WEIGHTS, or the bundled folder).",
)
ForceOption = Annotated[
    bool, typer.Option("--force", help="Replace another file of the same name.")
]


@app.command("list", cls=DepmapCommand)
def list_(as_json: JsonOption = False) -> None:
    """List the weights files with their kind, size, hash and training data.

    Example:

      depmap weights list --json | jq -r '.[].file'
    """
    from depmap_cli.weights.folder import list_weights

    _show(list_weights(), as_json)


@app.command(cls=DepmapCommand)
def verify(
    files: Annotated[
        list[Path] | None,
        typer.Argument(help="Default: all files of the weights folder.", metavar="[FILE]..."),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Check weights files: hash as in SHA256SUMS, finite tensors, semantic weights available.

    Exits with 1 if a file cannot be used.

    Example:

      depmap weights verify
    """
    from depmap_cli.weights.folder import verify_weights

    entries = list(verify_weights(files or []))
    _show(entries, as_json)
    if any(entry.problem for entry in entries):
        raise typer.Exit(code=EXIT_ERROR)


@app.command("import", cls=DepmapCommand)
def import_(
    file: Annotated[Path, typer.Argument(help="Safetensors file.")],
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Copy a file into the weights folder after verifying it.

    Example:

      DEPMAP_WEIGHTS=~/weights depmap weights import run/weights.safetensors
    """
    from depmap_cli.weights.folder import import_file

    note(f"stored: {import_file(file, force).file}", quiet)


@app.command(cls=DepmapCommand)
def fetch(
    url: Annotated[str, typer.Argument(help="Address of a safetensors file.", metavar="URL")],
    sha256: Annotated[str, typer.Option(help="SHA-256 hash of the file, from its provider.")],
    force: ForceOption = False,
    quiet: QuietOption = False,
) -> None:
    """Download a file with a known hash into the weights folder.

    Apart from --allow-network, this is the only command that uses the network.

    Example:

      depmap weights fetch https://example.org/mine.safetensors --sha256 0399eac1...
    """
    from depmap_cli.weights.folder import fetch as fetch_file

    with progress_bar(quiet) as bar, one_line(bar, "downloading") as on_progress:
        entry = fetch_file(url, sha256, on_progress, force)
    note(f"stored: {entry.file}", quiet)


def _show(entries: "Iterable[WeightsEntry]", as_json: bool) -> None:
    import json

    from rich.console import Console

    from depmap_cli.report.weights import weights_table

    entries = list(entries)
    if as_json:
        typer.echo(json.dumps([entry.model_dump() for entry in entries]))
    else:
        Console().print(weights_table(entries))
