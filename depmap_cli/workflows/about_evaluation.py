"""What an evaluation says of itself: data, splits, and where its weights come from."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from depmap_cli import __version__
from depmap_cli.data.clips import VideoClip
from depmap_cli.data.corpus import SPLITS, LabelledVideo, of_split
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
    """What every evaluation says of itself.

    Args:
        clips: those that were scored.
        notes: of what reads the corpus.
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
    """How the weights came about, and what these recordings, of all splits, had to do with it.

    ``evaluated`` is the split that is.
    """
    stored = networks.document.get("calibration") or {"split": SELECTED_ON, "people": []}
    training = [r for r in videos if r.split == "Training"]
    return WeightsOrigin(
        network=network_name(networks.config.model),
        balance=networks.config.train.band_balance,
        started_from=start_of(networks.document),
        recalibrated_on=None if stored["split"] == SELECTED_ON else stored["split"],
        calibration_people=len(set(stored["people"])),
        training_people=len({r.subject for r in training}),
        known_people=len(training_people_in(networks.document, training)),
        selected_people=len(
            selection_people_in(networks.document, of_split(list(videos), evaluated))
        ),
    )


def start_of(document: Mapping[str, Any]) -> str:
    """What weights were when their training began, in words."""
    start = str(document["started_from"])
    places = {
        STARTED_RANDOM: "random numbers",
        STARTED_FROM_SEMANTIC_MODEL: "the semantic model's image tower",
    }
    return places.get(start, start)


def split_counts(videos: Sequence[LabelledVideo]) -> list[SplitCount]:
    """How much there is of every split."""
    return [split_count(s, [r for r in videos if r.split == s]) for s in SPLITS]


def split_count(split: str, videos: list[LabelledVideo]) -> SplitCount:
    """How much these recordings are."""
    scores = np.array([r.score for r in videos], float)
    return SplitCount(
        name=split,
        clips=len(videos),
        sessions=len({(r.subject, r.session) for r in videos}),
        people=len({r.subject for r in videos}),
        mean=float(scores.mean()) if len(scores) else 0.0,
        sd=float(scores.std()) if len(scores) else 0.0,
    )
