"""How the severity of depression (BDI-II) changes the behaviour of simulated people."""

from dataclasses import dataclass

MEAN_SCORE, SCORE_SD = 15.0, 12.0
"""Of BDI-II in AVEC's corpora: the unit of severity."""


@dataclass(frozen=True)
class Slope:
    """What one standard deviation of severity adds to one quantity, and who found it."""

    size: float
    of: str
    source: str


_MULTISENSE = "USC MultiSense 2013: as many smiles, but shorter and weaker"
_GIRARD = "Girard 2014"
_SAD = "Parikh 2024; others find the opposite"
_SLOWED = "choice, after psychomotor retardation"
SLOPES = {
    "smile_strength": Slope(-0.25, "log strength of smiles", "Bylsma 2008: d = -0.53, 19 studies"),
    "smile_length": Slope(-0.25, "log length of smiles", _MULTISENSE),
    "felt_smiles": Slope(-0.60, "log odds that a smile reaches the eyes", f"choice; {_GIRARD}"),
    "dimples": Slope(0.30, "log rate of dimpling", f"{_GIRARD}: more AU14"),
    "brow_raises": Slope(-0.25, "log rate of brow raises in talk", "Gaebel and Wölwer 2004"),
    "sad_brows": Slope(0.40, "log rate of sad brows with mouth corners down", _SAD),
    "sad_mouths": Slope(0.35, "log rate of mouth corners down and chin up", _SAD),
    "tonic_mouth": Slope(0.018, "mouth corners down at rest", _SAD),
    "tonic_brow": Slope(0.012, "frown at rest", _SAD),
    "blinks": Slope(0.15, "log rate of blinks", "Mackintosh 1983"),
    "lids": Slope(0.018, "lids lowered at rest", _SLOWED),
    "pauses": Slope(0.25, "log share of pauses in speech", _SLOWED),
    "head": Slope(-0.30, "log size of head movement", f"{_GIRARD}; Alghowinem 2013"),
    "bowed": Slope(1.2, "degrees of head down", "Alghowinem 2013: longer looking down"),
    "glances_down": Slope(0.30, "log share of looking down", "Scherer 2013; Alghowinem 2013"),
}
"""One severity standard deviation is ``SCORE_SD`` points."""
