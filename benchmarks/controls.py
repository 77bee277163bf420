"""Controls of the parts of Dep-MAP that can fail: does each part carry the estimate?

    python -m benchmarks.controls --data CORPUS [--weights FILE] [--split Development] [--frames N]
        [--constant MODULE ...] [--compare-with FILE] [--no-ridge] [--json]

Nothing is retrained. A control switches a part off, or replaces it by something that cannot know
better, and scores the same frames again. The table gives the RMSE under each control, RMSE and r of
the estimates as trained minus those under the control, and by how many points the control moves an
estimate on average. Rows are recordings (the mean over the clips of a session); intervals are from
a bootstrap over people, paired. A part carries the estimate if the interval of the difference of
RMSE lies below 0; it is idle if its control moves estimates by less than 0.25 points.

signals       The network alone, without the regression on signals.
network       The regression on signals alone.
prototypes    Random directions, or the mean token of the most similar channel, in place of each
              prototype; Eq. (13) is standardised again on the scored frames.
w             The mean over each level in place of the weights of Eq. (13).
MAP           Equal weights of all frames; the same weights on random frames.
attention     Each channel attention of MSR at its mean over all frames; ESA with the mean text and
              image embedding of all frames.
ESA, KDM      Switched off; KDM only if scoring uses an encoder of a shallower scale.
key frames    The clip is scored without its frames of largest weight, and without as many random
              frames. Below 0: the key frames are missed more.
--constant    The mean over all frames in place of the output of any module, by its name.
baselines     The mean of Training; ridge regression on the tool's readings; other weights.

Then follow measures of the parts: what tokens, prototypes, weights and attention vary with, and the
share of each loss's gradient that reaches parameters which the score depends on.

A control that replaces what a linear head was fitted to also shifts the estimates, so its RMSE can
rise although nothing was known: compare r as well. Development was used for selection.
"""

import argparse
import dataclasses
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.part_controls import (
    AS_TRAINED,
    Estimates,
    Scoring,
    deletions,
    estimate_all,
    key_of,
    modules_of,
    shallow_encoders,
)
from benchmarks.part_measures import (
    GradientShare,
    Measure,
    attention_measures,
    gradient_shares,
    token_measures,
    weight_measures,
)
from depmap_cli.data.corpus import of_split
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.evaluation.baselines import MEAN, RIDGE, baseline_predictions
from depmap_cli.evaluation.bootstrap import PeopleBootstrap, drawn_metrics
from depmap_cli.evaluation.results import Bootstrap, Metric
from depmap_cli.evaluation.score_table import ScoreTable
from depmap_cli.model.behaviour import BehaviourEncoder
from depmap_cli.runtime.devices import resolve_device
from depmap_cli.weights.loading import Networks, load_networks
from depmap_cli.workflows.evaluate import (
    EvaluateOptions,
    clip_rows,
    describe_training,
    score_clips,
    training_facts,
)
from depmap_cli.workflows.labelled_data import LabelledData, prepared_frames

IDLE = 0.25
"""Points by which a control must move an estimate on average, or its part counts as idle."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table: estimates with a part against those without it."""

    part: str
    name: str
    rmse: float  # under the control
    difference: Metric  # of the RMSE, with the part minus without it
    r_difference: Metric
    moved: float  # points, mean over recordings
    verdict: str


