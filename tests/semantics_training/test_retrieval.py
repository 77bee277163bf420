"""Retrieval metrics between faces and sentences, in both directions."""

import numpy as np

from depmap_cli.semantics_training.retrieval import retrieve


def test_hand_values():
    similarity = np.array([[0.9, 0.1, 0.0], [0.2, 0.3, 0.5], [0.8, 0.4, 0.1], [0.7, 0.2, 0.6]])
    own = np.array([0, 1, 1, 2])
    to_text, to_image = retrieve(similarity, own)
    assert to_text.candidates == 3
    assert to_text.at[1] == 0.25  # ranks 1, 2, 2, 2
    assert to_text.at[5] == 1
    assert to_text.median_rank == 2
    # sentence 0: its own first; 1: image 2 first (one of two suffices); 2: its own first
    assert to_image.candidates == 4
    assert to_image.at[1] == 1
    assert to_image.median_rank == 1


def test_a_sentence_without_an_image_is_only_a_distractor():
    to_text, to_image = retrieve(np.array([[0.1, 0.9], [0.2, 0.8]]), np.array([0, 0]))
    assert to_text.at[1] == 0
    assert to_text.median_rank == 2
    assert to_image.at[1] == 1
    assert to_image.to_document() == {
        **{"recall_at_1": 1.0, "recall_at_5": 1.0, "recall_at_10": 1.0},
        **{"median_rank": 1.0, "candidates": 2},
    }


def test_random_similarities_give_chance_level():
    rng = np.random.default_rng(1)
    to_text, to_image = retrieve(rng.random((400, 400)), np.arange(400))
    for recall in (to_text, to_image):
        assert recall.at[10] < 0.06  # 0.025 by chance
        assert 150 < recall.median_rank < 250
