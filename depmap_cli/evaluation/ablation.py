"""The result of one row of Table 2 or 3."""

from dataclasses import dataclass

import numpy as np

from depmap_cli.domain.paper_tables import Variant


@dataclass(frozen=True, kw_only=True)
class AblationRow:
    """One variant: what seeds gave, per task ("" for all clips), as (runs, 4) of ``METRICS``."""

    number: int  # in the table, from 1
    variant: Variant
    started_from: str  # where the backbone began: one of ``FROM_SCRATCH``
    seeds: tuple[int, ...]
    found: dict[str, np.ndarray]
