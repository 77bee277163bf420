"""How work tells those who wait for it how far it is."""

from collections.abc import Callable

Told = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""
