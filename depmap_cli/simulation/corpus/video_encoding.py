"""Writes rendered frames as H.264 video of varying quality."""

import subprocess
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from depmap_cli.errors import OutputUnwritable

CRF = (18, 36)
"""H.264's constant rate factor: 18 is near lossless, 36 poor."""
BIT_RATES = (60e3, 400e3)
"""Bits/s at 25 frames/s of 256 x 256 pixels, of recordings with a fixed rate instead."""
FIXED_RATE_SHARE = 0.3


def write_video(
    path: Path,
    pictures: Iterable[UInt8[np.ndarray, "h w 3"]],
    size: int,
    fps: float,
    rng: np.random.Generator,
) -> None:
    """Encode square pictures with H.264, at a quality drawn from good to poor.

    Raises:
        OutputUnwritable: the encoder ended with an error; its last line.
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
        pass  # the encoder has ended, and says why
    except BaseException:
        process.kill()
        process.communicate()
        raise
    _, errors = process.communicate()
    if process.returncode:
        said = errors.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise OutputUnwritable(f"{path.name}: {said[-1]}", "is the disk full?")


def _encoder(path: Path, size: int, fps: float, compression: list[str]) -> list[str]:
    from imageio_ffmpeg import get_ffmpeg_exe

    raw = ["-f", "rawvideo", "-pix_fmt", "rgb24", "-s", f"{size}x{size}", "-r", f"{fps:g}"]
    h264 = ["-c:v", "libx264", "-pix_fmt", "yuv420p", "-preset", "fast", "-threads", "1"]
    # bitexact: no version of the encoder in the file
    ending = ["-fflags", "+bitexact", "-flags:v", "+bitexact", "-movflags", "+faststart"]
    quiet = [get_ffmpeg_exe(), "-y", "-loglevel", "error"]
    return [*quiet, *raw, "-i", "-", *h264, *compression, *ending, "-f", "mp4", str(path)]


def _compression(rng: np.random.Generator, size: int, fps: float) -> list[str]:
    """Options of the encoder: as good as asked everywhere, or as good as a fixed rate allows."""
    if rng.random() >= FIXED_RATE_SHARE:
        return ["-crf", str(int(rng.integers(CRF[0], CRF[1] + 1)))]
    rate = np.exp(rng.uniform(*np.log(BIT_RATES))) * (size / 256) ** 2 * (fps / 25) ** 0.5
    bits = str(int(rate))
    return ["-b:v", bits, "-maxrate", bits, "-bufsize", bits]
