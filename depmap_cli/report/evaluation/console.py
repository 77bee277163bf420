"""An evaluation in the terminal: metrics with their uncertainty, and those of the baselines."""

from rich.console import Console, Group, RenderableType
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from depmap_cli.domain.bdi import BANDS
from depmap_cli.evaluation.baselines import MEAN, RIDGE
from depmap_cli.evaluation.results import (
    Agreement,
    Baseline,
    Comparison,
    Errors,
    EvaluationReport,
    Metric,
)
from depmap_cli.io.clean_text import clean
from depmap_cli.report.evaluation.page import comparisons
from depmap_cli.report.terminal import emit
from depmap_cli.report.text import (
    SELECTED,
    SIMULATED,
    about_data,
    joined,
    metric_text,
    missing_intervals,
    percent,
    range_text,
    share_range_text,
    share_text,
    unseen_text,
)


def render_evaluation(console: Console, report: EvaluationReport) -> None:
    """Print the metrics that a paper would report, within 80 columns; the page has all of them."""
    name = f"{report.weights.file} on {report.data}, {report.split}"
    people = (
        f"{report.n_clips} clips, {report.n_sessions} sessions of {report.n_people} people, "
        f"{unseen_text(report)}"
    )
    confidence = f"{report.bootstrap.confidence * 100:g} % intervals, bootstrap over people"
    parts: list[RenderableType] = [Rule(Text(clean(name), style="bold")), Text(people)]
    parts += [Text(line, style="dim") for line in about_data(report)]
    parts.append(Text())
    parts += [_agreement(report), Text(confidence, style="dim"), Text()]
    parts += [
        Text("RMSE of the estimates minus that of the baseline; below 0 is better", style="bold")
    ]
    parts += [_differences(report), *_uninformed(report), Text()]
    parts.append(Text("By severity band", style="bold"))
    parts += [_errors([(g.name, g.errors) for g in report.bands] + [("all", report.errors)])]
    parts.append(Text(_intervals(report), style="dim"))
    for subgroups in report.subgroups:
        groups = [(clean(group.name), group.errors) for group in subgroups.groups]
        parts += [Text(), Text(f"By {clean(subgroups.attribute)}", style="bold"), _errors(groups)]
    parts.append(Text())
    if report.split == "Development":
        parts.append(Text(f"Development: {SELECTED}", style="italic"))
    if report.weights.simulated:
        parts.append(Text(SIMULATED, style="italic"))
    emit(console, Group(*parts, Text(report.disclaimer, style="italic"), Rule()))


def _table(first: str, *columns: str) -> Table:
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="dim")
    table.add_column(first, overflow="fold")
    for name in columns:
        table.add_column(name, justify="right", no_wrap=True)
    return table


def _agreement(report: EvaluationReport) -> Table:
    """All baselines for clips and sessions; for other groups only weights, mean and ridge.

    Baselines without information on any clip are omitted: they repeat the mean.
    """
    titles = {baseline.name: baseline.title for baseline in _informed(report)}
    few = {b.name for b in report.baselines if b.weights is not None} | {MEAN, RIDGE}
    table = _table("", "RMSE", "MAE", "PCC", "CCC")
    for number, (title, part) in enumerate(comparisons(report)):
        rows = "sessions" if part is report.agreement.sessions else "clips"
        size = f"{part.estimates.n} {rows} of {part.estimates.people} people"
        label = Text.assemble((clean(title), "bold"), (f"\n{size}", "dim"))
        table.add_row(label, *_cells(part.estimates, with_range=True))
        for baseline in part.baselines:
            if baseline.baseline in titles and (number < 2 or baseline.baseline in few):
                cells = _cells(baseline.agreement, with_range=False)
                table.add_row(Text(f"  {clean(titles[baseline.baseline])}"), *cells)
    return table


def _informed(report: EvaluationReport) -> list[Baseline]:
    return [baseline for baseline in report.baselines if baseline.informed]


def _uninformed(report: EvaluationReport) -> list[Text]:
    """Say which baselines had to predict the training mean, and how often."""
    some = [
        f"{clean(b.title)}: has information on {b.informed} of {report.n_clips} clips, "
        "predicts the mean for the rest"
        for b in _informed(report)
        if b.informed < report.n_clips
    ]
    none = [clean(b.title) for b in report.baselines if not b.informed]
    omitted = [f"Omitted, without information on these clips: {joined(none)}"] if none else []
    return [Text(line, style="dim") for line in some + omitted]


def _cells(of: Agreement, with_range: bool) -> list[Text]:
    return [_cell(metric, with_range) for metric in (of.rmse, of.mae, of.pcc, of.ccc)]


def _cell(metric: Metric, with_range: bool = True, digits: int = 2) -> Text:
    """The metric, and below it its interval."""
    ends = range_text(metric, digits) if with_range else ""
    return _two_lines(metric_text(metric, digits), ends)


def _two_lines(value: str, ends: str) -> Text:
    return Text.assemble(value, (f"\n{ends}" if ends else "", "dim"), justify="right")


def _differences(report: EvaluationReport) -> Table:
    agreement = report.agreement
    columns: list[tuple[str, Comparison]] = [("clips", agreement.clips)]
    columns.append(("sessions", agreement.sessions))
    if agreement.seen and agreement.unseen:
        columns += [("people seen", agreement.seen), ("not seen", agreement.unseen)]
    table = _table("", *(name for name, _ in columns))
    for i, baseline in enumerate(report.baselines):
        if not baseline.informed:
            continue
        cells = [_cell(part.baselines[i].rmse_difference) for _, part in columns]
        table.add_row(Text(clean(baseline.title)), *cells)
    return table


def _errors(groups: list[tuple[str, Errors]]) -> Table:
    table = _table("", "clips", "people", "RMSE", "MAE", "bias", "covered")
    edges = {band.name: f"\n{band.low}–{band.high}" for band in BANDS}
    for name, errors in groups:
        covered = _two_lines(share_text(errors.coverage), share_range_text(errors.coverage))
        metrics = [_cell(m, digits=1) for m in (errors.rmse, errors.mae, errors.bias)]
        label = Text.assemble(name, (edges.get(name, ""), "dim"))
        table.add_row(label, str(errors.n), str(errors.people), *metrics, covered)
    return table


def _intervals(report: EvaluationReport) -> str:
    missing = missing_intervals(report.intervals)
    if report.intervals is None or missing:
        return f"No intervals: {missing}"
    width = f"mean width {metric_text(report.errors.width, 1)} points"
    caution = f"; {report.intervals.caution}" if report.intervals.caution else ""
    level = percent(report.intervals.level)
    return f"covered: share of scores inside their {level} interval; {width}{caution}"
