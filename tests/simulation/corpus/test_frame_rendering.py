"""Sampling of frames, and video encoding."""

import numpy as np
import pytest

from depmap_cli.config import SamplingConfig
from depmap_cli.errors import OutputUnwritable
from depmap_cli.simulation.corpus.frame_rendering import sampled_frames
from depmap_cli.simulation.corpus.video_encoding import write_video
from depmap_cli.video.reader import probe, sample_frames
from tests.support.videos import read_video
from tests.support.videos import write_video as write_test_video


@pytest.mark.parametrize(("n", "count", "fps"), [(50, 8, 25), (53, 7, 12), (40, 39, 6), (5, 9, 25)])
def test_frames_are_those_that_scoring_samples(tmp_path, n, count, fps):
    pictures = [np.full((64, 64, 3), i, np.uint8) for i in range(n)]
    path = write_test_video(tmp_path / "v.mp4", pictures, fps)
    sampled = [round(f.time * fps) for f in sample_frames(path, SamplingConfig(frames=count))]
    assert sampled_frames(n, count).tolist() == sampled


def test_videos_are_the_same_bytes(tmp_path):
    pictures = [np.full((64, 64, 3), 10 * i, np.uint8) for i in range(12)]
    for name in ("a.mp4", "b.mp4"):
        write_video(tmp_path / name, iter(pictures), 64, 6.0, np.random.default_rng(1))
    assert (tmp_path / "a.mp4").read_bytes() == (tmp_path / "b.mp4").read_bytes()
    assert len(read_video(tmp_path / "a.mp4")) == 12
    assert probe(tmp_path / "a.mp4").fps == pytest.approx(6)


def test_an_encoder_that_fails_says_why(tmp_path):
    pictures = iter([np.zeros((64, 64, 3), np.uint8)] * 50)
    with pytest.raises(OutputUnwritable, match="v.mp4"):
        write_video(tmp_path / "none" / "v.mp4", pictures, 64, 6.0, np.random.default_rng(1))
