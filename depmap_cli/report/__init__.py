"""Reports of results: in the terminal, as files and as HTML pages. Does not import torch."""

from depmap_cli.report.score.console import render_batch, render_report
from depmap_cli.report.score.files import (
    FORMATS,
    json_line,
    report_schema,
    write_result,
    write_scores_csv,
)
from depmap_cli.report.score.page import render_page
from depmap_cli.report.score.pictures import STYLES, encode_png, picture

__all__ = [
    "FORMATS",
    "STYLES",
    "encode_png",
    "json_line",
    "picture",
    "render_batch",
    "render_page",
    "render_report",
    "report_schema",
    "write_result",
    "write_scores_csv",
]
