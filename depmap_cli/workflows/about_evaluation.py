"""The description of an evaluation: its data, splits and the origin of its weights."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli import __version__
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import of_split
from depmap_cli.data.labelled_video import SPLITS, LabelledVideo
from depmap_cli.domain.paper_tables import network_name
from depmap_cli.evaluation.results import About, SplitCount, WeightsOrigin
from depmap_cli.results import WeightsInfo
from depmap_cli.training.export import SELECTED_ON
from depmap_cli.training.leakage import selection_people_in, training_people_in
from depmap_cli.weights.document import STARTED_FROM_SEMANTIC_MODEL, STARTED_RANDOM
from depmap_cli.weights.loading import Networks


def about_evaluation(
    data: Path,
    split: str,
    weights: WeightsInfo,
    origin: WeightsOrigin,
    settings: dict[str, Any],
    splits: list[SplitCount],
    clips: Sequence[VideoClip],
    notes: Sequence[str],
) -> About:
    """Return the description of an evaluation.

    Args:
        clips: the scored ones.
        notes: from reading the corpus.
    """
    return About(
        depmap_version=__version__,
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        data=data.resolve().name,
        split=split,
        weights=weights,
        origin=origin,
        settings=settings,
        splits=splits,
        usable_frames=sum(len(c.usable) for c in clips),
        sampled_frames=sum(c.n_sampled for c in clips),
        notes=list(notes),
        gate=dict(Counter(c.verdict for c in clips if c.verdict is not None)),
    )


def origin_of(networks: Networks, videos: Sequence[LabelledVideo], evaluated: str) -> WeightsOrigin:
    """Return how the weights were trained, and which of ``videos`` took part in it.

    Args:
        videos: of all splits.
        evaluated: name of the evaluated split.
    """
    stored = networks.document.get("calibration") or {"split": SELECTED_ON, "people": []}
    training = [v for v in videos if v.split == "Training"]
    return WeightsOrigin(
        network=network_name(networks.config.model),
        balance=networks.config.train.band_balance,
        started_from=initialisation_text(networks.document),
        recalibrated_on=None if stored["split"] == SELECTED_ON else stored["split"],
        calibration_people=len(set(stored["people"])),
        training_people=len({v.subject for v in training}),
        known_people=len(training_people_in(networks.document, training)),
        selected_people=len(
            selection_people_in(networks.document, of_split(list(videos), evaluated))
        ),
    )


def initialisation_text(document: Mapping[str, Any]) -> str:
    """Return how the weights were initialised, in words."""
    start = str(document["started_from"])
    phrases = {
        STARTED_RANDOM: "random numbers",
        STARTED_FROM_SEMANTIC_MODEL: "the semantic model's image encoder",
    }
    return phrases.get(start, start)


def split_counts(videos: Sequence[LabelledVideo]) -> list[SplitCount]:
    """Return the size of every split."""
    return [split_count(s, [v for v in videos if v.split == s]) for s in SPLITS]


def split_count(split: str, videos: list[LabelledVideo]) -> SplitCount:
    """Return the size of a split with these videos."""
    scores = np.array([v.score for v in videos], float)
    return SplitCount(
        name=split,
        clips=len(videos),
        sessions=len({(v.subject, v.session) for v in videos}),
        people=len({v.subject for v in videos}),
        mean=float(scores.mean()) if len(scores) else 0.0,
        sd=float(scores.std()) if len(scores) else 0.0,
    )
