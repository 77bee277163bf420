"""Size of the result files of a long recording, and the time and memory that writing them takes.

    python benchmarks/result_files.py --minutes 60 --fps 5

The frames hold random values, which compress into no fewer digits than real ones.
"""

import argparse
import resource
import time

import numpy as np

from depmap_cli import __version__
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.domain.bdi import BANDS
from depmap_cli.report.score.files import FORMATS, render_result
from depmap_cli.results import ActionUnitSummary, FrameRow, Report, ScoreResult, SourceVideo
from depmap_cli.scoring.timeline import timeline_of


def frame_rows(n: int, fps: float) -> list[FrameRow]:
    """Make ``n`` usable frames with random readings."""
    rng = np.random.default_rng(0)
    return [
        FrameRow(
            number=i + 1,
            time=i / fps,
            valid=True,
            reason="",
            origin="detected",
            n_faces=1,
            probability=0.99,
            box=rng.uniform(0, 1000, 4),
            landmarks=rng.uniform(0, 1000, (5, 2)),
            weight=1 / n,
            score=float(rng.uniform(0, 63)),
            logits=rng.normal(size=len(BANDS)),
            action_units=rng.random(len(ACTION_UNITS)),
            raw_action_units=rng.random(len(ACTION_UNITS)),
            angles=rng.normal(0, 15, 5),
        )
        for i in range(n)
    ]


def report_of(rows: list[FrameRow]) -> Report:
    """Make the parts of a report whose size depends on the number of frames."""
    units = [
        ActionUnitSummary(
            code=unit.code, name=unit.name, plain=unit.plain, mean=0.5, sd=0.3, peak=1.0,
            peak_time=0.0, share_of_time=0.5,
        )
        for unit in ACTION_UNITS
    ]  # fmt: skip
    return Report(
        depmap_version=__version__,
        source=SourceVideo(name="long.mp4"),
        status="scored",  # type: ignore[arg-type]
        action_units=units,
        timeline=timeline_of(rows),
    )


def main() -> None:
    """Print the sizes in megabytes, and seconds and peak memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=60)
    parser.add_argument("--fps", type=float, default=5)
    args = parser.parse_args()
    rows = frame_rows(round(args.minutes * 60 * args.fps), args.fps)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    result = ScoreResult(report=report_of(rows), frame_rows=rows)
    _, files = render_result(result, frozenset(FORMATS), "drawing")
    seconds = time.perf_counter() - start
    grown = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024
    for name, data in files.items():
        print(f"{name:12} {len(data) / 1e6:6.2f} MB")
    print(f"{len(rows)} frames: {seconds:.2f} s, peak memory {grown:.0f} MiB higher")
    start = time.perf_counter()
    shape = result.frames.shape
    print(f"DataFrame {shape[0]} x {shape[1]}: {time.perf_counter() - start:.2f} s with pandas")


if __name__ == "__main__":
    main()
