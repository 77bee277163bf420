"""The report of one video, and the table of several, in the terminal.

Both fit 80 columns and are readable without colour.
"""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from depmap_cli.io.clean_text import clean
from depmap_cli.report.score.behaviour import basis_text, steadiness_facts
from depmap_cli.report.score.console_behaviour import behaviour_part
from depmap_cli.report.score.gauge import gauge_rows
from depmap_cli.report.terminal import RIGHT, Column, emit, folded, terminal_table
from depmap_cli.report.text import (
    LEVEL_NOTE,
    OUT_OF_DISTRIBUTION,
    SIMULATED,
    UNRELIABLE_NOTE,
    Fact,
    clock,
    facts_about,
    has_key_frames,
    in_plain_words,
    interval_text,
    number,
    percent,
    sparkline,
    threshold_text,
    training_text,
    units_note,
    video_text,
    weight_text,
)
from depmap_cli.results import (
    ActionUnitSummary,
    Check,
    Estimate,
    KeyFrame,
    LevelEvidence,
    Quality,
    Report,
    Status,
    Steadiness,
    Timeline,
    Verdict,
    WeightsInfo,
)

_MARKS = {Verdict.passed: "pass", Verdict.warn: "WARN", Verdict.refuse: "REFUSE"}
_STYLES = {Verdict.passed: "green", Verdict.warn: "yellow", Verdict.refuse: "bold red"}
_N_KEYFRAMES = 5


def render_report(console: Console, report: Report) -> None:
    """Print one video's report to ``console``."""
    parts: list[RenderableType] = [Rule(Text(clean(report.source.name), style="bold"))]
    parts.append(Text(video_text(report), style="dim", justify="center"))
    if report.status is not Status.scored:
        parts += _failure(report)
    if report.estimate:
        parts += _estimate(report, report.estimate, console.width)
    if report.estimate and report.levels:
        parts += _section("Similarity to each severity level", _levels(report.levels))
    if report.estimate and report.steadiness:
        parts += _section("Steadiness", _steadiness(report.steadiness, report.estimate))
    if report.quality:
        parts += _section(*_quality(report.quality))
    if report.keyframes:
        title = "Key frames (those with the most weight in the estimate)"
        if not has_key_frames(report):
            title = "Sample frames (this model has no key frames)"
        parts += _section(title, _keyframes(report))
    if report.behaviour:
        title = f"Facial behaviour ({basis_text(report.behaviour)})"
        parts += _section(title, behaviour_part(report.behaviour))
    if report.action_units:
        parts += _section("Facial action units", _action_units(report))
    if report.weights:
        parts += _section("Weights", _weights(report.weights))
    parts += [Text(), Text(report.disclaimer, style="italic"), Rule()]
    emit(console, Group(*parts))


def render_batch(console: Console, reports: list[Report]) -> None:
    """Print a table with one row for each video."""
    table = terminal_table(_BATCH_COLUMNS, reports, header_style="bold")
    notes = [report.disclaimer for report in reports[:1]]
    notes += [SIMULATED] * any(r.weights is not None and r.weights.simulated for r in reports)
    emit(console, Group(table, Text(), *(Text(note, style="italic") for note in notes)))


def _score_cell(report: Report) -> Text:
    if report.estimate is None:
        return Text("-")
    return Text(f"{report.estimate.score:.1f}", style="bold")


def _interval_cell(report: Report) -> str:
    return interval_text(report.estimate.interval) if report.estimate else "-"


def _quality_cell(report: Report) -> Text:
    verdict = report.quality.verdict if report.quality else None
    return Text(_MARKS[verdict], _STYLES[verdict]) if verdict else Text("-")


def _note_cell(report: Report) -> Text:
    """The severity bands of the interval; the reason if the video has no result."""
    if report.status is not Status.scored:
        return Text(f"{report.status.value}: {clean(report.reason)}", style="red")
    note = Text(", ".join(report.estimate.interval.bands) if report.estimate else "")
    if report.out_of_distribution and report.out_of_distribution.is_out_of_distribution:
        note.append("; unlike the training faces", "yellow")
    return note


_BATCH_COLUMNS: tuple[Column[Report], ...] = (
    Column("video", lambda report: Text(clean(report.source.name)), folded(2)),
    Column("BDI-II", _score_cell, RIGHT),
    Column("interval", _interval_cell),
    Column("quality", _quality_cell),
    Column("bands or reason", _note_cell, folded(2)),
)


def _section(title: str, content: RenderableType) -> list[RenderableType]:
    return [Text(), Text(title, style="bold"), Padding(content, (0, 0, 0, 2))]


