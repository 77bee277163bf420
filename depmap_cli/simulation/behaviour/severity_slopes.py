"""How the severity of depression (BDI-II) changes the behaviour of simulated people."""

from dataclasses import dataclass

MEAN_SCORE, SCORE_STD = 15.0, 12.0
"""Mean and standard deviation of BDI-II scores in the AVEC corpora; they standardise severity."""


@dataclass(frozen=True)
class SeveritySlope:
    """The effect of severity on one quantity of behaviour."""

    slope: float  # added to the quantity for one standard deviation of severity
    quantity: str
    source: str  # the study, or a choice of ours


_MULTISENSE = "USC MultiSense 2013: equally many smiles, but shorter and weaker"
_GIRARD = "Girard 2014"
_SAD = "Parikh 2024; other studies find the opposite"
_SLOWED = "our choice, motivated by psychomotor retardation"
SEVERITY_SLOPES = {
    "smile_strength": SeveritySlope(
        -0.25, "log strength of smiles", "Bylsma 2008: d = -0.53, 19 studies"
    ),
    "smile_length": SeveritySlope(-0.25, "log length of smiles", _MULTISENSE),
    "felt_smiles": SeveritySlope(
        -0.60, "log odds that a smile reaches the eyes", f"our choice; {_GIRARD}"
    ),
    "dimples": SeveritySlope(0.30, "log rate of dimpling", f"{_GIRARD}: more AU14"),
    "brow_raises": SeveritySlope(
        -0.25, "log rate of brow raises in speech", "Gaebel and Wölwer 2004"
    ),
    "sad_brows": SeveritySlope(0.40, "log rate of sad brows with mouth corners down", _SAD),
    "sad_mouths": SeveritySlope(0.35, "log rate of mouth corners down and chin up", _SAD),
    "tonic_mouth": SeveritySlope(
        0.018, "intensity of lowered mouth corners in the neutral face", _SAD
    ),
    "tonic_brow": SeveritySlope(0.012, "intensity of a frown in the neutral face", _SAD),
    "blinks": SeveritySlope(0.15, "log rate of blinks", "Mackintosh 1983"),
    "lids": SeveritySlope(0.018, "intensity of lowered lids in the neutral face", _SLOWED),
    "pauses": SeveritySlope(0.25, "log share of pauses in speech", _SLOWED),
    "head": SeveritySlope(-0.30, "log amplitude of head movement", f"{_GIRARD}; Alghowinem 2013"),
    "bowed": SeveritySlope(
        1.2, "downward head pitch in degrees", "Alghowinem 2013: longer looking down"
    ),
    "glances_down": SeveritySlope(
        0.30, "log share of time looking down", "Scherer 2013; Alghowinem 2013"
    ),
}
"""One standard deviation of severity is ``SCORE_STD`` BDI-II points."""
