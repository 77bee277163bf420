"""Protects figures of features, faces and action units: planted groups, hand values, the choice."""

import re
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import cv2
import numpy as np
import pytest
import torch

from depmap_cli.data.clips import VideoClip
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.evaluation.appearance import (
    Appearance,
    KeyFace,
    MappedVideo,
    PrototypeFaces,
    sample_over_scores,
)
from depmap_cli.evaluation.au_trends import MAIN_UNITS, N_BINS, UnitCurve, binned, trends_of
from depmap_cli.evaluation.estimate_clip import estimate_clip
from depmap_cli.evaluation.feature_map import FEWEST, FeatureMap, map_features, principal_components
from depmap_cli.report.charts.colours import LEVEL_LINES
from depmap_cli.report.charts.picture_sheet import PictureRow, Tile, sheet
from depmap_cli.report.evaluation.appearance import (
    appearance_plots,
    feature_map,
    key_faces,
    unit_trends,
)
from depmap_cli.report.score.pictures import picture
from depmap_cli.results import KeyPicture
from depmap_cli.scoring.inference import embed_faces
from depmap_cli.weights.loading import load_networks
from depmap_cli.workflows.appearance import key_faces_of

UNITS = len(ACTION_UNITS)


def features(sizes, apart=20.0):
    """Groups of videos that lie ``apart`` from each other in 16 dimensions."""
    rng = np.random.default_rng(3)
    centres = np.eye(16)[: len(sizes)] * apart
    return np.concatenate([rng.normal(c, 1, (n, 16)) for c, n in zip(centres, sizes, strict=True)])


def test_planted_groups_stay_apart_in_the_plane_and_the_map_repeats():
    found = map_features(features([12, 12, 12]))
    assert found.perplexity == pytest.approx(35 / 3)
    groups = found.points.reshape(3, 12, 2)
    centres = groups.mean(1)
    own = np.linalg.norm(groups - centres[:, None], axis=-1).max()
    between = np.linalg.norm(centres[:, None] - centres, axis=-1)[np.triu_indices(3, 1)].min()
    assert between > 2 * own
    np.testing.assert_array_equal(map_features(features([12, 12, 12])).points, found.points)


def test_perplexity_is_30_where_there_are_videos_enough():
    assert map_features(features([50, 50])).perplexity == 30


def test_few_videos_get_principal_components_and_the_caption_says_so():
    few = map_features(features([FEWEST - 1]))
    assert few.perplexity is None
    assert few.points.shape == (FEWEST - 1, 2)
    videos = tuple(MappedVideo(f"{i}.mp4", 0, 1.0) for i in range(FEWEST - 1))
    shown = feature_map(videos, few)
    assert "too few different videos for t-SNE" in shown.caption


@pytest.mark.parametrize("n", [1, 20])
def test_equal_features_lie_in_one_point(n):
    found = map_features(np.ones((n, 5), np.float32))
    assert found.perplexity is None
    np.testing.assert_allclose(found.points, 0)


def test_principal_components_by_hand():
    plane = np.array([[3.0, 0, 0], [-3, 0, 0], [0, 0, 1], [0, 0, -1]])
    np.testing.assert_allclose(
        np.abs(principal_components(plane)), [[3, 0], [3, 0], [0, 1], [0, 1]], atol=1e-9
    )


def test_faces_are_chosen_evenly_over_the_scores_one_a_person():
    people = ["a", "a", "b", "c", "d", "e"]
    scores = [9, 2, 1, 5, 7, 13]  # by score: b 1, a 2, c 5, d 7, a 9, e 13
    assert sample_over_scores(people, scores, 3) == [2, 3, 5]
    assert sample_over_scores(people, scores, 9) == [2, 1, 3, 4, 5]
    assert sample_over_scores([], [], 3) == []


def curve(subject, level, places, value):
    au_probabilities = np.zeros((len(places), UNITS))
    au_probabilities[:, 2] = value  # AU4
    return UnitCurve(
        subject=subject, level=level, positions=np.array(places), au_probabilities=au_probabilities
    )


def test_stretches_by_hand():
    au_probabilities = np.array([[0.2], [0.4], [1.0]])
    means = binned(np.array([0.0, 0.01, 1.0]), au_probabilities)[:, 0]
    assert (means[0], means[-1]) == (pytest.approx(0.3), 1.0)
    assert np.isnan(means[1:-1]).all()


def test_a_person_counts_once_in_a_level():
    curves = [
        curve("a", 0, [0.0], 0.2),
        curve("a", 0, [0.0], 0.4),
        curve("b", 0, [0.0], 0.7),
        curve("c", 3, [0.0], 0.9),
    ]
    (brow,) = (t for t in trends_of(curves, {"AU4": False}) if t.code == "AU4")
    minimal, severe = brow.lines
    assert (minimal.level, minimal.people, severe.level, severe.people) == (0, 2, 3, 1)
    assert minimal.mean[0] == pytest.approx((0.3 + 0.7) / 2)
    assert minimal.error[0] == pytest.approx(np.std([0.3, 0.7], ddof=1) / np.sqrt(2))
    assert np.isnan(severe.error[0])
    assert np.isnan(minimal.mean[1])
    assert brow.reliable is False