class Table:
    """Compares estimates of recordings, paired over people."""

    def __init__(self, videos: Sequence[LabelledVideo], bootstrap: Bootstrap | None = None) -> None:
        self._people = np.array([video.subject for video in videos])
        self._truth = np.array([video.score for video in videos], float)
        self._sessions = [video.session for video in videos]
        self._bootstrap = bootstrap or Bootstrap()

    def compare(
        self, part: str, name: str, ours: np.ndarray, other: np.ndarray, intact: np.ndarray
    ) -> Row:
        """Compare estimates (draws, clips) with a part, ``ours``, and without it."""
        draws = {f"ours {i}": values for i, values in enumerate(ours)}
        draws |= {f"other {i}": values for i, values in enumerate(other)}
        table = ScoreTable(
            people=self._people,
            truth=self._truth,
            estimates={**draws, AS_TRAINED: intact},
        ).by_session(self._sessions)
        sample = PeopleBootstrap(table.people, self._bootstrap)
        metrics = {m: drawn_metrics(sample, table.truth, e) for m, e in table.estimates.items()}

        def mean(side: str, metric: str) -> np.ndarray:
            chosen = [values[metric] for m, values in metrics.items() if m.startswith(side)]
            average: np.ndarray = np.mean(chosen, axis=0)
            return average

        without = [e for m, e in table.estimates.items() if m.startswith("other")]
        moved = float(np.mean([np.abs(e - table.estimates[AS_TRAINED]) for e in without]))
        difference = sample.metric(mean("ours", "rmse") - mean("other", "rmse"))
        return Row(
            part=part,
            name=name,
            rmse=float(mean("other", "rmse")[0]),
            difference=difference,
            r_difference=sample.metric(mean("ours", "pcc") - mean("other", "pcc")),
            moved=moved,
            verdict=_verdict(difference, moved),
        )

    def changes(self, first: np.ndarray, second: np.ndarray, intact: np.ndarray) -> Metric:
        """How much more the second estimates (draws, clips) differ from the intact ones; points."""
        sample = PeopleBootstrap(self._people, self._bootstrap)
        one, two = (np.abs(values - intact).mean(0) for values in (first, second))
        return sample.metric(sample.means(two - one)[0])


def _verdict(difference: Metric, moved: float) -> str:
    if moved < IDLE:
        return "idle"
    if difference.low is None or difference.high is None:
        return "no interval"
    if difference.high < 0:
        return "carries"
    return "harms" if difference.low > 0 else "not shown"


def rows_of(estimates: Estimates, table: Table) -> list[Row]:
    """The rows of all controls, then those of removed frames."""
    ours = estimates.values[AS_TRAINED]
    rows = [
        table.compare(c.part, c.name, ours, estimates.values[key_of(c)], ours[0])
        for c in estimates.controls
    ]
    for share, random, key in deletions():
        pair = estimates.values[key_of(random)], estimates.values[key_of(key)]
        rows.append(table.compare("key frames", f"{share:.0%} removed", *pair, ours[0]))
    return rows


def baseline_rows(
    networks: Networks,
    options: EvaluateOptions,
    estimates: Estimates,
    table: Table,
    others: Sequence[Path],
) -> list[Row]:
    """Estimates against the mean, the ridge regression and other weights."""
    videos = options.source.read()[0]
    facts = training_facts(networks, videos, options.split)
    described = describe_training(networks, videos, options, _silent)
    clips = clip_rows(networks, estimates.clips, estimates.intact)
    ours = estimates.values[AS_TRAINED]
    rows = [
        table.compare("baseline", about.title, ours, values[None], ours[0])
        for about, values in baseline_predictions(clips, replace(facts, described=described))
        if about.name in (MEAN, RIDGE) and about.informed
    ]
    chosen = [clip.video for clip in estimates.clips]
    for path in others:
        scored = score_clips(load_networks(path, networks.device), chosen, options, _silent)[1]
        values = np.array([[estimate.score for estimate in scored]])
        rows.append(table.compare("baseline", path.stem, ours, values, ours[0]))
    return rows


def _silent(*progress: object) -> None:
    """Show no progress."""


def print_rows(rows: Sequence[Row]) -> None:
    """Print the table of controls."""
    print(f"{'part':12} {'control':28} {'RMSE':>6}  {'difference of RMSE':24} {'of r':>22}  moved")
    for row in rows:
        print(
            f"{row.part:12} {row.name:28.28} {row.rmse:6.2f}  {_text(row.difference):24} "
            f"{_text(row.r_difference):>22}  {row.moved:5.2f}  {row.verdict}"
        )


def _text(metric: Metric) -> str:
    if metric.value is None:
        return "-"
    ends = "" if metric.low is None else f" ({metric.low:+.2f} to {metric.high:+.2f})"
    return f"{metric.value:+.2f}{ends}"


