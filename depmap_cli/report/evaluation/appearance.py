"""Plots that show what the network sees: features, key faces, action units, prototypes."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, TypeVar

import numpy as np

from depmap_cli.domain.bdi import BANDS
from depmap_cli.evaluation.appearance import Appearance, KeyFace, MappedVideo, PrototypeFaces
from depmap_cli.evaluation.au_trends import N_BINS, UnitTrend
from depmap_cli.evaluation.feature_map import FeatureMap
from depmap_cli.report.charts.colours import LEVEL_LINES
from depmap_cli.report.charts.picture_sheet import PictureRow, Tile, sheet
from depmap_cli.report.charts.plots import MARKERS, Plot, Tooltips, plot
from depmap_cli.report.score.pictures import picture
from depmap_cli.report.text import DIFFERENCE_NOTE, PROBABILITY_NOTE, UNRELIABLE_NOTE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OfLevel = TypeVar("_OfLevel", KeyFace, PrototypeFaces)
_COLUMNS = 3  # of panels
_FACE, _SMALL_FACE = 176, 84  # pixels
_BIN_CENTRES = (np.arange(N_BINS) + 0.5) / N_BINS * 100  # % of the video
_DEIDENTIFIED = {
    "drawing": "Drawings of the face, as in the report of a video.",
    "blur": "Blurred faces.",
    "raw": "Unaltered faces: do not share them without consent.",
}


def appearance_plots(appearance: Appearance, style: str) -> list[Plot]:
    """Draw every plot that there is material for; faces in ``style``, as ``picture`` names it."""
    plots = []
    if appearance.features is not None:
        plots.append(feature_map(appearance.videos, appearance.features))
    plots.append(unit_trends(appearance.trends))
    if appearance.faces:
        plots.append(key_faces(appearance.faces, style))
    if appearance.prototypes:
        plots.append(prototype_gallery(appearance.prototypes, style))
    return plots


def feature_map(videos: Sequence[MappedVideo], features: FeatureMap) -> Plot:
    """One point for each video, coloured by the level of its score: the paper's Figure 4."""
    levels = np.array([video.level for video in videos])
    name = "principal component" if features.perplexity is None else "t-SNE"

    def draw(figure: "Figure") -> Tooltips:
        axes = figure.add_subplot(xlabel=f"{name} 1, no unit", ylabel=f"{name} 2, no unit")
        axes.set(xticks=[], yticks=[], box_aspect=1)
        tooltips: Tooltips = {}
        for level in np.unique(levels).tolist():
            rows = np.flatnonzero(levels == level).tolist()
            (marks,) = axes.plot(*features.points[rows].T, MARKERS[level], color=LEVEL_LINES[level])
            marks.set(alpha=0.8, label=f"{_band_range(level)} (n = {len(rows)})")
            tooltips[marks] = [
                f"{videos[row].video}: score {videos[row].score:g}, {BANDS[level].name}"
                for row in rows
            ]
        return tooltips

    return plot(
        draw,
        name="map_of_fused_features",
        title="Map of fused features",
        caption=_map_caption(features.perplexity),
        size=(4.8, 5.0),
    )


def _map_caption(perplexity: float | None) -> str:
    subject = (
        "The features that the regression head receives for each video, coloured by the severity "
        "band of its score"
    )
    if perplexity is None:
        return (
            f"{subject}. First two principal components: too few different videos for t-SNE, "
            "which needs 8."
        )
    return (
        f"{subject}. t-SNE, perplexity {perplexity:.3g}, initialised with the principal "
        "components, seed 0. Only neighbourhoods have a meaning; axes, sizes and gaps have none."
    )


