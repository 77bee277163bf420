"""Reads video files: properties, decoding, and sampled frames with presentation times."""
