"""Validation of the JSON document in a weights file.

It is checked when the weights are loaded. Otherwise a damaged or hostile document would fail later,
once for each video and with an unclear message.
"""

from typing import Any

from pydantic import BaseModel, FiniteFloat, model_validator

STARTED_RANDOM = "random"
"""``started_from`` in the document if training began with random weights."""
STARTED_FROM_SEMANTIC_MODEL = "semantics"
"""``started_from`` in the document if the backbone began as the semantic model's image encoder. It
is the name of a weights file if training began with that file."""
FROM_SCRATCH = (STARTED_RANDOM, STARTED_FROM_SEMANTIC_MODEL)


class _Calibration(BaseModel):
    people: list[int | str] = []  # one entry for each residual
    residuals: list[FiniteFloat] = []  # BDI-II points

    @model_validator(mode="after")
    def _same_length(self) -> "_Calibration":
        if len(self.people) != len(self.residuals):
            raise ValueError("people and residuals must have the same length")
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
