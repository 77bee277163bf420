"""Writes the overlay of one recording, frame by frame, so that memory does not grow with length."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, zip_longest
from pathlib import Path

import numpy as np

from depmap_cli.errors import VideoUnreadable
from depmap_cli.io.output_files import unwritable
from depmap_cli.report.overlay.annotations import draw_annotations
from depmap_cli.report.overlay.canvas import MUTED_RGB, PAPER_RGB, Canvas, wrapped
from depmap_cli.report.overlay.encoder import encoded_video
from depmap_cli.report.overlay.face import subject_picture
from depmap_cli.report.overlay.lanes import (
    Lanes,
    draw_lanes,
    draw_lanes_background,
    lanes_of,
)
from depmap_cli.report.overlay.layout import (
    HEADER_HEIGHT,
    MARGIN,
    Box,
    Layout,
    layout_of,
    placement_of,
)
from depmap_cli.report.overlay.panel import draw_panel, draw_panel_background
from depmap_cli.results import FrameRow, Report, ScoreResult
from depmap_cli.runtime.progress import FractionCallback
from depmap_cli.video.reader import Frame

OVERLAY = "overlay.mp4"
"""Name of the overlay in the folder of a video."""
SIMULATED_WEIGHTS = "The weights were trained on simulated faces only."
_SMALL = 11
_REASON_LANES = 2
"""Room below the picture, in traces, for the reason if there is no estimate."""
_TIME_TOLERANCE = 1e-3


def has_overlay(result: ScoreResult) -> bool:
    """Whether a result has anything to show: a face was found in at least one frame.

    So a video that was refused has an overlay, which shows why, unless it shows no face at all.
    """
    return any(row.box is not None for row in result.frame_rows)


def write_overlay(
    path: Path,
    result: ScoreResult,
    frames: Iterable[Frame],
    style: str,
    *,
    start: float = 0.0,
    progress: FractionCallback = lambda fraction: None,
) -> None:
    """Write the overlay of ``result`` to ``path``, an MP4 file with one picture a sampled frame.

    A picture is shown from the time of its frame in the video, minus ``start``. The longest side is
    at most 960 pixels. The file is removed if an error is raised.

    Args:
        path: the file, written in place: give a temporary name and rename it.
        result: a result with ``has_overlay``.
        frames: the sampled frames of the result, read again.
        style: style of the picture, as for key frames: ``raw`` alone shows face and surroundings.
        start: time in the video at which the overlay starts, in seconds.
        progress: called with the fraction that is done, 0 to 1.

    Raises:
        VideoUnreadable: the frames are not those of the result.
        OutputUnwritable: the file cannot be written.
        UsageProblem: the style is unknown.
    """
    try:
        _write(path, result, _paired(frames, result.frame_rows), style, start, progress)
    except OSError as error:
        raise unwritable(OVERLAY, error) from error


def _write(
    path: Path,
    result: ScoreResult,
    pairs: Iterator[tuple[Frame, FrameRow]],
    style: str,
    start: float,
    progress: FractionCallback,
) -> None:
    first = next(pairs)
    lanes = lanes_of(result.frame_rows)
    layout = layout_of(*_video_size(first[0]), max(len(lanes.lanes), _REASON_LANES))
    base = _background(result.report, layout, lanes)
    with encoded_video(path, layout.width, layout.height, _step(result.frame_rows)) as video:
        for number, (frame, row) in enumerate(chain([first], pairs)):
            canvas = Canvas(base.copy())
            placement = placement_of(layout.picture, *_video_size(frame))
            box = placement.box
            shown = subject_picture(frame, row, style, (box.width, box.height))
            canvas.image[box.y : box.bottom, box.x : box.right] = shown
            draw_annotations(canvas, row, placement)
            draw_panel(canvas, layout.panel, row)
            draw_lanes(canvas, layout.lanes, lanes, number)
            canvas.text((MARGIN, HEADER_HEIGHT / 2), _moment(row), size=14)
            video.add(canvas.finish(), row.time - start)
            progress((number + 1) / len(result.frame_rows))


def _paired(frames: Iterable[Frame], rows: Sequence[FrameRow]) -> Iterator[tuple[Frame, FrameRow]]:
    """Yield each frame with its row.

    Raises:
        VideoUnreadable: times or number of the frames are others, as if the file has changed.
    """
    for frame, row in zip_longest(frames, rows):
        if frame is None or row is None or abs(frame.time - row.time) > _TIME_TOLERANCE:
            raise VideoUnreadable("the file changed while it was scored", "score it again")
        yield frame, row


def _video_size(frame: Frame) -> tuple[float, float]:
    """Width and height of the video in pixels, in which rows give boxes and landmarks."""
    height, width = frame.image.shape[:2]
    return width / frame.scale, height / frame.scale


def _step(rows: Sequence[FrameRow]) -> float:
    """Usual time between two frames in seconds; 1 if there is only one."""
    times = [row.time for row in rows]
    return float(np.median(np.diff(times))) if len(times) > 1 else 1.0


def _background(report: Report, layout: Layout, lanes: Lanes) -> np.ndarray:
    """Draw what is the same in all frames."""
    paper = np.full((layout.height, layout.width, 3), PAPER_RGB, np.uint8)
    canvas = Canvas(paper)
    right = layout.width - MARGIN
    canvas.text((right, HEADER_HEIGHT / 2), _outcome(report), size=14, anchor="rm")
    draw_panel_background(canvas, layout.panel)
    draw_lanes_background(canvas, layout.lanes, lanes)
    if not lanes.lanes:
        _draw_lines(canvas, layout.lanes, f"{report.reason}.", 12)
    _draw_lines(canvas, layout.footer, _statement(report), _SMALL)
    return canvas.finish()


def _draw_lines(canvas: Canvas, box: Box, text: str, size: int) -> None:
    pitch = size + 4
    lines = wrapped(text, box.width - 2 * MARGIN, size)
    for i, line in enumerate(lines[: box.height // pitch]):
        canvas.text((box.x + MARGIN, box.y + (i + 0.75) * pitch), line, MUTED_RGB, size)


def _outcome(report: Report) -> str:
    if report.estimate is None:
        return f"{report.status.value}: no estimate"
    interval = report.estimate.interval
    return (
        f"BDI-II {report.estimate.score:.1f} of 63, {100 * interval.level:.0f} % interval "
        f"{interval.low:.1f} to {interval.high:.1f}"
    )


def _statement(report: Report) -> str:
    """The disclaimer, and that the faces of the training were simulated if they were."""
    simulated = report.weights is not None and report.weights.simulated
    return f"{report.disclaimer} {SIMULATED_WEIGHTS if simulated else ''}".strip()


def _moment(row: FrameRow) -> str:
    minutes, seconds = divmod(max(row.time, 0.0), 60)
    number = f"   frame {row.number}" if row.number else ""
    return f"{minutes:02.0f}:{seconds:05.2f}{number}"
