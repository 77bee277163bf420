"""What the figures of features, faces and action units are drawn from. NumPy alone.

The workflow fills it from the networks; ``report/appearance.py`` draws it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from depmap_cli.evaluation.au_trends import UnitTrend
from depmap_cli.evaluation.feature_map import FeatureMap
from depmap_cli.results import KeyPicture


@dataclass(frozen=True)
class MappedVideo:
    """What a point of the map of features says."""

    video: str  # file name
    level: int  # severity level of its score
    score: float  # BDI-II


@dataclass(frozen=True, kw_only=True)
class KeyFace:
    """The heaviest frame of one video, or the middle one where no frame is heavier than another.

    Without prototypes it has no nearest level.
    """

    level: int  # severity level of the video's score
    score: float  # BDI-II
    estimate: float  # BDI-II points
    nearest: int | None  # the level that it resembles most, as its heat map shows
    picture: KeyPicture
    heaviest: bool = True  # False: without key-frame fusion all frames weigh alike


@dataclass(frozen=True, kw_only=True)
class PrototypeFaces:
    """One prototype and the training faces that resemble it most, each of another person."""

    level: int
    number: int  # within its level, from 0
    usage: float  # share of the level's tokens that training gave to it, of late
    pictures: tuple[KeyPicture, ...]  # the nearest first


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """Material of the figures that look into the network."""

    videos: tuple[MappedVideo, ...]
    features: FeatureMap | None  # a point a video, in the order of ``videos``; None: no map
    trends: tuple[UnitTrend, ...]
    faces: tuple[KeyFace, ...]  # by level, within it by score
    prototypes: tuple[PrototypeFaces, ...] = ()  # only where a gallery was asked for


def spread_over_scores(people: Sequence[str], scores: Sequence[float], count: int) -> list[int]:
    """At most ``count`` rows of different people, evenly spread over their order by score.

    No look at a picture or an estimate goes into the choice, so that a figure made of them shows
    neither the best nor the worst.
    """
    order = sorted(range(len(scores)), key=lambda i: (scores[i], people[i], i))
    first_of = {people[i]: i for i in reversed(order)}
    rows = [i for i in order if first_of[people[i]] == i]
    places = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return [rows[place] for place in places]
