"""An estimate must not depend on who else is scored: the test that would have caught the authors'
release, whose prototypes learned from the test batch."""

import random
from pathlib import Path

import pytest
import torch

from depmap_cli.data.corpus import of_split
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.weights.loading import load_networks
from depmap_cli.weights.locations import example_video
from depmap_cli.workflows.evaluate import EvaluateOptions, score_clips
from depmap_cli.workflows.labelled_data import LabelledData

pytestmark = pytest.mark.slow

FRAMES = 8


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
    rows = [clip.sample_evenly(FRAMES) for clip in clips]
    seen = [clip.features[r] for clip, r in zip(clips, rows, strict=True)]
    pixels = torch.stack(
        [normalise_pixels(torch.from_numpy(c.faces[r])) for c, r in zip(clips, rows, strict=True)]
    )
    with torch.inference_mode():
        text = torch.stack([networks.semantics.query(s.au_probabilities, s.angles) for s in seen])
        image = torch.stack([s.image for s in seen])
        batch, _ = networks.model(pixels, image, text, torch.ones(pixels.shape[:2]).bool())
    for clip, score in zip(clips, batch.score.clamp(0, 63).tolist(), strict=True):
        assert score == pytest.approx(together[clip.video.path], abs=1e-2)  # order of sums
    for name, tensor in networks.model.state_dict().items():
        assert torch.equal(tensor, before[name]), name  # prototypes among them
