"""How unlike the faces that weights were trained on a recording is."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

N_COMPONENTS = 32
"""Principal axes that are told apart; fewer miss real recordings (noted in CHANGELOG)."""
OOD_QUANTILE = 0.95
"""Share of unseen recordings that a recording has to lie beyond to be called unlike."""


@dataclass(frozen=True, kw_only=True)
class TrainingFaceModel:
    """Probabilistic principal components (Tipping and Bishop 1999) of faces' CLIP embeddings.

    ``reference`` holds the distances of recordings of people who were not trained on, in order.
    """

    mean: Float[np.ndarray, " d"]
    axes: Float[np.ndarray, "k d"]  # of unit length
    spread: Float[np.ndarray, " k"]  # standard deviation along each axis
    rest: float  # standard deviation in every direction that is left
    reference: Float[np.ndarray, " n"]

    def distance(self, embeddings: Float[np.ndarray, "n d"]) -> float:
        """Mahalanobis distance of the mean face of a recording, a dimension (root mean square).

        A face of a training recording has about 1, the mean of many frames somewhat less.
        """
        off = embeddings.astype(np.float64).mean(0) - self.mean
        along = self.axes @ off
        left = off - self.axes.T @ along
        squares = np.sum((along / self.spread) ** 2) + np.sum((left / self.rest) ** 2)
        return float(np.sqrt(squares / len(off)))

    def n_nearer(self, distance: float) -> int:
        """How many of the unseen recordings are nearer to the training faces than this."""
        return int(np.searchsorted(self.reference, distance))

    def is_out_of_distribution(self, distance: float) -> bool | None:
        """Whether so few recordings like the unseen ones lie as far away; None where those are too
        few to tell.

        A conformal p-value: of n + 1 exchangeable recordings, k + 1 or more are as near as this.
        """
        count = len(self.reference) + 1
        if 1 / count > 1 - OOD_QUANTILE + 1e-9:
            return None
        return (self.n_nearer(distance) + 1) / count >= OOD_QUANTILE

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """All of it by name, to be stored."""
        spread = np.append(self.spread, self.rest)
        return {
            "mean": self.mean,
            "axes": self.axes,
            "spread": spread,
            "reference": self.reference,
        }

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray]) -> "TrainingFaceModel":
        """What ``arrays`` held.

        Raises:
            KeyError: something is missing.
            ValueError: something is no number, or a spread is none.
        """
        mean, axes, spread, reference = (
            arrays[name].astype(np.float64) for name in ("mean", "axes", "spread", "reference")
        )
        finite = all(np.isfinite(array).all() for array in (mean, axes, spread, reference))
        if not finite or not (spread > 0).all():
            raise ValueError("training faces")
        return TrainingFaceModel(
            mean=mean, axes=axes, spread=spread[:-1], rest=float(spread[-1]), reference=reference
        )


def fit_training_face_model(
    trained: Sequence[Float[np.ndarray, "_ d"]], unseen: Sequence[Float[np.ndarray, "_ d"]]
) -> TrainingFaceModel | None:
    """Fitted to the frames of training recordings; calibrated on recordings of other people.

    None where the frames are too few to fit ``N_COMPONENTS`` axes and what is left.
    """
    frames = np.concatenate(trained).astype(np.float64)
    count = min(N_COMPONENTS, frames.shape[1] - 1)
    if len(frames) < 2 * count:
        return None
    mean = frames.mean(0)
    _, lengths, axes = np.linalg.svd(frames - mean, full_matrices=False)
    variances = lengths**2 / len(frames)
    smallest = float(np.finfo(np.float16).tiny)  # weights are stored in half precision
    spread = np.sqrt(variances[:count]).clip(min=smallest)
    rest = max(float(np.sqrt(variances[count:].mean())), smallest)
    faces = TrainingFaceModel(
        mean=mean, axes=axes[:count], spread=spread, rest=rest, reference=np.zeros(0)
    )
    return replace(faces, reference=np.sort([faces.distance(one) for one in unseen]))
