"""Files, page, charts, terminal and checklist: complete, well formed, safe from hostile names."""

import csv
import io
import json
import re
import subprocess
import sys
import warnings
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from rich.console import Console

from depmap_cli.errors import OutputUnwritable
from depmap_cli.evaluation.results import Baseline, Evaluation, EvaluationReport, SplitCount
from depmap_cli.evaluation.score_table import EvaluatedClip
from depmap_cli.report.charts.colours import ACCENT
from depmap_cli.report.charts.plots import Plot
from depmap_cli.report.evaluation.charts import evaluation_charts
from depmap_cli.report.evaluation.console import render_evaluation
from depmap_cli.report.evaluation.files import (
    clips_csv,
    evaluation_schema,
    metrics_csv,
    write_evaluation,
)
from depmap_cli.report.evaluation.outputs import EvaluationOutputs
from depmap_cli.report.evaluation.page import comparisons, render_evaluation_page
from depmap_cli.report.evaluation.tripod import AUTHOR, render_tripod
from depmap_cli.report.text import SELECTED, SIMULATED, range_text
from depmap_cli.results import DISCLAIMER, Verdict
from tests.support.evaluation_sample import ABOUT, ORIGIN, WEIGHTS, some_clips, some_report

HOSTILE = "<script>alert('1')</script>\"&\x1b[31m\u202e|`*_{{7*7}}"
SVG, HREF = "{http://www.w3.org/2000/svg}", "{http://www.w3.org/1999/xlink}href"
HOSTILE_PLOT = Plot(name="hostile", title=HOSTILE, caption=HOSTILE, png=b"\x89PNG")
CHARTS = ["predicted", "bland_altman", "calibration", "error_by_band", "coverage_by_band"]
SEX = {"sex": {str(200 + i): "fm"[i % 2] for i in range(20)}}


@pytest.fixture(scope="module")
def report() -> EvaluationReport:
    return some_report(attributes=SEX)


@pytest.fixture(scope="module")
def hostile() -> EvaluationReport:
    """Every string that a user or a file system can choose, chosen badly."""
    clips = [
        EvaluatedClip(**{**vars(c), "video": HOSTILE + c.video, "task": HOSTILE + c.task})
        for c in some_clips()
    ]
    weights = WEIGHTS.model_copy(
        update=dict.fromkeys(("file", "training_data", "semantics", "backbone"), HOSTILE)
    )
    origin = ORIGIN.model_copy(update={"network": HOSTILE, "recalibrated_on": HOSTILE})
    changes = {
        "data": HOSTILE,
        "weights": weights,
        "origin": origin,
        "notes": [HOSTILE],
    }
    about = ABOUT.model_copy(update={**changes, "settings": {"clip": HOSTILE}})
    attributes = {HOSTILE: {c.subject: HOSTILE + c.subject[-1] for c in clips}}
    other = some_weights(HOSTILE), np.full(len(clips), 20.0)
    return some_report(clips=clips, about=about, attributes=attributes, others=[other])


def some_weights(title: str) -> Baseline:
    return Baseline(
        name="beside_1",
        title=title,
        description=f"Other weights, {title}.",
        leaks=False,
        informed=len(some_clips()),
        weights=WEIGHTS,
    )


class _Tags(HTMLParser):
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
        if tag not in {"meta", "img", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if not self.open or self.open[-1] not in ("style", "title"):
            self.text += " " + data

    @property
    def flat(self) -> str:
        return " ".join(self.text.split())


def _rows(data: bytes) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(data.decode())))


def test_the_files_promised_and_no_others(report: EvaluationReport, tmp_path: Path) -> None:
    names = write_evaluation(report, tmp_path / "new" / "out")
    assert names[-1] == "evaluation.json"
    found = {str(p.relative_to(tmp_path / "new/out")) for p in tmp_path.rglob("*") if p.is_file()}
    charts = {f"figures/{name}.{kind}" for name in CHARTS for kind in ("svg", "png")}
    texts = {"clips.csv", "figures.csv", "evaluation.html", "tripod.md", "README.md"}
    assert found == set(names) == charts | texts | {"evaluation.json"}
    listed = json.loads((tmp_path / "new/out/evaluation.json").read_bytes())["files"]
    assert set(listed) == charts | texts
    readme = (tmp_path / "new/out/README.md").read_text(encoding="utf-8")
    assert all(f"- `{name}`: " in readme for name in names)


