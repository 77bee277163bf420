"""CSV columns: header and cells come from one table; missing parts leave their cells empty."""

from depmap_cli.report.score.columns import SCORES, csv_of
from depmap_cli.results import Report, ScoreResult
from depmap_cli.results.columns import column, names_of, row_of


def test_a_column_added_to_the_table_is_written(sample_result: ScoreResult) -> None:
    added = (*SCORES, column("n_keyframes", lambda report: len(report.keyframes)))
    header, row = csv_of(added, [sample_result.report]).decode().splitlines()
    assert header.endswith(",n_keyframes")
    assert row.endswith(",4")


def test_columns_of_a_missing_part_are_empty(refused_report: Report) -> None:
    bare = refused_report.model_copy(
        update={"quality": None, "out_of_distribution": None, "weights": None}
    )
    cells = zip(names_of(SCORES), row_of(SCORES, bare), strict=True)
    named = {name for name, cell in cells if cell is not None}
    assert named == {"name", "status", "reason", "duration"}


def test_column_names_are_unique() -> None:
    names = names_of(SCORES)
    assert len(names) == len(set(names))
