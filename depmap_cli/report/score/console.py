"""A report in the terminal: readable at 80 columns, without colour, in ASCII if need be."""

import sys
from collections.abc import Sequence

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from depmap_cli.io.clean_text import clean
from depmap_cli.report.score.gauge import gauge_rows
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
    WeightsEntry,
    WeightsInfo,
)

_MARKS = {Verdict.passed: "pass", Verdict.warn: "WARN", Verdict.refuse: "REFUSE"}
_STYLES = {Verdict.passed: "green", Verdict.warn: "yellow", Verdict.refuse: "bold red"}
_N_KEYFRAMES = 5
_ASCII = str.maketrans("░▒▓█●├┤─│·–†×±", ".:+#o||-|.-*x~") | str.maketrans("▁▂▃▄▅▆▇", "_.-:=+*")


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
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("video", overflow="fold", ratio=2)
    table.add_column("BDI-II", justify="right", no_wrap=True)
    table.add_column("interval", no_wrap=True)
    table.add_column("quality", no_wrap=True)
    table.add_column("bands or reason", overflow="fold", ratio=2)
    for report in reports:
        table.add_row(*_batch_row(report))
    notes = [report.disclaimer for report in reports[:1]]
    notes += [SIMULATED] * any(r.weights is not None and r.weights.simulated for r in reports)
    emit(console, Group(table, Text(), *(Text(note, style="italic") for note in notes)))


def _batch_row(report: Report) -> tuple[Text, Text, Text, Text, Text]:
    verdict = report.quality.verdict if report.quality else None
    quality = Text(_MARKS[verdict], _STYLES[verdict]) if verdict else Text("-")
    score, interval, note = Text("-"), Text("-"), Text()
    if report.estimate:
        score = Text(f"{report.estimate.score:.1f}", style="bold")
        interval = Text(interval_text(report.estimate.interval))
        note = Text(", ".join(report.estimate.interval.bands))
    if report.familiarity and report.familiarity.unlike:
        note.append("; unlike the training faces", "yellow")
    if report.status is not Status.scored:
        note = Text(f"{report.status.value}: {clean(report.reason)}", style="red")
    return Text(clean(report.source.name)), score, interval, quality, note


def weights_table(entries: Sequence[WeightsEntry]) -> Table:
    """The files of a weights folder, and what is wrong with them."""
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("file", overflow="fold", ratio=3)
    table.add_column("kind", no_wrap=True)
    table.add_column("MB", justify="right", no_wrap=True)
    table.add_column("sha256", no_wrap=True)
    table.add_column("trained on, or problem", overflow="fold", ratio=4)
    for entry in entries:
        told = Text(clean(entry.problem), "bold red") if entry.problem else _trained_on(entry)
        size = f"{entry.size / 1e6:.1f}"
        table.add_row(Text(clean(entry.file)), entry.kind or "-", size, entry.sha256[:12], told)
    return table


def _trained_on(entry: WeightsEntry) -> Text:
    return Text(("simulated faces: " if entry.simulated else "") + clean(entry.about))


def emit(console: Console, content: RenderableType) -> None:
    """Print; where the terminal cannot show block characters, with ASCII in their place."""
    if console.encoding.lower().startswith("utf"):
        console.print(content)
        return
    with console.capture() as capture:
        console.print(content)
    plain = capture.get().translate(_ASCII)
    safe = plain.encode(console.encoding, "replace").decode(console.encoding)
    console.print(Text.from_ansi(safe))


def print_json(line: str) -> None:
    """One line of JSON on stdout: in UTF-8, as JSON is, whatever the terminal's encoding."""
    sys.stdout.flush()
    sys.stdout.buffer.write((line + "\n").encode())
    sys.stdout.buffer.flush()


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
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column("time", no_wrap=True)
    table.add_column("weight", justify="right", no_wrap=True)
    table.add_column("level", no_wrap=True)
    table.add_column("action units", overflow="fold")
    for frame in report.keyframes[:_N_KEYFRAMES]:
        table.add_row(*_keyframe_row(frame))
    left = len(report.keyframes) - _N_KEYFRAMES
    return Group(table, Text(f"and {left} more", style="dim")) if left > 0 else table


def _keyframe_row(frame: KeyFrame) -> tuple[str, str, str, Text]:
    units = Text(in_plain_words(frame.action_units[:4]))
    return clock(frame.time), percent(frame.weight), frame.level, units


def _action_units(units: Sequence[ActionUnitSummary]) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    for name in ("unit", "seen as"):
        table.add_column(name, no_wrap=True)
    for name in ("mean", "peak", "at", "time"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("over the video", no_wrap=True)
    for unit in units:
        table.add_row(*_unit_row(unit), style="dim" if unit.reliable is False else "")
    notes = [Text(EVIDENCE_NOTE + " Time: share at 0.5 or more.", style="dim")]
    if any(unit.reliable is False for unit in units):
        notes.append(Text(UNRELIABLE_NOTE, style="dim"))
    return Group(table, *notes)


def _unit_row(unit: ActionUnitSummary) -> tuple[str, ...]:
    code = unit.code + ("†" if unit.reliable is False else "")
    figures = (f"{unit.mean:.2f}", f"{unit.peak:.2f}", clock(unit.peak_time))
    return code, unit.plain, *figures, percent(unit.share_of_time), sparkline(unit.trace, 16)


def _weights(weights: WeightsInfo) -> Table:
    table = _grid("left", "fold")
    table.add_row("file", Text(f"{clean(weights.file)} (sha256 {weights.sha256[:12]})"))
    table.add_row("backbone", Text(clean(weights.backbone)))
    table.add_row("semantics", Text(clean(weights.semantics)))
    table.add_row("trained on", Text(clean(training_text(weights))))
    return table
