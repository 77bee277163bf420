"""Networks built without initialising their weights."""

import torch
from torch import nn

from depmap_cli.model.backbone import Backbone
from depmap_cli.runtime.skip_init import SkipInit
from depmap_cli.semantics.clip_model import BUNDLED_MODEL
from depmap_cli.semantics.load_model import build_clip


def test_no_random_numbers_are_drawn_and_constants_are_set():
    before = torch.get_rng_state()
    with SkipInit():
        Backbone("resnet18")
        nn.Embedding(9, 4)
        nn.MultiheadAttention(8, 2)
        nn.init.trunc_normal_(torch.empty(3))
        norm = nn.BatchNorm2d(5)
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(norm.weight, torch.ones(5))
    nn.Linear(2, 2)
    assert not torch.equal(torch.get_rng_state(), before)


def test_tensors_outside_the_state_dict_are_set():
    filled, unfilled = build_clip(BUNDLED_MODEL), build_clip(BUNDLED_MODEL, SkipInit())
    weights = filled.state_dict().keys()
    others = {n: v for n, v in filled.named_buffers() if n not in weights}
    assert others  # the causal mask
    for name, value in unfilled.named_buffers():
        if name in others:
            assert torch.equal(value, others[name]), name
    unfilled.load_state_dict(filled.state_dict())
    tokens = torch.randint(1, 40000, (2, 64))
    with torch.no_grad():
        expected = filled.eval().encode_text(tokens)
        assert torch.equal(unfilled.eval().encode_text(tokens), expected)
