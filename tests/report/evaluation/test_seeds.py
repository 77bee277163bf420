"""Several seeds: each one's figures, their mean and their standard deviation."""

import csv
import io
from dataclasses import replace

import pytest
from rich.console import Console

from depmap_cli.evaluation.results import Metric
from depmap_cli.report.evaluation.seeds import render_seeds, seed_rows, seeds_csv
from tests.support.evaluation_sample import ABOUT, some_clips, some_report


def of_seed(seed, shift):
    """The sample evaluation with every estimate ``shift`` points higher."""
    clips = [replace(c, estimate=c.score + shift) for c in some_clips()]
    about = ABOUT.model_copy(update={"settings": {"seed": seed}})
    return some_report(clips=clips, about=about)


def test_mean_and_deviation_by_hand():
    rows = seed_rows([of_seed(3, 1.0), of_seed(4, 2.0), of_seed(5, 6.0)])
    clips = {name: figures for part, name, figures in rows if part == "clips"}
    assert list(clips) == ["3", "4", "5", "mean", "sd"]
    assert [clips[name][0] for name in clips] == pytest.approx([1, 2, 6, 3, 7**0.5])  # RMSE
    assert clips["mean"][2] == pytest.approx(1)  # PCC
    assert [name for part, name, _ in rows if part == "sessions"] == list(clips)


def test_a_figure_that_one_seed_lacks_has_no_mean():
    whole, other = of_seed(3, 1.0), of_seed(4, 2.0)
    clips = other.agreement.clips
    estimates = clips.estimates.model_copy(update={"pcc": Metric()})
    clips = clips.model_copy(update={"estimates": estimates})
    agreement = other.agreement.model_copy(update={"clips": clips})
    lacking = other.model_copy(update={"agreement": agreement})
    rows = list(csv.DictReader(io.StringIO(seeds_csv([whole, lacking]).decode())))
    mean, sd = rows[2], rows[3]
    assert (mean["seed"], mean["pcc"], sd["pcc"]) == ("mean", "", "")
    assert float(mean["rmse"]) == pytest.approx(1.5)


def test_the_terminal_shows_all_seeds_within_80_columns():
    console = Console(width=80, record=True, file=io.StringIO())
    render_seeds(console, [of_seed(3407, 1.0), of_seed(3408, 2.0)])
    text = console.export_text()
    for words in ("2 seeds", "3407", "3408", "mean", "1.500", "0.707", "sessions"):
        assert words in text
    assert max(map(len, text.splitlines())) <= 80
