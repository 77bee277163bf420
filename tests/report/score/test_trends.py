"""Charts over time: a line for the mean, a band for the range, gaps where no face was usable."""

import re

from depmap_cli.report.score.trends import angle_trends, unit_trend
from depmap_cli.results import ActionUnitSummary, ScoreResult, Timeline, Trace

TOP, BOTTOM = 2.0, 44.0
"""Heights of the values 1 and 0."""


def timeline_with(trace: Trace) -> Timeline:
    n = len(trace.mean)
    return Timeline(
        n_frames=n, start=[0.0] * n, end=[1.0] * n, frames=[1] * n, usable=[1] * n,
        reason=[""] * n, weight=[0.0] * n, score=[None] * n, score_low=[None] * n,
        score_high=[None] * n, levels=[None] * n, traces=[trace],
    )  # fmt: skip


def drawn(tag: str, svg: str) -> list[list[tuple[float, float]]]:
    """The points of each ``tag``."""
    shapes = re.findall(rf'<{tag} points="([^"]*)"', svg)
    return [[(float(x), float(y)) for x, y in (p.split(",") for p in s.split())] for s in shapes]


def smile(report_units: list[ActionUnitSummary], trace: Trace) -> str:
    unit = next(unit for unit in report_units if unit.code == "AU12")
    return unit_trend(unit, timeline_with(trace))


def test_the_line_is_the_mean_and_the_band_the_range(sample_result: ScoreResult) -> None:
    trace = Trace(name="AU12", unit="", mean=[0.5, 0.25], low=[0.0, 0.0], high=[1.0, 0.5])
    svg = smile(sample_result.report.action_units, trace)
    assert drawn("polyline", svg) == [[(54, 23), (162, 33.5)]]
    assert drawn("polygon", svg) == [[(54, TOP), (162, 23), (162, BOTTOM), (54, BOTTOM)]]


def test_a_trend_leaves_gaps_open(sample_result: ScoreResult) -> None:
    report = sample_result.report
    assert len(drawn("polyline", unit_trend(report.action_units[0], report.timeline))) == 3


def test_points_that_share_a_pixel_keep_their_extremes(sample_result: ScoreResult) -> None:
    values = [0.5] * 600
    low, high = list(values), list(values)
    low[100], high[400] = 0.0, 1.0
    trace = Trace(name="AU12", unit="", mean=[*values], low=[*low], high=[*high])
    svg = smile(sample_result.report.action_units, trace)
    (line,), (band,) = drawn("polyline", svg), drawn("polygon", svg)
    assert len(line) == 216
    assert {y for _, y in line} == {23}
    assert (min(y for _, y in band), max(y for _, y in band)) == (TOP, BOTTOM)


def test_without_a_timeline_there_is_no_line(sample_result: ScoreResult) -> None:
    assert not drawn("polyline", unit_trend(sample_result.report.action_units[0], None))
    assert angle_trends(None) == []


def test_an_angle_is_drawn_from_its_smallest_to_its_largest_value() -> None:
    trace = Trace(name="yaw", unit="degrees", mean=[10.0, -5.0], low=[0.0, -20.0], high=[20.0, 0])
    ((name, words, svg),) = angle_trends(timeline_with(trace))
    assert name == "head turn"
    assert words == "-20° (to the right) to 20° (to the left of the picture)"
    assert drawn("polyline", svg) == [[(54, 12.5), (162, 28.2)]]


def test_a_still_head_is_a_flat_line() -> None:
    trace = Trace(name="pitch", unit="degrees", mean=[1.0, 1.4], low=[1.0, 1.4], high=[1.0, 1.4])
    ((_, words, svg),) = angle_trends(timeline_with(trace))
    assert words == "-4° (raised) to 6° (bowed)"
    ((_, left), (_, right)) = drawn("polyline", svg)[0]
    assert abs(left - right) < 2


def test_an_angle_without_a_reading_has_no_chart() -> None:
    nothing: list[float | None] = [None, None]
    trace = Trace(name="pitch", unit="degrees", mean=nothing, low=nothing, high=nothing)
    assert angle_trends(timeline_with(trace)) == []
