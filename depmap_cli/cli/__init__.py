"""The command line. Each command parses options, calls the library once and shows the result."""

from depmap_cli.cli.entry_point import app, main

__all__ = ["app", "main"]
