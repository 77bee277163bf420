"""Metrics of agreement, conformal intervals, and distance from the training faces. NumPy only."""
