"""Measures how well frozen faces and captions are told from living faces in front of nothing.

From the videos given, it makes copies with one still picture (coded in several ways, with noise,
with a running clock, with flickering light, moved as a whole) and copies with captions over the
mouth, and prints for each video and copy the share of frames in which the face is frozen, the
longest stretch without motion, and the share of frames that are excluded because of a caption.

    python benchmarks/still_and_covered.py VIDEO... [--copies] [--fps 5] [--seconds 8]
"""

import argparse
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import cv2
import imageio_ffmpeg
import numpy as np
import torch

from depmap_cli.config import FaceConfig, SamplingConfig
from depmap_cli.errors import DepmapError
from depmap_cli.faces import FaceDetector, FaceSample
from depmap_cli.faces.quality import still_samples
from depmap_cli.faces.subject import read_subject
from depmap_cli.faces.track import COVERED_FACE
from depmap_cli.video.reader import sample_frames

RATE = 25
CODINGS = {
    "crf 18": (0, ("-crf", "18")),
    "crf 38, key frame every 12": (0, ("-crf", "38", "-g", "12")),
    "noise 4, crf 20": (4, ("-crf", "20")),
    "noise 10, crf 23": (10, ("-crf", "23")),
    "noise 10, crf 33": (10, ("-crf", "33", "-g", "25")),
    "noise 20, crf 26": (20, ("-crf", "26")),
    "noise 3, MPEG-4 300 kbit/s": (3, ("-c:v", "mpeg4", "-b:v", "300k", "-g", "12")),
}
"""Standard deviation of the noise, grey levels, and options of ffmpeg."""


