"""Recordings with labels, and the cache of their aligned faces."""
