"""Measure whether key frames coincide with cues, on a simulated corpus with ground truth.

    python benchmarks/key_frames.py --data simavec --split Development [--weights FILE]

A frame is a cue if it belongs to an episode whose rate depends on severity, according to the ground
truth. Prints the precision of the 10 % of frames with the largest weights, pooled over videos, and
chance (the share of cues among all scored frames). The 95 % interval of the difference is from a
bootstrap over people. The same is printed for each severity band.
"""

import argparse
from pathlib import Path

import numpy as np

from depmap_cli.data.corpus import of_split
from depmap_cli.data.ground_truth import ground_truth_path
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.domain.bdi import BANDS, level_of
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.weights.loading import load_networks
from depmap_cli.workflows.evaluate import EvaluateOptions, score_clips
from depmap_cli.workflows.labelled_data import LabelledData

TOP = 0.1
DRAWS = 2000


def cues_at(data: Path, video: LabelledVideo, times: np.ndarray) -> np.ndarray:
    """Return whether the frame at each time (n,), in seconds, is a cue."""
    path = ground_truth_path(data, video.split, video.path.stem)
    with np.load(path, allow_pickle=False) as truth:
        cue, fps = truth["cue"], float(truth["fps"])
    frames: np.ndarray = cue[np.clip(np.round(times * fps).astype(int), 0, len(cue) - 1)]
    return frames.astype(bool)


def result_line(name: str, counts: np.ndarray, people: np.ndarray) -> str:
    """Format one line of the result.

    ``counts`` (clips, 4) holds for each clip the cues and the frames among the top frames, and the
    cues and the frames among all. ``people`` (clips,) holds the subjects.
    """

    def shares(rows: np.ndarray) -> tuple[float, float]:
        total = rows.sum(0)
        return float(total[0] / total[1]), float(total[2] / total[3])

    precision, chance = shares(counts)
    rng, groups = np.random.default_rng(0), np.unique(people)
    rows_of = {g: counts[people == g].sum(0) for g in groups}
    differences = []
    for _ in range(DRAWS):
        resampled = shares(np.stack([rows_of[g] for g in rng.choice(groups, len(groups))]))
        differences.append(resampled[0] - resampled[1])
    low, high = np.percentile(differences, [2.5, 97.5])
    return (
        f"{name:10} {len(counts):4d} clips  precision {precision:.3f}  chance {chance:.3f}  "
        f"difference {precision - chance:+.3f} ({low:+.3f} to {high:+.3f})"
    )


def main() -> None:
    """Print one line for all clips and one for each severity band."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="Development")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--cache", type=Path)
    args = parser.parse_args()
    networks = load_networks(args.weights, resolve_device("cpu"))
    source = LabelledData(data=args.data, cache=args.cache)
    options = EvaluateOptions(source=source, split=args.split, frames=args.frames)
    videos = of_split(source.read()[0], args.split)
    clips, estimates = score_clips(networks, videos, options, lambda *progress: None)
    counts = []
    for clip, estimate in zip(clips, estimates, strict=True):
        cue = cues_at(args.data, clip.video, clip.times[estimate.rows])
        weights = estimate.video.weights[0].numpy()
        top = np.argsort(-weights, kind="stable")[: max(1, round(TOP * len(weights)))]
        counts.append([cue[top].sum(), len(top), cue.sum(), len(cue)])
    table, people = np.array(counts), np.array([v.subject for v in videos])
    print(result_line("all", table, people))
    levels = np.array([level_of(v.score) for v in videos])
    for level, band in enumerate(BANDS):
        if (levels == level).any():
            print(result_line(band.name, table[levels == level], people[levels == level]))


if __name__ == "__main__":
    main()
