"""Eq. (1): text and image embeddings reweight the channels of the map and pass gradients."""

import torch
from torch.nn import functional as F

from depmap_cli.model.guidance import SemanticGuidance


def build():
    torch.manual_seed(0)
    module = SemanticGuidance(12, 8)
    make = torch.Generator().manual_seed(1)
    return (
        module,
        torch.randn(3, 8, 4, 4, generator=make),
        torch.randn(3, 12, generator=make),
        torch.randn(3, 12, generator=make),
    )


def test_gamma_zero_is_identity():
    module, feature, text, image = build()
    torch.nn.init.zeros_(module.gamma)
    assert torch.equal(module(feature, text, image), feature)


def test_equation_by_hand():
    module, feature, text, image = build()
    query = module.query(F.normalize(text, dim=-1))
    key = module.key(F.normalize(image, dim=-1))
    similarity = (query * key).exp()
    guided = module(feature, text, image)
    for n in range(3):
        share = similarity[n] / similarity[n].sum()
        for channel in range(8):
            gain = module.gamma * 8 * share[channel]  # shares scaled to a mean of one
            expected = gain * feature[n, channel] + feature[n, channel]
            torch.testing.assert_close(guided[n, channel], expected)


def test_depends_on_text_and_on_image():
    module, feature, text, image = build()
    guided = module(feature, text, image)
    assert not torch.allclose(module(feature, text.flip(0), image), guided)
    assert not torch.allclose(module(feature, text, image.flip(0)), guided)


def test_length_of_the_embeddings_does_not_matter():
    module, feature, text, image = build()
    torch.testing.assert_close(module(feature, 9 * text, image / 9), module(feature, text, image))


def test_gradient_reaches_gamma_projections_and_map():
    module, feature, text, image = build()
    feature.requires_grad_()
    module(feature, text, image).square().sum().backward()
    assert feature.grad.abs().sum() > 0
    for name, parameter in module.named_parameters():
        assert parameter.grad.abs().sum() > 0, name
