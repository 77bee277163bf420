"""The quality gate: its measurements by hand, and that they do not depend on the sampling."""

import numpy as np
import pytest

from depmap_cli.config import MIN_FRAMES, QualityConfig
from depmap_cli.faces import FaceSample
from depmap_cli.faces.quality import assess_quality, still_samples
from depmap_cli.faces.track import NO_FACE
from depmap_cli.results import Verdict
from tests.support.samples import excluded

LENGTH = 60.0
"""Seconds of a planted recording."""


def usable(time, **values):
    defaults = {
        "n_faces": 1,
        "eye_distance": 60.0,
        "sharpness": 80.0,
        "brightness": 120.0,
        "still_since": time,
    }
    return FaceSample(time=time, valid=True, reason="", **{**defaults, **values})


def during(start, stop, **values):
    """Return the sampling of a recording in which faces have these values between two times."""

    def sample(times):
        return [
            usable(time, **(values if start <= time < stop else {})) for time in map(float, times)
        ]

    return sample


def missing_during(start, stop):
    """Return the sampling of a recording without a face between two times."""

    def sample(times):
        return [
            excluded(NO_FACE, time) if start <= time < stop else usable(time)
            for time in map(float, times)
        ]

    return sample


def still_during(start, stop):
    """Return the sampling of a recording in which the face stands still between two times."""

    def sample(times):
        first = min(float(time) for time in times if time >= start)
        return during(start, stop, still_since=first)(times)

    return sample


RECORDINGS = {
    "good": (during(0, 0), set()),
    "a gap of 4 s": (missing_during(20, 24), set()),
    "a gap of 12 s": (missing_during(20, 32), {("longest_gap", "warn")}),
    "half without a face": (
        missing_during(30, 60),
        {("longest_gap", "warn"), ("usable_share", "warn")},
    ),
    "a face for 12 of 60 s": (
        missing_during(12, 60),
        {("longest_gap", "warn"), ("usable_share", "refuse")},
    ),
    "turned for half the time": (during(10, 40, turn=0.5), {("turned_share", "warn")}),
    "another face for half the time": (during(10, 40, n_faces=2), {("several_faces", "warn")}),
    "small": (during(0, 60, eye_distance=15.0), {("face_size", "warn")}),
    "tiny": (during(0, 60, eye_distance=6.0), {("face_size", "refuse")}),
    "dark for most of the time": (during(0, 45, brightness=20.0), {("dark", "warn")}),
    "still for 20 of 60 s": (still_during(20, 40), {("still_share", "warn")}),
    "still": (still_during(0, 60), {("still_share", "refuse")}),
}
"""Recordings away from the limits, and the checks that do not pass."""

SAMPLINGS = {
    "20 frames": (np.arange(20) + 0.5) * LENGTH / 20,
    "1/s": np.arange(0, LENGTH, 1.0),
    "1/s, later": np.arange(0.63, LENGTH, 1.0),
    "2/s": np.arange(0.21, LENGTH, 0.5),
    "5/s": np.arange(0, LENGTH, 0.2),
    "5/s, later": np.arange(0.13, LENGTH, 0.2),
    "every frame": np.arange(0, LENGTH, 0.04),
}


@pytest.mark.parametrize("sampling", SAMPLINGS)
@pytest.mark.parametrize("name", RECORDINGS)
def test_verdicts_do_not_depend_on_the_sampling(name, sampling):
    recording, expected = RECORDINGS[name]
    quality = assess_quality(recording(SAMPLINGS[sampling]), LENGTH, QualityConfig())
    found = {(c.name, str(c.verdict)) for c in quality.checks if c.verdict != Verdict.passed}
    shares = {finding for finding in found if finding[0] != "usable_frames"}
    assert shares == expected
    assert shares == found or ("usable_share", "refuse") in found


def values_of(samples, duration=LENGTH):
    return {c.name: c.value for c in assess_quality(samples, duration, QualityConfig()).checks}


def test_measurements_by_hand():
    samples = [usable(0.0), excluded(NO_FACE, 1.0), excluded(NO_FACE, 2.0), usable(3.0, turn=-0.4)]
    found = values_of(samples, duration=4.0)
    assert found["usable_share"] == 0.5
    assert found["usable_time"] == 2.0
    assert found["longest_gap"] == 1.0  # from 1 s to 2 s
    assert found["turned_share"] == 0.5
    assert found["still_share"] == 0.0


def test_a_stretch_is_frozen_from_two_seconds():
    short = [usable(t, still_since=1.0) for t in (1.0, 1.9, 2.9)]
    long = [usable(t, still_since=4.0) for t in (4.0, 5.0, 6.0)]
    samples = [usable(0.0), *short, usable(3.5), *long, usable(7.0), usable(8.0)]
    assert [s.time for s in still_samples(samples)] == [4.0, 5.0, 6.0]
    assert values_of(samples)["still_share"] == 0.3


def test_stillness_that_nobody_measured_is_no_check():
    assert "still_share" not in values_of([usable(float(t), still_since=None) for t in range(20)])


@pytest.mark.parametrize(("seconds", "verdict"), [(0.6, "refuse"), (3.0, "warn"), (20.0, "pass")])
def test_very_short_videos(seconds, verdict):
    samples = [usable(t) for t in np.linspace(0, seconds, MIN_FRAMES)]
    assert str(assess_quality(samples, seconds, QualityConfig()).verdict) == verdict


def test_five_usable_frames_are_too_few():
    samples = [usable(2.0 * t) for t in range(5)]
    quality = assess_quality(samples, 60.0, QualityConfig())
    refusing = {c.name for c in quality.checks if c.verdict == Verdict.refuse}
    assert refusing == {"usable_frames"}
