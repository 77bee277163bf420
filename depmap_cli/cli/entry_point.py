"""The `depmap` command: its subcommands, `--debug`, and the exit code of an error.

Torch is imported inside the commands, so that ``depmap --help`` stays fast.
"""

import gc
from pathlib import Path
from typing import Annotated

import typer

from depmap_cli import __version__
from depmap_cli.cli import evaluate, installation, score, simulate, train, weights
from depmap_cli.cli.command import DepmapCommand, with_saved_traceback
from depmap_cli.cli.terminal import fail, note
from depmap_cli.errors import EXIT_INTERRUPTED, DepmapError, UnexpectedError
from depmap_cli.runtime.debug_log import DEBUG_VARIABLE, set_debug
from depmap_cli.runtime.group_exit import end_process_of_group
from depmap_cli.runtime.threads import use_passive_threads

_GC_THRESHOLD = 100_000
"""Number of new objects after which the garbage collector runs. Importing torch alone creates half
a million objects, none of which is garbage."""

app = typer.Typer(
    name="depmap",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    help="Estimate the BDI-II depression score (0 to 63) from a video of a face. "
    "Research software, not a diagnosis.",
    epilog="Exit codes: 0 success; 1 run error, or all videos failed; 2 usage error; "
    "3 some videos failed or were refused, or the shared result files were not written; "
    "4 no video was scored, and at least one was refused for its quality; "
    "130 interrupted by Ctrl-C.\n\n"
    "Environment: DEPMAP_WEIGHTS is the weights folder (default: the bundled one). "
    "DEPMAP_DEVICE, DEPMAP_CACHE, DEPMAP_FACE_MODEL and DEPMAP_DEBUG are the defaults of "
    "--device, --cache, --face-model and --debug.",
)
for _command in (score.score, train.train, evaluate.evaluate, evaluate.calibrate, evaluate.ablate):
    app.command(cls=DepmapCommand)(_command)
app.command(cls=DepmapCommand)(train.prepare)
app.command("train-semantics", cls=DepmapCommand)(train.train_semantics)
app.command(cls=DepmapCommand)(simulate.simulate)
app.add_typer(weights.app, name="weights")
app.command(cls=DepmapCommand)(installation.doctor)
app.command(cls=DepmapCommand)(installation.info)


def main() -> None:
    """Run the ``depmap`` command; each error becomes one line and an exit code."""
    gc.set_threshold(_GC_THRESHOLD)
    use_passive_threads()
    try:
        app()
    except DepmapError as error:
        fail(error)
    except OSError as error:  # a disk error that the library did not expect
        fail(_disk_error(error))
    except Exception as error:
        fail(with_saved_traceback(UnexpectedError.of(error), Path()))
    except SystemExit as ended:
        if ended.code == EXIT_INTERRUPTED:
            note("interrupted", quiet=False)
        end_process_of_group(ended.code)
        raise
    finally:
        gc.freeze()  # otherwise the remaining objects are searched before the process ends


def _disk_error(error: OSError) -> DepmapError:
    path = str(error.filename) if error.filename else "disk error"
    failure = DepmapError(
        f"{path}: {error.strerror or error}", "check the path and its permissions"
    )
    failure.__cause__ = error  # for the traceback of --debug
    return failure


def _version(requested: bool | None) -> None:
    if requested:
        typer.echo(f"depmap {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[
        bool | None,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version."),
    ] = None,
    debug: Annotated[
        bool,
        typer.Option(
            "--debug",
            envvar=DEBUG_VARIABLE,
            help="Print the log and the tracebacks of errors to stderr.",
        ),
    ] = False,
) -> None:
    """Handle the options before the command."""
    set_debug(debug)
