"""Validation of the JSON document in a weights file.

It is checked when the weights are loaded. Otherwise a damaged or hostile document would fail later,
once for each video and with an unclear message.
"""

from typing import Any

import numpy as np
from pydantic import BaseModel, FiniteFloat, PositiveFloat, model_validator

from depmap_cli.stats.conformal import KNOTS

STARTED_RANDOM = "random"
"""``started_from`` in the document if training began with random weights."""
STARTED_FROM_SEMANTIC_MODEL = "semantics"
"""``started_from`` in the document if the backbone began as the semantic model's image encoder. It
is the name of a weights file if training began with that file."""
FROM_SCRATCH = (STARTED_RANDOM, STARTED_FROM_SEMANTIC_MODEL)


class _Calibration(BaseModel):
    people: list[int | str] = []  # one entry for each residual
    residuals: list[FiniteFloat] = []  # BDI-II points
    estimates: list[FiniteFloat] = []  # one for each residual; absent in older weights
    typical_errors: list[PositiveFloat] | None = None  # at ``conformal.KNOTS``, BDI-II points

    @model_validator(mode="after")
    def _same_length(self) -> "_Calibration":
        if len(self.people) != len(self.residuals):
            raise ValueError("people and residuals must have the same length")
        if self.typical_errors:
            if len(self.estimates) != len(self.residuals):
                raise ValueError("estimates and residuals must have the same length")
            if len(self.typical_errors) != len(KNOTS) or not np.isfinite(self.typical_errors).all():
                raise ValueError(f"typical_errors must be {len(KNOTS)} finite numbers")
        return self


class _Document(BaseModel):
    """The keys that scoring reads; all of them are optional."""

    calibration: _Calibration = _Calibration()
    training_mean: FiniteFloat = 0.0  # BDI-II points
    training_data: str = ""
    development: dict[str, FiniteFloat] = {}
    started_from: str = ""


def check_document(document: dict[str, Any]) -> None:
    """Check the type of each key that is present.

    Raises:
        ValueError: a value has the wrong type.
    """
    _Document.model_validate(document)
