"""Shows results in the terminal: reports on stdout, everything else on stderr."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console

from depmap_cli.io.clean_text import clean
from depmap_cli.report.score.console import render_batch, render_report
from depmap_cli.report.score.files import json_line
from depmap_cli.report.terminal import print_json
from depmap_cli.results import Report, Status


@dataclass(kw_only=True)
class TerminalOutput:
    """Shows reports as they arrive; those of a batch as a table at the end."""

    folder: Path | None
    as_json: bool
    quiet: bool
    several: bool  # a batch of several videos
    _waiting: dict[int, str] = field(default_factory=dict)  # JSON lines of later videos, by number
    _n_printed: int = 0

    def show(self, number: int, report: Report) -> None:
        """Print the report of a single video, or JSON lines in the order of the videos."""
        if self.as_json:
            self._waiting[number] = json_line(report)
            while self._n_printed in self._waiting:
                print_json(self._waiting.pop(self._n_printed))
                self._n_printed += 1
        elif not self.several:
            render_report(Console(), report)

    def flush(self) -> None:
        """Print the JSON lines that wait for a video that was not finished."""
        for number in sorted(self._waiting):
            print_json(self._waiting.pop(number))

    def finish(self, reports: Sequence[Report]) -> None:
        """Print the table of a batch, and the results folder."""
        if self.several and not self.as_json:
            render_batch(Console(), list(reports))
        if self.folder is not None and not self.quiet:
            Console(stderr=True, highlight=False, soft_wrap=True).print(
                f"results: {self.folder}", markup=False
            )


def line_of(report: Report, already_done: bool) -> str:
    """Describe the result of a video in one line."""
    name = clean(report.source.name)
    if report.estimate is not None and report.status == Status.scored:
        return f"{name}: {report.estimate.score:.1f}" + (" (already done)" if already_done else "")
    return f"{name}: {report.status.value}: {clean(report.reason)}"
