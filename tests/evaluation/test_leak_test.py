"""An estimate must not depend on who else is scored: the test that would have caught the authors'
release, whose prototypes learned from the test batch."""

import random
from pathlib import Path

import pytest
import torch

from benchmarks.leak_test import FRAMES, ROUNDING, score_in_one_batch
from depmap_cli.data.corpus import of_split
from depmap_cli.weights.loading import load_networks
from depmap_cli.weights.locations import example_video
from depmap_cli.workflows.evaluate import EvaluateOptions, score_clips
from depmap_cli.workflows.labelled_data import LabelledData

pytestmark = pytest.mark.slow


@pytest.mark.usefixtures("faces_in_process")
def test_testing_scored_one_by_one_in_any_order_and_in_one_batch(tmp_path):
    networks = load_networks(None, torch.device("cpu"))
    mini = example_video().parent / "avec2014-mini"
    options = EvaluateOptions(source=LabelledData(data=mini, cache=tmp_path), frames=FRAMES)
    testing = of_split(options.source.read()[0], "Testing")
    before = {name: tensor.clone() for name, tensor in networks.model.state_dict().items()}

    def scores(sessions: list) -> dict[Path, float]:
        _, found = score_clips(networks, sessions, options, lambda *told: None)
        return {r.path: e.score for r, e in zip(sessions, found, strict=True)}

    together = scores(testing)
    assert len(set(together.values())) == len(testing) >= 3
    by_score = sorted(testing, key=lambda r: r.score)
    for order in (by_score, by_score[::-1], random.Random(3).sample(testing, len(testing))):
        assert scores(order) == together
    alone = {path: score for r in testing for path, score in scores([r]).items()}
    assert alone == together

    clips, _ = score_clips(networks, by_score, options, lambda *told: None)
    for clip, score in zip(clips, score_in_one_batch(networks, clips), strict=True):
        assert score == pytest.approx(together[clip.video.path], abs=ROUNDING)
    for name, tensor in networks.model.state_dict().items():
        assert torch.equal(tensor, before[name]), name  # prototypes among them
