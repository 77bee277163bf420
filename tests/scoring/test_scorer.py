"""Scoring one video: its header is read once, and unexpected errors keep their traceback."""

import threading
from contextlib import closing

import numpy as np
import pytest

from depmap_cli.faces import FaceDetector
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


def test_an_error_while_faces_are_found_fails_the_video_and_ends_the_threads(
    interview, monkeypatch
):
    def fail(*arguments):
        raise ZeroDivisionError("planted")

    networks = Scorer.load(device="cpu")
    monkeypatch.setattr(FaceDetector, "detect", fail)
    before = threading.active_count()
    result = networks.score(interview, OPTIONS)
    assert result.report.status == "failed"
    assert "planted" in result.traceback
    assert threading.active_count() == before


def test_a_face_on_its_side_is_scored_as_upright_and_the_report_says_so(media):
    networks = Scorer.load(device="cpu")
    upright, on_side = (
        networks.score(media(name), ScoreOptions(frames=40)).report
        for name in ("upright.mp4", "on_side.mp4")
    )
    assert not any("turned" in note for note in upright.source.notes)
    assert any("turned by 270 degrees" in note for note in on_side.source.notes)
    difference = np.abs(
        [a.mean - b.mean for a, b in zip(upright.action_units, on_side.action_units, strict=True)]
    )
    assert difference.max() < 0.1
    assert on_side.estimate.score == pytest.approx(upright.estimate.score, abs=2.5)
