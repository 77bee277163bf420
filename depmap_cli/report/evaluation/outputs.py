"""Output of evaluations: metrics on stdout, files below OUT."""

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
from depmap_cli.report.terminal import print_json

if TYPE_CHECKING:
    from depmap_cli.evaluation.results import Evaluation


@dataclass(frozen=True)
class EvaluationOutputs:
    """What to write, where, and how pictures are drawn."""

    folder: Path | None
    pictures: str
    as_json: bool

    def check(self) -> None:
        """Check, before hours of computation, that files can be written.

        Raises:
            OutputUnwritable: the folder cannot be created or written.
        """
        if self.folder is not None:
            check_folder(self.folder)

    def write(self, evaluations: "Sequence[Evaluation]") -> None:
        """Print the evaluations, and a summary if there are several seeds; then write the files.

        Each of several seeds has its own folder, next to ``seeds.csv``; as JSON, its own line.

        Raises:
            OutputUnwritable: a folder or a file in it cannot be written.
        """
        reports = [evaluation.report for evaluation in evaluations]
        for report in reports:
            self._print(report)
        if len(reports) > 1 and not self.as_json:
            render_seeds(Console(), reports)
        if self.folder is not None:
            self._write_files(evaluations, self.folder)

    def _print(self, report: EvaluationReport) -> None:
        if self.as_json:
            print_json(report.model_dump_json())
        else:
            render_evaluation(Console(), report)

    def _write_files(self, evaluations: "Sequence[Evaluation]", folder: Path) -> None:
        for evaluation in evaluations:
            report, appearance = evaluation.report, evaluation.appearance
            subfolder = f"seed-{report.settings['seed']}" if len(evaluations) > 1 else ""
            plots = appearance_plots(appearance, self.pictures) if appearance else []
            write_evaluation(report, folder / subfolder, plots)
        if len(evaluations) > 1:
            reports = [evaluation.report for evaluation in evaluations]
            write_file(folder, "seeds.csv", seeds_csv(reports))
