"""Reads action units from the landmarks of an aligned face.

The phrases of the semantic model compare with features that are averaged over the face, which lose
where a brow is. This network reads the same units from where the landmarks lie. A reading is the
weighted mean of both (``combined_logits``).
"""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.landmarks import EYE_CORNERS, N_LANDMARKS
from depmap_cli.semantics.landmark_network import LandmarkNetwork

_HIDDEN = (256, 128)
_MIN_STD = 0.005
"""Smallest divisor of a coordinate, in distances between the outer corners of the eyes."""
_MAX_DEVIATION = 6.0
"""Largest deviation of a coordinate from its mean, in standard deviations."""
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
    """Maps the pixels of a face to its landmarks and to the logits of all action units."""

    mean: Tensor
    std: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.landmarks = LandmarkNetwork()
        self.register_buffer("mean", torch.zeros(N_LANDMARKS, 2))
        self.register_buffer("std", torch.ones(N_LANDMARKS, 2))
        first, second = _HIDDEN
        self.units = nn.Sequential(
            nn.Linear(2 * N_LANDMARKS, first),
            nn.ReLU(),
            nn.Dropout(0.1),
            nn.Linear(first, second),
            nn.ReLU(),
            nn.Linear(second, len(ACTION_UNITS)),
        )

    @torch.no_grad()
    def set_statistics(self, landmarks: Float[Tensor, "n 68 2"]) -> None:
        """Set the prior of the landmarks, and mean and standard deviation of shapes.

        Args:
            landmarks: those of the training faces, fractions of the side.
        """
        self.landmarks.set_prior(landmarks.mean(0))
        shapes = shape_of(landmarks)
        self.mean.copy_(shapes.mean(0))
        self.std.copy_(shapes.std(0, correction=0).clamp(min=_MIN_STD))

    def read(
        self, pixels: Float[Tensor, "n 3 h w"]
    ) -> tuple[Float[Tensor, "n 68 2"], Float[Tensor, "n units"]]:
        """Return landmarks (fractions of the side) and logits of normalised, aligned faces."""
        landmarks = self.landmarks(pixels)
        deviation = (shape_of(landmarks) - self.mean) / self.std
        return landmarks, self.units(deviation.clamp(-_MAX_DEVIATION, _MAX_DEVIATION).flatten(1))

    def forward(self, pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n units"]:
        """Return the logits of aligned, normalised faces of any size."""
        return self.read(pixels)[1]


def shape_of(landmarks: Float[Tensor, "n 68 2"]) -> Float[Tensor, "n 68 2"]:
    """Landmarks relative to the centre of the eyes, along and across the line of the outer corners.

    The unit is their distance. A shift, a turn or another size of the face changes nothing.
    """
    left, right = EYE_CORNERS[0], EYE_CORNERS[-1]
    line = landmarks[:, right] - landmarks[:, left]
    distance = line.norm(dim=1).clamp(min=1e-3)[:, None]
    across = line / distance
    down = torch.stack([-across[:, 1], across[:, 0]], 1)
    axes = torch.stack([across, down], 2)
    centre = landmarks[:, list(EYE_CORNERS)].mean(1, keepdim=True)
    shape: Tensor = (landmarks - centre) @ axes / distance[:, None]
    return shape


def combined_logits(
    phrase: Float[Tensor, "n units"], network: Float[Tensor, "n units"]
) -> Float[Tensor, "n units"]:
    """Logits of the units from those of their phrases and of ``UnitNetwork``."""
    shares = torch.tensor(list(NETWORK_SHARES.values())).to(phrase)
    return torch.lerp(phrase, network.to(phrase), shares)
