"""The commands on labelled data, without their console: from a corpus to files.

``labelled_data.py`` reads a corpus and prepares its faces; ``train.py``, ``semantics.py``,
``evaluate.py``, ``calibrate.py`` and ``ablate.py`` implement the commands of these names.
"""