def main() -> None:
    """Print the table of controls and the measures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--split", default="Development")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--cache", type=Path)
    parser.add_argument("--frames", type=int, help="of each clip; default: as depmap evaluate")
    parser.add_argument("--clips", type=int, help="only the first clips of the split")
    parser.add_argument("--constant", action="append", default=[], metavar="MODULE")
    parser.add_argument("--compare-with", type=Path, action="append", default=[])
    parser.add_argument("--no-ridge", action="store_true", help="do not prepare Training")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    networks = load_networks(args.weights, resolve_device(args.device))
    source = LabelledData(data=args.data, cache=args.cache)
    options = EvaluateOptions(
        source=source,
        weights=args.weights,
        split=args.split,
        frames=args.frames,
        ridge=not args.no_ridge,
    )
    frames = options.frames_of(networks)
    clips = source.clips(
        of_split(source.read()[0], args.split)[: args.clips],
        networks.config.faces,
        networks.semantics,
        networks.device,
        _silent,
        prepared_frames(frames),
    )
    scoring = Scoring(
        model=networks.model,
        semantics=networks.semantics,
        device=networks.device,
        frames=frames,
        training_frames=networks.config.train.frames,
    )
    estimates = estimate_all(scoring, clips, args.constant, _show_progress)
    table, seen = Table([clip.video for clip in clips]), estimates.seen
    ours = estimates.values[AS_TRAINED]
    trained = table.compare("", AS_TRAINED, ours, ours, ours[0])
    rows = rows_of(estimates, table)
    rows += baseline_rows(networks, options, estimates, table, args.compare_with)
    measures = [*weight_measures(seen.weights), *attention_measures(seen.attention)]
    if seen.prototypes is not None:
        measures = [*token_measures(seen.tokens, seen.prototypes), *measures]
    removed = {
        f"{share:.0%}": table.changes(
            estimates.values[key_of(random)], estimates.values[key_of(key)], ours[0]
        )
        for share, random, key in deletions()
    }
    gradients = gradient_shares(networks, clips, networks.config.train)
    if args.json:
        print(json.dumps(_document(trained, rows, removed, measures, gradients), indent=1))
        return
    people = len({clip.video.subject for clip in clips})
    print(f"{networks.path.name}, {args.split}: {len(clips)} clips of {people} people, {frames}")
    print(f"frames each. RMSE of recordings as trained: {trained.rmse:.2f}\n")
    print_rows(rows)
    if modules_of(networks.model, BehaviourEncoder) and not shallow_encoders(networks.model, seen):
        print("KDM: no encoder of a shallower scale is on the scoring path")
    print("\nBy how many points key frames move an estimate more than random ones, if removed:")
    print(", ".join(f"{share}: {_text(metric)}" for share, metric in removed.items()), end="\n\n")
    for measure in measures:
        print(f"{measure.name}: {measure.value:.3f} ({measure.note})")
    print("\nGradients in a batch: share that reaches the score; norm relative to squared error")
    for shares in gradients:
        print(f"{shares.loss:20} {shares.reaching:.3f}  {shares.relative:.3f}")


def _document(
    trained: Row,
    rows: Sequence[Row],
    removed: dict[str, Metric],
    measures: Sequence[Measure],
    gradients: Sequence[GradientShare],
) -> dict[str, Any]:
    def row(of: Row) -> dict[str, Any]:
        metrics = {n: getattr(of, n).model_dump() for n in ("difference", "r_difference")}
        return {**vars(of), **metrics}

    return {
        "rmse": trained.rmse,
        "rows": [row(r) for r in rows],
        "removed": {share: metric.model_dump() for share, metric in removed.items()},
        "measures": [dataclasses.asdict(m) for m in measures],
        "gradients": [dataclasses.asdict(g) for g in gradients],
    }


def _show_progress(done: int, total: int) -> None:
    print(f"\r{done} of {total}", end="\n" if done == total else "", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
