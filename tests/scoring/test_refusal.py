"""Hints for refused videos name the commonest true cause."""

import numpy as np
import pytest

from depmap_cli.config import QualityConfig
from depmap_cli.faces import FaceSample
from depmap_cli.faces.quality import assess_quality
from depmap_cli.faces.track import ANOTHER_FACE, NO_FACE
from depmap_cli.scoring.estimator import COVERED_FACE, NOT_IN_AU_TABLE
from depmap_cli.scoring.refusal import refusal_hint
from depmap_cli.semantics.openface import AuTable


def samples_with(reasons):
    return [
        FaceSample(time=float(i), valid=False, reason=reason, n_faces=int(reason != NO_FACE))
        for i, reason in enumerate(reasons)
    ]


@pytest.mark.parametrize(
    ("reasons", "hint"),
    [
        ([COVERED_FACE] * 15 + [NO_FACE] * 5, "the face is covered in 15 of 20 sampled frames"),
        ([NO_FACE] * 13 + [COVERED_FACE] * 7, "no face was found in 13 of 20 sampled frames"),
        ([NO_FACE] * 20, "no face was found: check that the person is in view"),
        ([ANOTHER_FACE] * 20, "another person is in view in 20 of 20 sampled frames"),
        ([], "give a longer video"),
    ],
)
def test_a_refusal_names_its_commonest_cause(reasons, hint):
    samples = samples_with(reasons)
    quality = assess_quality(samples, 30.0, QualityConfig())
    assert refusal_hint(samples, quality, None).startswith(hint)


def test_a_table_that_does_not_cover_the_video_is_named_with_its_times():
    samples = samples_with([NOT_IN_AU_TABLE] * 20)
    quality = assess_quality(samples, 30.0, QualityConfig())
    table = AuTable(np.array([60.0, 71.8]), np.zeros((2, 18)))
    assert "covers 60.0 to 71.8 s" in refusal_hint(samples, quality, table)
