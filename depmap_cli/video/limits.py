"""Limits on what a video header may claim.

A few damaged or hostile bytes can claim any size, rate and length. The size decides how much memory
a frame takes, so it is checked before a frame is decoded, and again for each frame, because a
stream can change its size. Implausible rates and lengths cost no memory: they are replaced by what
is counted (``depmap_cli/video/reader.py``).
"""

from depmap_cli.errors import VideoUnreadable

MAX_SIDE = 16384
"""Largest width or height in pixels; twice that of 8K video."""
MAX_PIXELS = 1 << 26
"""Most pixels in a frame, twice as many as in 8K video; 200 MB as RGB."""
MAX_FPS = 1e4
"""Frame rates of this value or more are not plausible."""
MAX_SECONDS = 1e6
"""Times of this value or more, about eleven days, are not plausible."""


def check_size(width: float, height: float) -> None:
    """Check that frames of ``width`` x ``height`` pixels may be decoded; 0 is an unknown size.

    Raises:
        VideoUnreadable: they are larger than those of any camera.
    """
    if not (0 <= width <= MAX_SIDE and 0 <= height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise VideoUnreadable(
            f"a frame size of {width:.0f} x {height:.0f} px is not plausible",
            "check that it is undamaged, or scale it down: ffmpeg -i IN -vf scale=1280:-2 OUT.mp4",
        )


def is_plausible_fps(rate: float) -> bool:
    """Whether a frame rate, in frames per second, is plausible."""
    return 0 < rate < MAX_FPS