def main() -> None:
    """Print one line for each video and each of its copies."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("videos", nargs="+", type=Path)
    parser.add_argument("--copies", action="store_true", help="measure faulty copies, too")
    parser.add_argument("--fps", type=float, default=5.0)
    parser.add_argument("--seconds", type=float, default=8.0, help="length of the copies")
    options = parser.parse_args()
    torch.set_num_threads(1)
    detector = FaceDetector(FaceConfig())
    print(f"{'video':26} {'copy':28} {'faces':>6} {'frozen':>7} {'longest':>8} {'covered':>8}")
    for path in options.videos:
        report(path, "", path, detector, options.fps)
        if options.copies:
            with tempfile.TemporaryDirectory() as folder:
                for name, copy in copies(path, Path(folder), options.seconds):
                    report(path, name, copy, detector, options.fps)


def report(path: Path, name: str, copy: Path, detector: FaceDetector, fps: float) -> None:
    """Print one line."""
    try:
        frames = sample_frames(copy, SamplingConfig(fps=fps))
        samples = [sample for part in read_subject(frames, detector) for sample in part]
    except DepmapError as error:
        print(f"{path.stem:26} {name:28} {error.message}", flush=True)
        return
    faces = [sample for sample in samples if sample.face is not None]
    n = max(len(faces), 1)
    covered = sum(sample.reason == COVERED_FACE for sample in faces)
    print(
        f"{path.stem:26} {name:28} {len(faces):6} {len(still_samples(samples)) / n:7.2f} "
        f"{longest_stretch(faces):6.1f} s {covered / n:8.2f}",
        flush=True,
    )


def longest_stretch(faces: list[FaceSample]) -> float:
    """Return the longest time without motion, in seconds."""
    return max((s.time - s.still_since for s in faces if s.still_since is not None), default=0.0)


def copies(path: Path, folder: Path, seconds: float) -> Iterator[tuple[str, Path]]:
    """Yield the name and the file of each faulty copy, which replaces the one before."""
    frames = read(path, seconds)
    still, n = frames[len(frames) // 3], round(seconds * RATE)
    for name, (noise, coding) in CODINGS.items():
        yield name, encode(folder / "still.mp4", with_noise([still] * n, noise), coding)
    for name, motion in {
        "clock in a corner": clock,
        "flickering light": flicker,
        "zoomed by 10 %": zoom,
        "shaken": shake,
    }.items():
        moved = (motion(still, i) for i in range(n))
        yield f"still, {name}", encode(folder / "still.mp4", moved, ("-crf", "23"))
    yield "living, crf 42", encode(folder / "living.mp4", iter(frames), ("-crf", "42"))
    top, bottom = mouth(path, frames)
    for name, draw in {
        "bar": bar,
        "bar, changing text": bar_with_text,
        "bar, half transparent": pale_bar,
        "text without bar": text,
        "logo over one cheek": logo,
    }.items():
        drawn = (draw(frame.copy(), i, top, bottom) for i, frame in enumerate(frames))
        yield name, encode(folder / "caption.mp4", drawn, ("-crf", "23"))


def read(path: Path, seconds: float) -> list[np.ndarray]:
    """Return the first seconds, ``RATE`` frames a second, at most 640 pixels wide."""
    capture, frames = cv2.VideoCapture(str(path)), []
    rate = capture.get(cv2.CAP_PROP_FPS)
    while len(frames) < seconds * rate and capture.grab():
        frame = capture.retrieve()[1]
        scale = min(1.0, 640 / max(frame.shape[:2]))
        size = (round(frame.shape[1] * scale) // 2 * 2, round(frame.shape[0] * scale) // 2 * 2)
        frames.append(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    capture.release()
    times = np.arange(0, len(frames) / rate, 1 / RATE)
    return [frames[min(round(time * rate), len(frames) - 1)] for time in times]


def encode(path: Path, frames: Iterator[np.ndarray], options: tuple[str, ...]) -> Path:
    """Code BGR frames."""
    first = next(frames)
    size = f"{first.shape[1]}x{first.shape[0]}"
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-f", "rawvideo"]
    command += ["-pix_fmt", "bgr24", "-s", size, "-r", str(RATE), "-i", "-", "-threads", "1"]
    command += ["-preset", "veryfast", "-pix_fmt", "yuv420p", *options, str(path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE) as process:
        assert process.stdin is not None
        process.stdin.write(np.ascontiguousarray(first).tobytes())
        for frame in frames:
            process.stdin.write(np.ascontiguousarray(frame).tobytes())
    return path


def with_noise(frames: list[np.ndarray], deviation: float) -> Iterator[np.ndarray]:
    """Yield the frames with noise of this standard deviation, grey levels."""
    generator = np.random.default_rng(0)
    for frame in frames:
        noise = generator.normal(0, deviation, frame.shape[:2])[..., None] if deviation else 0
        yield np.clip(frame + noise, 0, 255).astype(np.uint8)


def clock(still: np.ndarray, i: int) -> np.ndarray:
    """Draw a running clock into a corner."""
    at, size = (5, len(still) - 8), len(still) / 500
    text = f"12:00:{i // RATE:02}.{i % RATE:02}"
    return cv2.putText(still.copy(), text, at, 0, size, (255, 255, 255), 2)


def flicker(still: np.ndarray, i: int) -> np.ndarray:
    """Change the light."""
    return np.clip(still * (1 + 0.06 * np.sin(1.7 * i)), 0, 255).astype(np.uint8)


def zoom(still: np.ndarray, i: int) -> np.ndarray:
    """Enlarge the whole picture, by 10 % in 8 s."""
    return moved(still, 1 + 0.1 * i / 200, 0, 0)


def shake(still: np.ndarray, i: int) -> np.ndarray:
    """Move the whole picture as an unsteady hand moves a camera."""
    time, size = i / RATE, len(still)
    x = size * (0.006 * np.sin(5 * time) + 0.004 * np.sin(11.3 * time + 1))
    return moved(still, 1.03, x, 0.005 * size * np.sin(6.1 * time + 2))


def moved(still: np.ndarray, scale: float, x: float, y: float) -> np.ndarray:
    """Scale and shift a picture."""
    height, width = still.shape[:2]
    transform = cv2.getRotationMatrix2D((width / 2, height / 2), 0, scale)
    transform[:, 2] += (x, y)
    mode = cv2.BORDER_REFLECT
    return cv2.warpAffine(still, transform, (width, height), flags=cv2.INTER_CUBIC, borderMode=mode)


def mouth(path: Path, frames: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return the corners of a bar from the mouth corners to the chin, in the middle of the clip."""
    found = FaceDetector(FaceConfig()).detect([f[..., ::-1].copy() for f in frames[::12]])
    landmarks = np.median([faces[0].landmarks for faces in found if faces], axis=0)
    eyes = float(np.linalg.norm(landmarks[1] - landmarks[0]))
    middle = landmarks[3:].mean(0)
    return middle - (1.6 * eyes, 0), middle + (1.6 * eyes, 0.5 * eyes)


def bar(frame: np.ndarray, i: int, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Draw a dark bar."""
    corners = tuple(map(int, top)), tuple(map(int, bottom))
    return cv2.rectangle(frame, *corners, (20, 20, 20), -1)


def bar_with_text(frame: np.ndarray, i: int, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Draw a dark bar with text that changes every 2 s."""
    return text(bar(frame, i, top, bottom), i, top, bottom)


def pale_bar(frame: np.ndarray, i: int, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Draw a bar through which the face is half visible."""
    return cv2.addWeighted(frame, 0.5, bar(frame.copy(), i, top, bottom), 0.5, 0)


def text(frame: np.ndarray, i: int, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Draw text that changes every 2 s."""
    words = ("I have not slept well", "for about two weeks", "and I do not eat much")[i // 50 % 3]
    height = float(bottom[1] - top[1])
    at = int(top[0] + height * 0.2), int(top[1] + height * 0.7)
    return cv2.putText(
        frame, words, at, 0, height / 38, (255, 255, 255), max(1, round(height / 14))
    )


def logo(frame: np.ndarray, i: int, top: np.ndarray, bottom: np.ndarray) -> np.ndarray:
    """Draw a round logo over one side of the mouth."""
    height = float(bottom[1] - top[1])
    centre = int((top[0] + bottom[0]) / 2 - 0.8 * height), int(top[1])
    cv2.circle(frame, centre, int(0.5 * height), (200, 120, 30), -1)
    return cv2.circle(frame, centre, int(0.3 * height), (255, 255, 255), -1)


if __name__ == "__main__":
    main()
