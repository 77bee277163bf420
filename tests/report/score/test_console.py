"""The terminal report: fits 80 columns, is complete, and is safe from control characters."""

from collections.abc import Callable
from io import BytesIO, StringIO, TextIOWrapper

import pytest
from rich.console import Console

from depmap_cli.io.clean_text import clean
from depmap_cli.report import render_batch, render_report
from depmap_cli.report.score.behaviour import NO_ANGLES
from depmap_cli.report.text import (
    OUT_OF_DISTRIBUTION,
    SIMULATED,
    clock,
    percent,
    sparkline,
    weight_text,
)
from depmap_cli.results import DISCLAIMER, Estimate, Report, ScoreResult, Status


def _named(report: Report, name: str) -> Report:
    return report.model_copy(update={"source": report.source.model_copy(update={"name": name})})


def _estimate(report: Report, **changes: float) -> Estimate:
    assert report.estimate is not None
    return report.estimate.model_copy(update=changes)


def _shown(render: Callable[[Console], None], width: int = 80, colour: bool = False) -> str:
    console = Console(
        file=StringIO(),
        width=width,
        force_terminal=colour,
        color_system="standard" if colour else None,
    )
    with console.capture() as capture:
        render(console)
    return capture.get()


def _flat(text: str) -> str:
    return " ".join(text.split())


def test_a_scored_report_fits_80_columns_and_says_what_it_must(sample_result: ScoreResult) -> None:
    shown = _shown(lambda c: render_report(c, sample_result.report))
    assert max(map(len, shown.splitlines())) <= 80
    flat = _flat(shown)
    for part in (
        "Estimated BDI-II score 17.4 of 63",
        "90 % prediction interval 8.1 to 27.9 (based on the errors for 50 people)",
        "severity bands covered minimal, mild and moderate",
        "training mean 15.2",
        "sampling error 0.4 points (standard error over the moments of this recording)",
        "most weight in one second 31 % (of the estimate's weight)",
        "without its 10 most decisive seconds 15.9 (1.5 points lower than the estimate)",
        "Facial behaviour (19 usable frames, 1.2 frames/s, 16 s with a usable face)",
        "smiles 2 7.6 1.7 s 0.52",
        "frowns 0 0.0 – –",
        "blinks: not counted, needs at least 12 frames/s, but 1.2 were read; give --fps 15",
        "looking down 21 % of the time; looking away 16 % of the time; head movement 11.4°",
        "head up or down (bowed) 3.1° 5.2° -4.0° to 9.0°",
        "difference from training outside the usual range (3 of 100 reference videos differ more)",
        OUT_OF_DISTRIBUTION,
        "0–13 14–19 20–28 29–63",
        "WARN A usable face in 79 % of frames",
        "warn below 0.8, refuse below 0.3",
        "pass longest stretch without a face",
        "00:09.63 31 % minimal smile (AU12)",
        SIMULATED,
        DISCLAIMER,
    ):
        assert part in flat


def test_a_model_without_key_frames_shows_sample_frames(sample_result: ScoreResult) -> None:
    report = sample_result.report
    assert report.weights is not None
    plain = report.weights.model_copy(update={"key_frames": False})
    with_key_frames, without = (
        _flat(_shown(lambda c, r=r: render_report(c, r)))
        for r in (report, report.model_copy(update={"weights": plain}))
    )
    assert "Key frames (those with the most weight" in with_key_frames
    assert "Sample frames (this model has no key frames)" in without
    assert "Key frames" not in without


@pytest.mark.parametrize("width", [40, 60, 80, 120])
def test_no_line_is_wider_than_the_terminal(
    sample_result: ScoreResult, refused_report: Report, width: int
) -> None:
    name = "a folder/" + "long" * 40 + ".mp4"
    for report in (sample_result.report, refused_report):
        shown = _shown(lambda c, r=report: render_report(c, _named(r, name)), width)
        assert max(map(len, shown.splitlines())) <= width


def test_the_gauge_puts_the_score_and_interval_on_the_scale(sample_result: ScoreResult) -> None:
    shown = _shown(lambda c: render_report(c, sample_result.report)).splitlines()
    row = next(i for i, line in enumerate(shown) if "●" in line)
    pointer, scale = shown[row][4:], shown[row + 1][4:]
    assert (pointer.index("├"), pointer.index("●"), pointer.index("┤")) == (8, 17, 27)
    assert [scale.index(fill) for fill in "░▒▓█"] == [0, 14, 20, 29]
    assert len(scale.rstrip()) == 64


def test_the_gauge_keeps_the_ends_of_the_scale(sample_result: ScoreResult) -> None:
    report = sample_result.report
    for score, column in ((0.0, 0), (63.0, 63)):
        update = {"estimate": _estimate(report, score=score)}
        shown = _shown(lambda c, u=update: render_report(c, report.model_copy(update=u)))
        pointer = next(line for line in shown.splitlines() if "●" in line)
        assert pointer[4:].index("●") == column


def test_units_read_unreliably_are_marked_without_colour(sample_result: ScoreResult) -> None:
    shown = _shown(lambda c: render_report(c, sample_result.report))
    marked = [line.split()[0] for line in shown.splitlines() if line.strip().startswith("AU")]
    assert [code for code in marked if code.endswith("†")] == ["AU7†", "AU23†"]
    assert "† Unreliable" in shown


