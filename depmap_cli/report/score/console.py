"""A report in the terminal: readable at 80 columns, without colour, in ASCII if need be."""

from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from depmap_cli.io.clean_text import clean
from depmap_cli.report.score.gauge import gauge_rows
from depmap_cli.report.terminal import RIGHT, Column, emit, folded, terminal_table
from depmap_cli.report.text import (
    EVIDENCE_NOTE,
    SIMULATED,
    UNRELIABLE_NOTE,
    bands_text,
    basis_text,
    clock,
    familiarity_text,
    in_plain_words,
    interval_name,
    interval_text,
    number,
    percent,
    recording_text,
    sparkline,
    threshold_text,
    training_text,
    weighs_alike,
)
from depmap_cli.results import (
    ActionUnitSummary,
    Check,
    Estimate,
    KeyFrame,
    LevelEvidence,
    OutOfDistribution,
    Quality,
    Report,
    Status,
    Verdict,
    WeightsInfo,
)

_MARKS = {Verdict.passed: "pass", Verdict.warn: "WARN", Verdict.refuse: "REFUSE"}
_STYLES = {Verdict.passed: "green", Verdict.warn: "yellow", Verdict.refuse: "bold red"}
_N_KEYFRAMES = 5


def render_report(console: Console, report: Report) -> None:
    """Print one video's report to ``console``."""
    parts: list[RenderableType] = [Rule(Text(clean(report.source.name), style="bold"))]
    parts.append(Text(recording_text(report), style="dim", justify="center"))
    if report.status is not Status.scored:
        parts += _failure(report)
    if report.estimate:
        parts += _estimate(report.estimate, report.familiarity, console.width)
    if report.estimate and report.levels:
        parts += _section("Evidence for each severity level", _levels(report.levels))
    if report.quality:
        parts += _section(*_quality(report.quality))
    if report.keyframes:
        title = "Key frames (where the model looked, not symptoms)"
        alike = "Frames evenly spread (this network weighs all alike)"
        parts += _section(alike if weighs_alike(report) else title, _keyframes(report))
    if report.action_units:
        parts += _section("Facial action units", _action_units(report.action_units))
    if report.weights:
        parts += _section("Weights", _weights(report.weights))
    parts += [Text(), Text(report.disclaimer, style="italic"), Rule()]
    emit(console, Group(*parts))


def render_batch(console: Console, reports: list[Report]) -> None:
    """Print one line for each of several videos."""
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
    if report.familiarity and report.familiarity.unlike:
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
    """A borderless table; each of ``columns`` is ``left``, ``right`` or ``fold``."""
    table = Table(box=None, show_header=False, padding=(0, 2, 0, 0))
    for kind in columns:
        if kind == "fold":
            table.add_column(overflow="fold")
        else:
            table.add_column(justify="right" if kind == "right" else "left", no_wrap=True)
    return table


def _estimate(
    estimate: Estimate, familiarity: OutOfDistribution | None, width: int
) -> list[RenderableType]:
    headline = Text.assemble(
        ("Estimated BDI-II score  ", ""), (f"{estimate.score:.1f}", "bold"), (" of 63", "dim")
    )
    facts = _grid("left", "fold")
    interval = estimate.interval
    facts.add_row(
        interval_name(interval),
        f"{interval_text(interval)} ({basis_text(interval)})",
    )
    facts.add_row("covers", f"{bands_text(estimate)}; BDI-II bands")
    facts.add_row("training mean", f"{estimate.training_mean:.1f}, for reference")
    if familiarity:
        style = "yellow" if familiarity.unlike else ""
        facts.add_row("training faces", Text(familiarity_text(familiarity), style))
    return [Text(), headline, Text(), *gauge_rows(estimate, min(64, width - 8)), Text(), facts]


