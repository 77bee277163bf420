"""Dep-MAP: an estimate of the BDI-II score from a video of a face. Research software.

from depmap_cli import score_video
result = score_video("interview.mp4")
print(result.report.estimate)
"""

import logging
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from depmap_cli.scoring.options import ScoreOptions
    from depmap_cli.scoring.scorer import Scorer, score_video

__version__ = "0.2.0.dev0"
__all__ = ["ScoreOptions", "Scorer", "__version__", "score_video"]

# Silent unless the application that uses the package configures logging.
logging.getLogger(__name__).addHandler(logging.NullHandler())


def __getattr__(name: str) -> Any:
    """Import the scoring code, and torch with it, only when it is asked for."""
    if name in __all__:
        from depmap_cli.scoring import scorer

        return getattr(scorer, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
