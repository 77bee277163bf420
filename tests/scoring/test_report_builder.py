"""The report builder: bands of scores as readers see them, and hints that name the true cause."""

import numpy as np
import pytest

from depmap_cli.config import QualityConfig
from depmap_cli.faces import FaceSample
from depmap_cli.faces.quality import assess_quality
from depmap_cli.faces.track import ANOTHER_FACE, NO_FACE
from depmap_cli.scoring.estimator import COVERED_FACE, NOT_IN_AU_TABLE
from depmap_cli.scoring.report_builder import _refusal_hint, estimate_of
from depmap_cli.semantics.openface import AuTable

RESIDUALS = {"residuals": [0.0] * 20, "people": [str(i) for i in range(20)]}
DOCUMENT = {"calibration": RESIDUALS, "training_mean": 15.0}


@pytest.mark.parametrize(
    ("score", "stored", "band"),
    [
        (13.94, 13.94, "minimal"),
        (13.996, 14.0, "mild"),
        (19.97, 19.97, "moderate"),
        (28.94, 28.94, "moderate"),
        (28.951, 28.95, "moderate"),  # 28.95 is printed as 28.9
        (28.96, 28.96, "severe"),
        (-3.0, 0.0, "minimal"),
        (70.0, 63.0, "severe"),
    ],
)
def test_band_and_printed_score_agree(score, stored, band):
    estimate = estimate_of(score, DOCUMENT, 0.9)
    assert (estimate.score, estimate.band) == (stored, band)
    assert estimate.interval.bands == [band]  # without residuals the interval is the score itself


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
    assert _refusal_hint(samples, quality, None).startswith(hint)


def test_a_table_that_does_not_cover_the_video_is_named_with_its_times():
    samples = samples_with([NOT_IN_AU_TABLE] * 20)
    quality = assess_quality(samples, 30.0, QualityConfig())
    table = AuTable(np.array([60.0, 71.8]), np.zeros((2, 18)))
    assert "covers 60.0 to 71.8 s" in _refusal_hint(samples, quality, table)
