"""What becomes of rendered pictures: a compressed video, or aligned faces as scoring sees them."""

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from functools import lru_cache
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int, UInt8

from depmap_cli.config import FaceConfig
from depmap_cli.errors import OutputUnwritable
from depmap_cli.faces import FaceDetector, FaceSample, extract_faces
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.simulation.renderer_api import Camera
from depmap_cli.video.reader import Frame

JPEG_QUALITY = (25, 95)
CRF = (18, 36)
"""H.264's constant rate factor: 18 is near lossless, 36 poor."""
BIT_RATES = (60e3, 400e3)
"""Bits/s at 25 frames/s of 256 x 256 pixels, of recordings with a fixed rate instead."""
FIXED_RATE_SHARE = 0.3


@dataclass(frozen=True, kw_only=True)
class Acted:
    """What a person does in the frames that are rendered."""

    au: Float[np.ndarray, "k 18"]
    pose: Float[np.ndarray, "k 3"]
    gaze: Float[np.ndarray, "k 2"]
    times: Float[np.ndarray, " k"]  # seconds

    def __len__(self) -> int:
        return len(self.times)

    @classmethod
    def joined(cls, parts: list["Acted"]) -> "Acted":
        """One after the other."""
        columns = [f.name for f in fields(cls)]
        return cls(**{c: np.concatenate([getattr(p, c) for p in parts]) for c in columns})


def spread_frames(n: int, count: int) -> Int[np.ndarray, " k"]:
    """Which of ``n`` frames ``depmap_cli.video`` would sample, if ``count`` were asked for."""
    if count >= n:
        return np.arange(n)
    # Frame i lies at i; a frame is taken once it is nearer to the target than the next.
    targets = (np.arange(count) + 0.5) * n / count
    return np.minimum(np.ceil(targets - 0.5 - 1e-6), n - 1).astype(int)


def film(
    camera: Camera, acted: Acted, landmarks: list[np.ndarray]
) -> Iterator[UInt8[np.ndarray, "h w 3"]]:
    """The pictures, one after the other; their five landmarks (5, 2) are added to the list."""
    for au, pose, gaze in zip(acted.au, acted.pose, acted.gaze, strict=True):
        shot = camera.frame(au, pose, gaze)
        landmarks.append(five_points(shot.landmarks))
        yield shot.image


def five_points(landmarks: Float[np.ndarray, "68 2"]) -> Float[np.ndarray, "5 2"]:
    """Eyes, nose tip and mouth corners of Multi-PIE's 68 landmarks; the viewer's left first."""
    eyes = landmarks[36:42].mean(0), landmarks[42:48].mean(0)
    return np.stack([*eyes, landmarks[30], landmarks[48], landmarks[54]])


def faces_of(
    pictures: Iterable[UInt8[np.ndarray, "h w 3"]], acted: Acted, rng: np.random.Generator
) -> list[FaceSample]:
    """The faces that scoring would find, had the pictures come from a compressed recording.

    A recording has one quality throughout, about which that of its pictures varies.
    """
    quality = rng.uniform(*JPEG_QUALITY)

    def frames() -> Iterator[Frame]:
        for time, picture in zip(acted.times, pictures, strict=True):
            own = np.clip(quality + rng.normal(0, 5), 10, 98)
            yield Frame(float(time), _through_jpeg(picture, int(own)), 1.0)

    return [sample for segment in extract_faces(frames(), _detector()) for sample in segment]


@lru_cache(maxsize=1)
def _detector() -> FaceDetector:
    """Loaded once a process."""
    return FaceDetector(FaceConfig())


def _through_jpeg(picture: UInt8[np.ndarray, "h w 3"], quality: int) -> np.ndarray:
    cv2 = load_opencv()
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    _, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, quality])
    decoded: np.ndarray = cv2.cvtColor(cv2.imdecode(data, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    return decoded


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
