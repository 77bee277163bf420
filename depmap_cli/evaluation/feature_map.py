"""Many features as points in the plane: t-SNE, or principal components of a handful of videos."""

from dataclasses import dataclass

import numpy as np

FEWEST = 8
"""Videos below which neighbourhoods say nothing and t-SNE is not used."""
_PERPLEXITY = 30.0
_EXACT = 1000
"""Videos up to which the gradient is exact, hence the same on any number of threads."""


@dataclass(frozen=True)
class FeatureMap:
    """Where each video lies in the plane; axes and distances have no unit."""

    points: np.ndarray  # (n, 2)
    perplexity: float | None  # None where the points are principal components, not t-SNE


def map_features(features: np.ndarray, seed: int = 0) -> FeatureMap:
    """Features (n, d) in the plane, the same whenever they and ``seed`` are.

    t-SNE (van der Maaten and Hinton 2008) started at the principal components; with fewer than
    ``FEWEST`` videos, or features that are all equal, the principal components themselves.
    """
    components = principal_components(features)
    if len(features) < FEWEST or np.ptp(components[:, 0]) < 1e-9:
        return FeatureMap(components, None)
    from sklearn.manifold import TSNE  # half a second, for this figure alone

    perplexity = min(_PERPLEXITY, (len(features) - 1) / 3)
    # scaled as scikit-learn's init="pca" would, which is random where components are approximate
    start = components / components[:, 0].std() * 1e-4
    method = "exact" if len(features) <= _EXACT else "barnes_hut"
    tsne = TSNE(perplexity=perplexity, init=start, random_state=seed, method=method)
    return FeatureMap(tsne.fit_transform(features.astype(np.float64)), perplexity)


def principal_components(features: np.ndarray) -> np.ndarray:
    """The first two, (n, 2); 0 where there is no second direction. Signs are fixed by the data."""
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    left, size, _ = np.linalg.svd(centred, full_matrices=False)
    scores = (left * size)[:, :2]
    scores = np.pad(scores, ((0, 0), (0, 2 - scores.shape[1])))
    farthest = np.abs(scores).argmax(0)
    signs = np.where(scores[farthest, [0, 1]] < 0, -1.0, 1.0)
    turned: np.ndarray = scores * signs
    return turned
