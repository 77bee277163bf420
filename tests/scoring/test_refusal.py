"""Hints for refused videos name the commonest true cause."""

from dataclasses import replace

import numpy as np
import pytest

from depmap_cli.config import QualityConfig
from depmap_cli.faces import FaceSample
from depmap_cli.faces.quality import assess_quality
from depmap_cli.faces.track import ANOTHER_FACE, COVERED_FACE, NO_FACE
from depmap_cli.scoring.estimator import NOT_IN_AU_TABLE
from depmap_cli.scoring.refusal import refusal_hint
from depmap_cli.semantics.openface import AuTable
from tests.support.samples import excluded

TABLE = AuTable(np.array([60.0, 71.8]), np.zeros((2, 18)))


def samples_with(reasons):
    return [
        excluded(reason, float(i)) if reason else usable(float(i))
        for i, reason in enumerate(reasons)
    ]


def usable(time, **values):
    defaults = {"n_faces": 1, "eye_distance": 60.0, "sharpness": 80.0, "brightness": 120.0}
    return FaceSample(time=time, valid=True, reason="", **{**defaults, **values})


def hint_of(samples, duration=30.0):
    quality = assess_quality(samples, duration, QualityConfig())
    assert quality.verdict == "refuse"
    return refusal_hint(samples, quality, TABLE)


@pytest.mark.parametrize(
    ("reasons", "hint"),
    [
        ([COVERED_FACE] * 15 + [""] * 5, "the face is covered in 15 of 20 sampled frames: record"),
        ([COVERED_FACE] * 15 + [NO_FACE] * 5, "the face is covered in 15 of 20 sampled frames:"),
        (
            [NO_FACE] * 13 + [COVERED_FACE] * 7,
            "no face was found, upright or turned on its side, in 13 of 20 sampled frames: choose",
        ),
        (
            [NO_FACE] * 20,
            "no face was found, upright or turned on its side, in 20 of 20 sampled frames: check "
            "that the person is in view",
        ),
        ([ANOTHER_FACE] * 20, "another person is in view in 20 of 20 sampled frames: choose"),
        (
            [NOT_IN_AU_TABLE] * 20,
            "the --au-csv table has no row near the time in 20 of 20 sampled frames: it covers "
            "60.0 to 71.8 s; check that it belongs to this video",
        ),
        ([NOT_IN_AU_TABLE] * 4 + [NO_FACE] * 16, "no face was found"),
        ([], "give a longer video"),
    ],
)
def test_a_refusal_names_its_commonest_cause(reasons, hint):
    assert hint_of(samples_with(reasons)).startswith(hint)


def test_several_causes_are_named_in_their_order():
    reasons = [COVERED_FACE] * 9 + [NO_FACE] * 6 + [ANOTHER_FACE] * 4 + [""]
    words = (
        "the face is covered in 9",
        "also, no face was found",
        "another person is in view in 4",
    )
    places = [hint_of(samples_with(reasons)).index(word) for word in words]
    assert places == sorted(places)


def test_a_single_cause_has_no_others():
    assert "also" not in hint_of(samples_with([COVERED_FACE] * 20))


def test_a_face_that_does_not_move():
    samples = [usable(float(i), still_since=0.0) for i in range(20)]
    assert hint_of(samples).startswith("the face does not move in 20 of 20 sampled frames: a photo")


def test_other_people_in_view():
    samples = [usable(float(i), n_faces=2) for i in range(20)]
    assert hint_of(samples) == (
        "other people are in view in 20 of 20 sampled frames: choose the person with --subject"
    )


def test_a_small_face():
    samples = [usable(float(i), eye_distance=5.0) for i in range(20)]
    assert hint_of(samples).startswith("the face is too small in 20 of 20 sampled frames: record")


def test_the_commoner_of_two_different_checks_comes_first():
    """The face does not move in 18 frames, and other people are in view in all 20."""
    still = [usable(float(i), still_since=0.0, n_faces=2) for i in range(18)]
    moving = [usable(float(i), still_since=float(i), n_faces=2) for i in (18, 19)]
    hint = hint_of([*still, *moving])
    assert hint.startswith("other people are in view in 20")
    assert "also, the face does not move in 18" in hint
    alone = [replace(sample, n_faces=1) for sample in still]
    assert hint_of([*alone, *moving]).startswith("the face does not move in 18")


def test_few_frames():
    samples = [usable(3.0 * i) for i in range(5)]
    assert hint_of(samples) == (
        "give a longer video, or sample more frames with --fps or --every-frame"
    )


def test_a_short_video():
    samples = [usable(0.05 * i) for i in range(10)]
    assert hint_of(samples, duration=0.5) == "give a longer video"
