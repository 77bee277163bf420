"""BDI-II bands: edges, fractions between them, printed scores, and bands of an interval."""

import pytest

from depmap_cli.domain.bdi import BANDS, MAX_SCORE, bands_between, level_as_printed, level_of


@pytest.mark.parametrize(
    ("score", "name"),
    [
        (0, "minimal"),
        (13, "minimal"),
        (14, "mild"),
        (19, "mild"),
        (20, "moderate"),
        (28, "moderate"),
        (29, "severe"),
        (63, "severe"),
    ],
)
def test_edges(score, name):
    assert BANDS[level_of(float(score))].name == name


@pytest.mark.parametrize(
    ("score", "level"), [(13.5, 0), (13.999, 0), (19.9, 1), (28.01, 2), (29.0, 3)]
)
def test_fractions_belong_below_the_next_edge(score, level):
    assert level_of(score) == level


@pytest.mark.parametrize(
    ("score", "level"),
    [
        (13.94, 0),  # printed as 13.9
        (13.949, 0),  # stored as 13.95, which is below 13.95 in binary: printed as 13.9
        (13.96, 1),  # printed as 14.0
        (13.996, 1),  # stored as 14.0
        (19.94, 1),
        (19.96, 2),
        (28.96, 3),
        (-0.04, 0),
        (63.0, 3),
    ],
)
def test_a_printed_score_has_the_band_it_is_printed_in(score, level):
    assert level_as_printed(score) == level
    assert level_of(float(f"{round(score, 2):.1f}")) == level


@pytest.mark.parametrize(("score", "level"), [(-4.0, 0), (70.0, 3)])
def test_estimates_outside_the_scale_take_the_end_bands(score, level):
    assert level_of(score) == level


def test_bands_cover_every_score_once():
    covered = [score for band in BANDS for score in range(band.low, band.high + 1)]
    assert covered == list(range(MAX_SCORE + 1))


@pytest.mark.parametrize(
    ("low", "high", "names"),
    [
        (3, 9, ["minimal"]),
        (13, 14, ["minimal", "mild"]),
        (15, 29, ["mild", "moderate", "severe"]),
        (-2, 80, ["minimal", "mild", "moderate", "severe"]),
        (28.9, 28.9, ["moderate"]),
        (13.97, 28.98, ["mild", "moderate", "severe"]),  # printed as 14.0 to 29.0
    ],
)
def test_bands_of_an_interval(low, high, names):
    assert bands_between(float(low), float(high)) == names
