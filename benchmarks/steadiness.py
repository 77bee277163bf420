"""Measure how far an estimate depends on which frames of a recording were read.

    python benchmarks/steadiness.py VIDEO VIDEO... [--fps 5] [--cache FOLDER] [--weights FILE]
    python benchmarks/steadiness.py --data simavec --cache FOLDER [--weights FILE]

Every frame of a video passes through the networks once; ``--cache`` keeps their output. Then the
frames of several readings are picked from it, shifted by fractions of a step. Nothing is cut off at
the start. Without ``--fps`` they are as many as `depmap score` reads.

With videos: prints the estimate of each reading, the spread (largest - smallest) for several ways
to draw samplings of as many frames as in training, and the sampling error that the report states.

With ``--data`` (a corpus; its Development split): prints for each way and several numbers of frames
the RMSE, the half-width of 90 % intervals, and the mean spread over shifted readings; then whether
the stated error fits the difference between the two halves of a video.
"""

import argparse
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from depmap_cli.config import DEFAULT_RATE, STEADY_FRAMES, SamplingConfig
from depmap_cli.data.corpus import of_split, read_corpus
from depmap_cli.faces import FaceDetector, extract_faces
from depmap_cli.model.depmap import FrameFeatures
from depmap_cli.model.signals import SIGNAL_SHARE
from depmap_cli.scoring.inference import VideoInference, face_batches
from depmap_cli.scoring.samplings import frame_weights, read_durations
from depmap_cli.scoring.score_parts import score_parts
from depmap_cli.scoring.steadiness import measure_steadiness
from depmap_cli.semantics.clip_model import COVERED_THRESHOLD
from depmap_cli.stats.conformal import DEFAULT_COVERAGE, half_width
from depmap_cli.video.reader import sample_frames
from depmap_cli.weights.loading import Networks, load_networks

COLUMNS = ("times", "network", "signals", "logits")
EVERY_FRAME = SamplingConfig(fps=240.0)
Estimator = Callable[["Reading"], float]


class Reading:
    """Some frames of one video, as the network takes them."""

    def __init__(
        self, times: np.ndarray, network: np.ndarray, signals: np.ndarray, logits: np.ndarray
    ) -> None:
        self.times, self.network, self.signals = times, network, signals  # parts of the scores
        self.logits = torch.from_numpy(logits)

    def __len__(self) -> int:
        return len(self.times)

    def __getitem__(self, rows: np.ndarray) -> "Reading":
        columns = (self.times, self.network, self.signals, self.logits.numpy())
        return Reading(*(column[rows] for column in columns))

    def shifted(self, fps: float, phase: float) -> "Reading":
        """The frames nearest to the middles of steps of 1 / fps, moved by -0.5 to 0.5 steps."""
        step = 1 / fps
        targets = np.arange(self.times[0] + (0.5 + phase) * step, self.times[-1], step)
        nearest = np.unique(np.abs(self.times[None] - targets[:, None]).argmin(1))
        return self[nearest[np.abs(self.times[nearest, None] - targets).min(1) <= step]]

    def evenly(self, count: int) -> "Reading":
        """``count`` frames, evenly spaced."""
        n = len(self)
        return self if count >= n else self[((np.arange(count) + 0.5) * n / count).astype(int)]


def read(networks: Networks, video: Path, cache: Path | None) -> Reading:
    """Pass every usable frame through the networks, or read their output from the cache.

    The cache does not know the weights: use another one for other weights.
    """
    stored = cache / f"{video.name}.npz" if cache else None
    if stored is None or not stored.exists():
        output = _output(networks, video)
        if stored is not None:
            stored.parent.mkdir(parents=True, exist_ok=True)
            np.savez(stored, **output)
    else:
        with np.load(stored) as archive:
            output = dict(archive)
    usable = output["covered"] < COVERED_THRESHOLD
    return Reading(*(output[name][usable] for name in COLUMNS))


