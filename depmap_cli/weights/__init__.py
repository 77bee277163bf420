"""Weights files: where they are, what they contain, and the networks built from them."""
