"""The semantic model: CLIP embeddings and action units of a face, or an OpenFace table."""
