"""The report builder: the band of a score is the band of the score that readers see."""

import pytest

from depmap_cli.scoring.report_builder import calibration_caution, estimate_of

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


@pytest.mark.parametrize(
    ("calibrated", "used", "is_said"),
    [
        (20, 20, False),
        (20, 19, True),
        (20, 3000, False),  # more frames have no larger error
        (128, 128, False),
        (128, 100, False),  # hardly larger
        (128, 20, True),
    ],
)
def test_the_calibration_is_said_to_differ_only_if_its_estimates_are_better(
    calibrated, used, is_said
):
    text = f"calibrated with estimates from {calibrated} frames per video, more than here"
    assert calibration_caution(calibrated, used) == (text if is_said else "")
    with_table = calibration_caution(calibrated, used, has_other_units=True)
    assert with_table.endswith("with action units from the semantic model")
    assert (text in with_table) == is_said
