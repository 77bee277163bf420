"""The rows of the paper's Tables 2 and 3: model switches, and the paper's metrics on AVEC2014.

These metrics fill the column "paper" of the printed tables; all other metrics come from runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from depmap_cli.config import ModelConfig
from depmap_cli.errors import UsageProblem

METRICS = ("rmse", "mae", "pcc", "ccc")
TASKS = ("Northwind", "Freeform")


@dataclass(frozen=True)
class Variant:
    """One row of a table: the value of every switch, and the metrics that the paper reports."""

    name: str
    switches: dict[str, Any]
    paper: dict[str, tuple[float, float, float, float]] = field(default_factory=dict)
    """Task ("" for both together) -> (RMSE, MAE, PCC, CCC)."""


BASELINE: dict[str, Any] = dict.fromkeys(
    ("msr", "emotional", "esa", "sdpm", "kdm", "map", "signals"), False
)
"""Switches of a plain ResNet with mean pooling: `--model resnet-baseline`, first row of Table 3."""

FULL: dict[str, Any] = {
    **dict.fromkeys(BASELINE, True),
    **{"backbone": "resnet18", "scales": [1, 2, 3, 4]},
}
"""Switches of the complete Dep-MAP, for both tables."""


def _scales_row(*scales: int, paper: tuple[float, float, float, float]) -> Variant:
    name = " ".join(f"S{s}" for s in scales)
    return Variant(name, {**FULL, "scales": [*scales]}, {"": paper})


TABLE_2 = (
    _scales_row(1, paper=(8.11, 6.25, 0.84, 0.60)),
    _scales_row(2, paper=(6.55, 5.22, 0.92, 0.74)),
    _scales_row(3, paper=(7.13, 5.51, 0.90, 0.68)),
    _scales_row(4, paper=(6.10, 4.71, 0.91, 0.81)),
    _scales_row(3, 4, paper=(6.16, 4.39, 0.85, 0.84)),
    _scales_row(2, 3, 4, paper=(6.75, 5.44, 0.90, 0.73)),
    _scales_row(1, 2, 3, 4, paper=(5.68, 4.43, 0.92, 0.83)),
)
"""Table 2: which spatial scales are fused."""


def _modules_row(
    name: str,
    changes: dict[str, Any],
    northwind: tuple[float, float, float, float],
    freeform: tuple[float, float, float, float],
) -> Variant:
    paper = dict(zip(TASKS, (northwind, freeform), strict=True))
    return Variant(name, {**FULL, **changes}, paper)


TABLE_3 = (
    _modules_row("ResNet-18", BASELINE, (10.32, 7.77, 0.60, 0.50), (9.96, 7.44, 0.63, 0.52)),
    _modules_row(
        "+ MSR", {**BASELINE, "msr": True}, (8.01, 5.91, 0.90, 0.70), (8.44, 5.98, 0.85, 0.62)
    ),
    _modules_row(
        "+ ESA",
        {"sdpm": False, "kdm": False, "map": False},
        (7.79, 5.82, 0.89, 0.72),
        (8.47, 6.06, 0.83, 0.61),
    ),
    _modules_row("+ SDPM, MAP", {"kdm": False}, (7.54, 6.07, 0.76, 0.75), (8.05, 5.45, 0.89, 0.65)),
    _modules_row("+ SDPM, KDM", {"map": False}, (6.62, 5.80, 0.92, 0.79), (7.09, 5.35, 0.87, 0.77)),
    _modules_row("Dep-MAP", {}, (6.25, 5.25, 0.95, 0.79), (7.42, 5.60, 0.91, 0.69)),
    _modules_row(
        "Dep-MAP-34",
        {"backbone": "resnet34"},
        (6.84, 5.66, 0.95, 0.70),
        (8.73, 6.71, 0.90, 0.47),
    ),
    _modules_row(
        "Dep-MAP-50",
        {"backbone": "resnet50"},
        (8.15, 6.55, 0.91, 0.55),
        (7.08, 5.52, 0.91, 0.69),
    ),
)
"""Table 3: branches, modules and backbones, with metrics for each task."""

TABLES = {2: TABLE_2, 3: TABLE_3}
PLAIN_NAME = "plain ResNet with mean pooling"


def network_name(model: ModelConfig) -> str:
    """Name a network, but not its backbone: Dep-MAP, possibly without some of its modules."""
    off = [name for name in BASELINE if not getattr(model, name)]
    if len(off) == len(BASELINE):
        return PLAIN_NAME
    return f"Dep-MAP without {', '.join(off)}" if off else "Dep-MAP"


def select_rows(table: int, numbers: Sequence[int]) -> dict[int, Variant]:
    """Return rows by their number from 1, in the table's order; all if ``numbers`` is empty.

    Raises:
        UsageProblem: the table has no such row.
    """
    rows = dict(enumerate(TABLES[table], start=1))
    for number in numbers:
        if number not in rows:
            raise UsageProblem(
                f"--row {number}: Table {table} has no such row",
                f"give rows from 1 to {len(rows)}",
            )
    return {number: row for number, row in rows.items() if not numbers or number in numbers}


def row_name(number: int, variant: Variant) -> str:
    """Name a row for messages."""
    return f"row {number}, {variant.name}"


def settings_fixed_by(rows: Mapping[int, Variant]) -> dict[str, dict[str, Any]]:
    """Return the model switches that each row fixes; settings must not contradict them."""
    return {row_name(*row): row[1].switches for row in rows.items()}
