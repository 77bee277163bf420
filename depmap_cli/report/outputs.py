"""Where results go: stdout for what was asked, files below OUT, everything else to stderr."""

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from depmap_cli.errors import OutputUnwritable
from depmap_cli.report.console import print_json, render_batch, render_report
from depmap_cli.report.files import (
    FORMATS,
    check_folder,
    json_line,
    write_result,
    write_scores_csv,
)
from depmap_cli.report.text import clean
from depmap_cli.results import Report, ScoreResult, Status


@dataclass(frozen=True)
class Outputs:
    """What to write, where, and how pictures are drawn."""

    folder: Path | None
    formats: frozenset[str]
    pictures: str
    as_json: bool
    quiet: bool
    several: bool = False  # a batch: a line a video, then a table

    def check(self) -> None:
        """Look whether there will be a place for results, before they are computed.

        Raises:
            OutputUnwritable: there will be none.
        """
        if self.folder is not None:
            check_folder(self.folder)

    def write(self, result: ScoreResult) -> Report:
        """Write one video's files; where that fails, the report says so and keeps its figures."""
        if self.folder is None:
            return result.report
        formats = frozenset(FORMATS) if "all" in self.formats else self.formats
        try:
            return write_result(
                result, self.folder / result.report.source.name, formats, self.pictures
            )
        except OutputUnwritable as error:
            return result.report.model_copy(
                update={"status": Status.failed, "reason": error.message, "hint": error.hint}
            )

    def show(self, report: Report) -> None:
        """One JSON line, or the rendered report; a line a video in a batch."""
        if self.as_json:
            print_json(json_line(report))
        elif not self.several:
            render_report(Console(), report)
        elif not self.quiet:
            Console(stderr=True, highlight=False).print(_line(report), markup=False)

    def keep(self, reports: list[Report]) -> None:
        """Bring ``scores.csv`` up to date, for a batch that is stopped; ``finish`` tells faults."""
        with suppress(OutputUnwritable):
            self._write_scores(reports)

    def finish(self, reports: list[Report]) -> None:
        """The table of a batch, ``scores.csv``, and where the files lie.

        Raises:
            OutputUnwritable: ``scores.csv`` cannot be written.
        """
        if self.several and not self.as_json:
            render_batch(Console(), reports)
        self._write_scores(reports)
        if self.folder is not None and not self.quiet:
            Console(stderr=True, highlight=False, soft_wrap=True).print(
                f"results: {self.folder}", markup=False
            )

    def _write_scores(self, reports: list[Report]) -> None:
        if self.several and self.folder is not None:
            write_scores_csv(reports, self.folder / "scores.csv")


def _line(report: Report) -> str:
    if report.estimate is not None and report.status == Status.scored:
        return f"{clean(report.source.name)}: {report.estimate.score:.1f}"
    return clean(f"{report.source.name}: {report.status.value}: {report.reason}")
