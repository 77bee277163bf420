"""Facial behaviour in the report of a video."""

import numpy as np

from depmap_cli.behaviour.readings import RateLimit, Readings, sampling_rate
from depmap_cli.behaviour.summary import behaviour_of
from depmap_cli.faces import FaceSample
from depmap_cli.results import Behaviour
from depmap_cli.scoring.key_frames import UsableFrames
from depmap_cli.semantics.openface import AuTable
from depmap_cli.video.reader import VideoProperties


def behaviour_report(
    samples: list[FaceSample],
    usable: UsableFrames,
    properties: VideoProperties,
    au_table: AuTable | None,
) -> Behaviour | None:
    """Return the facial behaviour of a video; None if no frame is usable.

    Args:
        samples: all sampled frames.
        usable: readings of the usable frames.
        properties: of the video; its frame rate limits the rate that can be read.
        au_table: the table that gave the action units; None if the semantic model did.
    """
    rate = sampling_rate(np.array([sample.time for sample in samples], float))
    limit = RateLimit(properties.fps, f"the video has {properties.fps:.3g} frames/s")
    unread: frozenset[str] = frozenset()
    if au_table is not None:
        rows = sampling_rate(au_table.times)
        rate = min(rate, rows)
        if not 0 < limit.rate < rows:
            limit = RateLimit(rows, f"the AU table has {rows:.3g} rows/s")
        unread = au_table.unread
    readings = Readings(
        times=usable.times,
        action_units=usable.au_probabilities,
        angles=usable.angles,
        rate=rate,
        unread=unread,
        limit=limit if limit.rate > 0 else None,
    )
    return behaviour_of(readings)
