"""The quality gate: may this recording carry a score? Each check has a number and its limits."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

from depmap_cli.config import QualityConfig, SamplingConfig
from depmap_cli.faces import FaceSample
from depmap_cli.results import Check, Quality, Verdict
from depmap_cli.video.reader import VideoProperties

TURNED = 0.35
"""Nose off the eyes' middle, in eye distances, from which a head is turned: about 30 degrees."""


@dataclass(frozen=True, kw_only=True)
class _Measure:
    name: str
    label: str
    value: float
    unit: str
    worse: Literal["below", "above"]


def assess_quality(
    samples: list[FaceSample],
    duration: float,
    config: QualityConfig,
    decoded: float | None = None,
) -> Quality:
    """Check the sampled frames of a video of ``duration`` seconds, ``decoded`` the share of it that
    they reach (``decoded_share``)."""
    usable = [s for s in samples if s.valid]
    measures = _measures(samples, usable, duration)
    if decoded is not None:
        measures.append(
            _Measure(
                name="decoded_share",
                label="share of the video before it breaks off",
                value=decoded,
                unit="",
                worse="below",
            )
        )
    checks = [_check(m, *getattr(config, m.name)) for m in measures]
    worst = [v for v in (Verdict.refuse, Verdict.warn) if any(c.verdict == v for c in checks)]
    return Quality(
        verdict=worst[0] if worst else Verdict.passed,
        sampled_frames=len(samples),
        usable_frames=len(usable),
        checks=checks,
    )


def decoded_share(
    samples: list[FaceSample], sampling: SamplingConfig, info: VideoProperties
) -> float | None:
    """Up to where a video gave frames, as a share of the time asked for.

    None where nothing says how long the video is, or there are no samples.
    """
    if info.duration is None or not samples:
        return None
    stop = info.duration if sampling.end is None else min(sampling.end, info.duration)
    asked = stop - sampling.start
    apart = 1 / sampling.fps if sampling.fps else asked / sampling.frames
    reached = samples[-1].time + max(apart, 1 / info.fps)
    return min(1.0, (reached - sampling.start) / asked)


def _measures(
    samples: list[FaceSample], usable: list[FaceSample], duration: float
) -> list[_Measure]:
    measures = [
        _Measure(
            name="duration", label="length of the video", value=duration, unit="s", worse="below"
        ),
        _Measure(
            name="usable_share",
            label="share of frames with a usable face",
            value=_share(usable, samples),
            unit="",
            worse="below",
        ),
        _Measure(
            name="usable_frames",
            label="frames with a usable face",
            value=len(usable),
            unit="frames",
            worse="below",
        ),
    ]
    if not usable:
        return measures

    def median(values: list[float]) -> float:
        return float(np.median(values))

    several = [s for s in usable if s.n_faces > 1]
    turned = [s for s in usable if abs(s.turn) > TURNED]
    light = median([s.brightness for s in usable])
    return [
        *measures,
        _Measure(
            name="longest_gap",
            label="longest stretch without a usable face",
            value=_longest_gap(samples),
            unit="s",
            worse="above",
        ),
        _Measure(
            name="face_size",
            label="distance between the eyes",
            value=median([s.eye_distance for s in usable]),
            unit="px",
            worse="below",
        ),
        _Measure(
            name="sharpness",
            label="sharpness of the face",
            value=median([s.sharpness for s in usable]),
            unit="",
            worse="below",
        ),
        _Measure(
            name="dark",
            label="brightness of the face, lower limit",
            value=light,
            unit="of 255",
            worse="below",
        ),
        _Measure(
            name="bright",
            label="brightness of the face, upper limit",
            value=light,
            unit="of 255",
            worse="above",
        ),
        _Measure(
            name="turned_share",
            label="share of frames with the head turned away",
            value=_share(turned, usable),
            unit="",
            worse="above",
        ),
        _Measure(
            name="several_faces",
            label="share of frames with other faces",
            value=_share(several, usable),
            unit="",
            worse="above",
        ),
    ]


def _share(part: list[FaceSample], whole: list[FaceSample]) -> float:
    return len(part) / len(whole) if whole else 0.0


def _longest_gap(samples: list[FaceSample]) -> float:
    """Longest time between two successive usable frames, less the sampling's own step."""
    times = [s.time for s in samples]
    step = float(np.median(np.diff(times))) if len(times) > 1 else 0.0
    seen = [times[0] - step, *(s.time for s in samples if s.valid), times[-1] + step]
    return max(0.0, float(np.max(np.diff(seen))) - step)


def _check(measure: _Measure, warn: float, refuse: float | None) -> Check:
    def beyond(limit: float) -> bool:
        return measure.value < limit if measure.worse == "below" else measure.value > limit

    verdict = Verdict.passed
    if refuse is not None and beyond(refuse):
        verdict = Verdict.refuse
    elif beyond(warn):
        verdict = Verdict.warn
    limit = refuse if verdict == Verdict.refuse and refuse is not None else warn
    unit = f" {measure.unit}" if measure.unit else ""
    message = f"{measure.label}: {measure.value:.3g}{unit}"
    if verdict != Verdict.passed:
        message += f", {measure.worse} {limit:g}{unit}"
    return Check(
        name=measure.name,
        label=measure.label,
        value=round(measure.value, 4),
        unit=measure.unit,
        warn=warn,
        refuse=refuse,
        worse=measure.worse,
        verdict=verdict,
        message=message,
    )
