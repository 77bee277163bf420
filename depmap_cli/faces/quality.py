"""The quality gate: decides whether a video can be scored.

Each check compares a number with limits. The numbers are shares, medians and times, so they do not
depend on how densely the video is sampled, except for ``usable_frames``, the number of frames
below which nothing can be estimated.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from depmap_cli.config import QualityConfig, SamplingConfig
from depmap_cli.faces import FaceSample
from depmap_cli.results import Check, Quality, Verdict
from depmap_cli.video.reader import VideoProperties

TURNED = 0.35
"""Offset of the nose tip from the midpoint of the eyes, in eye distances, above which the head
counts as turned; about 30 degrees."""


STILL_SECONDS = 2.0
"""Seconds without motion from which a face is frozen (measured: LOG L66)."""


@dataclass(frozen=True)
class _CheckKind:
    """What a check measures, in which unit, and on which side of a limit the value is bad."""

    label: str
    worse: Literal["below", "above"]
    unit: str = ""


_CHECKS = {
    "duration": _CheckKind("length of the video", "below", "s"),
    "usable_share": _CheckKind("share of frames with a usable face", "below"),
    "usable_frames": _CheckKind("frames with a usable face", "below", "frames"),
    "usable_time": _CheckKind("time with a usable face", "below", "s"),
    "longest_gap": _CheckKind("longest stretch without a usable face", "above", "s"),
    "face_size": _CheckKind("distance between the eyes", "below", "px"),
    "sharpness": _CheckKind("sharpness of the face", "below"),
    "dark": _CheckKind("brightness of the face, lower limit", "below", "of 255"),
    "bright": _CheckKind("brightness of the face, upper limit", "above", "of 255"),
    "still_share": _CheckKind("share of frames in which the face does not move", "above"),
    "turned_share": _CheckKind("share of frames with the head turned away", "above"),
    "several_faces": _CheckKind("share of frames with other faces", "above"),
    "decoded_share": _CheckKind("share of the video before it breaks off", "below"),
}
"""All checks by name, in the order of the report; the names are those of ``QualityConfig``."""


def assess_quality(
    samples: list[FaceSample],
    duration: float,
    config: QualityConfig,
    decoded: float | None = None,
) -> Quality:
    """Check the sampled frames of a video.

    Args:
        samples: all sampled frames.
        duration: seconds of video that they cover.
        config: limits of each check.
        decoded: fraction of the video that could be decoded (``decoded_share``); None to leave this
            check out.
    """
    usable = [sample for sample in samples if sample.valid]
    usable_share = len(usable) / len(samples) if samples else 0.0
    values = {
        "duration": duration,
        "usable_share": usable_share,
        "usable_frames": float(len(usable)),
        "usable_time": usable_share * duration,
    }
    if usable:
        values |= _face_measurements(samples, usable)
    values |= _stillness(samples)
    if decoded is not None:
        values["decoded_share"] = decoded
    checks = [_check(name, value, *getattr(config, name)) for name, value in values.items()]
    verdicts = {check.verdict for check in checks}
    by_severity = (Verdict.refuse, Verdict.warn, Verdict.passed)
    return Quality(
        verdict=next(verdict for verdict in by_severity if verdict in verdicts),
        sampled_frames=len(samples),
        usable_frames=len(usable),
        checks=checks,
    )


def decoded_share(
    samples: list[FaceSample], sampling: SamplingConfig, properties: VideoProperties
) -> float | None:
    """Return the fraction, 0 to 1, of the requested time up to which frames could be decoded.

    None if the duration of the video is unknown, or there are no samples.
    """
    if properties.duration is None or not samples:
        return None
    stated = properties.promised or properties.duration
    stop = stated if sampling.end is None else min(sampling.end, stated)
    requested = stop - sampling.start
    interval = 1 / sampling.fps if sampling.fps else requested / sampling.frames
    step = 1 / properties.fps
    end = samples[-1].time + (step if sampling.every_frame else max(interval, step))
    return min(1.0, (end - sampling.start) / requested)


def _face_measurements(samples: list[FaceSample], usable: list[FaceSample]) -> dict[str, float]:
    """Measure the ``usable`` samples, at least one, by the names of ``_CHECKS``."""
    brightness = float(np.median([sample.brightness for sample in usable]))
    return {
        "longest_gap": _longest_gap(samples),
        "face_size": float(np.median([sample.eye_distance for sample in usable])),
        "sharpness": float(np.median([sample.sharpness for sample in usable])),
        "dark": brightness,
        "bright": brightness,
        "turned_share": sum(abs(sample.turn) > TURNED for sample in usable) / len(usable),
        "several_faces": sum(sample.n_faces > 1 for sample in usable) / len(usable),
    }


def _longest_gap(samples: list[FaceSample]) -> float:
    """Return the longest time from one unusable frame to the last one after it, in seconds.

    It is the time for which the face is known to be missing; a single frame proves no time.
    """
    longest, start = 0.0, None
    for sample in samples:
        if sample.valid:
            start = None
            continue
        start = sample.time if start is None else start
        longest = max(longest, sample.time - start)
    return longest


def still_samples(samples: list[FaceSample]) -> list[FaceSample]:
    """Return the samples whose face is frozen: it does not move for ``STILL_SECONDS`` or longer."""
    ends: dict[float, float] = {}
    for sample in samples:
        if sample.still_since is not None:
            ends[sample.still_since] = sample.time
    return [
        sample
        for sample in samples
        if sample.still_since is not None
        and ends[sample.still_since] - sample.still_since >= STILL_SECONDS
    ]


def _stillness(samples: list[FaceSample]) -> dict[str, float]:
    known = sum(sample.still_since is not None for sample in samples)
    return {"still_share": len(still_samples(samples)) / known} if known else {}


def _check(name: str, value: float, warn: float, refuse: float | None) -> Check:
    kind = _CHECKS[name]

    def is_beyond(limit: float) -> bool:
        return value < limit if kind.worse == "below" else value > limit

    verdict, limit = Verdict.passed, warn
    if refuse is not None and is_beyond(refuse):
        verdict, limit = Verdict.refuse, refuse
    elif is_beyond(warn):
        verdict = Verdict.warn
    unit = f" {kind.unit}" if kind.unit else ""
    message = f"{kind.label}: {value:.3g}{unit}"
    if verdict != Verdict.passed:
        message += f", {kind.worse} {limit:g}{unit}"
    return Check(
        name=name,
        label=kind.label,
        value=round(value, 4),
        unit=kind.unit,
        warn=warn,
        refuse=refuse,
        worse=kind.worse,
        verdict=verdict,
        message=message,
    )
