"""The files of a result: JSON, CSV, HTML and key-frame pictures, each written atomically."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from depmap_cli.io.json_writer import json_file
from depmap_cli.io.output_files import remove_stale, write_file
from depmap_cli.report.score.columns import SCORES, csv_of
from depmap_cli.report.score.page import render_page
from depmap_cli.report.score.pictures import encode_png, picture
from depmap_cli.results import SCHEMA_VERSION, FrameRow, Report, ScoreResult
from depmap_cli.results.frame_table import FRAMES, OPENFACE

FORMATS = ("json", "csv", "html")
PICTURES = "keyframes"
_OUR_PICTURE = re.compile(r"\d{2,}_\d{2,}-\d{2}\.\d{2}\.png")


def render_result(
    result: ScoreResult, formats: frozenset[str], style: str
) -> tuple[Report, dict[str, bytes]]:
    """Render the files of ``result`` in each of ``formats``, with pictures if there is any format.

    Returns the report as it is written, with the paths and style of the pictures, and the contents
    of the files by name, relative to the video's folder, in the order of writing.

    Raises:
        UsageProblem: the picture style is unknown.
    """
    if not formats:
        return result.report, {}
    report, images = _with_pictures(result, style)
    return report, {**images, **_contents(report, result.frame_rows, images, formats)}


def write_result(result: ScoreResult, folder: Path, formats: frozenset[str], style: str) -> Report:
    """Write ``result`` into ``folder`` in each of ``formats``, with pictures for any of them.

    Each file is written atomically, and ``score.json`` last: if it exists, the others are complete.
    Returns the report as it is written, with the paths and style of the pictures.

    Raises:
        OutputUnwritable: the folder or a file in it cannot be written.
        UsageProblem: the picture style is unknown.
    """
    report, contents = render_result(result, formats, style)
    for name, data in contents.items():
        write_file(folder, name, data)
    if contents:
        remove_stale(folder / PICTURES, _OUR_PICTURE, {Path(name).name for name in contents})
    return report


def write_scores_csv(reports: Iterable[Report], path: Path) -> None:
    """Write one row for each video to ``path``.

    Raises:
        OutputUnwritable: the file cannot be written.
    """
    write_file(path.parent, path.name, csv_of(SCORES, reports))


def json_line(report: Report) -> str:
    """The report as JSON on one line, without its timeline; it still fits the schema."""
    return brief(report).model_dump_json()


def brief(report: Report) -> Report:
    """The report without its timeline, which is most of its size."""
    return report.model_copy(update={"timeline": None})


def report_schema() -> dict[str, Any]:
    """The JSON schema of ``score.json``."""
    schema = Report.model_json_schema()
    head = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": f"urn:depmap:report:{SCHEMA_VERSION}",
    }
    return {**head, **schema, "title": "depmap report (score.json)"}


def _with_pictures(result: ScoreResult, style: str) -> tuple[Report, dict[str, bytes]]:
    """The report with the relative paths of its pictures, and the pictures by path."""
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
    """The contents of the files by name, in the order of writing."""
    contents: dict[str, bytes] = {}
    if "csv" in formats:
        contents["frames.csv"] = csv_of(FRAMES, frames)
        contents["aus.csv"] = csv_of(OPENFACE, frames)
    if "html" in formats:
        shows_differences = any(row.face_landmarks is not None for row in frames)
        contents["report.html"] = render_page(report, images, shows_differences).encode()
    if "json" in formats:
        contents["score.json"] = json_file(report).encode()
    return contents
