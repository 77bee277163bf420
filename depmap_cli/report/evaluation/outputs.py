"""Where evaluations go: stdout for the figures, files below OUT."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from depmap_cli.evaluation.results import EvaluationReport
from depmap_cli.io.output_files import check_folder, write_file
from depmap_cli.report.evaluation.appearance import appearance_plots
from depmap_cli.report.evaluation.console import render_evaluation
from depmap_cli.report.evaluation.files import write_evaluation
from depmap_cli.report.evaluation.seeds import render_seeds, seeds_csv
from depmap_cli.report.score.console import print_json

if TYPE_CHECKING:
    from depmap_cli.evaluation.results import Evaluation


@dataclass(frozen=True)
class EvaluationOutputs:
    """What to write, where, and how pictures are drawn."""

    folder: Path | None
    pictures: str
    as_json: bool

    def check(self) -> None:
        """See to it, before hours pass, that there is a place for files.

        Raises:
            OutputUnwritable: there cannot be such a folder.
        """
        if self.folder is not None:
            check_folder(self.folder)

    def give(self, found: "Sequence[Evaluation]") -> None:
        """Show one evaluation, or those of several seeds with mean and spread; then write them.

        Several lie in folders of their own, beside ``seeds.csv``; as JSON they are a line each.

        Raises:
            OutputUnwritable: a folder or a file in it cannot be written.
        """
        reports = [one.report for one in found]
        for report in reports:
            self._show(report)
        if len(found) > 1 and not self.as_json:
            render_seeds(Console(), reports)
        if self.folder is not None:
            self._write(found, self.folder)

    def _show(self, report: EvaluationReport) -> None:
        if self.as_json:
            print_json(report.model_dump_json())
        else:
            render_evaluation(Console(), report)

    def _write(self, found: "Sequence[Evaluation]", folder: Path) -> None:
        for one in found:
            below = f"seed-{one.report.settings['seed']}" if len(found) > 1 else ""
            figures = appearance_plots(one.appearance, self.pictures) if one.appearance else []
            write_evaluation(one.report, folder / below, figures)
        if len(found) > 1:
            write_file(folder, "seeds.csv", seeds_csv([one.report for one in found]))
