"""Protects the BDI-II bands: edges, fractions between them, and the bands an interval touches."""

import pytest

from depmap_cli.domain.bdi import BANDS, MAX_SCORE, bands_between, level_of


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
    ],
)
def test_bands_of_an_interval(low, high, names):
    assert bands_between(float(low), float(high)) == names