def test_every_main_unit_has_a_panel_and_unreliable_ones_a_mark():
    curves = [curve(f"{p}", p % 4, np.linspace(0, 1, 40), p / 10) for p in range(9)]
    trends = trends_of(curves, {"AU4": False, "AU12": True})
    assert len(trends) == len(MAIN_UNITS)
    root = ElementTree.fromstring(unit_trends(trends).svg)
    words = ["".join(e.itertext()) for e in root.iter() if e.tag.endswith("text")]
    assert {"AU4 frown †", "AU12 smile", "time, % of the video", "probability, 0 to 1"} <= set(
        words
    )
    assert {"minimal 0–13 (n = 3)", "severe 29–63 (n = 2)"} <= set(words)
    lines = {e[0].text: e[1] for e in root.iter() if len(e) and e[0].tag.endswith("title")}
    assert len(lines) == 4 * len(MAIN_UNITS)
    assert lines["AU4, minimal: 3 people"].attrib["d"].count("L") == N_BINS - 1


def face(shade=120):
    rng = np.random.default_rng(shade)
    image = cv2.GaussianBlur(rng.integers(0, 255, (128, 128, 3), np.uint8), (0, 0), 4)
    return KeyPicture(image, np.zeros((128, 128), np.float32))


def pixels(png):
    return cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)[:, :, ::-1]


def some_appearance(prototypes=()):
    videos = tuple(MappedVideo(f"<b>{i}.mp4", i % 4, 10.0 * i) for i in range(4))
    points = np.array([[0.0, 0], [1, 0], [1, 1], [0, 2]])
    faces = tuple(
        KeyFace(level=i, score=10.0 * i, estimate=12.0, nearest=2, picture=face(i))
        for i in (0, 0, 3)
    )
    return Appearance(
        videos=videos,
        features=FeatureMap(points, 7.0),
        trends=(),
        faces=faces,
        prototypes=prototypes,
    )


def test_points_are_coloured_by_level_and_say_which_video_they_are():
    found = some_appearance()
    root = ElementTree.fromstring(feature_map(found.videos, found.features).svg)
    points = {e[0].text: e for e in root.iter() if len(e) and e[0].tag.endswith("title")}
    assert len(points) == 4
    assert LEVEL_LINES[1] in points["<b>1.mp4: score 10, mild"].attrib["style"]
    fills = {re.match("fill: (#......)", e.attrib["style"])[1] for e in points.values()}
    assert fills == set(LEVEL_LINES)


def test_key_faces_are_drawn_as_in_the_report_of_a_video():
    """The sheet shows the very pixels that ``picture`` makes; rows are levels."""
    found = some_appearance()
    shown = key_faces(found.faces, "drawing")
    image = pixels(shown.png)
    expected = picture(found.faces[0].picture, "drawing", 176)
    np.testing.assert_array_equal(image[:176, 92 : 92 + 176], expected)
    raw = picture(found.faces[0].picture, "raw", 176)
    assert np.abs(raw.astype(int) - expected).mean() > 20
    assert "Drawings of the face" in shown.caption


def test_where_all_frames_weigh_alike_the_caption_says_so():
    one = KeyFace(level=0, score=3.0, estimate=12.0, nearest=None, picture=face(), heaviest=False)
    caption = key_faces([one], "drawing").caption
    assert caption.startswith(
        "The middle one of the sampled frames, because this model has no key frames"
    )
    assert "greatest weight" not in caption
    assert (
        "The frame with the greatest weight"
        in key_faces(some_appearance().faces, "drawing").caption
    )


@pytest.mark.parametrize("fused", [True, False])
def test_without_key_frame_fusion_the_middle_frame_is_the_key_frame(fused):
    shipped = load_networks(None, torch.device("cpu"))
    config = shipped.config.model.model_copy(update={"map": fused})
    shipped.model.config = config
    networks = replace(shipped, config=shipped.config.model_copy(update={"model": config}))
    faces = np.stack([face(i).face for i in range(5)])
    video = LabelledVideo(
        split="Testing", subject="1", session="1", task="", path=Path("a.mp4"), score=9
    )
    clip = VideoClip(
        video=video,
        faces=faces,
        features=embed_faces(networks.semantics, faces, networks.device),
        usable=np.arange(5),
    )
    estimate = estimate_clip(
        model=networks.model,
        semantics=networks.semantics,
        clip=clip,
        frames=5,
        training_frames=5,
        device=networks.device,
    )
    (found,) = key_faces_of(networks, [clip], [estimate], [video.path]).values()
    weights = estimate.video.weights[0].numpy()
    assert found.heaviest == fused == (np.ptp(weights) > 1e-6)
    expected = faces[int(weights.argmax()) if fused else 2]
    np.testing.assert_array_equal(found.picture.face, expected)


def test_all_figures_are_made_and_faces_that_show_people_are_warned_of():
    prototypes = tuple(
        PrototypeFaces(level=i, number=k, usage=0.5, pictures=(face(k),) * 2)
        for i in (0, 1)
        for k in (0, 1)
    )
    figures = appearance_plots(some_appearance(prototypes), "raw")
    assert [f.title for f in figures] == [
        "Map of fused features",
        "Action units over time",
        "Key frames by level",
        "Prototype gallery",
    ]
    assert all("consent" in f.caption for f in figures[2:])
    assert all(f.png.startswith(b"\x89PNG") for f in figures[2:])
    assert [list(f.files) for f in figures[2:]] == [
        ["key_frames_by_level.png"],
        ["prototype_gallery.png"],
    ]
    assert not re.search("<b>", figures[0].svg)


def test_a_sheet_places_pictures_where_its_rows_say():
    red = np.full((20, 30, 3), (255, 0, 0), np.uint8)
    image = pixels(
        sheet(
            [PictureRow("a", [Tile(red, "x")]), PictureRow("b", [Tile(red, "x"), Tile(red, "$y")])]
        )
    )
    is_red = (image == (255, 0, 0)).all(-1)
    assert is_red.sum() == 3 * red[..., 0].size
    rows, columns = np.nonzero(is_red)
    assert columns.min() == 92
    assert len(np.unique(rows)) == 40
