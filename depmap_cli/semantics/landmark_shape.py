"""The shape of a face: its landmarks without its place, turn and size in the picture."""

import torch
from jaxtyping import Float
from torch import Tensor

from depmap_cli.domain.landmarks import EYE_CORNERS


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
