"""Compute a whole evaluation report from a table of clips."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from depmap_cli.domain.bdi import BANDS, level_of
from depmap_cli.errors import DataInvalid
from depmap_cli.evaluation.baselines import BaselinePrediction, baseline_predictions
from depmap_cli.evaluation.results import (
    About,
    Bootstrap,
    ClipRow,
    Comparison,
    Comparisons,
    EvaluationReport,
    Group,
    Intervals,
    Subgroups,
)
from depmap_cli.evaluation.score_table import OURS, EvaluatedClip, ScoreTable, TrainingFacts
from depmap_cli.evaluation.subgroups import groups_of
from depmap_cli.evaluation.table_metrics import (
    bland_altman_of,
    calibration_of,
    compare,
    errors_of,
    interval_ends,
)
from depmap_cli.stats.conformal import DEFAULT_COVERAGE

GroupBuilder = Callable[[str, np.ndarray], Group]
"""Takes a name and a mask of rows; returns the errors of these rows."""


def evaluate_table(
    clips: Sequence[EvaluatedClip],
    training: TrainingFacts,
    about: About,
    half_widths: np.ndarray | None = None,
    level: float = DEFAULT_COVERAGE,
    attributes: Mapping[str, Mapping[str, str]] | None = None,
    bootstrap: Bootstrap | None = None,
    others: Sequence[BaselinePrediction] = (),
    caution: str = "",
) -> EvaluationReport:
    """Compute all metrics of one split and of the baselines, with intervals over people.

    Args:
        half_widths: (clips,) of the prediction intervals of nominal coverage ``level``, points;
            infinite if there are too few calibration people, None without calibration.
        attributes: attribute -> subject -> value, from ``read_attributes``.
        others: predictions of other weights for the same clips; listed before the baselines.
        caution: see ``Intervals.caution``.

    Raises:
        DataInvalid: there are no clips, or a score or an estimate is not finite.
    """
    part = EvaluationPart(
        clips=clips, training=training, half_widths=half_widths, others=others, caution=caution
    )
    return evaluate_parts([part], about, level, attributes, bootstrap)


@dataclass(frozen=True, kw_only=True)
class EvaluationPart:
    """Clips evaluated with the same weights: a split, or one of several folds."""

    clips: Sequence[EvaluatedClip]
    training: TrainingFacts
    half_widths: np.ndarray | None = None  # as in ``evaluate_table``
    others: Sequence[BaselinePrediction] = ()  # the same methods in every part
    caution: str = ""  # see ``Intervals.caution``

    @property
    def predictions(self) -> list[BaselinePrediction]:
        """Predictions of other weights and of the baselines for these clips."""
        return [*self.others, *baseline_predictions(self.clips, self.training)]

    @property
    def seen(self) -> np.ndarray:
        """Mask of the clips of people whom the weights know, (clips,)."""
        return np.array([clip.subject in self.training.subjects for clip in self.clips], bool)


def evaluate_parts(
    parts: Sequence[EvaluationPart],
    about: About,
    level: float = DEFAULT_COVERAGE,
    attributes: Mapping[str, Mapping[str, str]] | None = None,
    bootstrap: Bootstrap | None = None,
) -> EvaluationReport:
    """Compute all metrics of the clips of all parts; each part has its own baselines.

    Raises:
        DataInvalid: as ``evaluate_table``.
    """
    clips = [clip for part in parts for clip in part.clips]
    _check_clips(clips)
    bootstrap = bootstrap or Bootstrap()
    predictions = _pool_predictions([part.predictions for part in parts])
    half_widths = _half_widths(parts)
    intervals = _intervals(level, half_widths, parts[0].caution)
    has_intervals = intervals is not None and intervals.half_width is not None
    columns = {baseline.name: values for baseline, values in predictions}
    table = _table(clips, columns, half_widths if has_intervals else None)
    sessions = table.by_session([clip.session for clip in clips])
    seen = np.concatenate([part.seen for part in parts])
    tasks = np.array([clip.task for clip in clips])

    def group(name: str, rows: np.ndarray) -> Group:
        return Group(name=name, errors=errors_of(table.where(rows), bootstrap))

    return EvaluationReport(
        **dict(about),
        bootstrap=bootstrap,
        n_clips=len(clips),
        n_sessions=len(sessions.truth),
        n_people=len(np.unique(table.people)),
        n_unseen=len(np.unique(table.people[~seen])),
        baselines=[baseline for baseline, _ in predictions],
        agreement=_comparisons(table, sessions, tasks, seen, bootstrap),
        errors=errors_of(table, bootstrap),
        bands=_bands(table.truth, group),
        intervals=intervals,
        subgroups=_subgroups(attributes or {}, table.people, group),
        calibration=calibration_of(table, bootstrap),
        bland_altman=bland_altman_of(sessions, bootstrap),
        table=_rows(clips, table, seen),
    )


def _pool_predictions(parts: Sequence[Sequence[BaselinePrediction]]) -> list[BaselinePrediction]:
    """The methods of all parts, each with its predictions for all clips."""
    methods = []
    for method in zip(*parts, strict=True):
        informed = sum(about.informed for about, _ in method)
        about = method[0][0].model_copy(update={"informed": informed})
        methods.append((about, np.concatenate([values for _, values in method])))
    return methods


def _half_widths(parts: Sequence[EvaluationPart]) -> np.ndarray | None:
    """Half width of each clip's interval, (clips,); None unless all parts have intervals."""
    columns = []
    for part in parts:
        if part.half_widths is None:
            return None
        columns.append(part.half_widths)
    return np.concatenate(columns)


