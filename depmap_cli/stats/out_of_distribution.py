"""Measures how far the faces of a video are from the training faces."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Float

N_COMPONENTS = 32
"""Number of principal axes; with fewer, real videos are not detected (measured: LOG L40)."""
OOD_QUANTILE = 0.95
"""A video is out of distribution if at least this fraction of the reference videos is nearer."""


@dataclass(frozen=True, kw_only=True)
class TrainingFaceModel:
    """Probabilistic principal component analysis of the image embeddings of the training faces.

    Tipping and Bishop (1999), with k axes in d dimensions. ``reference`` holds the distances of
    videos of people who are not in the training data, in ascending order.
    """

    mean: Float[np.ndarray, " d"]
    axes: Float[np.ndarray, "k d"]  # unit length
    std: Float[np.ndarray, " k"]  # standard deviation along each axis
    residual_std: float  # standard deviation in each of the other directions
    reference: Float[np.ndarray, " n"]

    def distance(self, embeddings: Float[np.ndarray, "n d"]) -> float:
        """Return the Mahalanobis distance of the mean of ``embeddings``, divided by sqrt(d).

        A training face has a distance of about 1, the mean of many frames a slightly smaller one.
        """
        offset = embeddings.astype(np.float64).mean(0) - self.mean
        along = self.axes @ offset
        residual = offset - self.axes.T @ along
        squares = np.sum((along / self.std) ** 2) + np.sum((residual / self.residual_std) ** 2)
        return float(np.sqrt(squares / len(offset)))

    def n_nearer(self, distance: float) -> int:
        """Return how many reference videos are nearer to the training faces than ``distance``."""
        return int(np.searchsorted(self.reference, distance))

    def is_out_of_distribution(self, distance: float) -> bool | None:
        """Whether a video at ``distance`` is farther away than nearly all reference videos.

        This is a conformal test at level 1 - ``OOD_QUANTILE``: the video and the n reference
        videos are exchangeable under the null hypothesis.

        Returns:
            None if there are too few reference videos for that level.
        """
        count = len(self.reference) + 1
        if 1 / count > 1 - OOD_QUANTILE + 1e-9:
            return None
        return (self.n_nearer(distance) + 1) / count >= OOD_QUANTILE

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The arrays to store; ``spread`` is ``std`` followed by ``residual_std``."""
        return {
            "mean": self.mean,
            "axes": self.axes,
            "spread": np.append(self.std, self.residual_std),
            "reference": self.reference,
        }

    @staticmethod
    def of_arrays(arrays: Mapping[str, np.ndarray]) -> "TrainingFaceModel":
        """Restore a model from the arrays of the property ``arrays``.

        Raises:
            KeyError: an array is missing.
            ValueError: a value is not finite, or a standard deviation is not positive.
        """
        mean, axes, std, reference = (
            arrays[name].astype(np.float64) for name in ("mean", "axes", "spread", "reference")
        )
        finite = all(np.isfinite(array).all() for array in (mean, axes, std, reference))
        if not finite or not (std > 0).all():
            raise ValueError("the model of the training faces holds invalid numbers")
        return TrainingFaceModel(
            mean=mean, axes=axes, std=std[:-1], residual_std=float(std[-1]), reference=reference
        )


def fit_training_face_model(
    training: Sequence[Float[np.ndarray, "_ d"]], reference: Sequence[Float[np.ndarray, "_ d"]]
) -> TrainingFaceModel | None:
    """Fit the model to training frames, and calibrate it on videos of other people.

    Args:
        training: embeddings (frames, d) of each training video.
        reference: embeddings (frames, d) of each reference video.

    Returns:
        None if there are too few frames to fit ``N_COMPONENTS`` axes and the residual.
    """
    frames = np.concatenate(training).astype(np.float64)
    count = min(N_COMPONENTS, frames.shape[1] - 1)
    if len(frames) < 2 * count:
        return None
    mean = frames.mean(0)
    _, lengths, axes = np.linalg.svd(frames - mean, full_matrices=False)
    variances = lengths**2 / len(frames)
    smallest = float(np.finfo(np.float16).tiny)  # weights are stored in half precision
    std = np.sqrt(variances[:count]).clip(min=smallest)
    residual_std = max(float(np.sqrt(variances[count:].mean())), smallest)
    faces = TrainingFaceModel(
        mean=mean,
        axes=axes[:count],
        std=std,
        residual_std=residual_std,
        reference=np.zeros(0),
    )
    return replace(
        faces, reference=np.sort([faces.distance(embeddings) for embeddings in reference])
    )
