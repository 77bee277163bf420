"""Faster inference: batch normalisation as a part of convolutions."""

from itertools import pairwise

from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


def fold_batch_norm(network: nn.Module) -> None:
    """Merge batch normalisation into the convolutions before it, for inference (eval mode only).

    Outputs are the same up to rounding, and are computed faster (measured: LOG L62).
    """
    for module in list(network.modules()):
        children = list(module.named_children())
        for (first, convolution), (second, norm) in pairwise(children):
            if isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d):
                setattr(module, first, fuse_conv_bn_eval(convolution, norm))
                setattr(module, second, nn.Identity())
