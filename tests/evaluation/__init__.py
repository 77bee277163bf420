"""Tests of the figures of an evaluation and of how they are written down."""
