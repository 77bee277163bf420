"""Semantic model: CLIP embeddings and action units of a face; action units from OpenFace tables."""