def _grid(*columns: str) -> Table:
    """A table without header; each of ``columns`` is ``left``, ``right`` or ``fold``."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for kind in columns:
        if kind == "fold":
            table.add_column(overflow="fold")
        else:
            table.add_column(justify="right" if kind == "right" else "left", no_wrap=True)
    return table


def _estimate(report: Report, estimate: Estimate, width: int) -> list[RenderableType]:
    headline = Text.assemble(
        ("Estimated BDI-II score  ", ""), (f"{estimate.score:.1f}", "bold"), (" of 63", "dim")
    )
    table = _grid("left", "fold")
    facts = facts_about(report)
    for fact in facts:
        text = f"{fact.value} ({fact.detail})" if fact.detail else fact.value
        table.add_row(fact.label, Text(text, _fact_style(fact)))
    parts = [Text(), headline, Text(), *gauge_rows(estimate, min(64, width - 8)), Text(), table]
    if report.out_of_distribution and report.out_of_distribution.is_out_of_distribution:
        parts += [Text(), Text(OUT_OF_DISTRIBUTION, "yellow")]
    return parts


def _failure(report: Report) -> list[RenderableType]:
    """What went wrong. The report still has a score if only its files could not be written."""
    word = "Refused" if report.status is Status.refused else "Failed"
    word += "" if report.estimate else ", not scored"
    parts = [Text(), Text.assemble((f"{word}: ", "bold red"), clean(report.reason))]
    if report.hint:
        parts.append(Text.assemble(("Hint: ", "bold"), clean(report.hint)))
    return [*parts]


def _steadiness(steadiness: Steadiness, estimate: Estimate) -> Table:
    """The facts beside the sampling error, which stands below the interval."""
    table = _grid("left", "fold")
    for fact in steadiness_facts(steadiness, estimate)[1:]:
        table.add_row(fact.label, Text(f"{fact.value} ({fact.detail})", _fact_style(fact)))
    return table


def _fact_style(fact: Fact) -> str:
    return "yellow" if fact.is_warning else ""


def _levels(levels: Sequence[LevelEvidence]) -> Table:
    table = _grid("left", "right", "left")
    for level in levels:
        bar = Text("█" * round(level.share * 36), style="blue")
        table.add_row(level.name, f"{level.low}–{level.high}", bar)
    return table


def _quality(quality: Quality) -> tuple[str, RenderableType]:
    """The title and content: one paragraph per check that did not pass, one for the others."""
    rows: list[RenderableType] = []
    for check in quality.checks:
        if check.verdict is not Verdict.passed:
            rows += _check(check)
    passed = [check.label for check in quality.checks if check.verdict is Verdict.passed]
    if passed:
        text = Text.assemble((f"{_MARKS[Verdict.passed]}  ", "green"), "; ".join(passed))
        rows.append(text)
    usable = f"{quality.usable_frames} of {quality.sampled_frames} frames usable"
    return f"Video quality: {_MARKS[quality.verdict]} ({usable})", Group(*rows)


def _check(check: Check) -> list[RenderableType]:
    head = Text.assemble(
        (f"{_MARKS[check.verdict]}  ", _STYLES[check.verdict]), clean(check.message)
    )
    value = f"{number(check.value)} {check.unit}".strip()
    detail = Text(f"{check.label}: {value}; {threshold_text(check)}", style="dim")
    return [head, Padding(detail, (0, 0, 0, 6))]


def _keyframes(report: Report) -> RenderableType:
    table = terminal_table(_keyframe_columns(bool(report.levels)), report.keyframes[:_N_KEYFRAMES])
    parts: list[RenderableType] = [table]
    if (n_more := len(report.keyframes) - _N_KEYFRAMES) > 0:
        parts.append(Text(f"and {n_more} more", style="dim"))
    if report.levels:
        parts.append(Text(LEVEL_NOTE, style="dim"))
    return Group(*parts)


def _keyframe_columns(has_levels: bool) -> Sequence[Column[KeyFrame]]:
    """Columns of the key frames; without prototypes, a frame's level is the band of its score."""
    return (
        Column("time", lambda frame: clock(frame.time)),
        Column("weight", lambda frame: weight_text(frame.weight), RIGHT),
        Column("closest level" if has_levels else "severity band", lambda frame: frame.level),
        Column(
            "action units", lambda frame: Text(in_plain_words(frame.action_units[:4])), folded(1)
        ),
    )


def _action_units(report: Report) -> RenderableType:
    units = report.action_units
    table = terminal_table(
        _unit_columns(report.timeline),
        units,
        row_style=lambda unit: "dim" if unit.reliable is False else "",
    )
    time = " Time: share of usable frames in which the value is 0.5 or more."
    notes = [Text(units_note(report) + time, style="dim")]
    if any(unit.reliable is False for unit in units):
        notes.append(Text(UNRELIABLE_NOTE, style="dim"))
    return Group(table, *notes)


_UNIT_COLUMNS: tuple[Column[ActionUnitSummary], ...] = (
    Column("unit", lambda unit: unit.code + ("†" if unit.reliable is False else "")),
    Column("plain name", lambda unit: unit.plain),
    Column("mean", lambda unit: f"{unit.mean:.2f}", RIGHT),
    Column("peak", lambda unit: f"{unit.peak:.2f}", RIGHT),
    Column("peak at", lambda unit: clock(unit.peak_time), RIGHT),
    Column("time", lambda unit: percent(unit.share_of_time), RIGHT),
)


def _unit_columns(timeline: Timeline | None) -> Sequence[Column[ActionUnitSummary]]:
    """The columns of the action units, the last one over time if there is a timeline."""
    if timeline is None:
        return _UNIT_COLUMNS

    def over_time(unit: ActionUnitSummary) -> str:
        trace = timeline.trace(unit.code)
        return sparkline(trace.mean, 16) if trace else ""

    return (*_UNIT_COLUMNS, Column("over the video", over_time))


def _weights(weights: WeightsInfo) -> Table:
    table = _grid("left", "fold")
    table.add_row("file", Text(f"{clean(weights.file)} (sha256 {weights.sha256[:12]})"))
    table.add_row("backbone", Text(clean(weights.backbone)))
    table.add_row("semantic model", Text(clean(weights.semantics)))
    table.add_row("trained on", Text(clean(training_text(weights))))
    return table
