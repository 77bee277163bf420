"""Heat maps of the places on the face that match the prototypes of a severity level."""

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from depmap_cli.model.depmap import DepMap


@torch.inference_mode()
def prototype_heatmap(
    model: DepMap,
    pixels: Float[Tensor, "n 3 h w"],
    image: Float[Tensor, "n d"],
    text: Float[Tensor, "n d"],
    level: int,
    prototype: int | None = None,
) -> Float[Tensor, "n h w"]:
    """Sum of the response maps of channels whose tokens match the level's prototypes, 0 to 1.

    Each channel is weighted by how well its token matches, by a softmax over channels for each
    prototype. ``prototype`` selects one prototype of the level; None averages over all of them. For
    a model without prototypes, the result is the energy of the deepest map.
    """
    features = model.backbone(pixels)
    deep = model.guidance(features[-1], text, image) if model.guidance is not None else features[-1]
    if model.clusters is None:
        heat = deep.square().mean(1)
    else:
        encoder = model.behaviour["4"]
        tokens = F.normalize(encoder(deep), dim=-1)
        bank = model.clusters.bank[level]
        chosen = bank if prototype is None else bank[prototype : prototype + 1]
        match = tokens @ chosen.T  # (n, channels, prototypes)
        share = torch.softmax(match / model.config.temperature, 1).mean(2)
        responses = encoder.conv(deep)  # type: ignore[operator]
        location = responses.flatten(2).softmax(2).view_as(responses)
        heat = torch.einsum("nc,nchw->nhw", share, location)
    side = pixels.shape[-2:]
    heat = F.interpolate(heat[:, None], side, mode="bicubic", align_corners=False)[:, 0]
    low, high = heat.amin((1, 2), keepdim=True), heat.amax((1, 2), keepdim=True)
    return (heat - low) / (high - low).clamp(min=1e-8)
