"""Compare followed faces with faces found by a search of each frame.

    python benchmarks/face_tracking.py [VIDEO ...] [--fps 5]

For each video (default: the bundled interview) it prints how many sampled frames have a face if
faces are followed, if each frame is searched, and if facenet-pytorch's own MTCNN searches the frame
reduced to 320 pixels; and the distance of the followed landmarks from those of the two searches.
Then it prints the jitter of landmarks in a still picture with noise and coding noise, which needs
imageio-ffmpeg, and the time of the networks by layout. Distances are root mean squares over the
five landmarks, in eye distances.
"""

import argparse
import subprocess
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from depmap_cli.config import FaceConfig, SamplingConfig
from depmap_cli.faces import Detection, FaceDetector
from depmap_cli.faces.follow import iter_detections
from depmap_cli.video.reader import Frame, sample_frames
from depmap_cli.weights.locations import example_video

STILL_FRAMES, STILL_RATE = 50, 25
NOISE = 6
"""Strength of the noise that is added to the still picture before it is encoded (ffmpeg)."""
Landmarks = np.ndarray | None  # (5, 2) of the largest face, None without a face


def largest(faces: list[Detection]) -> Landmarks:
    """Return the landmarks of the largest face."""
    return faces[0].landmarks if faces else None


def followed(frames: list[Frame], detector: FaceDetector) -> list[Landmarks]:
    """Find faces as depmap does."""
    return [largest(faces) for _, faces in iter_detections(frames, detector)]


def searched(frames: list[Frame], detector: FaceDetector) -> list[Landmarks]:
    """Search each frame."""
    detector.start_video()
    return [largest(detector.detect([frame.image])[0]) for frame in frames]


def facenet(frames: list[Frame], detector: FaceDetector) -> list[Landmarks]:
    """Search each frame, reduced to 320 pixels, with facenet-pytorch's own code."""
    from facenet_pytorch import MTCNN

    mtcnn = MTCNN(keep_all=True, min_face_size=detector.config.min_face)
    found: list[Landmarks] = []
    for frame in frames:
        scale = min(1.0, detector.config.detection_sides[0] / max(frame.image.shape[:2]))
        reduced = cv2.resize(frame.image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        _, probabilities, points = mtcnn.detect(reduced, landmarks=True)
        sure = points is not None and probabilities[0] >= detector.config.min_probability
        found.append(points[0] / scale if sure else None)
    return found


def eye_distance(landmarks: np.ndarray) -> float:
    """Return the distance between the eyes."""
    return float(np.linalg.norm(landmarks[1] - landmarks[0]))


def distances(found: list[Landmarks], reference: list[Landmarks]) -> np.ndarray:
    """Return the distance in each frame where both found a face."""
    return np.array(
        [
            np.sqrt(((a - b) ** 2).sum(1).mean()) / eye_distance(b)
            for a, b in zip(found, reference, strict=True)
            if a is not None and b is not None
        ]
    )


def jitter(found: list[Landmarks]) -> float:
    """Return the distance of landmarks from their mean."""
    all_points = np.array([points for points in found if points is not None])
    return float(np.sqrt(((all_points - all_points.mean(0)) ** 2).sum(2).mean())) / eye_distance(
        all_points.mean(0)
    )


def still_video(path: Path, folder: Path) -> Path:
    """Make a video of one frame of a video, with noise and coding noise."""
    import imageio_ffmpeg

    picture, still = folder / "still.png", folder / "still.mp4"
    frame = next(iter(sample_frames(path, SamplingConfig(frames=3, start=1.0))))
    cv2.imwrite(str(picture), cv2.cvtColor(frame.image, cv2.COLOR_RGB2BGR))
    length = STILL_FRAMES / STILL_RATE
    noise = f"noise=alls={NOISE}:allf=t"
    subprocess.run(
        [imageio_ffmpeg.get_ffmpeg_exe(), "-y", "-loglevel", "error", "-loop", "1"]
        + ["-framerate", str(STILL_RATE), "-i", str(picture), "-t", str(length), "-vf", noise]
        + ["-c:v", "libx264", "-crf", "28", "-pix_fmt", "yuv420p", str(still)],
        check=True,
        stdin=subprocess.DEVNULL,
    )
    return still


def compare(path: Path, fps: float, detector: FaceDetector) -> str:
    """Return the row of a video."""
    frames = list(sample_frames(path, SamplingConfig(fps=fps)))
    methods: list[Callable[..., list[Landmarks]]] = [followed, searched, facenet]
    found, cells = [], [path.name, str(len(frames))]
    for method in methods:
        start = time.process_time()
        found.append(method(frames, detector))
        cpu = 1000 * (time.process_time() - start) / len(frames)
        cells.append(f"{sum(points is not None for points in found[-1])} ({cpu:.1f} ms)")
    for reference in found[1:]:
        apart = distances(found[0], reference)
        quantiles = np.quantile(apart, [0.5, 0.9]) if len(apart) else (np.nan, np.nan)
        cells.append("{:.3f} / {:.3f}".format(*quantiles))
    return "| " + " | ".join(cells) + " |"


def layout_times() -> str:
    """Return the best time of each network for four crops, by layout in memory, on one thread."""
    import torch
    from facenet_pytorch.models.mtcnn import ONet, RNet

    torch.set_num_threads(1)
    lines = []
    for network, side in ((RNet(), 24), (ONet(), 48)):
        times = []
        for layout in (torch.contiguous_format, torch.channels_last):
            network = network.eval().to(memory_format=layout)
            crops = torch.rand(4, 3, side, side).to(memory_format=layout)
            runs = []
            with torch.inference_mode():
                for _ in range(50):
                    start = time.perf_counter()
                    network(crops)
                    runs.append(1000 * (time.perf_counter() - start))
            times.append(min(runs))
        lines.append("{}: {:.2f} and {:.2f} ms".format(type(network).__name__, *times))
    return "; ".join(lines)


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", nargs="*", type=Path)
    parser.add_argument("--fps", type=float, default=5)
    args = parser.parse_args()
    detector = FaceDetector(FaceConfig())
    videos = args.videos or [example_video()]
    print("Frames with a face (CPU time a frame); distance from the searches, median / 90 %.\n")
    print("| video | frames | followed | searched | facenet | from searched | from facenet |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    for path in videos:
        print(compare(path, args.fps, detector), flush=True)
    print(f"\nJitter in a still picture, {STILL_FRAMES} frames at {STILL_RATE}/s.\n")
    print("| video | followed | searched | facenet |\n|---|---:|---:|---:|")
    every = FaceDetector(FaceConfig(detection_interval=0))  # no interpolation
    with tempfile.TemporaryDirectory() as folder:
        for path in videos:
            frames = list(
                sample_frames(still_video(path, Path(folder)), SamplingConfig(fps=STILL_RATE))
            )
            found = [method(frames, every) for method in (followed, searched, facenet)]
            cells = [f"{jitter(f):.4f}" if all(p is not None for p in f) else "-" for f in found]
            print("| " + " | ".join([path.name, *cells]) + " |", flush=True)
    print(f"\nFour crops, channels first and channels last. {layout_times()}.")


if __name__ == "__main__":
    main()
