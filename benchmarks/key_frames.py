"""Whether key frames lie where the cues are, on a simulated corpus that knows.

    python benchmarks/key_frames.py --data simavec --split Development [--weights FILE]

A frame is a cue where the ground truth says that an episode whose rate depends on severity is under
way. Prints the precision of the top tenth of the frames by weight, pooled over videos, beside
chance (the share of cues among all frames looked at), with a 95 % interval for the difference from
drawing people; and the same by severity band.
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
    """Whether each time (n,) in seconds lies in a cue."""
    path = ground_truth_path(data, video.split, video.path.stem)
    with np.load(path, allow_pickle=False) as truth:
        cue, fps = truth["cue"], float(truth["fps"])
    frames: np.ndarray = cue[np.clip(np.round(times * fps).astype(int), 0, len(cue) - 1)]
    return frames.astype(bool)


def line(name: str, counts: np.ndarray, people: np.ndarray) -> str:
    """``counts`` (clips, 4): cues and frames among the top, cues and frames of all."""

    def gain(rows: np.ndarray) -> tuple[float, float]:
        total = rows.sum(0)
        return float(total[0] / total[1]), float(total[2] / total[3])

    precision, chance = gain(counts)
    make, groups = np.random.default_rng(0), np.unique(people)
    rows_of = {g: counts[people == g].sum(0) for g in groups}
    drawn = []
    for _ in range(DRAWS):
        one = gain(np.stack([rows_of[g] for g in make.choice(groups, len(groups))]))
        drawn.append(one[0] - one[1])
    low, high = np.percentile(drawn, [2.5, 97.5])
    return (
        f"{name:10} {len(counts):4d} clips  precision {precision:.3f}  chance {chance:.3f}  "
        f"difference {precision - chance:+.3f} ({low:+.3f} to {high:+.3f})"
    )


def main() -> None:
    """Print a line for all and one a band."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="Development")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--frames", type=int, default=128)
    parser.add_argument("--cache", type=Path)
    given = parser.parse_args()
    networks = load_networks(given.weights, resolve_device("cpu"))
    source = LabelledData(data=given.data, cache=given.cache)
    options = EvaluateOptions(source=source, split=given.split, frames=given.frames)
    videos = of_split(source.read()[0], given.split)
    clips, estimates = score_clips(networks, videos, options, lambda *told: None)
    counts = []
    for clip, estimate in zip(clips, estimates, strict=True):
        cue = cues_at(given.data, clip.video, clip.times[estimate.rows])
        weights = estimate.video.weights[0].numpy()
        top = np.argsort(-weights, kind="stable")[: max(1, round(TOP * len(weights)))]
        counts.append([cue[top].sum(), len(top), cue.sum(), len(cue)])
    table, people = np.array(counts), np.array([r.subject for r in videos])
    print(line("all", table, people))
    levels = np.array([level_of(r.score) for r in videos])
    for level, band in enumerate(BANDS):
        if (levels == level).any():
            print(line(band.name, table[levels == level], people[levels == level]))


if __name__ == "__main__":
    main()
