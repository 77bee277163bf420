"""Weights: where they are, what a file holds, and the networks built from them."""
