"""Debug mode: the package's log on stderr, and tracebacks in files when debug mode is off.

Library modules only call ``logging.getLogger(__name__)``; nothing is configured on import. The
command line and its worker processes call ``configure_logging``.
"""

import logging
import os
import platform
import time
from pathlib import Path

from depmap_cli import __version__

DEBUG_VARIABLE = "DEPMAP_DEBUG"
"""Environment variable that turns debug mode on; worker processes inherit it."""
_PACKAGE = "depmap_cli"
_HANDLER_NAME = "depmap-debug"
_FORMAT = "%(asctime)s %(levelname)s %(name)s (process %(process)d): %(message)s"


def debug_enabled() -> bool:
    """Return whether debug mode is on; an empty environment variable counts as unset."""
    return bool(os.environ.get(DEBUG_VARIABLE))


def set_debug(enabled: bool) -> None:
    """Turn debug mode on or off, for this process and those that it starts."""
    os.environ[DEBUG_VARIABLE] = "1" if enabled else ""
    configure_logging()


def configure_logging() -> None:
    """Print the package's log at DEBUG level to stderr in debug mode; otherwise print nothing."""
    package = logging.getLogger(_PACKAGE)
    for handler in [h for h in package.handlers if h.name == _HANDLER_NAME]:
        package.removeHandler(handler)
    # Without any handler, Python would print warnings and tracebacks to stderr by itself.
    handler = logging.StreamHandler() if debug_enabled() else logging.NullHandler()
    handler.name = _HANDLER_NAME
    handler.setFormatter(logging.Formatter(_FORMAT))
    package.addHandler(handler)
    package.setLevel(logging.DEBUG if debug_enabled() else logging.NOTSET)
    package.propagate = not debug_enabled()  # some imports add a handler to the root logger


def save_traceback(traceback: str, folder: Path) -> Path | None:
    """Write a traceback to a new file in ``folder``; return its path, or None if that fails."""
    path = folder / f"depmap-traceback-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
    versions = f"depmap {__version__}, Python {platform.python_version()}"
    try:
        path.write_text(f"{versions}\n\n{traceback}", encoding="utf-8", errors="replace")
    except OSError:
        return None
    return path
