"""Maps of a backbone that is not trained: computed once, kept, taken up again."""

import hashlib
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

import torch
from jaxtyping import Float
from torch import Tensor

from depmap_cli.devices import training_precision
from depmap_cli.model.backbone import Backbone


@dataclass
class KeptMaps:
    """Half precision in the computer's memory: a quarter of a MB a face of 128 x 128 (ResNet-18).

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
    ) -> list[Float[Tensor, "n c h w"]]:
        """f_1 to f_4 of the pixels that belong to ``key``, which are asked for but once.

        ``key`` tells the backbone, too (``fingerprint``).
        """
        if key not in self._kept:
            with training_precision(device):
                maps = backbone(pixels().to(device))
            self._kept[key] = [x.to("cpu", torch.float16) for x in maps]
        return [x.to(device, torch.float32) for x in self._kept[key]]


def fingerprint(backbone: Backbone) -> str:
    """Tells backbones apart by their weights."""
    digest = hashlib.sha256()
    for name, tensor in backbone.state_dict().items():
        digest.update(name.encode() + tensor.cpu().numpy().tobytes())
    return digest.hexdigest()
