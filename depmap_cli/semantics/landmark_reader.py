"""Finds the landmarks of aligned faces, and reads pitch and action units from them."""

from dataclasses import dataclass

from jaxtyping import Float
from torch import Tensor, nn

from depmap_cli.semantics.landmark_network import LandmarkNetwork
from depmap_cli.semantics.landmark_pitch import LandmarkPitch
from depmap_cli.semantics.landmark_units import LandmarkUnits


@dataclass(frozen=True, kw_only=True)
class LandmarkReadings:
    """What landmarks tell about n faces."""

    landmarks: Float[Tensor, "n 68 2"]  # fractions of the side of the aligned face
    head: Float[Tensor, "n 3"]  # pitch, yaw and roll relative to the aligned face, degrees
    unit_logits: Float[Tensor, "n units"]  # meaningless for units that landmarks do not tell


class LandmarkReader(nn.Module):
    """The network that finds landmarks, and the regressions on them."""

    def __init__(self) -> None:
        super().__init__()
        self.network = LandmarkNetwork()
        self.pitch = LandmarkPitch()
        self.units = LandmarkUnits()

    def forward(
        self, pixels: Float[Tensor, "n 3 h w"], head: Float[Tensor, "n 3"]
    ) -> LandmarkReadings:
        """Read aligned, normalised faces.

        Args:
            pixels: of the faces.
            head: pitch, yaw and roll that the network of ``HeadAndGaze`` reads, degrees; NaN if
                unknown.
        """
        landmarks = self.network(pixels)
        head = self.pitch(landmarks, head.to(landmarks))
        return LandmarkReadings(
            landmarks=landmarks, head=head, unit_logits=self.units(landmarks, head)
        )
