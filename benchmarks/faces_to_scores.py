"""Frames a second from faces in memory to a video's score, as `depmap score` computes it.

    python benchmarks/faces_to_scores.py [--device cpu] [--frames 2000] [--weights FILE]

The shipped interview's aligned faces, over and over, as one video: both networks, key-frame fusion,
nothing else. The median of five runs after two to warm up, and the share of it that the semantic
model's and Dep-MAP's parts take.
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
from depmap_cli.weights.locations import example_clip


def aligned_faces(networks: Networks, count: int) -> np.ndarray:
    """Faces (count, size, size, 3) RGB uint8 of the interview, repeated as often as needed."""
    frames = sample_frames(example_clip(), SamplingConfig(frames=40))
    segments = extract_faces(frames, FaceDetector(networks.config.faces))
    faces = np.stack([s.face for segment in segments for s in segment if s.face is not None])
    return faces[np.arange(count) % len(faces)]


def score(networks: Networks, faces: np.ndarray) -> tuple[float, float, float]:
    """Seconds in the look of both networks at the faces, and in the rest; and the score."""
    inference = VideoInference(
        model=networks.model,
        semantics=networks.semantics,
        device=networks.device,
        training_frames=networks.config.train.frames,
        shares_backbone=networks.shares_backbone,
    )
    looked, start = 0.0, time.perf_counter()
    for piece in face_batches(len(faces), networks.device):
        start_decoding = time.perf_counter()
        seen, maps = inference.embed(faces[piece])
        looked += time.perf_counter() - start_decoding
        if maps is None:
            inference.add(faces[piece], seen)
        else:
            inference.add_maps(maps, seen)
    found = float(inference.finish()[0].score)
    return looked, time.perf_counter() - start - looked, found


def main() -> None:
    """Print the rate, its parts and the score."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--frames", type=int, default=2000)
    parser.add_argument("--weights", type=Path)
    given = parser.parse_args()
    networks = load_networks(given.weights, resolve_device(given.device))
    faces = aligned_faces(networks, given.frames)
    runs = [score(networks, faces) for _ in range(7)][2:]
    looked, rest, found = (float(np.median(column)) for column in zip(*runs, strict=True))
    print(f"{networks.device}, {torch.get_num_threads()} threads, {len(faces)} faces of one video")
    print(f"{len(faces) / (looked + rest):.0f} frames/s; score {found:.2f}")
    print(f"backbone and semantics {looked:.2f} s, Dep-MAP's other parts {rest:.2f} s")


if __name__ == "__main__":
    main()
