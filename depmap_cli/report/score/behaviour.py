"""Facial behaviour and steadiness in words: rows of strings for the terminal and the page."""

from dataclasses import dataclass

from depmap_cli.report.text import Fact, percent
from depmap_cli.results import (
    Behaviour,
    Estimate,
    EventSummary,
    HeadGazeSummary,
    Steadiness,
)

SIDES = {
    "pitch": ("head up or down", "bowed", "raised"),
    "yaw": ("head turn", "to the left of the picture", "to the right"),
    "roll": ("head tilt", "clockwise in the picture", "anticlockwise"),
    "gaze_x": ("eyes left or right", "to the right of the picture", "to the left"),
    "gaze_y": ("eyes up or down", "down", "up"),
}
"""Angle: its name in words, its positive side and its negative side."""
ANGLES_NOTE = (
    "Head angles are relative to the camera, those of the eyes relative to the head. Values above "
    "0° are to the side named in brackets."
)
EVENTS_NOTE = (
    "Length: mean over the events whose start and end were both seen. Peak: mean of the highest "
    "probability, from 0 to 1, relative to the neutral face. A dash: no such event."
)
LOOKING_NOTE = (
    "Head and eyes together point at least 10° below, or to the side of, the person's usual "
    "direction; times with closed eyes are left out."
)
NO_ANGLES = "Head pose and gaze are missing: the semantic model does not read them."
POINTS_NOTE = (
    "Each point stands for one sampled frame, or for several neighbouring ones: the line is their "
    "mean, the band reaches from the smallest to the largest value. Every frame is in frames.csv "
    "and aus.csv."
)
STEADINESS_NOTE = (
    "How far the estimate depends on single moments of the recording. The error of the model is "
    "not in it, but in the prediction interval."
)
_NONE = "–"


@dataclass(frozen=True, kw_only=True)
class EventRow:
    """One kind of event in words; ``caution`` replaces the numbers if they were not counted."""

    name: str
    number: str
    per_minute: str
    length: str
    peak: str
    basis: str
    caution: str

    @property
    def is_counted(self) -> bool:
        """Whether there are numbers."""
        return bool(self.number)


def event_rows(behaviour: Behaviour) -> list[EventRow]:
    """One row for each kind of event, in the order of the report."""
    return [_event_row(event) for event in behaviour.events]


def _event_row(event: EventSummary) -> EventRow:
    is_counted = event.number is not None
    length, peak = event.mean_seconds, event.amplitude
    return EventRow(
        name=event.plain,
        number=str(event.number) if is_counted else "",
        per_minute=_NONE if event.per_minute is None else f"{event.per_minute:.1f}",
        length=_NONE if length is None else f"{length:.1f} s" if length >= 1 else f"{length:.2f} s",
        peak=_NONE if peak is None else f"{peak:.2f}",
        basis=f"{event.seconds_read:.0f} s at {event.frames_per_second:.3g} frames/s",
        caution=event.caution or ("" if is_counted else "no stretch of the video is long enough"),
    )


def basis_text(behaviour: Behaviour) -> str:
    """How much was read, e.g. ``150 usable frames, 5 frames/s, 30 s with a usable face``."""
    frames = "1 usable frame" if behaviour.n_frames == 1 else f"{behaviour.n_frames} usable frames"
    return (
        f"{frames}, {behaviour.frames_per_second:.3g} frames/s, "
        f"{behaviour.seconds_read:.0f} s with a usable face"
    )


def looking_facts(behaviour: Behaviour) -> list[Fact]:
    """Looking down and away, and movement of the head; empty if head and gaze were not read."""
    if not behaviour.head_gaze:
        return []
    speed = behaviour.head_movement
    return [
        Fact(label="looking down", value=_share(behaviour.share_looking_down)),
        Fact(label="looking away", value=_share(behaviour.share_looking_away)),
        Fact(
            label="head movement",
            value="not measured" if speed is None else f"{speed:.1f}° per second",
            detail="needs at least 2 frames/s and 2 s without a gap" if speed is None else "",
        ),
    ]


def _share(share: float | None) -> str:
    return "not known" if share is None else f"{percent(share)} of the time"


@dataclass(frozen=True, kw_only=True)
class AngleRow:
    """One angle of head or gaze in words, in degrees."""

    name: str
    mean: str
    sd: str
    spread: str


def angle_rows(behaviour: Behaviour) -> list[AngleRow]:
    """One row for each angle that was read."""
    return [_angle_row(angle) for angle in behaviour.head_gaze]


def _angle_row(angle: HeadGazeSummary) -> AngleRow:
    name, positive, _ = SIDES[angle.name]
    return AngleRow(
        name=f"{name} ({positive})",
        mean=_degrees(angle.mean),
        sd=_degrees(angle.sd),
        spread=f"{_degrees(angle.low)} to {_degrees(angle.high)}",
    )


def _degrees(value: float) -> str:
    return f"{round(value, 1) + 0.0:.1f}°"  # adding 0 turns -0.0 into 0.0


def steadiness_facts(steadiness: Steadiness, estimate: Estimate) -> list[Fact]:
    """The sampling error, and how far the estimate rests on few seconds.

    An estimate that leaves its prediction interval without its decisive seconds is marked.
    """
    facts = [
        Fact(
            label="sampling error",
            value=f"{steadiness.sampling_error:.1f} points",
            detail=f"standard error over the moments; {_samplings(steadiness.n_samples)}",
        ),
        Fact(
            label="most weight in one second",
            value=percent(steadiness.largest_second),
            detail="of the estimate's weight",
        ),
    ]
    label = "without its 10 most decisive seconds"
    without = steadiness.without_decisive
    if without is None:
        too_short = "needs more than 20 s with a usable face"
        return [*facts, Fact(label=label, value="not computed", detail=too_short)]
    change = without - estimate.score
    return [
        *facts,
        Fact(
            label=label,
            value=f"{without:.1f}",
            detail=f"{_change(change)} than the estimate" if round(change, 1) else "no change",
            is_warning=not estimate.interval.low <= without <= estimate.interval.high,
        ),
    ]


def _change(change: float) -> str:
    return f"{abs(change):.1f} points {'higher' if change > 0 else 'lower'}"


def _samplings(n: int) -> str:
    return "1 sample of the recording" if n == 1 else f"{n} separate samples of the recording"
