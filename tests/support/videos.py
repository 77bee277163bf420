"""Writes the videos that tests need, and reads them plainly."""

import subprocess
from pathlib import Path

import av
import cv2
import imageio_ffmpeg
import numpy as np


def ffmpeg(*arguments: str | Path) -> None:
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", *map(str, arguments)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)


def read_video(path: Path) -> list[np.ndarray]:
    """Decode all frames, RGB uint8, with PyAV and none of the reader's corrections."""
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


def write_video(path: Path, frames: list[np.ndarray], fps: float = 6.0) -> Path:
    """Encode RGB uint8 frames with OpenCV."""
    height, width = frames[0].shape[:2]
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (width, height))
    for frame in frames:
        writer.write(cv2.cvtColor(frame, cv2.COLOR_RGB2BGR))
    writer.release()
    return path