def _failure(report: Report) -> list[RenderableType]:
    """What went wrong; a score may stand all the same, if only its files were not written."""
    word = "Refused" if report.status is Status.refused else "Failed"
    word += "" if report.estimate else ", not scored"
    parts = [Text(), Text.assemble((f"{word}: ", "bold red"), clean(report.reason))]
    if report.hint:
        parts.append(Text.assemble(("Hint: ", "bold"), clean(report.hint)))
    return [*parts]


def _levels(levels: Sequence[LevelEvidence]) -> Table:
    table = _grid("left", "right", "left", "right")
    for level in levels:
        bar = Text("█" * round(level.share * 36), style="blue")
        table.add_row(level.name, f"{level.low}–{level.high}", bar, percent(level.share))
    return table


def _quality(quality: Quality) -> tuple[str, RenderableType]:
    """Each check that did not pass on lines of its own, the others in one."""
    rows: list[RenderableType] = []
    for check in quality.checks:
        if check.verdict is not Verdict.passed:
            rows += _check(check)
    passed = [check.label for check in quality.checks if check.verdict is Verdict.passed]
    if passed:
        text = Text.assemble((f"{_MARKS[Verdict.passed]}  ", "green"), "; ".join(passed))
        rows.append(text)
    usable = f"{quality.usable_frames} of {quality.sampled_frames} frames usable"
    return f"Recording quality: {_MARKS[quality.verdict]} ({usable})", Group(*rows)


def _check(check: Check) -> list[RenderableType]:
    head = Text.assemble(
        (f"{_MARKS[check.verdict]}  ", _STYLES[check.verdict]), clean(check.message)
    )
    value = f"{number(check.value)} {check.unit}".strip()
    detail = Text(f"{check.label}: {value}; {threshold_text(check)}", style="dim")
    return [head, Padding(detail, (0, 0, 0, 6))]


def _keyframes(report: Report) -> RenderableType:
    table = terminal_table(_KEYFRAME_COLUMNS, report.keyframes[:_N_KEYFRAMES])
    left = len(report.keyframes) - _N_KEYFRAMES
    return Group(table, Text(f"and {left} more", style="dim")) if left > 0 else table


_KEYFRAME_COLUMNS: tuple[Column[KeyFrame], ...] = (
    Column("time", lambda frame: clock(frame.time)),
    Column("weight", lambda frame: percent(frame.weight), RIGHT),
    Column("level", lambda frame: frame.level),
    Column("action units", lambda frame: Text(in_plain_words(frame.action_units[:4])), folded(1)),
)


def _action_units(units: Sequence[ActionUnitSummary]) -> RenderableType:
    table = terminal_table(
        _UNIT_COLUMNS, units, row_style=lambda unit: "dim" if unit.reliable is False else ""
    )
    notes = [Text(EVIDENCE_NOTE + " Time: share at 0.5 or more.", style="dim")]
    if any(unit.reliable is False for unit in units):
        notes.append(Text(UNRELIABLE_NOTE, style="dim"))
    return Group(table, *notes)


_UNIT_COLUMNS: tuple[Column[ActionUnitSummary], ...] = (
    Column("unit", lambda unit: unit.code + ("†" if unit.reliable is False else "")),
    Column("seen as", lambda unit: unit.plain),
    Column("mean", lambda unit: f"{unit.mean:.2f}", RIGHT),
    Column("peak", lambda unit: f"{unit.peak:.2f}", RIGHT),
    Column("at", lambda unit: clock(unit.peak_time), RIGHT),
    Column("time", lambda unit: percent(unit.share_of_time), RIGHT),
    Column("over the video", lambda unit: sparkline(unit.trace, 16)),
)


def _weights(weights: WeightsInfo) -> Table:
    table = _grid("left", "fold")
    table.add_row("file", Text(f"{clean(weights.file)} (sha256 {weights.sha256[:12]})"))
    table.add_row("backbone", Text(clean(weights.backbone)))
    table.add_row("semantics", Text(clean(weights.semantics)))
    table.add_row("trained on", Text(clean(training_text(weights))))
    return table
