"""The one inference path: how many faces are in the networks at once, however long the video."""

import numpy as np
import torch

from depmap_cli.inference import view
from depmap_cli.model.semantics import Semantics, SemanticView


class Watched(Semantics):
    """Remembers how many faces came at once; sees the mean grey level."""

    def __init__(self):
        torch.nn.Module.__init__(self)
        self.sizes = []

    def forward(self, faces):
        self.sizes.append(len(faces))
        means = faces.float().mean((1, 2, 3))
        return SemanticView(means[:, None], means[:, None], means)


def test_few_faces_pass_through_the_networks_at_once():
    semantics = Watched()
    faces = np.repeat(np.arange(135, dtype=np.uint8), 12).reshape(135, 2, 2, 3)
    seen = view(semantics, faces, torch.device("cpu"))
    assert seen.covered.tolist() == list(range(135))
    assert max(semantics.sizes) <= 16
