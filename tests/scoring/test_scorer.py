"""Scoring one video: its header is read once, and unexpected errors keep their traceback."""

from contextlib import closing

import pytest

from depmap_cli.scoring import decoding, scorer
from depmap_cli.scoring.decoding import start_decoding
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.scorer import Scorer
from depmap_cli.video import reader

OPTIONS = ScoreOptions(frames=12)


@pytest.fixture
def probed(monkeypatch):
    """The paths whose properties are read."""
    real, paths = reader.probe, []

    def probe(path, *others):
        paths.append(path)
        return real(path, *others)

    monkeypatch.setattr(reader, "probe", probe)
    monkeypatch.setattr(decoding, "probe", probe)
    return paths


def test_the_properties_of_a_video_are_read_once(interview, probed):
    networks = Scorer.load(device="cpu")
    networks.score(interview, OPTIONS)
    assert probed == [interview]
    with closing(start_decoding(interview, None, OPTIONS)) as started:
        networks.score(interview, OPTIONS, decoding=started)
    assert probed == [interview] * 2


def test_an_unexpected_error_keeps_its_traceback_out_of_the_report(interview, monkeypatch):
    def fail(*arguments):
        raise ZeroDivisionError("planted")

    monkeypatch.setattr(scorer, "assess_quality", fail)
    result = Scorer.load(device="cpu").score(interview, OPTIONS)
    assert result.report.status == "failed"
    assert "ZeroDivisionError" in result.report.reason
    assert "planted" not in result.report.model_dump_json()
    assert result.traceback.startswith("Traceback")
    assert "planted" in result.traceback


def test_an_expected_error_has_no_traceback(tmp_path):
    result = Scorer.load(device="cpu").score(tmp_path / "none.mp4", OPTIONS)
    assert (result.report.status, result.report.reason) == ("failed", "no such file")
    assert result.traceback == ""
