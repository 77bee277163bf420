"""Labelled videos: corpora on disk, splits, and the cache of aligned faces."""
