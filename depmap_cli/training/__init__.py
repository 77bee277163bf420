"""Fit Dep-MAP to labelled recordings, select on Development, store what scoring needs.

``trainer.py`` is the loop, ``batches.py`` what it sees; ``start.py`` and ``finish.py`` its ends.
"""
