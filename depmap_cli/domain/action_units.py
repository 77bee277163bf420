"""The facial action units (FACS, Ekman and Friesen) that the package uses."""

from dataclasses import dataclass


@dataclass(frozen=True)
class ActionUnit:
    """One action unit: its FACS number, its FACS name and a name in plain words."""

    number: int
    name: str
    plain: str

    @property
    def code(self) -> str:
        """The FACS code, e.g. ``AU1``."""
        return f"AU{self.number}"

    @property
    def column(self) -> str:
        """The name of the OpenFace column without its suffix, e.g. ``AU01``."""
        return f"AU{self.number:02d}"


ACTION_UNITS = (
    ActionUnit(1, "inner brow raiser", "inner brows up"),
    ActionUnit(2, "outer brow raiser", "outer brows up"),
    ActionUnit(4, "brow lowerer", "frown"),
    ActionUnit(5, "upper lid raiser", "eyes wide"),
    ActionUnit(6, "cheek raiser", "cheeks up"),
    ActionUnit(7, "lid tightener", "lids tight"),
    ActionUnit(9, "nose wrinkler", "nose wrinkled"),
    ActionUnit(10, "upper lip raiser", "upper lip up"),
    ActionUnit(12, "lip corner puller", "smile"),
    ActionUnit(14, "dimpler", "dimples"),
    ActionUnit(15, "lip corner depressor", "mouth corners down"),
    ActionUnit(17, "chin raiser", "chin up"),
    ActionUnit(20, "lip stretcher", "lips stretched"),
    ActionUnit(23, "lip tightener", "lips tight"),
    ActionUnit(24, "lip pressor", "lips pressed"),
    ActionUnit(25, "lips part", "lips apart"),
    ActionUnit(26, "jaw drop", "jaw dropped"),
    ActionUnit(43, "eyes closed", "eyes closed"),
)
BY_CODE = {unit.code: unit for unit in ACTION_UNITS}
FULL_INTENSITY = 5.0
"""Largest intensity in OpenFace tables (columns ``AUxx_r``); it is the probability 1."""
PRESENT_THRESHOLD = 0.5
"""Probability, 0 to 1, from which a unit counts as present."""
NEUTRAL_PHRASE = "a photo of a face with a neutral expression"
COVERED_PHRASE = "a photo of a face covered by a hand"


def phrase(units: list[ActionUnit]) -> str:
    """Return the sentence that the semantic model was trained with for these action units."""
    if not units:
        return NEUTRAL_PHRASE
    names = [unit.name for unit in units]
    enumeration = names[0] if len(names) == 1 else ", ".join(names[:-1]) + " and " + names[-1]
    return f"a photo of a face showing {enumeration}"