def test_json_reads_back_equal_and_fits_its_schema(
    report: EvaluationReport, tmp_path: Path
) -> None:
    write_evaluation(report, tmp_path)
    text = (tmp_path / "evaluation.json").read_text(encoding="utf-8")
    read = EvaluationReport.model_validate_json(text)
    assert read.model_copy(update={"files": {}}) == report
    schema, content = evaluation_schema(), json.loads(text)
    assert set(content) == set(schema["properties"])
    assert schema["additionalProperties"] is False
    assert content["schema_version"] == "2.0"


def test_infinite_intervals_survive_json() -> None:
    report = some_report(half_width=float("inf"))
    assert EvaluationReport.model_validate_json(report.model_dump_json()) == report


def test_intervals_that_do_not_exist_cover_nothing(tmp_path: Path) -> None:
    report = some_report(half_width=float("inf"))
    told = "a 90 % interval needs at least 9 calibration people"
    page = _Tags(render_evaluation_page(report))
    for text in (page.flat, " ".join(_shown(report).split()), render_tripod(report)):
        assert told in text
        assert "100 %" not in text
        assert "whole scale" not in text
    assert "with a 90 % interval" not in render_tripod(report)
    assert not [n for n in write_evaluation(report, tmp_path) if "coverage_by_band" in n]
    row = _rows(clips_csv(report))[0]
    assert row["low"] == row["high"] == ""


def test_clips_csv_reads_back(report: EvaluationReport) -> None:
    rows = _rows(clips_csv(report))
    assert len(rows) == report.n_clips
    for row, clip in zip(rows, report.table, strict=True):
        assert (row["video"], float(row["score"])) == (clip.video, clip.score)
        assert float(row["estimate"]) == pytest.approx(clip.estimate, abs=1e-4)
        assert float(row["share_minimal"]) == 0.4
        assert float(row["baseline_mean"]) == 15
        assert row["seen_in_training"] == str(int(clip.seen))


def test_figures_csv_holds_every_metric_with_its_interval(report: EvaluationReport) -> None:
    rows = {(row["group"], row["method"]): row for row in _rows(metrics_csv(report))}
    methods = len(report.baselines) + 1
    assert len(rows) == len(comparisons(report)) * methods + 1 + 4 + 3  # bands, f, m, not given
    ours, mean = report.agreement.sessions.estimates, report.agreement.sessions.baselines[0]
    for name, three in (
        ("estimate", ours),
        (mean.baseline, mean.agreement),
    ):
        row = rows["Sessions", name]
        assert (int(row["n"]), int(row["people"])) == (three.n, three.people)
        for figure in ("rmse", "mae", "pcc", "ccc"):
            found = getattr(three, figure)
            for column, value in ((figure, found.value), (f"{figure}_low", found.low)):
                assert float(row[column]) == pytest.approx(value, abs=1e-4)
    women = report.subgroups[0].groups[0].errors
    assert float(rows["sex: f", "estimate"]["ccc_high"]) == pytest.approx(women.ccc.high, abs=1e-4)
    assert rows["Clips", "mean"]["coverage"] == ""


def test_what_is_not_known_is_left_empty_in_the_csv() -> None:
    clips = [
        EvaluatedClip(
            video=f"{i}.mp4", subject=str(i), session="1", task="", score=4.0, estimate=5.0
        )
        for i in range(3)
    ]
    row = _rows(clips_csv(some_report(clips=clips, half_width=None)))[0]
    assert row["low"] == row["duration"] == row["share_severe"] == ""


def test_no_cell_is_a_formula() -> None:
    clips = [
        EvaluatedClip(
            video="=1+1.mp4", subject="@a", session="-1", task="+t", score=4.0, estimate=5.0
        )
    ]
    row = _rows(clips_csv(some_report(clips=clips)))[0]
    assert [row[k] for k in ("video", "subject", "session", "task")] == [
        "'=1+1.mp4", "'@a", "'-1", "'+t",
    ]  # fmt: skip


