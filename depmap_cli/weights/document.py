"""What scoring reads in the document of a weights file, checked before the first video is scored.

Otherwise a damaged or hostile document would fail each video of a batch for itself, with words
that say nothing.
"""

from typing import Any

from pydantic import BaseModel, FiniteFloat, model_validator


class _Calibration(BaseModel):
    people: list[int | str] = []
    residuals: list[FiniteFloat] = []  # points

    @model_validator(mode="after")
    def _paired(self) -> "_Calibration":
        if len(self.people) != len(self.residuals):
            raise ValueError("as many residuals as people are needed")
        return self


class _Description(BaseModel):
    calibration: _Calibration = _Calibration()
    training_mean: FiniteFloat = 0.0  # points
    training_data: str = ""
    development: dict[str, FiniteFloat] = {}
    started_from: str = ""


def check_description(document: dict[str, Any]) -> None:
    """Look whether what is there is of its kind; what is absent is not missed here.

    Raises:
        ValueError: something is not.
    """
    _Description.model_validate(document)


STARTED_RANDOM, STARTED_FROM_SEMANTIC_MODEL = FROM_SCRATCH = "random", "semantics"
"""What ``started_from`` says where training began at random numbers, or at the semantic model's
image tower; else it is the name of the weights file."""
