"""The files of a result: JSON, CSV, HTML and key-frame pictures, each whole or not there at all."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from depmap_cli.domain.action_units import ACTION_UNITS, PRESENT_THRESHOLD
from depmap_cli.domain.bdi import BANDS
from depmap_cli.io.csv_files import Cell, csv_table
from depmap_cli.io.output_files import remove_stale, write_file
from depmap_cli.report.score.page import render_page
from depmap_cli.report.score.pictures import encode_png, picture
from depmap_cli.results import SCHEMA_VERSION, FrameRow, Report, ScoreResult

FORMATS = ("json", "csv", "html")
PICTURES = "keyframes"
SCORES_COLUMNS = (
    "name", "status", "reason", "score", "low", "high", "interval_level", "band", "bands",
    "quality", "usable_share", "duration", "familiarity", "unlike_training_faces", "weights_sha256",
)  # fmt: skip
_BOX = ("x0", "y0", "x1", "y1")
FRAMES_COLUMNS = (
    "frame", "time", "valid", "reason", "origin", "n_faces", "probability", *_BOX,
    *(f"{axis}_{i}" for axis in "xy" for i in range(5)), "weight", "score",
    *(f"logit_{band.name}" for band in BANDS),
)  # fmt: skip
AUS_COLUMNS = (
    "frame", "timestamp", "confidence", "success",
    *(f"{unit.column}_r" for unit in ACTION_UNITS), *(f"{unit.column}_c" for unit in ACTION_UNITS),
)  # fmt: skip
_OUR_PICTURE = re.compile(r"\d{2,}_\d{2,}-\d{2}\.\d{2}\.png")


def render_result(
    result: ScoreResult, formats: frozenset[str], style: str
) -> tuple[Report, dict[str, bytes]]:
    """The files of ``result`` in each of ``formats``, with pictures if there is any format.

    Returns the report as it is written, with the pictures' paths and style, and the contents of the
    files by their names relative to the video's folder, in the order of writing.

    Raises:
        UsageProblem: there is no such picture style.
    """
    if not formats:
        return result.report, {}
    report, images = _with_pictures(result, style)
    return report, {**images, **_contents(report, result.frames, images, formats)}


def write_result(result: ScoreResult, folder: Path, formats: frozenset[str], style: str) -> Report:
    """Write ``result`` into ``folder`` in each of ``formats``; pictures go with any of them.

    Each file is written aside and renamed; ``score.json`` comes last, so what it names is there.
    Returns the report as written: with the pictures' paths and style.

    Raises:
        OutputUnwritable: the folder or a file in it cannot be written.
        UsageProblem: there is no such picture style.
    """
    report, contents = render_result(result, formats, style)
    for name, data in contents.items():
        write_file(folder, name, data)
    if contents:
        remove_stale(folder / PICTURES, _OUR_PICTURE, {Path(name).name for name in contents})
    return report


def write_scores_csv(reports: Iterable[Report], path: Path) -> None:
    """Write one row a video to ``path``.

    Raises:
        OutputUnwritable: the file cannot be written.
    """
    data = csv_table(SCORES_COLUMNS, (_scores_row(report) for report in reports))
    write_file(path.parent, path.name, data)


def json_line(report: Report) -> str:
    """The report as JSON on one line, without timeline and traces; still fits the schema."""
    return brief(report).model_dump_json()


def brief(report: Report) -> Report:
    """The report without timeline and traces, which grow with the number of frames."""
    units = [unit.model_copy(update={"trace": []}) for unit in report.action_units]
    return report.model_copy(update={"timeline": None, "action_units": units})


def report_schema() -> dict[str, Any]:
    """The JSON schema of ``score.json``."""
    schema = Report.model_json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:depmap:report:{SCHEMA_VERSION}",
    }
    return {**head, **schema, "title": "depmap report (score.json)"}


def _with_pictures(result: ScoreResult, style: str) -> tuple[Report, dict[str, bytes]]:
    """The report with its pictures' relative paths, and the pictures by path."""
    images: dict[str, bytes] = {}
    frames = list(result.report.keyframes)
    for i, (frame, key) in enumerate(zip(frames, result.pictures, strict=False)):
        name = f"{PICTURES}/{picture_name(frame.rank, frame.time)}"
        images[name] = encode_png(picture(key, style))
        frames[i] = frame.model_copy(update={"image": name})
    settings = {**result.report.settings, "pictures": style}
    update = {"keyframes": frames, "settings": settings}
    return result.report.model_copy(update=update), images