def test_json_is_utf8_whatever_the_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    clips = [
        EvaluatedClip(
            video="łódź.mp4", subject="a", session="1", task="", score=10.0, estimate=12.0
        )
    ]
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp1252"))
    found = [Evaluation(some_report(clips=clips))]
    EvaluationOutputs(None, "drawing", as_json=True).write(found)
    assert json.loads(written.getvalue().decode("utf-8"))["table"][0]["video"] == "łódź.mp4"


def test_a_name_that_is_no_text_is_written_all_the_same(tmp_path: Path) -> None:
    clips = [
        EvaluatedClip(
            video="\udcff.mp4", subject="1", session="1", task="", score=4.0, estimate=5.0
        )
    ]
    write_evaluation(some_report(clips=clips), tmp_path)
    assert json.loads((tmp_path / "evaluation.json").read_bytes())["table"][0]["video"] == "�.mp4"


@pytest.mark.slow
def test_plots_of_an_earlier_evaluation_go(report: EvaluationReport, tmp_path: Path) -> None:
    gallery = Plot(
        name="prototype_gallery",
        title="Prototype gallery",
        png=b"\x89PNG raw faces",
        caption="Faces.",
    )
    write_evaluation(report, tmp_path, [gallery])
    (tmp_path / "figures" / "My notes.txt").write_text("kept")
    assert (tmp_path / "figures" / "prototype_gallery.png").is_file()
    written = write_evaluation(report, tmp_path)
    left = {f"figures/{p.name}" for p in (tmp_path / "figures").iterdir()}
    assert left == {n for n in written if n.startswith("figures/")} | {"figures/My notes.txt"}


