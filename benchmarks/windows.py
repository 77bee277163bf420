"""Compare estimates between two halves of one video with estimates between people.

    python benchmarks/windows.py VIDEO VIDEO... [--weights FILE]

Each video must show another person. Scores the first and the second half of each video. Prints the
estimates, the mean difference between the halves of one video, and the mean difference between
halves of different videos.
"""

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np

from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.scorer import Scorer
from depmap_cli.video.reader import probe


def halves(scorer: Scorer, video: Path) -> list[float] | None:
    """Return the scores of the first and the second half; None if one of them is refused."""
    middle = (probe(video).duration or 0.0) / 2
    windows = ScoreOptions(end=middle), ScoreOptions(start=middle)
    estimates = [scorer.score(video, window).report.estimate for window in windows]
    scores = [estimate.score for estimate in estimates if estimate]
    return scores if len(scores) == len(windows) else None


def main() -> None:
    """Print one line for each video, and the two means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path)
    args = parser.parse_args()
    if len(args.videos) < 2:
        parser.error("at least two videos are needed")
    scorer, pairs = Scorer.load(args.weights), []
    for video in args.videos:
        pair = halves(scorer, video)
        print(video.name, "refused" if pair is None else "{:.1f} and {:.1f}".format(*pair))
        if pair:
            pairs.append(pair)
    within = np.mean([abs(first - second) for first, second in pairs])
    between = np.mean(
        [
            abs(a - b)
            for first_pair, second_pair in combinations(pairs, 2)
            for a in first_pair
            for b in second_pair
        ]
    )
    print(f"mean difference: {within:.2f} within {len(pairs)} people, {between:.2f} between people")


if __name__ == "__main__":
    main()
