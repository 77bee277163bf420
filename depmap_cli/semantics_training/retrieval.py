"""Zero-shot retrieval between faces and sentences about their action units."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from depmap_cli.semantics_training.learner import sentences_of

AMONG_FIRST = (1, 5, 10)
ASKED = 2000
"""Faces that take part."""


@dataclass(frozen=True)
class Recall:
    """How early what belongs together was found, in one direction."""

    at: dict[int, float]  # share found among the first so many
    median_rank: float  # from 1
    candidates: int

    def stored(self) -> dict[str, float]:
        """As weights keep it."""
        shares = {f"recall_at_{k}": round(v, 3) for k, v in self.at.items()}
        return {**shares, "median_rank": self.median_rank, "candidates": self.candidates}


def retrieve_sentences(
    image: Float[Tensor, "n d"],
    intensity: Float[np.ndarray, "n units"],
    read: Callable[[list[str]], Tensor],
    most: int = ASKED,
) -> tuple[Recall, Recall]:
    """Faces find the sentences that are true of them, and sentences their faces.

    Args:
        image: embeddings of faces that are not covered, unit length.
        intensity: what their units show.
        read: embeds sentences, unit length.
        most: so many of the faces take part at most, evenly spread.
    """
    step = -(-len(intensity) // most)
    told = sentences_of(torch.from_numpy(intensity[::step]))
    number = {sentence: i for i, sentence in enumerate(dict.fromkeys(told))}
    sentences = list(number)
    text = torch.cat([read(sentences[i : i + 256]) for i in range(0, len(sentences), 256)])
    similarity = (image[::step] @ text.T).cpu().numpy()
    return retrieve(similarity, np.array([number[sentence] for sentence in told]))


def retrieve(
    similarity: Float[np.ndarray, "images sentences"], own: Int[np.ndarray, " images"]
) -> tuple[Recall, Recall]:
    """From images to sentences, and from sentences to images.

    Args:
        similarity: of every image to every distinct sentence.
        own: which sentence is true of each image; several images may share one, and one of them
            has to be found.
    """
    mine = similarity[np.arange(len(own)), own]
    to_text = (similarity > mine[:, None]).sum(1) + 1
    belongs = own[:, None] == np.arange(similarity.shape[1])
    asked = belongs.any(0)
    best = np.where(belongs, similarity, -np.inf).max(0)
    others = np.where(belongs, -np.inf, similarity)
    to_image = ((others > best).sum(0) + 1)[asked]
    return _recall(to_text, similarity.shape[1]), _recall(to_image, similarity.shape[0])


def _recall(ranks: np.ndarray, candidates: int) -> Recall:
    at = {k: float((ranks <= k).mean()) for k in AMONG_FIRST}
    return Recall(at, float(np.median(ranks)), candidates)
