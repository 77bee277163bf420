"""Writes rendered frames as H.264 video of varying quality."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from depmap_cli.errors import OutputUnwritable
from depmap_cli.io.clean_text import clean

CRF = (18, 36)
"""Range of H.264's constant rate factor: 18 is nearly lossless, 36 is poor."""
BIT_RATES = (60e3, 400e3)
"""Range of fixed bit rates in bit/s, for 25 frames/s of 256 x 256 pixels."""
FIXED_RATE_SHARE = 0.3
"""Share of videos with a fixed bit rate instead of a constant rate factor."""


def write_video(
    path: Path,
    pictures: Iterable[UInt8[np.ndarray, "h w 3"]],
    size: int,
    fps: float,
    rng: np.random.Generator,
) -> None:
    """Encode square RGB images as H.264 video with a random compression.

    Args:
        path: the video file.
        pictures: images of (size, size, 3) pixels.
        size: width and height in pixels.
        fps: frames per second.
        rng: random numbers for the compression.

    Raises:
        OutputUnwritable: the encoder failed; the message holds the last line of its output.
    """
    process = subprocess.Popen(
        _encoder(path, size, fps, _compression(rng, size, fps)),
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdin
    try:
        for picture in pictures:
            process.stdin.write(np.ascontiguousarray(picture).tobytes())
    except BrokenPipeError:
        pass  # the encoder has exited; its error output says why
    except BaseException:
        process.kill()
        process.communicate()
        raise
    _, errors = process.communicate()
    if process.returncode:
        lines = errors.decode(errors="replace").strip().splitlines() or ["no error message"]
        raise OutputUnwritable(
            f"{clean(str(path))}: video encoding failed: {clean(lines[-1])}",
            "check the free disk space",
        )


def _encoder(path: Path, size: int, fps: float, compression: list[str]) -> list[str]:
    from imageio_ffmpeg import get_ffmpeg_exe

    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size}x{size}", "-r", f"{fps:g}"]
    h264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "fast", "-threads", "1"]
    # bitexact: the file does not contain the version of the encoder
    container = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart"]
    ffmpeg = [get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    return [*ffmpeg, *raw, "-i", "-", *h264, *compression, *container, "-f", "mp4", str(path)]


def _compression(rng: np.random.Generator, size: int, fps: float) -> list[str]:
    """Draw the encoder's rate control: a constant rate factor or a fixed bit rate."""
    if rng.random() >= FIXED_RATE_SHARE:
        return ["-crf", str(int(rng.integers(CRF[0], CRF[1] + 1)))]
    rate = np.exp(rng.uniform(*np.log(BIT_RATES))) * (size / 256) ** 2 * (fps / 25) ** 0.5
    bits = str(int(rate))
    return ["-b:v", bits, "-maxrate", bits, "-bufsize", bits]
