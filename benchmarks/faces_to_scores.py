"""Measure frames per second from faces in memory to the score of a video.

    python benchmarks/faces_to_scores.py [--device cpu] [--frames 2000] [--weights FILE]

Repeats the aligned faces of the bundled interview as one video and runs both networks and key-frame
fusion as `depmap score` does. Prints the median of five runs after two warm-up runs, and the time
spent in the backbone and the semantic model and in the other parts of Dep-MAP.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch

from depmap_cli.config import SamplingConfig
from depmap_cli.faces import FaceDetector, extract_faces
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.scoring.inference import VideoInference, face_batches
from depmap_cli.video.reader import sample_frames
from depmap_cli.weights.loading import Networks, load_networks
from depmap_cli.weights.locations import example_video


def aligned_faces(networks: Networks, count: int) -> np.ndarray:
    """Return faces (count, size, size, 3), RGB uint8, of the interview, repeated as needed."""
    frames = sample_frames(example_video(), SamplingConfig(frames=40))
    segments = extract_faces(frames, FaceDetector(networks.config.faces))
    faces = np.stack([s.face for segment in segments for s in segment if s.face is not None])
    return faces[np.arange(count) % len(faces)]


def score(networks: Networks, faces: np.ndarray) -> tuple[float, float, float]:
    """Return seconds in both networks, seconds in the other parts, and the score."""
    inference = VideoInference(
        model=networks.model,
        semantics=networks.semantics,
        device=networks.device,
        training_frames=networks.config.train.frames,
        shares_backbone=networks.shares_backbone,
    )
    seconds_in_networks, start = 0.0, time.perf_counter()
    for piece in face_batches(len(faces), networks.device):
        start_networks = time.perf_counter()
        seen, maps = inference.embed(faces[piece])
        seconds_in_networks += time.perf_counter() - start_networks
        if maps is None:
            inference.encode_faces(faces[piece], seen)
        else:
            inference.encode_maps(maps, seen)
    video_score = float(inference.finish()[0].score)
    return seconds_in_networks, time.perf_counter() - start - seconds_in_networks, video_score


def main() -> None:
    """Print the rate, its parts and the score."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--weights", type=Path)
    args = parser.parse_args()
    networks = load_networks(args.weights, resolve_device(args.device))
    faces = aligned_faces(networks, args.frames)
    runs = [score(networks, faces) for _ in range(7)][2:]
    networks_s, rest_s, video_score = (
        float(np.median(column)) for column in zip(*runs, strict=True)
    )
    print(f"{networks.device}, {torch.get_num_threads()} threads, {len(faces)} faces of one video")
    print(f"{len(faces) / (networks_s + rest_s):.0f} frames/s; score {video_score:.2f}")
    print(f"backbone and semantics {networks_s:.2f} s, other parts of Dep-MAP {rest_s:.2f} s")


if __name__ == "__main__":
    main()
