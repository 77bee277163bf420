"""Simulated corpora on disk: interview cohorts and portraits, their manifests and data cards."""
