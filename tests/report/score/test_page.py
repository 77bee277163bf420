"""The page: complete, well formed, self-contained, and safe from injection by file names."""

import re
from base64 import b64decode
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest

from depmap_cli.report import FORMATS, render_page
from depmap_cli.report.score import charts
from depmap_cli.report.score.behaviour import NO_ANGLES, SIDES
from depmap_cli.report.score.files import render_result
from depmap_cli.report.score.timeline import bins_of
from depmap_cli.report.text import OPENFACE_NOTE, OUT_OF_DISTRIBUTION, PROBABILITY_NOTE, SIMULATED
from depmap_cli.results import DISCLAIMER, Report, ScoreResult
from depmap_cli.scoring.timeline import timeline_of

VOID = {"meta", "img", "br", "link", "input", "hr"}
PNG = b"\x89PNG\r\n\x1a\nnot really"


class _Outline(HTMLParser):
    """Checks that tags balance; keeps tags, attributes and text."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] != "style":
            self.text += " " + data

    @property
    def flat(self) -> str:
        return " ".join(self.text.split())

    def named(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.tags if name == tag]


def _with_images(report: Report) -> tuple[Report, dict[str, bytes]]:
    frames = [f.model_copy(update={"image": f"keyframes/{f.rank}.png"}) for f in report.keyframes]
    return report.model_copy(update={"keyframes": frames}), {str(f.image): PNG for f in frames}


@pytest.fixture
def outline(sample_result: ScoreResult) -> _Outline:
    return _Outline(render_page(*_with_images(sample_result.report)))


def test_the_page_says_what_a_reader_must_know(outline: _Outline) -> None:
    for part in (
        "clinic/visit_03.mp4",
        "17.4",
        "8.1 to 27.9",
        "minimal, mild and moderate",
        "90 % prediction interval 8.1 to 27.9 based on the errors for 50 people",
        "Training mean 15.2 mean score in the training data",
        "Difference from training outside the usual range 3 of 100 reference videos differ more",
        "0–13 minimal, 14–19 mild, 20–28 moderate, 29–63 severe",
        "asks about the past two weeks",
        "the face differs from the usual face of this person",
        "It does not show what the model looked at",
        "The pictures are de-identified",
        PROBABILITY_NOTE,
        "A usable face in 79 % of frames",
        "refuse below 0.3",
        "depmap-simulated-r18.pt",
        "9f2c" * 16,
        "mae 5.91",
        "subject = largest",
        "AU7† lids tight",
        SIMULATED,
        OUT_OF_DISTRIBUTION,
    ):
        assert part in outline.flat
    assert outline.flat.count(DISCLAIMER) == 2


def test_the_page_is_structured_for_readers_of_all_kinds(outline: _Outline) -> None:
    assert outline.named("html") == [{"lang": "en"}]
    levels = [int(tag[1]) for tag, _ in outline.tags if re.fullmatch(r"h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(b - a <= 1 for a, b in zip(levels, levels[1:], strict=False))
    assert all(image["alt"] for image in outline.named("img"))
    assert all(svg["aria-label"] for svg in outline.named("svg"))
    ids = [attrs["id"] for _, attrs in outline.tags if attrs.get("id")]
    assert len(ids) == len(set(ids))


def test_the_page_fetches_and_runs_nothing(outline: _Outline, sample_result: ScoreResult) -> None:
    policy = outline.named("meta")[1]["content"] or ""
    assert policy.startswith("default-src 'none'; img-src data:;")
    assert "script" not in policy
    assert not {"script", "link", "iframe", "object", "embed", "a"} & {t for t, _ in outline.tags}
    for _, attrs in outline.tags:
        assert not [name for name in attrs if name.startswith("on") or name in ("href", "srcset")]
    page = render_page(sample_result.report, {})
    assert not re.search(r"https?://|@import", page)
    assert set(re.findall(r"url\((.*?)\)", page)) == {"#hatch"}


def test_pictures_are_embedded_in_order(outline: _Outline) -> None:
    sources = [image["src"] or "" for image in outline.named("img")]
    assert len(sources) == 4
    head, data = sources[0].split(",")
    assert head == "data:image/png;base64"
    assert b64decode(data) == PNG


def test_without_pictures_key_frames_are_told_in_words(sample_result: ScoreResult) -> None:
    outline = _Outline(render_page(sample_result.report, {}))
    assert not outline.named("img")
    assert "00:09.63 · weight 31 %" in outline.flat


def test_a_model_without_key_frames_shows_sample_frames(sample_result: ScoreResult) -> None:
    report = sample_result.report
    assert "Sample frames" not in _Outline(render_page(report, {})).flat
    assert report.weights is not None
    plain = report.weights.model_copy(update={"key_frames": False})
    page = _Outline(render_page(report.model_copy(update={"weights": plain}), {})).flat
    assert "Sample frames" in page
    assert "Each frame is weighted by the time that it stands for." in page
    assert "most weight in the estimate" not in page


def test_key_frames_name_the_closest_level_only_if_the_model_has_levels(
    sample_result: ScoreResult,
) -> None:
    report = sample_result.report
    assert "score 11.7 closest level: minimal" in _Outline(render_page(report, {})).flat
    assert report.timeline is not None
    no_levels: list[None] = [None] * len(report.timeline.levels)
    timeline = report.timeline.model_copy(update={"levels": no_levels})
    changes = {"levels": [], "timeline": timeline}
    without = _Outline(render_page(report.model_copy(update=changes), {})).flat
    assert "score 11.7" in without
    assert "losest level" not in without


def test_action_units_from_openface_are_not_called_probabilities(
    sample_result: ScoreResult,
) -> None:
    assert sample_result.report.weights is not None
    weights = sample_result.report.weights.model_copy(update={"au_source": "OpenFace table"})
    flat = _Outline(
        render_page(sample_result.report.model_copy(update={"weights": weights}), {})
    ).flat
    assert OPENFACE_NOTE in flat
    assert PROBABILITY_NOTE not in flat
    assert "action units from an OpenFace table" in flat


def test_raw_pictures_are_announced(sample_result: ScoreResult) -> None:
    raw = sample_result.report.model_copy(update={"settings": {"pictures": "raw"}})
    flat = _Outline(render_page(raw, {})).flat
    assert "show the person's face" in flat
    assert "de-identified" not in flat


def test_names_and_reasons_cannot_inject(
    sample_result: ScoreResult, refused_report: Report
) -> None:
    attack = "\"><script>alert(1)</script><img src=x onerror='x'>{{ 7*7 }}"
    for report in (sample_result.report, refused_report):
        source = report.source.model_copy(update={"name": attack})
        hostile = report.model_copy(update={"source": source, "reason": attack, "hint": attack})
        outline = _Outline(render_page(hostile, {}))
        assert not outline.named("script")
        assert not outline.named("img")
        assert attack in outline.flat


def test_reasons_in_the_timeline_cannot_inject(sample_result: ScoreResult) -> None:
    timeline = sample_result.report.timeline
    assert timeline is not None
    hostile = timeline.model_copy(update={"reason": ["</title><script>x" for _ in timeline.reason]})
    outline = _Outline(
        render_page(sample_result.report.model_copy(update={"timeline": hostile}), {})
    )
    assert not outline.named("script")


def test_a_refused_page_shows_reason_and_checks_but_no_score(
    refused_report: Report, sample_result: ScoreResult
) -> None:
    traced = refused_report.model_copy(update={"timeline": sample_result.report.timeline})
    outline = _Outline(render_page(traced, {}))
    assert "Refused, not scored a face in 2 of 24 frames" in outline.flat
    assert "Hint: film the face" in outline.flat
    assert "longest stretch" in outline.flat
    assert "Estimated BDI-II score" not in outline.flat
    assert not outline.named("svg")


def test_a_bare_failed_report_renders(refused_report: Report) -> None:
    bare = Report(
        depmap_version="0.1.0",
        source=refused_report.source,
        status="failed",  # type: ignore[arg-type]
        reason="not a video",
    )
    assert "Failed, not scored not a video" in _Outline(render_page(bare, {})).flat


def test_the_gauge_grows_with_the_score(sample_result: ScoreResult) -> None:
    estimate = sample_result.report.estimate
    assert estimate is not None

    def x(score: float) -> float:
        found = re.search(
            r'<circle cx="([\d.]+)"', charts.gauge(estimate.model_copy(update={"score": score}))
        )
        assert found
        return float(found[1])

    assert x(0) == 1
    assert x(63) == 751
    assert x(31.5) == pytest.approx(376, abs=0.1)


def test_the_timeline_draws_every_usable_frame_and_hatches_the_rest(
    sample_result: ScoreResult,
) -> None:
    timeline = sample_result.report.timeline
    assert timeline is not None
    svg = charts.timeline(bins_of(timeline), sample_result.report.estimate)
    assert svg.count("<circle") == 19
    assert svg.count('fill="url(#hatch)"') == 3
    radii = [float(r) for r in re.findall(r' r="([\d.]+)"', svg)]
    assert radii == sorted(radii, reverse=True)
    assert radii[0] == pytest.approx(9)


def test_dots_of_a_long_video_cover_little_and_a_decisive_one_stands_out(
    sample_result: ScoreResult,
) -> None:
    row = sample_result.frame_rows[0]
    rows = [replace(row, time=i / 5, weight=1 / 700) for i in range(600)]
    even = charts.timeline(bins_of(timeline_of(rows)), None)
    radii = [float(r) for r in re.findall(r' r="([\d.]+)"', even)]
    assert len(radii) == 600
    assert max(radii) < 3.5
    rows[300] = replace(rows[300], weight=0.3)
    decisive = charts.timeline(bins_of(timeline_of(rows)), None)
    radii = [float(r) for r in re.findall(r' r="([\d.]+)"', decisive)]
    assert radii[0] == 9
    assert radii[1] < 3


def test_bars_reach_from_the_smallest_to_the_largest_score_of_a_bin(
    sample_result: ScoreResult,
) -> None:
    row = sample_result.frame_rows[0]
    rows = [replace(row, time=0.5 * i, score=float(score)) for i, score in enumerate((21, 42))]
    svg = charts.timeline(bins_of(timeline_of(rows, n_bins=1)), None)
    bar = re.search(r'<rect x="44.0" y="([\d.]+)" width="[\d.]+" height="([\d.]+)"', svg)
    assert bar
    assert float(bar[1]) == pytest.approx(8 + 150 / 3, abs=0.1)
    assert float(bar[2]) == pytest.approx(150 / 3, abs=0.1)


def test_events_are_shown_with_their_numbers_or_the_reason_why_not(outline: _Outline) -> None:
    assert "From 19 usable frames, 1.2 frames/s, 16 s with a usable face." in outline.flat
    assert "smiles 2 7.6 1.7 s 0.52 16 s at 1.2 frames/s" in outline.flat
    assert "frowns 0 0.0 – – 16 s at 1.2 frames/s" in outline.flat
    assert "blinks not counted: needs at least 12 frames/s, but 1.2 were read" in outline.flat


def test_head_and_gaze_are_shown_in_degrees(outline: _Outline) -> None:
    assert "Looking down 21 % of the time" in outline.flat
    assert "Head movement 11.4° per second" in outline.flat
    assert "head up or down (bowed) 3.1° 5.2° -4.0° to 9.0°" in outline.flat
    names = [svg["aria-label"] or "" for svg in outline.named("svg")]
    assert [n.split(":")[0] for n in names if "°" in n] == [name for name, *_ in SIDES.values()]


def test_without_head_and_gaze_the_page_says_so(sample_result: ScoreResult) -> None:
    report = sample_result.report
    assert report.behaviour is not None
    bare = {"head_gaze": [], "share_looking_down": None, "share_looking_away": None}
    behaviour = report.behaviour.model_copy(update={**bare, "head_movement": None})
    rows = [replace(row, angles=None) for row in sample_result.frame_rows]
    update = {"behaviour": behaviour, "timeline": timeline_of(rows)}
    outline = _Outline(render_page(report.model_copy(update=update), {}))
    assert NO_ANGLES in outline.flat
    assert "Looking down" not in outline.flat
    assert not [s for s in outline.named("svg") if "°" in (s["aria-label"] or "")]


def test_speed_of_the_head_that_was_not_measured_is_told_in_words(
    sample_result: ScoreResult,
) -> None:
    report = sample_result.report
    assert report.behaviour is not None
    update = {"behaviour": report.behaviour.model_copy(update={"head_movement": None})}
    flat = _Outline(render_page(report.model_copy(update=update), {})).flat
    assert "Head movement not measured needs at least 2 frames/s" in flat


def test_steadiness_stands_beside_the_interval_and_in_a_section(
    outline: _Outline, sample_result: ScoreResult
) -> None:
    assert "8.1 to 27.9 based on the errors for 50 people Sampling error 0.4 points" in outline.flat
    assert "Most weight in one second 31 %" in outline.flat
    assert "Without its 10 most decisive seconds 15.9 1.5 points lower" in outline.flat
    report = sample_result.report
    assert report.steadiness is not None
    short = report.steadiness.model_copy(update={"without_decisive": None})
    flat = _Outline(render_page(report.model_copy(update={"steadiness": short}), {})).flat
    assert "Without its 10 most decisive seconds not computed needs more than 20 s" in flat
    flat = _Outline(render_page(report.model_copy(update={"steadiness": None}), {})).flat
    assert "Steadiness" not in flat
    assert "Sampling error" not in flat


def test_an_estimate_that_leaves_its_interval_without_few_seconds_is_marked(
    sample_result: ScoreResult,
) -> None:
    report = sample_result.report
    assert report.steadiness is not None
    for without, marks in ((27.9, 0), (28.0, 1), (8.0, 1)):
        changed = report.steadiness.model_copy(update={"without_decisive": without})
        outline = _Outline(render_page(report.model_copy(update={"steadiness": changed}), {}))
        assert sum(attrs.get("class") == "marked" for attrs in outline.named("dd")) == marks


def test_the_page_says_what_a_point_stands_for(sample_result: ScoreResult) -> None:
    flat = _Outline(render_page(sample_result.report, {})).flat
    assert (
        flat.count("Each point stands for one sampled frame, or for several neighbouring ones") == 2
    )


@pytest.mark.slow
def test_the_files_of_an_hour_at_5_frames_a_second_are_small(sample_result: ScoreResult) -> None:
    rng = np.random.default_rng(0)
    first = sample_result.frame_rows[0]
    rows = [
        replace(
            first,
            time=i / 5,
            weight=1 / 18_000,
            score=float(rng.uniform(0, 63)),
            logits=rng.normal(size=4),
            action_units=rng.random(18),
            angles=rng.normal(0, 15, 5),
        )
        for i in range(18_000)
    ]
    report = sample_result.report.model_copy(update={"timeline": timeline_of(rows)})
    result = ScoreResult(report=report, frame_rows=rows)
    _, files = render_result(result, frozenset(FORMATS), "drawing")
    assert len(files["score.json"]) < 1_500_000
    assert len(files["report.html"]) < 1_500_000
    for name in ("frames.csv", "aus.csv"):
        assert files[name].count(b"\n") == 18_001


def test_without_levels_the_timeline_has_no_panel_for_them(sample_result: ScoreResult) -> None:
    report = sample_result.report
    assert report.timeline is not None
    bare = report.timeline.model_copy(update={"levels": [None] * len(report.timeline.start)})
    drawn = [charts.timeline(bins_of(t), report.estimate) for t in (report.timeline, bare)]
    assert ["levels</text>" in chart for chart in drawn] == [True, False]
    heights = [re.search(r'viewBox="0 0 \S+ ([\d.]+)"', chart) for chart in drawn]
    full, short = (float(found[1]) for found in heights if found)
    assert short < full - 40
