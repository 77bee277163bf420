"""The base class of the results that are written as JSON."""

from pydantic import BaseModel, ConfigDict


class FrozenModel(BaseModel):
    """A model whose fields cannot be changed, and that accepts no other fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)
