"""Some damaged files of benchmarks/fuzz.py: each has a documented outcome."""

import random

import pytest

from benchmarks import fuzz
from depmap_cli.batch.inputs import find_videos
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.scorer import Scorer

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def rng():
    return random.Random(20261127)


def test_damaged_videos_are_scored_refused_or_failed_in_one_line(tmp_path, rng):
    counts = fuzz.damaged_videos(tmp_path, 24, rng)
    assert sum(counts.values()) == 24
    scorer = Scorer.load(device="cpu")
    reports = [
        scorer.score(item.path, ScoreOptions(frames=8)).report
        for item in find_videos([str(tmp_path)], recursive=False)
    ]
    assert len(reports) == 24
    statuses = {report.status.value for report in reports}
    assert statuses == {"scored", "refused", "failed"}
    for report in reports:
        assert not report.reason.startswith(fuzz.UNACCEPTABLE), (report.source.name, report.reason)
        assert "\n" not in report.reason
        assert bool(report.reason) == (report.status.value != "scored")


def test_damaged_weights_and_tables_are_read_or_refused(rng):
    for what, outcomes in fuzz.weights_and_tables(16, 60, rng).items():
        assert {outcome.split(":")[0] for outcome in outcomes} <= {"read", "refused"}, (
            what,
            outcomes,
        )
        assert any(outcome.startswith("refused") for outcome in outcomes), what
