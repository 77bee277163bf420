"""The result of one row of the paper's Table 2 or 3."""

from dataclasses import dataclass

import numpy as np

from depmap_cli.domain.paper_tables import Variant


@dataclass(frozen=True, kw_only=True)
class AblationRow:
    """The metrics of one variant of the model."""

    number: int  # in the table, from 1
    variant: Variant
    started_from: str  # the start of the backbone: one of ``FROM_SCRATCH``
    seeds: tuple[int, ...]
    metrics: dict[str, np.ndarray]  # task ("" for all clips) -> (seeds, 4) in order of ``METRICS``
