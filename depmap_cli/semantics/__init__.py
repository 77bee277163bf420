"""Semantic model: CLIP embeddings, action units, head and gaze of a face; the same from tables."""
