"""Decoding ahead yields the same frames, can start before the weights are loaded, and is closed."""

import threading
import time
from contextlib import closing
from dataclasses import replace

import numpy as np
import pytest

from depmap_cli.config import MIN_FRAMES, STEADY_FRAMES, SamplingConfig
from depmap_cli.errors import VideoUnreadable, WeightsInvalid
from depmap_cli.io.checkpoint import load_checkpoint, save_checkpoint
from depmap_cli.results import Report, ScoreResult, SourceVideo
from depmap_cli.scoring.decoding import Decoding, sampling_for, start_decoding
from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.scorer import Scorer
from depmap_cli.video.reader import sample_frames
from depmap_cli.weights.locations import DEFAULT_WEIGHTS, weights_folder


def test_the_frames_are_those_of_sample_frames(interview):
    sampling = SamplingConfig(frames=20)
    decoding = Decoding(interview, sampling)
    frames, expected = list(decoding), list(sample_frames(interview, sampling))
    assert [f.time for f in frames] == [f.time for f in expected]
    assert all(np.array_equal(f.image, e.image) for f, e in zip(frames, expected, strict=True))
    assert decoding.seconds > 0


@pytest.mark.slow
def test_a_video_scores_the_same_from_a_decoding_that_has_started(interview):
    scorer = Scorer.load(device="cpu")
    options = ScoreOptions(frames=20)
    alone = scorer.score(interview, options)
    with closing(start_decoding(interview, None, options)) as decoding:
        assert decoding is not None
        together = scorer.score(interview, options, decoding=decoding)
        assert list(decoding) == []  # its frames were taken
    assert together.report == alone.report
    assert all(together.seconds[stage] > 0 for stage in ("decode", "faces", "semantics", "network"))


@pytest.mark.slow
def test_a_decoding_of_other_frames_is_not_used(interview):
    scorer = Scorer.load(device="cpu")
    options = ScoreOptions(frames=12)
    with closing(start_decoding(interview, None, ScoreOptions())) as decoding:
        report = scorer.score(interview, options, decoding=decoding).report
        assert len(list(decoding)) == STEADY_FRAMES
    assert report.estimate == scorer.score(interview, options).report.estimate


@pytest.mark.parametrize(
    ("sampling", "duration", "rate"),
    [
        (SamplingConfig(fps=5), 60.0, 5),
        (SamplingConfig(fps=5), 1.6, 5),  # 8 frames
        (SamplingConfig(fps=5), 0.8, 10),
        (SamplingConfig(fps=1, start=2, end=4), 60.0, 4),
        (SamplingConfig(fps=5, start=59), 60.0, 8),
        (SamplingConfig(fps=5, start=70), 60.0, 5),  # the reader says that this is wrong
        (SamplingConfig(fps=5), 0.001, 240),
        (SamplingConfig(fps=5, min_frames=512), 64.0, 8),
        (SamplingConfig(fps=5, min_frames=512), 102.4, 5),
        (SamplingConfig(fps=5), None, 5),
        (SamplingConfig(frames=4), 0.8, None),
        (SamplingConfig(every_frame=True), 0.8, None),
    ],
)
def test_a_short_video_is_sampled_at_a_higher_rate(sampling, duration, rate):
    assert sampling_for(sampling, duration).fps == rate


def test_a_short_video_has_enough_frames(interview):
    frames = list(Decoding(interview, SamplingConfig(fps=5, end=0.6)))
    assert MIN_FRAMES <= len(frames) <= MIN_FRAMES + 1
    assert frames[-1].time < 0.6


def test_errors_are_raised_when_the_video_is_scored(interview, tmp_path):
    assert start_decoding(interview, tmp_path / "no weights", ScoreOptions()) is None
    decoding = start_decoding(tmp_path / "none.mp4", None, ScoreOptions())
    with pytest.raises(VideoUnreadable):
        next(decoding)


