"""Zero-shot retrieval between faces and sentences about their action units."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int
from torch import Tensor

from depmap_cli.semantics_training.sentences import sentences_of

RECALL_RANKS = (1, 5, 10)
MAX_FACES = 2000
_TEXT_BATCH = 256


@dataclass(frozen=True)
class Recall:
    """Retrieval metrics of one direction, over all queries."""

    at: dict[int, float]  # rank k -> share of queries with a match among the first k candidates
    median_rank: float  # of the first match, from 1
    candidates: int

    def to_document(self) -> dict[str, float]:
        """The metrics as stored in a weights file."""
        shares = {f"recall_at_{k}": round(v, 3) for k, v in self.at.items()}
        return {**shares, "median_rank": self.median_rank, "candidates": self.candidates}


def retrieve_sentences(
    image: Float[Tensor, "n d"],
    intensity: Float[np.ndarray, "n units"],
    angles: Float[np.ndarray, "n 5"],
    embed_sentences: Callable[[list[str]], Tensor],
    max_faces: int = MAX_FACES,
) -> tuple[Recall, Recall]:
    """Retrieve the true sentences of faces, and the faces of sentences.

    Args:
        image: embeddings of uncovered faces, unit length.
        intensity: the true intensities of their units.
        angles: of head and gaze, degrees; NaN if unknown.
        embed_sentences: returns text embeddings of unit length.
        max_faces: if there are more faces, every k-th one is used.

    Returns:
        The metrics from faces to sentences, and from sentences to faces.
    """
    step = -(-len(intensity) // max_faces)
    sentence = sentences_of(torch.from_numpy(intensity[::step]), torch.from_numpy(angles[::step]))
    number = {text: i for i, text in enumerate(dict.fromkeys(sentence))}
    distinct = list(number)
    batches = [distinct[i : i + _TEXT_BATCH] for i in range(0, len(distinct), _TEXT_BATCH)]
    text = torch.cat([embed_sentences(batch) for batch in batches])
    similarity = (image[::step] @ text.T).cpu().numpy()
    return retrieve(similarity, np.array([number[text] for text in sentence]))


def retrieve(
    similarity: Float[np.ndarray, "images sentences"], own: Int[np.ndarray, " images"]
) -> tuple[Recall, Recall]:
    """Metrics from images to sentences, and from sentences to images.

    Args:
        similarity: of every image to every distinct sentence.
        own: index of the true sentence of each image. If several images share a sentence, the
            best-ranked one counts. Sentences without an image are distractors.
    """
    own_similarity = similarity[np.arange(len(own)), own]
    text_ranks = (similarity > own_similarity[:, None]).sum(1) + 1
    is_match = own[:, None] == np.arange(similarity.shape[1])
    best = np.where(is_match, similarity, -np.inf).max(0)
    others = np.where(is_match, -np.inf, similarity)
    image_ranks = ((others > best).sum(0) + 1)[is_match.any(0)]
    return _recall(text_ranks, similarity.shape[1]), _recall(image_ranks, similarity.shape[0])


def _recall(ranks: np.ndarray, candidates: int) -> Recall:
    at = {k: float((ranks <= k).mean()) for k in RECALL_RANKS}
    return Recall(at, float(np.median(ranks)), candidates)
