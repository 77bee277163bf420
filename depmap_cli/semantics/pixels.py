"""What the small networks of the semantic model do to the pixels of a face."""

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F


def standardised(pixels: Float[Tensor, "n 3 h w"]) -> Float[Tensor, "n 3 h w"]:
    """Give pictures the same mean and contrast, so that the light does not matter."""
    mean, std = pixels.mean((1, 2, 3), keepdim=True), pixels.std((1, 2, 3), keepdim=True)
    return (pixels - mean) / (std + 0.1)


def resized(pixels: Float[Tensor, "n 3 h w"], side: int) -> Float[Tensor, "n 3 s s"]:
    """Bring square pictures to ``side`` pixels."""
    if pixels.shape[-1] == side:
        return pixels
    return F.interpolate(pixels, (side, side), mode="bilinear", antialias=True)
