"""Weights files: where they are, what they contain, and the networks built from them.

Reading and writing the files, and names of older versions, are in ``depmap_cli/io/``
(``checkpoint.py``, ``older_weights.py``).
"""
