"""How work tells those who wait for it how far it is."""

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int], None]
"""Called with (stage, done, total)."""
FractionCallback = Callable[[float], None]
"""Called with the share of the work that is done, 0 to 1."""


def span(seconds: float) -> str:
    """A time roughly: in seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
