"""`depmap doctor` and `depmap info`."""

import json
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from depmap_cli.cli.shared_options import DeviceOption
from depmap_cli.errors import EXIT_ERROR


def doctor(device: DeviceOption = "auto") -> None:
    """Check the installation by scoring the bundled interview. Exits with 1 if a check fails.

    Example:

      depmap doctor --device cuda
    """
    from depmap_cli.workflows.installation_check import examine

    console = Console()
    failed = False
    for check in examine(device):
        mark = "[green]ok[/]  " if check.ok else "[red]FAIL[/]"
        console.print(f"{mark} {escape(check.name)}: {escape(check.detail)}")
        failed = failed or not check.ok
    if failed:
        raise typer.Exit(code=EXIT_ERROR)


def info(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON to stdout.")] = False,
    schema: Annotated[
        bool, typer.Option("--schema", help="Print the JSON schema of score.json.")
    ] = False,
    evaluation_schema: Annotated[
        bool, typer.Option("--evaluation-schema", help="Print the JSON schema of evaluation.json.")
    ] = False,
) -> None:
    """List versions, devices and weights.

    Example:

      depmap info --schema > report.schema.json
    """
    from depmap_cli.workflows.installation_check import describe

    if schema:
        from depmap_cli.report.score.files import report_schema

        typer.echo(json.dumps(report_schema(), indent=2))
        return
    if evaluation_schema:
        from depmap_cli.report.evaluation import files as evaluation_files

        typer.echo(json.dumps(evaluation_files.evaluation_schema(), indent=2))
        return
    description = describe()
    if as_json:
        typer.echo(json.dumps(description))
        return
    console = Console()
    for section, content in description.items():
        console.print(f"[bold]{escape(section)}[/]")
        console.print_json(json.dumps(content))