def running_since(before):
    return [thread for thread in set(threading.enumerate()) - before if thread.name == "prefetch"]


def test_no_thread_runs_after_the_block(interview):
    before = set(threading.enumerate())
    with closing(start_decoding(interview, None, ScoreOptions(fps=25))) as decoding:
        next(decoding)
    assert not running_since(before)


def test_the_next_video_is_decoded_as_soon_as_this_one_is(interview, tmp_path, monkeypatch):
    """The first video, the next, and another one instead of the expected one."""
    before = set(threading.enumerate())
    from depmap_cli.batch.job import Job, ScoringTask
    from depmap_cli.scoring import decoding

    other, surprise = tmp_path / "other.mp4", tmp_path / "surprise.mp4"
    for path in (other, surprise):
        path.write_bytes(interview.read_bytes())
    started_paths, scored = [], []

    def record_start(path, *others):
        started_paths.append(path)
        return start_decoding(path, *others)

    class StubScorer:
        def score(self, path, options, name, progress, decoding):
            scored.append((path, decoding.path, len(list(decoding))))
            return ScoreResult(
                report=Report(depmap_version="0", source=SourceVideo(name=name), status="failed")
            )

    monkeypatch.setattr(decoding, "start_decoding", record_start)
    monkeypatch.setattr(Scorer, "load", lambda *arguments: StubScorer())
    job = Job(options=ScoreOptions(frames=12), formats=frozenset(), pictures="drawing")
    tasks = [
        ScoringTask(number=0, path=interview, name="a", upcoming=other),
        ScoringTask(number=1, path=other, name="b", upcoming=interview),
    ]
    scorer = job.load(tasks[0])
    assert started_paths == [interview]
    scorer.score(tasks[0], print)
    until(lambda: started_paths == [interview, other])
    scorer.score(tasks[1], print)
    until(lambda: started_paths == [interview, other, interview])
    scorer.score(ScoringTask(number=2, path=surprise, name="c"), print)
    assert started_paths == [interview, other, interview, surprise]
    assert scored == [(path, path, 12) for path in (interview, other, surprise)]
    assert not running_since(before)


def until(condition):
    end = time.monotonic() + 10
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    assert condition()


def test_a_decoding_that_is_not_used_is_closed(interview, tmp_path):
    from depmap_cli.batch.job import Job, ScoringTask

    before = set(threading.enumerate())
    options = ScoreOptions(fps=25)
    damaged = tmp_path / "weights.safetensors"
    shipped = load_checkpoint(weights_folder() / DEFAULT_WEIGHTS, "depmap")
    document = {k: v for k, v in shipped.document.items() if k not in ("format", "kind")}
    save_checkpoint(damaged, "depmap", document, {"a": shipped.tensors["head.bias"]})
    with pytest.raises(WeightsInvalid):
        Job(options=options, formats=frozenset(), pictures="drawing", weights=damaged).load(
            ScoringTask(number=0, path=interview, name="a")
        )
    assert not running_since(before)
    table = Job(
        options=replace(options, au_csv=tmp_path / "none.csv"),
        formats=frozenset(),
        pictures="drawing",
    )
    task = ScoringTask(number=0, path=interview, name="a")
    rendered = table.load(task).score(task, print)
    assert rendered.report.status == "failed"
    assert not running_since(before)


def test_a_file_that_changed_is_decoded_again(interview, media, tmp_path):
    from depmap_cli.scoring.decoding import DecodeAhead

    path = tmp_path / "v.mp4"
    path.write_bytes(media("half.mp4").read_bytes())
    decodings = DecodeAhead(None, ScoreOptions(frames=12))
    decodings.start(path)
    path.write_bytes(interview.read_bytes())
    with decodings.decoding_of(path, None) as decoding:
        frames = list(decoding)
    expected = list(sample_frames(interview, SamplingConfig(frames=12)))
    assert [frame.time for frame in frames] == [frame.time for frame in expected]
