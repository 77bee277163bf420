"""Check that an estimate does not depend on the other videos scored or on their order.

    python benchmarks/leak_test.py --data simavec [--split Testing] [--weights FILE]

Scores the split in its own order, sorted by true score, shuffled and reversed, each time as
`depmap evaluate` does. Prints the largest difference from the first order in BDI-II points, which
must be 0. Then scores all videos as one batch (8 frames each), where only rounding may differ.
Prints no accuracy. Exits with 1 if an estimate differs.
"""

import argparse
import random
import sys
from pathlib import Path

import torch

from depmap_cli.config import PREPARED_FRAMES
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import of_split
from depmap_cli.evaluation.estimate_clip import estimate_clip
from depmap_cli.model.backbone import normalise_pixels
from depmap_cli.model.signals import mix_scores, signal_inputs
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.scoring.samplings import read_durations
from depmap_cli.semantics.signals import frame_readings, signals_of
from depmap_cli.weights.loading import Networks, load_networks
from depmap_cli.workflows.evaluate import EvaluateOptions, score_clips
from depmap_cli.workflows.labelled_data import LabelledData

FRAMES = 8
ROUNDING = 1e-2
"""Largest difference in BDI-II points that another order of floating-point sums may cause."""


def score_in_one_batch(networks: Networks, clips: list[VideoClip]) -> list[float]:
    """Return the scores of all clips, computed in one batch."""
    rows = [clip.sample_evenly(FRAMES) for clip in clips]
    pairs = list(zip(clips, rows, strict=True))
    pixels = torch.stack([normalise_pixels(torch.from_numpy(c.faces[r])) for c, r in pairs])
    features = [c.features[r] for c, r in pairs]
    semantics = networks.semantics
    text = torch.stack(
        [semantics.query(semantics.phrase_probabilities(s.image), s.angles) for s in features]
    )
    image = torch.stack([s.image for s in features])
    readings = torch.stack([frame_readings(s.au_probabilities, s.angles) for s in features])
    valid = torch.ones(pixels.shape[:2]).bool()
    with torch.inference_mode():
        videos, frames = networks.model(pixels, image, text, valid, readings)
        scores = frames.scores.view(pixels.shape[:2])
        if networks.model.signal_head is not None:
            neutral = networks.semantics.typical_neutral
            inputs = [
                signal_inputs(signals_of(seen, c.times[r], neutral))
                for seen, (c, r) in zip(features, pairs, strict=True)
            ]
            by_signals = [networks.model.signal_head(x) for x in inputs]
            durations = [torch.from_numpy(read_durations(c.times[r])).float() for c, r in pairs]
            frame_scores = zip(scores, videos.weights, by_signals, durations, strict=True)
            scores = torch.stack([mix_scores(*of_clip) for of_clip in frame_scores])
    return (videos.weights * scores).sum(1).clamp(0, 63).tolist()


def main() -> int:
    """Print one line for each order; return the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="Testing")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    networks = load_networks(args.weights, resolve_device("cpu"))
    options = EvaluateOptions(
        source=LabelledData(data=args.data, cache=args.cache), split=args.split
    )
    videos = of_split(options.source.read()[0], args.split)
    orders = {
        "corpus order": videos,
        "sorted by score": sorted(videos, key=lambda video: video.score),
        "shuffled": random.Random(0).sample(videos, len(videos)),
        "reversed": videos[::-1],
    }
    reference: dict[Path, float] = {}
    differs = False
    for name, order in orders.items():
        _, estimates = score_clips(networks, order, options, lambda *progress: None)
        scores = {video.path: e.score for video, e in zip(order, estimates, strict=True)}
        reference = reference or scores
        difference = max(abs(scores[path] - reference[path]) for path in reference)
        differs |= difference != 0
        print(f"{name:20} {len(scores)} clips, largest difference {difference:g}")
    clips = options.source.clips(
        orders["sorted by score"],
        networks.config.faces,
        networks.semantics,
        networks.device,
        lambda *progress: None,
        PREPARED_FRAMES,
    )
    single_scores = [
        estimate_clip(
            model=networks.model,
            semantics=networks.semantics,
            clip=c,
            frames=FRAMES,
            training_frames=FRAMES,
            device=networks.device,
        ).score
        for c in clips
    ]
    scores = score_in_one_batch(networks, clips)
    difference = max(abs(a - b) for a, b in zip(single_scores, scores, strict=True))
    print(f"{'in one batch':20} {len(scores)} clips, largest difference {difference:.2g}")
    return int(differs or difference > ROUNDING)


if __name__ == "__main__":
    sys.exit(main())
