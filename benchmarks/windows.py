"""Whether two windows of one person are estimated more alike than two people are.

    python benchmarks/windows.py VIDEO... [--weights FILE]

Scores the first and the second half of every video, each of another person, and prints the
estimates, the mean difference between the halves of one video, and that between halves of two.
"""

import argparse
from itertools import combinations
from pathlib import Path

import numpy as np

from depmap_cli.scoring.options import ScoreOptions
from depmap_cli.scoring.scorer import Scorer
from depmap_cli.video.reader import probe


def halves(scorer: Scorer, video: Path) -> list[float] | None:
    """Estimates from the first and the second half; None if one of them is refused."""
    middle = (probe(video).duration or 0.0) / 2
    windows = ScoreOptions(end=middle), ScoreOptions(start=middle)
    estimates = [scorer.score(video, window).report.estimate for window in windows]
    scores = [estimate.score for estimate in estimates if estimate]
    return scores if len(scores) == len(windows) else None


def main() -> None:
    """Print a line a video, and the two means."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("videos", type=Path, nargs="+")
    parser.add_argument("--weights", type=Path)
    given = parser.parse_args()
    scorer, found = Scorer.load(given.weights), []
    for video in given.videos:
        pair = halves(scorer, video)
        print(video.name, "refused" if pair is None else "{:.1f} and {:.1f}".format(*pair))
        if pair:
            found.append(pair)
    within = np.mean([abs(first - second) for first, second in found])
    between = np.mean(
        [abs(a - b) for one, other in combinations(found, 2) for a in one for b in other]
    )
    print(f"mean difference: {within:.2f} within {len(found)} people, {between:.2f} between them")


if __name__ == "__main__":
    main()