def test_a_refused_report_tells_why_and_shows_no_score(refused_report: Report) -> None:
    flat = _flat(_shown(lambda c: render_report(c, refused_report)))
    assert "Refused, not scored: a face in 2 of 24 frames" in flat
    assert "Hint: film the face" in flat
    assert "A usable face in 79 %" in flat
    assert "Estimated BDI-II score" not in flat
    assert "interval" not in flat
    assert DISCLAIMER in flat


def test_a_score_whose_files_failed_is_shown_with_the_failure(sample_result: ScoreResult) -> None:
    report = sample_result.report.model_copy(
        update={"status": Status.failed, "reason": "cannot write out/score.json: no space"}
    )
    flat = _flat(_shown(lambda c: render_report(c, report)))
    assert "Failed: cannot write out/score.json" in flat
    assert "not scored" not in flat
    assert "Estimated BDI-II score 17.4" in flat
    batch = _flat(_shown(lambda c: render_batch(c, [report]), width=120))
    assert "17.4" in batch
    assert "failed: cannot write" in batch


def test_markup_in_names_and_reasons_is_shown_not_obeyed(refused_report: Report) -> None:
    report = _named(refused_report, "[red]a[/red].mp4").model_copy(update={"reason": "[bold]x[/]"})
    for render in (
        lambda c: render_report(c, report),
        lambda c: render_batch(c, [report]),
    ):
        shown = _shown(render)
        assert "[red]a[/red].mp4" in shown
        assert "[bold]x[/]" in shown


def test_control_characters_in_names_never_reach_the_terminal(sample_result: ScoreResult) -> None:
    report = _named(sample_result.report, "a\x1b]0;owned\x07\nb\u202etxt.exe")
    for render in (lambda c: render_report(c, report), lambda c: render_batch(c, [report])):
        shown = _shown(render)
        assert not {"\x1b", "\x07", "\u202e"} & set(shown)
        assert "a�]0;owned��b�txt.exe" in shown


def test_no_color_is_respected(sample_result: ScoreResult, monkeypatch: pytest.MonkeyPatch) -> None:
    coloured = _shown(lambda c: render_report(c, sample_result.report), colour=True)
    monkeypatch.setenv("NO_COLOR", "1")
    plain = _shown(lambda c: render_report(c, sample_result.report), colour=True)
    assert "\x1b[33m" in coloured
    assert "\x1b[33m" not in plain


def test_a_terminal_without_utf8_gets_ascii(sample_result: ScoreResult) -> None:
    file = TextIOWrapper(BytesIO(), encoding="ascii", write_through=True)
    render_report(Console(file=file, width=80), _named(sample_result.report, "größe.mp4"))
    shown = file.buffer.getvalue().decode("ascii")  # type: ignore[attr-defined]
    assert "gr??e.mp4" in shown
    assert "|--------o---------|" in shown


def test_a_batch_shows_every_video_with_score_or_reason(
    sample_result: ScoreResult, refused_report: Report
) -> None:
    reports = [sample_result.report, _named(refused_report, "b.mp4")]
    shown = _shown(lambda c: render_batch(c, reports))
    assert max(map(len, shown.splitlines())) <= 80
    first = next(line for line in shown.splitlines() if "visit_03" in line)
    assert first.split()[1:6] == ["17.4", "8.1", "to", "27.9", "WARN"]
    second = next(line for line in shown.splitlines() if "b.mp4" in line)
    assert "refused: a face in" in second
    assert "17.4" not in second
    assert DISCLAIMER in _flat(shown)
    assert SIMULATED in _flat(shown)
    assert "unlike the training faces" in _flat(shown)


def test_head_and_gaze_that_were_not_read_are_told_in_words(sample_result: ScoreResult) -> None:
    report = sample_result.report
    assert report.behaviour is not None
    behaviour = report.behaviour.model_copy(update={"head_gaze": [], "caution": "read 16 s only"})
    changed = report.model_copy(update={"behaviour": behaviour})
    flat = _flat(_shown(lambda c: render_report(c, changed)))
    assert NO_ANGLES in flat
    assert "looking down" not in flat
    assert "Caution: read 16 s only." in flat


def test_an_empty_batch_is_no_error() -> None:
    assert "BDI-II" in _shown(lambda c: render_batch(c, []))


def test_words() -> None:
    assert clean("a\tb\u2028c\udcff") == "a�b�c�"
    assert clean("naïve 日本 👩‍👧") == "naïve 日本 👩‍👧"
    assert (clock(59.996), clock(12.35), clock(6001.0)) == ("01:00.00", "00:12.35", "100:01.00")
    assert (percent(0.0), percent(0.001), percent(0.314)) == ("0 %", "<1 %", "31 %")
    weights = (0.0, 0.0000571, 0.00571, 0.0571, 0.0996, 0.31)
    assert [weight_text(w) for w in weights] == [
        "0 %", "0.0057 %", "0.57 %", "5.7 %", "10 %", "31 %"
    ]  # fmt: skip
    assert sparkline([0.0, 1.0, None, 0.5], 4) == "▁█·▅"
    assert len(sparkline([0.5] * 1000, 16)) == 16