def unit_trends(trends: Sequence[UnitTrend]) -> Plot:
    """One panel for each action unit, one line for each level: the paper's Figure 6."""
    n_rows = max(1, -(-len(trends) // _COLUMNS))

    def draw(figure: "Figure") -> Tooltips:
        panels = figure.subplots(n_rows, _COLUMNS, sharex=True, squeeze=False)
        tooltips: Tooltips = {}
        for axes, trend in zip(panels.flat, trends, strict=False):
            tooltips |= _draw_trend(axes, trend, has_labels=trend is trends[0])
        for axes in panels.flat[len(trends) :]:
            axes.remove()
        for axes in panels[-1]:
            axes.set_xlabel("time, % of the video")
        for axes in panels[:, 0]:
            axes.set_ylabel("probability, 0 to 1")
        return tooltips

    return plot(
        draw,
        name="action_units_over_time",
        title="Action units over time",
        caption="Mean over the people of each severity band; n counts them. Shaded: one standard "
        "error to each side, if a band has at least two people. Each panel has its own scale. "
        f"{PROBABILITY_NOTE} {UNRELIABLE_NOTE}",
        size=(9, 2.3 * n_rows + 0.6),
        is_wide=True,
    )


def _draw_trend(axes: "Axes", trend: UnitTrend, has_labels: bool) -> Tooltips:
    mark = " †" if trend.reliable is False else ""
    axes.set_title(f"{trend.code} {trend.plain}{mark}", loc="left", fontsize="medium")
    axes.set(xlim=(0, 100), xticks=[0, 50, 100])
    tooltips: Tooltips = {}
    for line in trend.lines:
        colour, known = LEVEL_LINES[line.level], np.isfinite(line.mean)
        ends = line.mean - line.error, line.mean + line.error
        axes.fill_between(_BIN_CENTRES, *ends, color=colour, alpha=0.16, linewidth=0)
        label = f"{_band_range(line.level)} (n = {line.people})" if has_labels else None
        (curve,) = axes.plot(_BIN_CENTRES[known], line.mean[known], color=colour, label=label)
        tooltips[curve] = [f"{trend.code}, {BANDS[line.level].name}: {line.people} people"]
    bottom, top = axes.get_ylim()
    axes.set_ylim(max(bottom, 0), min(top, 1))
    return tooltips


def _band_range(level: int, separator: str = " ") -> str:
    """The severity band of a level and its scores, e.g. ``mild 14–19``."""
    band = BANDS[level]
    return f"{band.name}{separator}{band.low}–{band.high}"


def key_faces(faces: Sequence[KeyFace], style: str) -> Plot:
    """The key frame of some videos of each band: the paper's Figure 5, without its heat maps.

    Maps of where a face matches the prototypes do not point at what the face does (measured: LOG
    L79). The pictures show where it differs from the person's usual face instead.
    """
    return _picture_sheet(
        faces,
        _face_tile,
        style,
        name="key_frames_by_level",
        title="Key frames by level",
        caption=f"{_frame_words(faces)}, of videos spaced evenly over the scores of their band, "
        "each of another person; neither faces nor errors influenced the choice. "
        f"{DIFFERENCE_NOTE}{_nearest_words(faces)}",
    )


def _picture_sheet(
    items: Sequence[_OfLevel],
    tile_of: Callable[[_OfLevel, str], Tile],
    style: str,
    *,
    name: str,
    title: str,
    caption: str,
) -> Plot:
    """A sheet with one row of pictures for each level."""
    by_level = groupby(sorted(items, key=lambda item: item.level), key=lambda item: item.level)
    rows = [
        PictureRow(_band_range(level, "\n"), [tile_of(item, style) for item in members])
        for level, members in by_level
    ]
    return Plot(
        name=name,
        title=title,
        caption=f"{caption} {_DEIDENTIFIED[style]}",
        png=sheet(rows),
        is_wide=True,
    )


def _frame_words(faces: Sequence[KeyFace]) -> str:
    if all(face.heaviest for face in faces):
        return "The frame with the greatest weight"
    return "The middle one of the sampled frames, because this model has no key frames"


def _nearest_words(faces: Sequence[KeyFace]) -> str:
    if any(face.nearest is None for face in faces):
        return ""
    return " Below it: the level whose prototypes it resembles most."


def _face_tile(face: KeyFace, style: str) -> Tile:
    words = f"score {face.score:g}, estimate {face.estimate:.0f}"
    if face.nearest is not None:
        words += f"\nlike {BANDS[face.nearest].name}"
    return Tile(picture(face.picture, style, _FACE), words)


def prototype_gallery(prototypes: Sequence[PrototypeFaces], style: str) -> Plot:
    """Each prototype as a column of the training faces nearest to it, one row for each level."""
    return _picture_sheet(
        prototypes,
        _prototype_tile,
        style,
        name="prototype_gallery",
        title="Prototype gallery",
        caption="For each prototype of a level, the faces of the Training split that resemble it "
        "most, nearest on top, each of another person, with any score. Below: the share of the "
        "level's tokens that was assigned to the prototype at the end of training.",
    )


def _prototype_tile(prototype: PrototypeFaces, style: str) -> Tile:
    faces = [picture(key, style, _SMALL_FACE) for key in prototype.pictures]
    return Tile(np.concatenate(faces), f"{prototype.number + 1}: {prototype.usage * 100:.0f} %")
