"""The columns of ``scores.csv``, ``frames.csv`` and ``aus.csv``.

This is the only place that names them: header and cells of each file come from the tables below.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from depmap_cli.domain.action_units import ACTION_UNITS, PRESENT_THRESHOLD
from depmap_cli.domain.bdi import BANDS
from depmap_cli.io.csv_writer import Cell, csv_table
from depmap_cli.results import FrameRow, Report

Row = TypeVar("Row")
Part = TypeVar("Part")


@dataclass(frozen=True)
class Column(Generic[Row]):
    """A column: its name in the header, and the function that reads its cell from a row."""

    name: str
    cell: Callable[[Row], Cell]


def csv_of(columns: Sequence[Column[Row]], rows: Iterable[Row]) -> bytes:
    """``rows`` as a CSV file in UTF-8, with a header."""
    cells = ([column.cell(row) for column in columns] for row in rows)
    return csv_table([column.name for column in columns], cells)


def csv_of_frames(columns: Sequence[Column[FrameRow]], frames: Iterable[FrameRow]) -> bytes:
    """Like ``csv_of``, with the number of the sampled frame, from 1, as the first column."""
    cells = (
        [number, *(column.cell(frame) for column in columns)]
        for number, frame in enumerate(frames, 1)
    )
    return csv_table(["frame", *(column.name for column in columns)], cells)


def _if_present(
    part_of: Callable[[Row], Part | None], *columns: Column[Part]
) -> Iterable[Column[Row]]:
    """Columns of a part of the row that may be None; their cells are empty if it is."""
    return [Column(column.name, _optional(part_of, column.cell)) for column in columns]


def _optional(
    part_of: Callable[[Row], Part | None], cell: Callable[[Part], Cell]
) -> Callable[[Row], Cell]:
    def optional_cell(row: Row) -> Cell:
        part = part_of(row)
        return None if part is None else cell(part)

    return optional_cell


def _element(index: Any, digits: int) -> Callable[[np.ndarray], Cell]:
    """The element of an array at ``index``, rounded."""
    return lambda array: round(float(array[index]), digits)


def _present(index: int) -> Callable[[np.ndarray], Cell]:
    """Whether the action unit at ``index`` counts as present, 0 or 1."""
    return lambda au_probabilities: int(float(au_probabilities[index]) >= PRESENT_THRESHOLD)


def _au_probabilities(frame: FrameRow) -> np.ndarray | None:
    """The probabilities of the action units, (units,); None if no usable face was there to read."""
    return frame.action_units if frame.valid else None


SCORES: tuple[Column[Report], ...] = (
    Column("name", lambda report: report.source.name),
    Column("status", lambda report: report.status.value),
    Column("reason", lambda report: report.reason),
    *_if_present(
        lambda report: report.estimate,
        Column("score", lambda estimate: round(estimate.score, 2)),
        Column("low", lambda estimate: round(estimate.interval.low, 2)),
        Column("high", lambda estimate: round(estimate.interval.high, 2)),
        Column("interval_level", lambda estimate: estimate.interval.level),
        Column("band", lambda estimate: estimate.band),
        Column("bands", lambda estimate: "; ".join(estimate.interval.bands)),
    ),
    *_if_present(
        lambda report: report.quality,
        Column("quality", lambda quality: quality.verdict.value),
        Column(
            "usable_share",
            lambda quality: round(quality.usable_frames / max(quality.sampled_frames, 1), 4),
        ),
    ),
    Column("duration", lambda report: report.source.duration),
    *_if_present(
        lambda report: report.out_of_distribution,
        Column("training_distance", lambda ood: ood.distance),
        Column("is_out_of_distribution", lambda ood: int(ood.is_out_of_distribution)),
    ),
    *_if_present(
        lambda report: report.weights, Column("weights_sha256", lambda weights: weights.sha256)
    ),
)
"""``scores.csv``: one row for each video."""

FRAMES: tuple[Column[FrameRow], ...] = (
    Column("time", lambda frame: round(frame.time, 4)),
    Column("valid", lambda frame: int(frame.valid)),
    Column("reason", lambda frame: frame.reason),
    Column("origin", lambda frame: frame.origin),
    Column("n_faces", lambda frame: frame.n_faces),
    Column("probability", lambda frame: round(frame.probability, 4)),
    *_if_present(
        lambda frame: frame.box,
        *(Column(name, _element(i, 2)) for i, name in enumerate(("x0", "y0", "x1", "y1"))),
    ),
    *_if_present(
        lambda frame: frame.landmarks,
        *(
            Column(f"{name}_{i}", _element((i, axis), 2))
            for axis, name in enumerate("xy")
            for i in range(5)
        ),
    ),
    Column("weight", lambda frame: round(frame.weight, 6)),
    *_if_present(lambda frame: frame.score, Column("score", lambda score: round(score, 4))),
    *_if_present(
        lambda frame: frame.logits,
        *(Column(f"logit_{band.name}", _element(i, 5)) for i, band in enumerate(BANDS)),
    ),
)
"""``frames.csv``: one row for each sampled frame, after its number."""

ACTION_UNIT_COLUMNS: tuple[Column[FrameRow], ...] = (
    Column("timestamp", lambda frame: round(frame.time, 4)),
    Column("confidence", lambda frame: round(frame.probability, 4)),
    Column("success", lambda frame: int(_au_probabilities(frame) is not None)),
    *_if_present(
        _au_probabilities,
        *(Column(f"{unit.column}_r", _element(i, 4)) for i, unit in enumerate(ACTION_UNITS)),
        *(Column(f"{unit.column}_c", _present(i)) for i, unit in enumerate(ACTION_UNITS)),
    ),
)
"""``aus.csv``, laid out like OpenFace's: one row for each sampled frame, after its number."""
