"""The columns of ``scores.csv``. Those of ``frames.csv`` and ``aus.csv`` are in ``results``."""

from collections.abc import Iterable, Sequence

from depmap_cli.io.csv_writer import csv_table
from depmap_cli.results import Report
from depmap_cli.results.columns import Columns, Row, column, if_present, names_of, row_of


def csv_of(columns: Sequence[Columns[Row]], rows: Iterable[Row]) -> bytes:
    """``rows`` as a CSV file in UTF-8, with a header."""
    return csv_table(names_of(columns), (row_of(columns, row) for row in rows))


SCORES: tuple[Columns[Report], ...] = (
    column("name", lambda report: report.source.name),
    column("status", lambda report: report.status.value),
    column("reason", lambda report: report.reason),
    *if_present(
        lambda report: report.estimate,
        column("score", lambda estimate: round(estimate.score, 2)),
        column("low", lambda estimate: round(estimate.interval.low, 2)),
        column("high", lambda estimate: round(estimate.interval.high, 2)),
        column("interval_level", lambda estimate: estimate.interval.level),
        column("band", lambda estimate: estimate.band),
        column("bands", lambda estimate: "; ".join(estimate.interval.bands)),
    ),
    *if_present(
        lambda report: report.quality,
        column("quality", lambda quality: quality.verdict.value),
        column(
            "usable_share",
            lambda quality: round(quality.usable_frames / max(quality.sampled_frames, 1), 4),
        ),
    ),
    column("duration", lambda report: report.source.duration),
    *if_present(
        lambda report: report.out_of_distribution,
        column("training_distance", lambda ood: ood.distance),
        column("is_out_of_distribution", lambda ood: int(ood.is_out_of_distribution)),
    ),
    *if_present(
        lambda report: report.weights, column("weights_sha256", lambda weights: weights.sha256)
    ),
)
"""``scores.csv``: one row for each video."""
