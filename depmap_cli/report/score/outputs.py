"""What is shown of results: stdout for what was asked, everything else to stderr."""

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
class Outputs:
    """Shows reports as they come, those of a batch in a line each and then a table."""

    folder: Path | None
    as_json: bool
    quiet: bool
    several: bool  # a batch
    _early: dict[int, str] = field(default_factory=dict)  # their turn is still to come
    _shown: int = 0

    def show(self, number: int, report: Report) -> None:
        """One JSON line, in the order of the videos; or, of a single video, the rendered report."""
        if self.as_json:
            self._early[number] = json_line(report)
            while self._shown in self._early:
                print_json(self._early.pop(self._shown))
                self._shown += 1
        elif not self.several:
            render_report(Console(), report)

    def flush(self) -> None:
        """The JSON lines that waited for one that never came."""
        for number in sorted(self._early):
            print_json(self._early.pop(number))

    def finish(self, reports: Sequence[Report]) -> None:
        """The table of a batch, and where the files lie."""
        if self.several and not self.as_json:
            render_batch(Console(), list(reports))
        if self.folder is not None and not self.quiet:
            Console(stderr=True, highlight=False, soft_wrap=True).print(
                f"results: {self.folder}", markup=False
            )


def line_of(report: Report, before: bool) -> str:
    """What became of a video, in one line."""
    name = clean(report.source.name)
    if report.estimate is not None and report.status == Status.scored:
        return f"{name}: {report.estimate.score:.1f}" + (" (done before)" if before else "")
    return f"{name}: {report.status.value}: {clean(report.reason)}"
