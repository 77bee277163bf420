"""The figures that look into the network: map of features, key faces, action units, prototypes."""

from collections.abc import Iterable, Sequence

import numpy as np

from depmap_cli.domain.bdi import BANDS
from depmap_cli.evaluation.appearance import Appearance, KeyFace, MappedVideo, PrototypeFaces
from depmap_cli.evaluation.au_trends import N_BINS, LevelTrend, UnitTrend
from depmap_cli.evaluation.feature_map import FeatureMap
from depmap_cli.report.charts import svg
from depmap_cli.report.charts.axes import Axes, ticks
from depmap_cli.report.charts.picture_sheet import PictureRow, Tile, sheet
from depmap_cli.report.charts.svg import INK, LEVEL_LINES, SHAPES
from depmap_cli.report.evaluation.page import ExtraFigure
from depmap_cli.report.score.pictures import encode_png, picture
from depmap_cli.report.text import UNRELIABLE_NOTE

_PANEL_WIDTH, _PANEL_HEIGHT, _ACROSS = 250, 110, 3
_FACE, _SMALL_FACE = 176, 84
_DEIDENTIFIED = {
    "drawing": "Line drawings of a coarse copy of the face, as in the report of a video.",
    "blur": "Blurred faces.",
    "raw": "Faces as they are: do not pass this on without consent.",
}


def appearance_figures(found: Appearance, style: str) -> list[ExtraFigure]:
    """Every figure that there is material for; faces in ``style``, as ``picture`` names it."""
    figures = [] if found.features is None else [feature_map(found.videos, found.features)]
    figures.append(unit_trends(found.trends))
    if found.faces:
        figures.append(key_faces(found.faces, style))
    if found.prototypes:
        figures.append(prototype_gallery(found.prototypes, style))
    return figures


def feature_map(videos: Sequence[MappedVideo], features: FeatureMap) -> ExtraFigure:
    """A point a video, coloured by the level of its score: the paper's Figure 4."""
    points, perplexity = features.points, features.perplexity
    axes = Axes(x=_around(points[:, 0]), y=_around(points[:, 1]))
    parts = [_frame(axes)]
    for video, (x, y) in zip(videos, points.tolist(), strict=True):
        tip = f"{video.video}: score {video.score:g}, {BANDS[video.level].name}"
        mark = SHAPES[video.level], (x, y), 3.8, LEVEL_LINES[video.level]
        parts.append(axes.mark(*mark, tip))
    levels = sorted({video.level for video in videos})
    key = [(SHAPES[i], LEVEL_LINES[i], BANDS[i].name) for i in levels]
    chart = axes.drawn("Fused features of all videos in the plane", parts, key)
    return ExtraFigure(
        title="Map of fused features", data=svg.standalone(chart), caption=_map_caption(perplexity)
    )


def _map_caption(perplexity: float | None) -> str:
    what = "What the regression head sees of each video, coloured by the band of its score"
    if perplexity is None:
        return (
            f"{what}. First two principal components: too few different videos for t-SNE, "
            "which needs 8."
        )
    return (
        f"{what}. t-SNE, perplexity {perplexity:.3g}, started at the principal components, "
        "seed 0. Only who lies near whom means something: not axes, sizes or gaps."
    )


def _around(values: np.ndarray) -> tuple[float, float]:
    """The range of the values with a margin, never empty."""
    margin = max(float(np.ptp(values)) * 0.05, 1e-6)
    return float(values.min()) - margin, float(values.max()) + margin


def _frame(axes: Axes) -> str:
    left, right = (axes.across(end) for end in axes.x)
    bottom, top = (axes.down(end) for end in axes.y)
    corners = [(left, top), (right, top), (right, bottom), (left, bottom), (left, top)]
    return svg.polyline(corners, svg.LINE, 1)


