"""What the commands on labelled data do, from a folder to files; no console here.

``material.py`` finds recordings and prepares their faces; ``train.py``, ``semantics.py``,
``evaluate.py`` and ``ablate.py`` each do what the command of that name asks for.
"""
