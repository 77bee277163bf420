"""CSV columns: header and cells come from one table; missing parts leave their cells empty."""

from depmap_cli.report.score import columns
from depmap_cli.report.score.columns import FRAMES, SCORES, Column, csv_of, csv_of_frames
from depmap_cli.results import Report, ScoreResult


def test_a_column_added_to_the_table_is_written(sample_result: ScoreResult) -> None:
    added = (*SCORES, Column[Report]("n_keyframes", lambda report: len(report.keyframes)))
    header, row = csv_of(added, [sample_result.report]).decode().splitlines()
    assert header.endswith(",n_keyframes")
    assert row.endswith(",4")


def test_columns_of_a_missing_part_are_empty(refused_report: Report) -> None:
    bare = refused_report.model_copy(
        update={"quality": None, "out_of_distribution": None, "weights": None}
    )
    cells = {column.name: column.cell(bare) for column in SCORES}
    named = {name for name, cell in cells.items() if cell is not None}
    assert named == {"name", "status", "reason", "duration"}


def test_frames_are_numbered_from_1(sample_result: ScoreResult) -> None:
    lines = csv_of_frames(FRAMES[:1], sample_result.frames).decode().splitlines()
    assert lines[:3] == ["frame,time", "1,0.5", "2,1.33"]


def test_column_names_are_unique() -> None:
    for table in (columns.SCORES, columns.FRAMES, columns.ACTION_UNIT_COLUMNS):
        names = [column.name for column in table]
        assert len(names) == len(set(names))
