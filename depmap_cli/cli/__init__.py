"""The command line: each command parses, calls the library once, renders. Torch loads inside."""

import gc
from pathlib import Path
from typing import Annotated

import typer

from depmap_cli import __version__
from depmap_cli.cli import evaluate, installation, score, simulate, train, weights
from depmap_cli.cli.terminal import fail, note
from depmap_cli.errors import DepmapError
from depmap_cli.runtime.threads import use_passive_threads

INTERRUPTED = 130
"""What Typer leaves with at Ctrl-C, without a word."""
_NEW_OBJECTS = 100_000
"""After so many the collector of garbage looks for some: torch alone makes half a million while it
is imported, and none of them is garbage."""

app = typer.Typer(
    name="depmap",
    no_args_is_help=True,
    pretty_exceptions_show_locals=False,
    rich_markup_mode="rich",
    help="Estimate the BDI-II depression score (0 to 63) from a video of a face. "
    "Research software, not a diagnosis.",
    epilog="Exit codes: 0 done, 1 run error, 2 usage, 3 some videos failed or were refused, "
    "4 no video was good enough to score. Environment: DEPMAP_WEIGHTS is the weights folder, "
    "DEPMAP_DEVICE and DEPMAP_CACHE are as the options.",
)
app.command()(score.score)
app.command()(train.train)
app.command()(evaluate.evaluate)
app.command()(evaluate.calibrate)
app.command()(evaluate.ablate)
app.command()(train.prepare)
app.command("train-semantics")(train.train_semantics)
app.command()(simulate.simulate)
app.add_typer(weights.app, name="weights")
app.command()(installation.doctor)
app.command()(installation.info)


def main() -> None:
    """The ``depmap`` command: library errors and Ctrl-C become one line and their exit code."""
    gc.set_threshold(_NEW_OBJECTS)
    use_passive_threads()
    try:
        app()
    except DepmapError as error:
        fail(error)
    except OSError as error:  # whatever the disk refuses beyond what the library expects
        name = Path(str(error.filename)).name if error.filename else "the disk"
        fail(DepmapError(f"{name}: {error.strerror or error}", "check the path and its rights"))
    except SystemExit as ended:
        if ended.code == INTERRUPTED:
            note("interrupted", quiet=False)
        raise
    finally:
        gc.freeze()  # else what is left is searched for garbage before the process ends


def _version(asked: bool | None) -> None:
    if asked:
        typer.echo(f"depmap {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = None,
) -> None:
    """Only ``--version`` stands before the commands."""