def _output(networks: Networks, path: Path) -> dict[str, np.ndarray]:
    segments = extract_faces(sample_frames(path, EVERY_FRAME), FaceDetector(networks.config.faces))
    samples = [s for segment in segments for s in segment if s.face is not None]
    if not samples:
        raise SystemExit(f"error: {path}: no face found; leave it out")
    faces = np.stack([s.face for s in samples])
    clockwise = np.array([s.clockwise for s in samples])
    inference = VideoInference(
        model=networks.model,
        semantics=networks.semantics,
        device=networks.device,
        training_frames=networks.config.train.frames,
    )
    covered = []
    for batch in face_batches(len(faces), networks.device):
        features, _ = inference.embed(faces[batch])
        features = features.in_camera(clockwise[batch])
        inference.encode_faces(faces[batch], features)
        covered.append(features.covered.numpy())
    times = np.array([s.time for s in samples])
    _, frames = inference.finish(times)
    network, signals = score_parts(frames)
    assert frames.logits is not None, "these weights have no prototypes"
    return {
        "times": times,
        "network": network,
        "signals": signals,
        "logits": frames.logits.numpy(),
        "covered": np.concatenate(covered),
    }


class Ways:
    """Ways to draw samplings of as many frames as in training and to average their estimates."""

    def __init__(self, networks: Networks) -> None:
        self.config, self.size = networks.config.model, networks.config.train.frames

    def _one(self, reading: Reading) -> float:
        weights = frame_weights(self.config, reading.logits, np.ones(len(reading)), None)
        return float(weights @ reading.network + reading.signals.mean())

    def _mean(self, reading: Reading, samplings: list[np.ndarray]) -> float:
        return float(np.mean([self._one(reading[rows]) for rows in samplings]))

    def interleaved(self, reading: Reading) -> float:
        """k samplings, each of every k-th frame."""
        k = max(1, round(len(reading) / self.size))
        return self._mean(reading, [np.arange(i, len(reading), k) for i in range(k)])

    def contiguous(self, reading: Reading) -> float:
        """k windows of neighbouring frames."""
        k = max(1, round(len(reading) / self.size))
        return self._mean(reading, np.array_split(np.arange(len(reading)), k))

    def permuted(self, reading: Reading) -> float:
        """16 random permutations, each cut into k samplings, so every frame is used equally often.

        The random numbers are the same for every reading.
        """
        rng = np.random.default_rng(0)
        k = max(1, round(len(reading) / self.size))
        samplings = []
        for _ in range(16):
            samplings += np.array_split(rng.permutation(len(reading)), k)
        return self._mean(reading, [np.sort(rows) for rows in samplings])

    def expected(self, reading: Reading) -> float:
        """All samplings with one frame from each of equal parts, as `depmap score`."""
        durations = read_durations(reading.times)
        weights = frame_weights(self.config, reading.logits, durations, self.size)
        signals = durations @ reading.signals / durations.sum()
        return float(weights @ reading.network + signals)

    def all(self) -> dict[str, Estimator]:
        """Every way by name."""
        return {
            "interleaved": self.interleaved,
            "contiguous": self.contiguous,
            "permuted": self.permuted,
            "expected": self.expected,
        }

    def steadiness(self, reading: Reading) -> float:
        """The sampling error that the report states."""
        frames = FrameFeatures(
            fused=torch.zeros(len(reading), 0),
            scores=torch.zeros(len(reading)),  # not used: the parts are known
            activations=None,
            logits=reading.logits,
            tokens={},
            network_scores=torch.from_numpy(reading.network / (1 - SIGNAL_SHARE)),
            signal_scores=torch.from_numpy(reading.signals / SIGNAL_SHARE),
        )
        return measure_steadiness(self.config, frames, reading.times, self.size).sampling_error


