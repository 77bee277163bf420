"""Decoding ahead: the same frames, begun before the weights are there, and let go when it ends."""

import threading

import numpy as np
import pytest

from depmap_cli.config import SamplingConfig
from depmap_cli.decoding import Decoding, begun
from depmap_cli.errors import VideoUnreadable
from depmap_cli.score import ScoreOptions, Scorer
from depmap_cli.video import sample_frames


def test_the_frames_are_those_of_sample_frames(interview):
    sampling = SamplingConfig(frames=20)
    decoding = Decoding(interview, sampling)
    found, expected = list(decoding), list(sample_frames(interview, sampling))
    assert [f.time for f in found] == [f.time for f in expected]
    assert all(np.array_equal(f.image, e.image) for f, e in zip(found, expected, strict=True))
    assert decoding.seconds > 0


def test_a_video_is_scored_alike_from_a_decoding_that_has_begun(interview):
    scorer = Scorer.load(device="cpu")
    alone = scorer.score(interview)
    with begun(interview, None) as decoding:
        assert decoding is not None
        together = scorer.score(interview, begun=decoding)
        assert list(decoding) == []  # its frames were taken
    assert together.report == alone.report
    assert all(together.seconds[stage] > 0 for stage in ("decode", "faces", "semantics", "network"))


def test_a_decoding_of_other_frames_is_not_taken(interview):
    scorer = Scorer.load(device="cpu")
    options = ScoreOptions(frames=12)
    with begun(interview, None) as decoding:
        report = scorer.score(interview, options, begun=decoding).report
        assert len(list(decoding)) == scorer.networks.sampling.frames
    assert report.estimate == scorer.score(interview, options).report.estimate


def test_what_is_wrong_is_told_when_it_is_scored(interview, tmp_path):
    with begun(interview, tmp_path / "no weights") as decoding:
        assert decoding is None
    with begun(tmp_path / "none.mp4", None) as decoding, pytest.raises(VideoUnreadable):
        next(decoding)


def test_nothing_goes_on_behind_the_block(interview):
    with begun(interview, None, fps=25) as decoding:
        next(decoding)
    assert not [thread for thread in threading.enumerate() if thread.name == "ahead"]
