"""The data behind the plots of features, faces and action units. NumPy only.

``workflows/appearance.py`` fills it from the networks, ``report/evaluation/appearance.py`` draws.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from depmap_cli.evaluation.au_trends import UnitTrend
from depmap_cli.evaluation.feature_map import FeatureMap
from depmap_cli.results import KeyPicture


@dataclass(frozen=True)
class MappedVideo:
    """One point of the feature map."""

    video: str  # file name
    level: int  # severity level of its score
    score: float  # BDI-II


@dataclass(frozen=True, kw_only=True)
class KeyFace:
    """The frame of one video that has the greatest weight, or the middle one if all weigh alike."""

    level: int  # severity level of the video's score
    score: float  # BDI-II
    estimate: float  # BDI-II points
    nearest: int | None  # level whose prototypes it resembles most; None without prototypes
    picture: KeyPicture
    heaviest: bool = True  # False: the network has no key frames


@dataclass(frozen=True, kw_only=True)
class PrototypeFaces:
    """One prototype and the training faces that resemble it most, each of another person."""

    level: int
    number: int  # within its level, from 0
    usage: float  # share of the level's tokens assigned to it at the end of training
    pictures: tuple[KeyPicture, ...]  # the nearest first


@dataclass(frozen=True, kw_only=True)
class Appearance:
    """The data behind all plots that show what the network sees."""

    videos: tuple[MappedVideo, ...]
    features: FeatureMap | None  # one point for each of ``videos``, in their order
    trends: tuple[UnitTrend, ...]
    faces: tuple[KeyFace, ...]  # by level, within it by score
    prototypes: tuple[PrototypeFaces, ...] = ()  # only with --gallery


def sample_over_scores(people: Sequence[str], scores: Sequence[float], count: int) -> list[int]:
    """Return at most ``count`` rows of different people, evenly spaced in the order of scores.

    The choice ignores pictures and estimates, so a plot made of these rows shows neither the best
    nor the worst cases on purpose.
    """
    order = sorted(range(len(scores)), key=lambda i: (scores[i], people[i], i))
    first_of = {people[i]: i for i in reversed(order)}
    rows = [i for i in order if first_of[people[i]] == i]
    ranks = np.linspace(0, len(rows) - 1, min(count, len(rows))).round().astype(int)
    return [rows[rank] for rank in ranks]
