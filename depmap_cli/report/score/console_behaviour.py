"""The facial behaviour of one video in the terminal, in few lines."""

from rich.console import Group, RenderableType
from rich.text import Text

from depmap_cli.io.clean_text import clean
from depmap_cli.report.score.behaviour import (
    NO_ANGLES,
    AngleRow,
    EventRow,
    angle_rows,
    event_rows,
    looking_facts,
)
from depmap_cli.report.terminal import RIGHT, Column, folded, terminal_table
from depmap_cli.results import Behaviour

_EVENT_COLUMNS: tuple[Column[EventRow], ...] = (
    Column("event", lambda event: event.name, folded(1)),
    Column("number", lambda event: event.number, RIGHT),
    Column("per minute", lambda event: event.per_minute, RIGHT),
    Column("length", lambda event: event.length, RIGHT),
    Column("peak", lambda event: event.peak, RIGHT),
)
_ANGLE_COLUMNS: tuple[Column[AngleRow], ...] = (
    Column("head and gaze", lambda angle: angle.name, folded(1)),
    Column("mean", lambda angle: angle.mean, RIGHT),
    Column("SD", lambda angle: angle.sd, RIGHT),
    Column("5 % to 95 %", lambda angle: angle.spread, RIGHT),
)


def behaviour_part(behaviour: Behaviour) -> RenderableType:
    """Events, then head and gaze; what was not measured is named with its reason."""
    rows = event_rows(behaviour)
    counted = [row for row in rows if row.is_counted]
    parts: list[RenderableType] = []
    if counted:
        parts.append(terminal_table(_EVENT_COLUMNS, counted))
    for row in rows:
        if not row.is_counted:
            parts.append(Text(f"{row.name}: not counted, {clean(row.caution)}"))
    if behaviour.caution:
        parts.append(Text(f"Caution: {clean(behaviour.caution)}.", style="yellow"))
    return Group(*parts, *_head_and_gaze(behaviour))


def _head_and_gaze(behaviour: Behaviour) -> list[RenderableType]:
    if not behaviour.head_gaze:
        return [Text(NO_ANGLES, style="dim")]
    facts = [
        f"{fact.label} {fact.value}" + (f" ({fact.detail})" if fact.detail else "")
        for fact in looking_facts(behaviour)
    ]
    return [Text("; ".join(facts)), terminal_table(_ANGLE_COLUMNS, angle_rows(behaviour))]