def unit_trends(trends: Iterable[UnitTrend]) -> ExtraFigure:
    """A panel an action unit, a line a level: the paper's Figure 6."""
    drawn_panels = [_panel(trend) for trend in trends]
    tall = _PANEL_HEIGHT + 74
    width = _PANEL_WIDTH * _ACROSS + 12  # the last number of a scale reaches over its panel
    rows = -(-len(drawn_panels) // _ACROSS)
    placed = [
        svg.moved(i % _ACROSS * _PANEL_WIDTH, i // _ACROSS * tall, panel)
        for i, panel in enumerate(drawn_panels)
    ]
    label = "Evidence of action units over normalised time, by severity band"
    chart = svg.drawing(width, rows * tall + 24, label, [*placed, _level_key(rows * tall + 10)])
    caption = (
        "Mean over people of each severity band; shaded: one standard error to each side, "
        "where a band has two people or more. Evidence, 0 to 1, is image-text similarity, not "
        f"FACS intensity; each panel has its own scale. {UNRELIABLE_NOTE}"
    )
    return ExtraFigure(
        title="Action units over time", data=svg.standalone(chart), caption=caption, whole=True
    )


def _level_key(y: float) -> str:
    parts = []
    for i, band in enumerate(BANDS):
        x = 40 + i * 150
        parts.append(svg.line(x, y, x + 22, y, LEVEL_LINES[i], 2.5))
        parts.append(svg.text(x + 28, y + 4, f"{band.name} {band.low}–{band.high}", INK, "start"))
    return "".join(parts)


def _panel(trend: UnitTrend) -> list[str]:
    ends = [e for line in trend.lines for e in _ends(line) if np.isfinite(e)]
    low, high = (min(ends), max(ends)) if ends else (0.0, 1.0)
    margin = max((high - low) * 0.08, 0.01)
    y = max(0.0, low - margin), min(1.0, high + margin)
    axes = Axes(x=(0, 100), y=y, height=_PANEL_HEIGHT, width=_PANEL_WIDTH)
    mark = " †" if trend.reliable is False else ""
    parts = axes.ruled([0, 50, 100], ticks(*y, most=5))
    parts += axes.named("% of the video", f"{trend.code} {trend.plain}{mark}")
    for line in trend.lines:
        parts.append(_shade(axes, line))
    for line in trend.lines:
        parts.append(_line(axes, trend, line))
    return parts


def _ends(line: LevelTrend) -> np.ndarray:
    error = np.nan_to_num(line.error)
    return np.concatenate([line.mean - error, line.mean + error])


_CENTRES = (np.arange(N_BINS) + 0.5) / N_BINS * 100


def _shade(axes: Axes, line: LevelTrend) -> str:
    known = np.isfinite(line.mean) & np.isfinite(line.error)
    x, mean, error = _CENTRES[known], line.mean[known], line.error[known]
    upper = [(axes.across(a), axes.down(b)) for a, b in zip(x, mean + error, strict=True)]
    lower = [(axes.across(a), axes.down(b)) for a, b in zip(x, mean - error, strict=True)]
    return svg.area(upper + lower[::-1], LEVEL_LINES[line.level], 0.16) if upper else ""


def _line(axes: Axes, trend: UnitTrend, line: LevelTrend) -> str:
    known = np.isfinite(line.mean)
    places = zip(_CENTRES[known], line.mean[known], strict=True)
    tip = f"{trend.code}, {BANDS[line.level].name}: {line.people} people"
    points = [(axes.across(x), axes.down(y)) for x, y in places]
    return svg.polyline(points, LEVEL_LINES[line.level], 1.8, tip)


def key_faces(faces: Iterable[KeyFace], style: str) -> ExtraFigure:
    """A key frame of some videos of each band, with heat maps: the paper's Figure 5."""
    found = list(faces)
    of_level: dict[int, list[KeyFace]] = {}
    for face in found:
        of_level.setdefault(face.level, []).append(face)
    rows = [
        PictureRow(_band_words(level), [_tile(face, style) for face in members])
        for level, members in sorted(of_level.items())
    ]
    caption = (
        f"{_which(found)}, of videos spread evenly over the scores of their band, each of another "
        f"person: not picked by looks or by error. {_warmth(found)} {_DEIDENTIFIED[style]}"
    )
    data = encode_png(sheet(rows))
    return ExtraFigure(title="Key frames by level", data=data, caption=caption, whole=True)


def _which(faces: list[KeyFace]) -> str:
    if all(face.heaviest for face in faces):
        return "The frame that weighed most"
    return "The middle one of the frames looked at, which all weigh alike in these weights"


def _warmth(faces: list[KeyFace]) -> str:
    if any(face.nearest is None for face in faces):
        return "Warm: where the deepest feature map is strong; these weights have no prototypes."
    return (
        "Warm: where the face matches the prototypes of the level that it resembles most, named "
        "below it."
    )


def _band_words(level: int) -> str:
    band = BANDS[level]
    return f"{band.name}\n{band.low} to {band.high}"  # the font of sheets has no dash


def _tile(face: KeyFace, style: str) -> Tile:
    words = f"score {face.score:g}, estimate {face.estimate:.0f}"
    if face.nearest is not None:
        words += f"\nlike {BANDS[face.nearest].name}"
    return Tile(picture(face.picture, style, _FACE), words)


def prototype_gallery(prototypes: Iterable[PrototypeFaces], style: str) -> ExtraFigure:
    """Each prototype as a column of the training faces nearest to it, a row a level."""
    of_level: dict[int, list[PrototypeFaces]] = {}
    for prototype in prototypes:
        of_level.setdefault(prototype.level, []).append(prototype)
    rows = [
        PictureRow(_band_words(level), [_column(p, style) for p in members])
        for level, members in sorted(of_level.items())
    ]
    caption = (
        "For each prototype of a level the faces of the Training split that resemble it most, "
        "nearest on top, each of another person, whatever the level of their score. Below: the "
        "share of the level's tokens that training gave to the prototype of late. Warm: where the "
        f"face matches it. {_DEIDENTIFIED[style]}"
    )
    return ExtraFigure(
        title="Prototype gallery", data=encode_png(sheet(rows)), caption=caption, whole=True
    )


def _column(prototype: PrototypeFaces, style: str) -> Tile:
    faces = [picture(key, style, _SMALL_FACE) for key in prototype.pictures]
    return Tile(np.concatenate(faces), f"{prototype.number + 1}: {prototype.usage * 100:.0f} %")
