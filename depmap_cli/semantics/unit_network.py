"""Reads action units from an aligned face with a network that keeps positions.

The phrases of the semantic model compare with features that are averaged over the face, which lose
where a brow is. This network reads the same units from a map that still has 6 x 6 cells. A reading
is the weighted mean of both (``combined_logits``).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.pixels import resized, standardised

SIDE = 96
"""Side to which faces are reduced, in pixels."""
_CHANNELS = (32, 48, 80, 128)
_HIDDEN = 256
NETWORK_SHARES = {
    **{unit.code: 0.0 for unit in ACTION_UNITS},
    **dict.fromkeys(("AU1", "AU2"), 0.65),
    **dict.fromkeys(("AU6", "AU12", "AU25", "AU26"), 0.35),
    "AU43": 0.2,
}
"""Share of the network in the logit of each unit; the rest is that of its phrase. It is 0 for units
in which the network is no better on frames of real people, or was not compared (measured: LOG
L73)."""


class UnitNetwork(nn.Module):
    """Maps the pixels of a face to the logits of the intensities of all action units."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *_CHANNELS[:-1]), _CHANNELS, strict=True):
            layers += [_convolution(before, after, 2), _convolution(after, after, 1)]
        self.face = nn.Sequential(*layers)
        cells = (SIDE // 2 ** len(_CHANNELS)) ** 2
        self.units = nn.Sequential(
            nn.Flatten(),
            nn.Dropout(0.3),
            nn.Linear(_CHANNELS[-1] * cells, _HIDDEN),
            nn.ReLU(),
            nn.Dropout(0.2),
            nn.Linear(_HIDDEN, len(ACTION_UNITS)),
        )

    def forward(self, pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n units"]:
        """Return the logits of aligned, normalised faces of any size."""
        logits: Tensor = self.units(self.face(standardised(resized(pixels.float(), SIDE))))
        return logits


def _convolution(before: int, after: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, stride, 1, bias=False), nn.BatchNorm2d(after), nn.ReLU()
    )


def combined_logits(
    phrase: Float[Tensor, "n units"], network: Float[Tensor, "n units"]
) -> Float[Tensor, "n units"]:
    """Logits of the units from those of their phrases and of ``UnitNetwork``."""
    shares = torch.tensor(list(NETWORK_SHARES.values())).to(phrase)
    return torch.lerp(phrase, network.to(phrase), shares)
