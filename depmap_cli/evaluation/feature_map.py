"""Features as points in the plane: t-SNE, or principal components if there are few videos."""

from dataclasses import dataclass

import numpy as np

FEWEST = 8
"""Number of videos below which neighbourhoods have no meaning and t-SNE is not used."""
_PERPLEXITY = 30.0
_EXACT = 1000
"""Number of videos up to which the gradient is exact, and so independent of the thread count."""


@dataclass(frozen=True)
class FeatureMap:
    """Where each video lies in the plane; axes and distances have no unit."""

    points: np.ndarray  # (n, 2)
    perplexity: float | None  # of t-SNE; None if the points are principal components


def map_features(features: np.ndarray, seed: int = 0) -> FeatureMap:
    """Map features (n, d) to the plane; the same features and ``seed`` give the same map.

    t-SNE (van der Maaten and Hinton 2008), initialised with the principal components. With fewer
    than ``FEWEST`` videos, or if all features are equal, the principal components themselves.
    """
    components = principal_components(features)
    if len(features) < FEWEST or np.ptp(components[:, 0]) < 1e-9:
        return FeatureMap(components, None)
    from sklearn.manifold import TSNE  # takes half a second, and only this plot needs it

    perplexity = min(_PERPLEXITY, (len(features) - 1) / 3)
    # scaled as init="pca" does, which is not used because its approximate components are random
    start = components / components[:, 0].std() * 1e-4
    method = "exact" if len(features) <= _EXACT else "barnes_hut"
    tsne = TSNE(perplexity=perplexity, init=start, random_state=seed, method=method)
    return FeatureMap(tsne.fit_transform(features.astype(np.float64)), perplexity)


def principal_components(features: np.ndarray) -> np.ndarray:
    """Return the first two, (n, 2), with signs fixed by the data; 0 if there is no second one."""
    centred = features.astype(np.float64) - features.mean(0, dtype=np.float64)
    u, singular_values, _ = np.linalg.svd(centred, full_matrices=False)
    scores = (u * singular_values)[:, :2]
    scores = np.pad(scores, ((0, 0), (0, 2 - scores.shape[1])))
    farthest = np.abs(scores).argmax(0)
    signs = np.where(scores[farthest, [0, 1]] < 0, -1.0, 1.0)
    components: np.ndarray = scores * signs
    return components
