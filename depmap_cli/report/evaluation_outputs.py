"""Where evaluations go: stdout for the figures, files below OUT."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from depmap_cli.report.appearance import appearance_figures
from depmap_cli.report.evaluation import render_evaluation
from depmap_cli.report.evaluation_files import write_evaluation
from depmap_cli.report.files import write_file
from depmap_cli.report.seeds import render_seeds, seeds_csv

if TYPE_CHECKING:
    from depmap_cli.workflows.evaluate import Evaluation


@dataclass(frozen=True)
class EvaluationOutputs:
    """What to write, where, and how pictures are drawn."""

    folder: Path | None
    pictures: str
    as_json: bool

    def give(self, found: "Sequence[Evaluation]") -> None:
        """Write and show one evaluation, or those of several seeds with mean and spread.

        Several lie in folders of their own, beside ``seeds.csv``; as JSON they are a line each.

        Raises:
            OutputUnwritable: a folder or a file in it cannot be written.
        """
        several = len(found) > 1
        for one in found:
            if self.folder is not None:
                below = f"seed-{one.report.settings['seed']}" if several else ""
                self._write(one, self.folder / below)
            self._show(one)
        if several:
            self._give_spread(found)

    def _write(self, found: "Evaluation", folder: Path) -> None:
        figures = appearance_figures(found.appearance, self.pictures) if found.appearance else []
        write_evaluation(found.report, folder, figures)

    def _show(self, found: "Evaluation") -> None:
        if self.as_json:
            print(found.report.model_dump_json(), flush=True)
        else:
            render_evaluation(Console(), found.report)

    def _give_spread(self, found: "Sequence[Evaluation]") -> None:
        reports = [one.report for one in found]
        if self.folder is not None:
            write_file(self.folder, "seeds.csv", seeds_csv(reports))
        if not self.as_json:
            render_seeds(Console(), reports)
