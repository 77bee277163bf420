"""`python -m depmap_cli`."""

from depmap_cli.cli import main

main()
