"""The signals that Dep-MAP's regression reads."""

import numpy as np
import torch

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.clip_model import SemanticFeatures
from depmap_cli.semantics.neutral_face import UNITS
from depmap_cli.semantics.signals import signals_of

CODES = [unit.code for unit in ACTION_UNITS]


def features_of(units, angles):
    n = len(units)
    return SemanticFeatures(
        image=torch.eye(n, 4),
        au_probabilities=torch.tensor(units).float(),
        covered=torch.zeros(n),
        angles=torch.tensor(angles).float(),
    )


def test_units_come_first_then_angles_in_tens_of_degrees_then_the_embedding():
    seen = features_of(np.full((2, 18), 0.25), [[20.0, 0, -5, 0, 0], [0, 0, 0, 0, 0]])
    signals = signals_of(seen, None)
    assert signals.shape == (2, 27)
    assert (signals[:, :18] == 0.25).all()
    assert signals[0, 18:23].tolist() == [2.0, 0.0, -0.5, 0.0, 0.0]
    assert signals[:, 23:].tolist() == [[1, 0, 0, 0], [0, 1, 0, 0]]


def test_brows_and_lids_are_relative_to_the_neutral_face():
    """A face whose brows are always half raised has no raised brows."""
    seen = features_of(np.full((5, 18), 0.5), np.zeros((5, 5)))
    signals = signals_of(seen, np.full(18, -4.0))
    for column, code in enumerate(CODES):
        assert bool((signals[:, column] < 0.1).all()) == (code in UNITS), code


def test_units_that_nobody_has_read_are_unknown():
    seen = features_of(np.zeros((2, 18)), np.zeros((2, 5)))
    signals = signals_of(seen, None, frozenset({"AU24", "AU43"}))
    unknown = [code for code, row in zip(CODES, signals.T, strict=False) if row.isnan().all()]
    assert unknown == ["AU24", "AU43"]
