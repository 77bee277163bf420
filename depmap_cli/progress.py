"""How work tells those who wait for it how far it is."""

from collections.abc import Callable

Told = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""
Share = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""