def phases(reading: Reading, fps: float, count: int = 8) -> list[Reading]:
    """Readings at ``fps``, shifted by fractions of a step."""
    return [reading.shifted(fps, i / count - 0.5) for i in range(count)]


def default_rate(reading: Reading) -> float:
    """Frames per second that `depmap score` reads of a video with usable frames throughout."""
    seconds = float(reading.times[-1] - reading.times[0])
    every_frame = (len(reading) - 1) / seconds
    return min(every_frame, max(DEFAULT_RATE, STEADY_FRAMES / seconds))


def report_videos(readings: dict[str, Reading], ways: Ways, fps: float | None) -> None:
    """Print the estimates of shifted readings of each video."""
    print(f"{'video':24} frames  error  {'  '.join(f'{name:>12}' for name in ways.all())}")
    for name, reading in readings.items():
        shifted = phases(reading, fps or default_rate(reading))
        cells = []
        for way in ways.all().values():
            estimates = [way(r) for r in shifted]
            cells.append(f"{np.mean(estimates):5.1f} ±{np.ptp(estimates):5.2f}")
        error = ways.steadiness(shifted[0])
        print(f"{name[:24]:24} {len(shifted[0]):6} {error:6.2f}  {'  '.join(cells)}")
    print("mean of 8 readings, ± largest - smallest")


def report_corpus(
    readings: list[Reading], truth: np.ndarray, people: np.ndarray, ways: Ways
) -> None:
    """Print accuracy and spread of each way, and the calibration of the stated error."""
    full = np.array([ways.expected(r) for r in readings])
    print("frames        way    RMSE  half-width  mean spread of 3 readings at 2 frames/s")
    for count in (20, 32, 64, 128, 10_000):
        for name, way in ways.all().items():
            estimates = np.array([way(r.evenly(count)) for r in readings])
            errors = np.abs(np.clip(estimates, 0, 63) - truth)
            rmse = np.sqrt(np.mean(errors**2))
            cells = f"{rmse:6.2f}  {half_width(errors, people, DEFAULT_COVERAGE):10.1f}"
            if count > max(map(len, readings)):
                shifted = [[way(p) for p in phases(r, 2.0, 3)] for r in readings]
                cells += f"  {np.mean(np.ptp(shifted, axis=1)):.2f}"
            elif name == "expected":
                cells += f"  (from every frame: {np.sqrt(np.mean((estimates - full) ** 2)):.2f})"
            print(f"{min(count, max(map(len, readings))):6} {name:>12} {cells}")
    errors = np.array([ways.steadiness(r) for r in readings])
    first = np.array([ways.expected(r[: len(r) // 2]) for r in readings])
    second = np.array([ways.expected(r[len(r) // 2 :]) for r in readings])
    # Each half has sqrt(2) times the error of the whole, and their difference twice the error.
    ratio = (first - second) / (2 * errors)
    print(
        f"stated error: mean {errors.mean():.2f}; difference of halves / (2 x error): root mean "
        f"square {np.sqrt(np.mean(ratio**2)):.2f}, within 1: {np.mean(np.abs(ratio) < 1):.0%}, "
        f"within 2: {np.mean(np.abs(ratio) < 2):.0%}"
    )


def main() -> None:
    """Read the videos and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="*")
    parser.add_argument("--data", type=Path)
    parser.add_argument("--fps", type=float)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--weights", type=Path)
    args = parser.parse_args()
    networks = load_networks(args.weights, torch.device("cpu"))
    ways = Ways(networks)
    if args.videos:
        readings = {v.name: read(networks, v, args.cache) for v in args.videos}
        report_videos(readings, ways, args.fps)
    if args.data:
        videos = of_split(read_corpus(args.data).videos, "Development")
        report_corpus(
            [read(networks, video.path, args.cache) for video in videos],
            np.array([float(video.score) for video in videos]),
            np.array([video.subject for video in videos]),
            ways,
        )


if __name__ == "__main__":
    main()
