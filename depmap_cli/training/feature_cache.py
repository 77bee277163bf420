"""Maps of a backbone that is not trained: computed once, kept, taken up again."""

import hashlib
from collections.abc import Callable, Hashable
from contextlib import nullcontext
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from depmap_cli.model.backbone import Backbone
from depmap_cli.runtime.devices import training_precision


@dataclass
class FeatureCache:
    """In the computer's memory: a quarter of a MB a face of 128 x 128 (ResNet-18), or half a MB.

    Runs that start at the same backbone, like the rows of an ablation, may share them.
    """

    _kept: dict[Hashable, list[Tensor]] = field(default_factory=dict)

    @torch.no_grad()
    def of(
        self,
        backbone: Backbone,
        key: Hashable,
        pixels: Callable[[], Float[Tensor, "n 3 h w"]],
        device: torch.device,
        exact: bool = False,
    ) -> list[Float[Tensor, "n c h w"]]:
        """f_1 to f_4 of the pixels that belong to ``key``, which are asked for but once.

        ``key`` tells the backbone, too (``fingerprint``). They are computed and kept in lower
        precision, as training has them, unless they are to be ``exact``, as scoring has them.
        """
        if key not in self._kept:
            with nullcontext() if exact else training_precision(device):
                maps = backbone(pixels().to(device))
            kind = torch.float32 if exact else torch.float16
            self._kept[key] = [x.to("cpu", kind) for x in maps]
        return [x.to(device, torch.float32) for x in self._kept[key]]


def fingerprint(backbone: Backbone) -> str:
    """Tells backbones apart by their weights."""
    digest = hashlib.sha256()
    for name, tensor in backbone.state_dict().items():
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
