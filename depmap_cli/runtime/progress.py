"""Types of the functions that report progress, and the format of durations."""

from collections.abc import Callable

ProgressCallback = Callable[[str, int, int], None]
"""Called with the name of the stage, the number of items done, and the total."""
FractionCallback = Callable[[float], None]
"""Called with the fraction of the work that is done, 0 to 1."""


def format_duration(seconds: float) -> str:
    """Format a duration, rounded to seconds, minutes or hours."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
