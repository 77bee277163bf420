"""Scores one video: the pipeline that all commands share."""
