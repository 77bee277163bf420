"""What is still believed of a video's header, and what is refused before memory is asked for.

A few damaged or hostile bytes can claim any size, rate and length. Sizes decide how much memory a
frame takes, so that they are refused here, before a frame is decoded, and once more on each
frame, as a stream may change its size on the way. Rates and lengths cost no memory: they are
replaced by what is counted (``depmap_cli/video/reader.py``).
"""

from depmap_cli.errors import VideoUnreadable

MAX_SIDE = 16384
"""Pixels; twice what 8K video has."""
MAX_PIXELS = 1 << 26
"""Of one frame; 8K video has half as many. As RGB they are 200 MB."""
MAX_FPS = 1e4
"""Frame rates from here on are taken for nonsense."""
MAX_SECONDS = 1e6
"""Times from here on, eleven days, are taken for nonsense."""


def check_size(width: float, height: float) -> None:
    """Look whether frames of so many pixels may be decoded; 0 is a size that is not known yet.

    Raises:
        VideoUnreadable: they are larger than any camera's.
    """
    if not (0 <= width <= MAX_SIDE and 0 <= height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise VideoUnreadable(
            f"its frames are said to be {width:.0f} x {height:.0f} px, which is not believed",
            "is it damaged? else scale it down: ffmpeg -i IN -vf scale=1280:-2 OUT.mp4",
        )


def is_plausible_fps(rate: float) -> bool:
    """Whether frames/s are believed."""
    return 0 < rate < MAX_FPS