def test_an_unwritable_folder_is_told(report: EvaluationReport, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(OutputUnwritable, match="cannot write"):
        write_evaluation(report, tmp_path / "file")


def _chart(report: EvaluationReport, name: str) -> Plot:
    (chart,) = (c for c in evaluation_charts(report) if c.name == name)
    return chart


def _root(plot: Plot) -> ElementTree.Element:
    return ElementTree.fromstring(plot.files[f"{plot.name}.svg"])


@pytest.mark.slow
def test_charts_are_xml_whatever_the_names(
    report: EvaluationReport, hostile: EvaluationReport
) -> None:
    for of in (report, hostile):
        charts = evaluation_charts(of)
        assert [chart.name for chart in charts] == CHARTS
        for chart in charts:
            root = _root(chart)
            assert root.tag == f"{SVG}svg"
            assert root.attrib["aria-label"]
            assert not [e for e in root.iter() if "script" in e.tag]
            assert chart.png.startswith(b"\x89PNG")


@pytest.mark.slow
def test_charts_repeat_byte_by_byte_and_leave_matplotlib_as_it_was(
    report: EvaluationReport,
) -> None:
    before = dict(matplotlib.rcParams)
    first = evaluation_charts(report)
    assert dict(matplotlib.rcParams) == before
    with matplotlib.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        assert evaluation_charts(report) == first
    assert not [c for c in first if "metadata" in c.svg or "matplotlib" in c.svg.lower()]


def test_names_are_no_formulas_and_none_is_hidden_from_the_legend() -> None:
    clips = [replace(c, task="_$x^2$ 東京") for c in some_clips()]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        chart = _chart(some_report(clips=clips), "predicted")
    assert f" _$x^2$ 東京 (n = {len(clips)})" in _texts(chart)


def _texts(plot: Plot) -> list[str]:
    return ["".join(e.itertext()) for e in _root(plot).iter(f"{SVG}text")]


def _marks(plot: Plot) -> dict[str, tuple[float, float]]:
    """What a mark says, up to its first colon or comma -> where it lies, pixels."""
    marks = {}
    for mark in _root(plot).iter(f"{SVG}use"):
        if (title := mark.find(f"{SVG}title")) is not None:
            name = re.split("[:,]", title.text or "")[0]
            marks[name] = float(mark.attrib["x"]), float(mark.attrib["y"])
    return marks


@pytest.mark.slow
def test_every_clip_and_every_session_has_its_mark(report: EvaluationReport) -> None:
    predicted, bland_altman = (_chart(report, n) for n in ("predicted", "bland_altman"))
    assert predicted.svg.count("mp4: score") == report.n_clips
    assert set(_marks(predicted)) == {row.video for row in report.table}
    assert bland_altman.svg.count(", session ") == report.n_sessions
    sizes = [f"{t} (n = {report.n_clips // 2})" for t in ("Freeform", "Northwind")]
    assert set(sizes) <= set(_texts(predicted))
    shapes: dict[str, set[str]] = {"Freeform": set(), "Northwind": set()}
    for mark in _root(predicted).iter(f"{SVG}use"):
        if (title := mark.find(f"{SVG}title")) is not None:
            shapes[(title.text or "").split("_")[2]].add(mark.attrib[HREF])
    assert all(len(shape) == 1 for shape in shapes.values())
    assert shapes["Freeform"] != shapes["Northwind"]
    assert f"sessions (n = {report.n_sessions})" in _texts(bland_altman)


def test_marks_lie_where_their_numbers_say() -> None:
    pairs = {"low": (0.0, 0.0), "high": (45.0, 45.0), "under": (45.0, 0.0), "mid": (22.5, 22.5)}
    clips = [
        EvaluatedClip(
            video=name, subject=name, session="1", task="", score=pair[0], estimate=pair[1]
        )
        for name, pair in pairs.items()
    ]
    marks = _marks(_chart(some_report(clips=clips), "predicted"))
    (left, bottom), (right, top) = marks["low"], marks["high"]
    assert left < right
    assert top < bottom  # pixels count downwards
    assert marks["under"] == (right, bottom)
    assert marks["mid"] == pytest.approx(((left + right) / 2, (top + bottom) / 2))


def test_the_calibration_line_keeps_its_slope_where_it_leaves_the_plot() -> None:
    estimates = np.arange(2.0, 25.0, 2.0)
    pairs = zip(np.clip(2 * estimates - 8, 0, 45).tolist(), estimates.tolist(), strict=True)
    clips = [
        EvaluatedClip(
            video=f"{i}", subject=f"{i}", session="1", task="", score=pair[0], estimate=pair[1]
        )
        for i, pair in enumerate(pairs)
    ]
    report = some_report(clips=clips)
    slope, intercept = report.calibration.slope.value, report.calibration.intercept.value
    assert slope is not None
    assert intercept is not None
    assert intercept + slope * estimates[0] < -2  # it begins below the plot
    ends = r'd="M ([\d.-]+) ([\d.-]+) \s*L ([\d.-]+) ([\d.-]+) \s*" [^>]*stroke: ' + ACCENT
    lines = [[float(n) for n in e] for e in re.findall(ends, _chart(report, "calibration").svg)]
    x1, y1, x2, y2 = max(lines, key=lambda line: abs(line[2] - line[0]))
    assert (y1 - y2) / (x2 - x1) == pytest.approx(slope, rel=0.02)  # the plot is square


def test_overestimates_lie_above_in_the_bland_altman_plot() -> None:
    clips = [
        EvaluatedClip(video=n, subject=n, session="1", task="", score=10.0, estimate=e)
        for n, e in (("over", 15.0), ("under", 5.0))
    ]
    marks = _marks(_chart(some_report(clips=clips), "bland_altman"))
    assert marks["over"][1] < marks["under"][1]
    assert marks["over"][0] > marks["under"][0]


def test_scores_above_avecs_widen_the_scale() -> None:
    low = _texts(_chart(some_report(), "predicted"))
    clips = [EvaluatedClip(video="a", subject="1", session="1", task="", score=60.0, estimate=9.0)]
    high = _texts(_chart(some_report(clips=clips), "predicted"))
    assert ("45" in low, "63" in low) == (True, False)
    assert "63" in high


def test_a_weights_file_without_calibration_has_no_coverage_chart(tmp_path: Path) -> None:
    report = some_report(half_width=None)
    assert "coverage_by_band" not in [chart.name for chart in evaluation_charts(report)]
    assert "contain no calibration data" in _Tags(render_evaluation_page(report)).flat


def test_axes_have_names_with_units_and_groups_their_sizes(report: EvaluationReport) -> None:
    words = {chart.name: _texts(chart) for chart in evaluation_charts(report)}
    for name, *labels in (
        ("predicted", "BDI-II score, points", "estimate, points"),
        ("bland_altman", "mean of score and estimate, points", "estimate minus score, points"),
        ("calibration", "mean estimate, points", "mean score, points"),
        ("error_by_band", "error, points", "severity band of the BDI-II score"),
        ("coverage_by_band", "coverage, % of clips", "severity band of the BDI-II score"),
    ):
        assert set(labels) <= set(words[name]), name
    for name in ("error_by_band", "coverage_by_band"):
        assert f"n = {report.bands[3].errors.n}" in words[name]


def test_the_page_says_what_a_reviewer_must_know(report: EvaluationReport) -> None:
    splits = [SplitCount(name="Training", clips=100, sessions=50, people=28, mean=15.1, sd=11)]
    more = {"splits": splits, "sampled_frames": 900, "usable_frames": 880}
    page = render_evaluation_page(report.model_copy(update=more), evaluation_charts(report))
    flat = _Tags(page).flat
    rmse = report.agreement.clips.estimates.rmse
    for part in (
        "run.safetensors on simavec, Testing",
        f"{report.n_clips} clips, {report.n_sessions} sessions of {report.n_people} people",
        f"{rmse.value:.2f} points of 63",
        range_text(rmse),
        "Task Northwind",
        "People not seen",
        "same person (leaks)",
        "true scores of the person's other sessions",
        "moderate 20–28",
        "Slope of scores on estimates",
        "limits of agreement",
        "not given",
        "over people, drawn with replacement with all their clips; 200 draws, seed 0",
        "Training: 100 clips, 50 sessions, 28 people, score 15.1 ± 11.0",
        "880 of 900 sampled frames",
        "ab" * 32,
        SIMULATED,
    ):
        assert part in flat
    assert flat.count(DISCLAIMER) == 2


def test_only_simulated_weights_are_called_so(report: EvaluationReport) -> None:
    weights = report.weights.model_copy(update={"simulated": False})
    real = report.model_copy(update={"weights": weights})
    console = Console(width=80)
    with console.capture() as capture:
        render_evaluation(console, real)
    for text in (_Tags(render_evaluation_page(real)).flat, capture.get(), render_tripod(real)):
        assert "simulated" not in text


def test_figures_on_the_split_of_selection_carry_a_warning(report: EvaluationReport) -> None:
    chosen = report.model_copy(update={"split": "Development"})
    assert SELECTED in _Tags(render_evaluation_page(chosen)).flat
    assert SELECTED in render_tripod(chosen)
    assert SELECTED not in _Tags(render_evaluation_page(report)).flat


def test_the_page_fetches_and_runs_nothing(report: EvaluationReport) -> None:
    page = render_evaluation_page(report, evaluation_charts(report))
    tags = _Tags(page)
    assert not {"script", "link", "iframe", "object", "embed", "a"} & {t for t, _ in tags.tags}
    for _, attributes in tags.tags:
        assert not [n for n in attributes if n.startswith("on") or n in ("href", "srcset")]
        assert (attributes.get("xlink:href") or "#").startswith("#")  # within the page
    assert not re.search(r"https?://|@import|url\((?!#)", page)
    assert page.count("<style") == 1  # a chart brings no rules of its own
    policies = [a.get("content") or "" for t, a in tags.tags if t == "meta"]
    assert any(p.startswith("default-src 'none'; img-src data:;") for p in policies)
    ids = [a["id"] for _, a in tags.tags if "id" in a]
    assert len(ids) == len(set(ids))


def test_no_raw_string_of_a_user_reaches_the_page(hostile: EvaluationReport) -> None:
    page = render_evaluation_page(hostile, [*evaluation_charts(hostile), HOSTILE_PLOT])
    assert "<script" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert "{{7*7}}" in _Tags(page).flat
    assert not [t for t, _ in _Tags(page).tags if t == "script"]


@pytest.mark.slow
def test_extra_figures_are_embedded_and_written(report: EvaluationReport, tmp_path: Path) -> None:
    png = b"\x89PNG\r\n\x1a\nnot really"
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 7 7"><desc>an SVG</desc></svg>'
    extras = [
        Plot(name="faces", title="t-SNE of features", png=png, caption="By level."),
        Plot(name="map", title="Map", png=png, svg=svg, caption=""),
    ]
    names = write_evaluation(report, tmp_path, extras)
    assert {"figures/faces.png", "figures/map.svg", "figures/map.png"} <= set(names)
    assert "figures/faces.svg" not in names
    tags = _Tags((tmp_path / "evaluation.html").read_text(encoding="utf-8"))
    (image,) = [a for t, a in tags.tags if t == "img"]
    assert (image["src"] or "").startswith("data:image/png;base64,")
    assert image["alt"] == "t-SNE of features"
    assert tags.flat.count("an SVG") == 1
    assert len([t for t, _ in tags.tags if t == "svg"]) == len(CHARTS) + 1


def _shown(report: EvaluationReport, width: int = 80) -> str:
    console = Console(width=width, file=io.StringIO())
    with console.capture() as capture:
        render_evaluation(console, report)
    return capture.get()


def test_the_terminal_fits_80_columns(report: EvaluationReport, hostile: EvaluationReport) -> None:
    for of in (report, hostile):
        shown = _shown(of)
        assert max(map(len, shown.splitlines())) <= 80
        assert "\x1b" not in shown
    flat = " ".join(_shown(report).split())
    rmse = report.agreement.clips.estimates.rmse
    for part in (
        f"{rmse.value:.2f}",
        range_text(rmse),
        "training mean",
        "same person (leaks)",
        "People not seen",
        "moderate",
        "90 % interval",
        "By sex",
        SIMULATED,
        DISCLAIMER,
    ):
        assert part in flat


def test_other_weights_stand_in_every_table_of_agreement(report: EvaluationReport) -> None:
    clips = some_clips()
    other = np.array([clip.score + 2.0 for clip in clips])
    beside = some_report(clips=clips, others=[(some_weights("resnet"), other)])
    for part in (beside.agreement.clips, *beside.agreement.tasks, beside.agreement.unseen):
        row = part.baselines[0]
        assert row.agreement.rmse.value == pytest.approx(2)
        assert row.agreement.pcc.value == pytest.approx(1)
        ours = part.estimates.rmse.value
        assert row.rmse_difference.value == pytest.approx(ours - 2)
        assert row.rmse_difference.low > 0  # paired: they are better in every draw
    assert beside.agreement.clips.estimates == report.agreement.clips.estimates
    parts = len(comparisons(beside))
    assert _shown(beside).count("resnet") == parts + 1  # and once among the differences
    flat = _Tags(render_evaluation_page(beside)).flat
    assert "other weights, and of rules without a network" in flat
    assert "resnet : Other weights, resnet." in flat
    assert _rows(clips_csv(beside))[0]["baseline_beside_1"] == str(other[0])


def test_the_terminal_tells_clips_from_sessions_and_from_people() -> None:
    clips = [
        EvaluatedClip(video=t, subject="1", session="1", task=t, score=4.0, estimate=5.0)
        for t in ("Freeform", "Northwind")
    ]
    shown = _shown(some_report(clips=clips))
    assert "2 clips of 1 people" in shown
    assert "1 sessions of 1 people" in shown


def test_baselines_that_know_nothing_do_not_repeat_the_mean(report: EvaluationReport) -> None:
    clips = [
        EvaluatedClip(
            video=f"{i}.mp4", subject=f"x{i}", session="1", task="", score=4.0 + i, estimate=5.0
        )
        for i in range(3)
    ]
    shown = _shown(some_report(clips=clips))
    told = (
        "without information on these clips: same person, same person (leaks), clip duration and "
        "ridge on readings"
    )
    assert told in " ".join(shown.split())
    assert shown.count("training mean") == 4  # clips, sessions, people not seen, differences
    assert shown.count("same person (leaks)") == 1
    known = report.baselines[1]
    assert 0 < known.informed < report.n_clips
    told = f"same person: has information on {known.informed} of {report.n_clips} clips"
    assert told in " ".join(_shown(report).split())


def test_neither_the_headline_nor_the_checklist_repeats_the_mean(report: EvaluationReport) -> None:
    clips = [
        EvaluatedClip(
            video=f"{i}.mp4", subject=f"x{i}", session="1", task="", score=4.0 + i, estimate=5.0
        )
        for i in range(3)
    ]
    strangers = some_report(clips=clips)
    head = render_evaluation_page(strangers).partition('<section aria-labelledby="agreement">')[0]
    assert "training mean" in head
    for text in (head, _item(strangers, "23a")):
        assert "same person" not in text
        assert "clip duration" not in text
    known = report.baselines[1].informed
    assert f"; it had information on {known} of {report.n_clips} clips)" in _item(report, "23a")


def test_what_the_data_lacks_is_told_everywhere() -> None:
    note = "1 video left out, folder and name do not tell the split: x.mp4"
    gate = {Verdict.passed: 60, Verdict.warn: 3, Verdict.refuse: 2}
    about = ABOUT.model_copy(
        update={
            "notes": [note],
            "gate": gate,
            "origin": ORIGIN.model_copy(update={"selected_people": 7}),
        }
    )
    report = some_report(about=about)
    checklist = " ".join(_item(report, "11").replace("\\", "").split())
    shown = " ".join(_shown(report).split())
    for text in (shown, _Tags(render_evaluation_page(report)).flat, checklist):
        assert "1 video left out, folder and name do not tell the split: x.mp4" in text
        assert "would warn about the quality of 3 of these clips and refuse 2" in text
        assert "weights were selected, and the intervals calibrated, on 7 of these people" in text
    for text in (_shown(some_report()), _item(some_report(), "11")):
        assert "would warn" not in text
        assert "were selected, and" not in text


def test_intervals_of_other_frames_carry_a_caution() -> None:
    caution = "set with estimates from 16 frames a video"
    report = some_report(caution=caution)
    assert report.intervals
    assert report.intervals.caution == caution
    assert caution in " ".join(_shown(report).split())
    assert caution in _Tags(render_evaluation_page(report)).flat
    assert caution in _item(report, "23a")
    assert "set with" not in _shown(some_report())


def test_limits_of_agreement_have_no_perfect_value(report: EvaluationReport) -> None:
    flat = _Tags(render_evaluation_page(report)).flat
    for words in ("Slope of scores on estimates, clips", "Bias of sessions, points"):
        assert re.search(rf"{words} [-\d. to]+ [01] ", flat)
    assert re.search(
        r"Upper limit of agreement of sessions, points [-\d.]+ [-\d.]+ to [-\d.]+ \D", flat
    )


def test_one_person_can_be_shown() -> None:
    report = some_report(
        clips=[
            EvaluatedClip(video="a.mp4", subject="1", session="1", task="", score=4.0, estimate=5.0)
        ],
        half_width=None,
    )
    assert "–" in _shown(report)
    assert _Tags(render_evaluation_page(report)).flat
    assert render_tripod(report)


def test_the_checklist_has_27_items_and_says_who_fills_them(
    report: EvaluationReport, tmp_path: Path
) -> None:
    write_evaluation(report, tmp_path)
    text = (tmp_path / "tripod.md").read_text(encoding="utf-8")
    items = re.split(r"\n(?=\*\*\d)", text)[1:]
    assert {int(re.match(r"\*\*(\d+)", item)[1]) for item in items} == set(range(1, 28))
    assert all(re.search(r"^- \S", item, re.M) for item in items)
    assert sum(AUTHOR not in item for item in items) >= 8
    rmse = report.agreement.clips.estimates.rmse
    for part in (
        f"RMSE {rmse.value:.2f} [{range_text(rmse)}]",
        "BDI-II total score (0 to 63)",
        "sha256 `" + "ab" * 32,
        "200 draws, seed 0",
        "sex: f (n = ",
        "No score was imputed.",
    ):
        assert part in text


def _item(report: EvaluationReport, number: str) -> str:
    """The answers to one item of the checklist."""
    items = re.split(r"\n(?=\*\*\d)", render_tripod(report))
    return next(item for item in items if item.startswith(f"**{number} "))


def _of(report: EvaluationReport, **changes: object) -> EvaluationReport:
    return report.model_copy(update={"origin": ORIGIN.model_copy(update=changes)})


def test_the_checklist_tells_what_intervals_were_calibrated_on(report: EvaluationReport) -> None:
    assert "- None in this evaluation." in _item(report, "12f")
    assert "- Not done." in _item(report, "24")
    assert "their intervals calibrated on Development" in _item(report, "12a")
    again = _of(report, recalibrated_on="mine, Development", calibration_people=12)
    for number in ("12a", "12f", "24"):
        assert "recalibrated on 12 people of mine, Development" in _item(again, number)
    assert "90 % prediction intervals cover" in _item(again, "24")


def test_the_checklist_tells_weights_from_elsewhere(report: EvaluationReport) -> None:
    assert "fitted on Training, selected on Development" in _item(report, "12a")
    assert "28 of the 28 people" in _item(report, "12a")
    elsewhere = _item(_of(report, known_people=0), "12a")
    assert (
        "By name and video, none of the 28 people of its Training split are among those on whom"
        in elsewhere
    )
    alone = _item(_of(report, known_people=0, training_people=0), "12a")
    assert "The data has no Training split" in alone
    for text in (elsewhere, alone):
        assert "unless the weights know these people by other names" in text
        assert "fitted on Training" not in text


def test_the_checklist_tells_balance_and_network(report: EvaluationReport) -> None:
    assert "all videos were drawn equally often" in _item(report, "13")
    assert "train.band_balance = 0.5" in _item(_of(report, balance=0.5), "13")
    assert "Dep-MAP (Wang, Ye and Wang" in _item(report, "12c")
    resnet = _of(report, network="plain ResNet with mean pooling")
    assert "A neural network: plain ResNet with mean pooling; backbone" in _item(resnet, "12c")
    assert "Dep-MAP" not in _item(resnet, "12c")
    assert "plain ResNet with mean pooling, resnet18" in _Tags(render_evaluation_page(resnet)).flat


PARTS = {
    **dict.fromkeys((5, 23), "ab"),
    **dict.fromkeys((3, 6, 8, 9, 20, 27), "abc"),
    **{12: "abcdefg", 18: "abcdef"},
}
OF_ONE_KIND = {
    "development": ["9a", "12a", "12b", "12c", "15", "22", "27a", "27b"],
    "evaluation": ["12f", "12g", "20c", "24"],
}


def test_the_checklist_has_the_parts_that_were_published_each_once(
    report: EvaluationReport,
) -> None:
    titles = re.findall(r"^\*\*(\d+[a-g]?) (.+?)\.\*\*", render_tripod(report), re.M)
    assert [n for n, _ in titles] == [f"{n}{x}" for n in range(1, 28) for x in PARTS.get(n, [""])]
    assert len(titles) == 52
    for kind, numbers in OF_ONE_KIND.items():
        assert [n for n, topic in titles if topic.endswith(f" ({kind} only)")] == numbers


def test_names_cannot_write_markup_into_checklist_and_list(
    hostile: EvaluationReport, tmp_path: Path
) -> None:
    text = render_tripod(hostile)
    assert "<script" not in text
    assert "\x1b" not in text
    assert len(re.findall(r"^#", text, re.M)) == 6
    write_evaluation(hostile, tmp_path, [HOSTILE_PLOT])
    readme = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert "<script" not in readme
    assert len(re.findall(r"^[#-]", readme, re.M)) == 1 + 6 + 2 * len(CHARTS) + 1


def test_metrics_need_no_torch_and_no_matplotlib() -> None:
    program = """
import importlib, sys
modules = ("evaluation", "evaluation.evaluate", "report", "report.evaluation.outputs",
    "report.evaluation.files", "report.evaluation.tripod", "cli")
for module in modules:
    importlib.import_module(f"depmap_cli.{module}")
    assert not {"torch", "matplotlib"} & set(sys.modules), module
from depmap_cli.report.evaluation.charts import evaluation_charts
from tests.support.evaluation_sample import some_report
evaluation_charts(some_report())
assert not {"torch", "matplotlib.pyplot"} & set(sys.modules)
"""
    root = Path(__file__).parents[3]
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
