"""`depmap train`: fit Dep-MAP to labelled recordings, select on Development, store what is needed.

``trainer.py`` is the loop; ``batches.py`` what it sees; ``start.py`` and ``finish.py`` its two ends.
"""
