"""What all commands of ``depmap`` share: unexpected errors, and which options the user gave."""

from collections.abc import Mapping
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperCommand

from depmap_cli.errors import UnexpectedError
from depmap_cli.runtime.debug_log import debug_enabled, save_traceback

_OUTPUT_PARAMETERS = ("output", "out")
_explicit: ContextVar[frozenset[str]] = ContextVar("explicit", default=frozenset())


class DepmapCommand(TyperCommand):
    """A command that writes the traceback of an unexpected error beside its results."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command.

        Raises:
            UnexpectedError: in place of an exception that the library does not raise on purpose.
        """
        _explicit.set(frozenset(name for name in ctx.params if _is_explicit(ctx, name)))
        try:
            return super().invoke(ctx)
        except UnexpectedError as error:  # of a worker process
            raise with_saved_traceback(error, results_folder(ctx.params)) from error
        except (OSError, typer.Abort):
            raise
        except Exception as error:
            if hasattr(error, "exit_code"):  # a usage error, a DepmapError or typer.Exit
                raise
            unexpected = UnexpectedError.of(error)
            raise with_saved_traceback(unexpected, results_folder(ctx.params)) from error


def is_explicit(parameter: str) -> bool:
    """Return whether the user gave this parameter of the current command, even its default value.

    A parameter is named as in the command's function. Environment variables count as given.
    """
    return parameter in _explicit.get()


def _is_explicit(ctx: Any, parameter: str) -> bool:
    source = ctx.get_parameter_source(parameter)
    return source is not None and source.name in ("COMMANDLINE", "ENVIRONMENT")


def with_saved_traceback(error: UnexpectedError, folder: Path) -> UnexpectedError:
    """Write the traceback to a file in ``folder`` and return an error whose message names it.

    In debug mode, which prints the traceback, no file is written.
    """
    if debug_enabled():
        return error
    path = save_traceback(error.traceback, folder)
    if path is None:
        hint = "run again with --debug to see the traceback"
        return UnexpectedError(error.message, hint, error.traceback)
    message = f"{error.message}; traceback: {path}"
    return UnexpectedError(message, "report this error with that file", error.traceback)


def results_folder(parameters: Mapping[str, Any]) -> Path:
    """Return the folder of --output or --out, or the one it is in; else the working folder."""
    for name in _OUTPUT_PARAMETERS:
        if (path := parameters.get(name)) is not None:
            return next((p for p in (path, path.parent) if p.is_dir()), Path())
    return Path()
