"""Finds the landmarks of aligned faces, and reads pitch and action units from them."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from depmap_cli.domain.head_and_gaze import GAZE, HEAD
from depmap_cli.semantics.landmark_network import LandmarkNetwork
from depmap_cli.semantics.landmark_pitch import LandmarkPitch
from depmap_cli.semantics.landmark_units import LandmarkUnits, combined_logits


@dataclass(frozen=True, kw_only=True)
class LandmarkReadings:
    """What landmarks and the other readings say together about n faces."""

    landmarks: Float[Tensor, "n 68 2"]  # fractions of the side of the aligned face
    angles: Float[Tensor, "n 5"]  # degrees, in the order of ANGLES; NaN if unknown
    unit_logits: Float[Tensor, "n units"]


class LandmarkReader(nn.Module):
    """The network that finds landmarks, and the regressions on them."""

    def __init__(self) -> None:
        super().__init__()
        self.network = LandmarkNetwork()
        self.pitch = LandmarkPitch()
        self.units = LandmarkUnits()

    def forward(
        self,
        pixels: Float[Tensor, "n 3 h w"],
        angles: Float[Tensor, "n 5"],
        phrase_logits: Float[Tensor, "n units"],
    ) -> LandmarkReadings:
        """Read aligned, normalised faces.

        Args:
            pixels: of the faces.
            angles: that ``HeadAndGaze`` reads, degrees; NaN if unknown.
            phrase_logits: those of the phrases of the action units.
        """
        landmarks = self.network(pixels)
        head = self.pitch(landmarks, angles[:, HEAD].to(landmarks))
        return LandmarkReadings(
            landmarks=landmarks,
            angles=torch.cat([head.to(angles), angles[:, GAZE]], 1),
            unit_logits=combined_logits(phrase_logits, self.units(landmarks, head)),
        )
