"""Train Dep-MAP on labelled videos, select weights on Development, and export what scoring needs.

``initialise.py`` builds the network, ``trainer.py`` is the training loop, ``batches.py`` draws what
each step sees, and ``export.py`` writes the finished weights.
"""