def _check_clips(clips: Sequence[EvaluatedClip]) -> None:
    if not clips:
        raise DataInvalid("no clip was scored", "check the split, and why videos were left out")
    for clip in clips:
        if not np.isfinite([clip.score, clip.estimate]).all():
            raise DataInvalid(
                f"{clip.video}: score or estimate is not a finite number",
                "check the list of scores",
            )


def _table(
    clips: Sequence[EvaluatedClip], columns: dict[str, np.ndarray], half_widths: np.ndarray | None
) -> ScoreTable:
    estimate = np.array([clip.estimate for clip in clips], float)
    return ScoreTable(
        people=np.array([clip.subject for clip in clips]),
        truth=np.array([clip.score for clip in clips], float),
        estimates={OURS: estimate, **columns},
        half_widths=half_widths,
    )


def _comparisons(
    table: ScoreTable,
    sessions: ScoreTable,
    tasks: np.ndarray,
    seen: np.ndarray,
    bootstrap: Bootstrap,
) -> Comparisons:
    def part(name: str, rows: np.ndarray) -> Comparison | None:
        return compare(name, table.where(rows), bootstrap) if rows.any() else None

    return Comparisons(
        clips=compare("clips", table, bootstrap),
        sessions=compare("sessions", sessions, bootstrap),
        tasks=[compare(str(t), table.where(tasks == t), bootstrap) for t in np.unique(tasks)],
        seen=part("seen in training", seen),
        unseen=part("not seen in training", ~seen),
    )


def _bands(truth: np.ndarray, group: GroupBuilder) -> list[Group]:
    """Errors by the severity band of the score; an empty band has n = 0."""
    numbers = np.array([level_of(score) for score in truth])
    return [group(band.name, numbers == i) for i, band in enumerate(BANDS)]


def _intervals(level: float, half_widths: np.ndarray | None, caution: str) -> Intervals | None:
    if half_widths is None:
        return None
    mean = float(half_widths.mean())
    known = mean if np.isfinite(mean) else None
    return Intervals(level=level, half_width=known, caution=caution)


def _subgroups(
    attributes: Mapping[str, Mapping[str, str]],
    people: np.ndarray,
    group: GroupBuilder,
) -> list[Subgroups]:
    """The errors of each group of each attribute."""
    return [
        Subgroups(
            attribute=attribute,
            groups=[
                group(name, np.isin(people, members))
                for name, members in groups_of(values, people.tolist()).items()
            ],
        )
        for attribute, values in attributes.items()
    ]


def _rows(
    clips: Sequence[EvaluatedClip],
    table: ScoreTable,
    seen: np.ndarray,
) -> list[ClipRow]:
    ends: tuple[Sequence[float | None], ...] = ([None] * len(clips),) * 2
    if table.half_widths is not None:
        ends = tuple(e.tolist() for e in interval_ends(table.estimates[OURS], table.half_widths))
    baselines = {name: values for name, values in table.estimates.items() if name != OURS}
    return [
        ClipRow(
            video=clip.video,
            subject=clip.subject,
            session=clip.session,
            task=clip.task,
            score=clip.score,
            estimate=clip.estimate,
            low=ends[0][i],
            high=ends[1][i],
            band=BANDS[level_of(clip.score)].name,
            seen=bool(seen[i]),
            duration=clip.duration,
            levels=None if clip.levels is None else list(clip.levels),
            baselines={name: float(values[i]) for name, values in baselines.items()},
        )
        for i, clip in enumerate(clips)
    ]
