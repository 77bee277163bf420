"""``WeightsEntry``: one row of `depmap weights list`."""

from depmap_cli.results.frozen_model import FrozenModel


class WeightsEntry(FrozenModel):
    """One file of the weights folder."""

    file: str
    kind: str  # "depmap", "semantics", "training" or "foreign"; empty if it cannot be read
    about: str  # what it was trained on
    simulated: bool | None
    size: int  # bytes
    sha256: str
    problem: str = ""  # why it cannot be used; empty if it can