def picture_name(rank: int, time: float) -> str:
    """Rank, then minutes and seconds, e.g. ``01_00-12.35.png``."""
    minutes, hundredths = divmod(round(max(time, 0.0) * 100), 6000)
    return f"{rank:02d}_{minutes:02d}-{hundredths / 100:05.2f}.png"


def _contents(
    report: Report, frames: Sequence[FrameRow], images: dict[str, bytes], formats: frozenset[str]
) -> dict[str, bytes]:
    """File names with their contents, in the order of writing."""
    contents: dict[str, bytes] = {}
    if "csv" in formats:
        contents["frames.csv"] = csv_table(
            FRAMES_COLUMNS, map(_frame_row, range(1, 1 << 62), frames)
        )
        contents["aus.csv"] = csv_table(AUS_COLUMNS, map(_units_row, range(1, 1 << 62), frames))
    if "html" in formats:
        contents["report.html"] = render_page(report, images).encode()
    if "json" in formats:
        contents["score.json"] = (report.model_dump_json(indent=2) + "\n").encode()
    return contents


def _frame_row(number: int, row: FrameRow) -> list[Cell]:
    box = [None] * 4 if row.box is None else [round(float(v), 2) for v in row.box]
    points: list[Cell] = [None] * 10
    if row.landmarks is not None:
        points = [round(float(v), 2) for v in row.landmarks.T.ravel()]
    logits = [None] * len(BANDS) if row.logits is None else [round(float(v), 5) for v in row.logits]
    score = None if row.score is None else round(row.score, 4)
    seen: list[Cell] = [int(row.valid), row.reason, row.origin, row.n_faces]
    head = [number, round(row.time, 4), *seen, round(row.probability, 4)]
    return [*head, *box, *points, round(row.weight, 6), score, *logits]


def _units_row(number: int, row: FrameRow) -> list[Cell]:
    """OpenFace's layout; units are left empty, not 0, where there was no face to read."""
    head: list[Cell] = [number, round(row.time, 4), round(row.probability, 4)]
    if not row.valid or row.action_units is None:
        return [*head, 0, *[None] * (2 * len(ACTION_UNITS))]
    au_probabilities = [float(v) for v in row.action_units]
    return [
        *head,
        1,
        *(round(v, 4) for v in au_probabilities),
        *(int(v >= PRESENT_THRESHOLD) for v in au_probabilities),
    ]


def _scores_row(report: Report) -> list[Cell]:
    estimate, quality, weights = report.estimate, report.quality, report.weights
    familiarity = report.familiarity
    figures: list[Cell] = [None] * 6
    if estimate:
        interval = estimate.interval
        ends = (round(interval.low, 2), round(interval.high, 2), interval.level)
        figures = [round(estimate.score, 2), *ends, estimate.band, "; ".join(interval.bands)]
    verdict = quality.verdict.value if quality else None
    share = quality.usable_frames / max(quality.sampled_frames, 1) if quality else None
    return [
        report.source.name,
        report.status.value,
        report.reason,
        *figures,
        verdict,
        None if share is None else round(share, 4),
        report.source.duration,
        None if familiarity is None else familiarity.distance,
        None if familiarity is None else int(familiarity.unlike),
        weights.sha256 if weights else None,
    ]
