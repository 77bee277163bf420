"""Action units that are read from landmarks."""

import numpy as np
import pytest
import torch

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.semantics.landmark_regression import LANDMARK_ERROR
from depmap_cli.semantics.landmark_units import (
    LANDMARK_UNITS,
    MEASURES,
    SLOPE,
    LandmarkUnits,
    combined_logits,
    measures_of,
)
from tests.support.face_landmarks import face_landmarks

CODES = [unit.code for unit in ACTION_UNITS]


def measured(**change: float) -> dict[str, float]:
    landmarks = torch.from_numpy(face_landmarks(**change))[None].double()
    return dict(zip(MEASURES, measures_of(landmarks)[0].tolist(), strict=True))


@pytest.mark.parametrize(
    ("change", "moved"),
    [
        ({"brows_up": 0.04}, {"inner brows", "outer brows"}),
        ({"smile": 0.03}, {"corners of the mouth"}),
        ({"lips_apart": 0.06}, {"middle of the lips", "sides of the lips"}),
    ],
)
def test_each_measure_follows_its_movement(change, moved):
    neutral, acting = measured(), measured(**change)
    for name in moved:
        assert acting[name] > neutral[name] + 0.02, name
    for name in set(MEASURES) - moved - {"sides of the lips", "middle of the lips"}:
        assert acting[name] == pytest.approx(neutral[name], abs=1e-9), name


def test_the_height_of_the_brows_is_in_distances_between_the_eye_corners():
    """The corners are 0.52 of the side apart in the schematic face, the brows 0.11 above."""
    assert measured()["outer brows"] == pytest.approx(0.11 / 0.52, rel=1e-3)
    assert measured(brows_up=0.04)["outer brows"] == pytest.approx(0.15 / 0.52, rel=1e-3)


@pytest.fixture(scope="module")
def planted():
    """Faces whose brows rise with AU1, and look lower when the head is bowed."""
    rng = np.random.default_rng(0)
    n = 3000
    intensities = rng.uniform(0, 1, (n, len(CODES)))
    head = rng.uniform(-20, 20, (n, 3))
    brows = 0.06 * intensities[:, CODES.index("AU1")] - 0.02 * head[:, 0] / 10
    landmarks = np.stack([face_landmarks(brows_up=up) for up in brows])
    return tuple(torch.from_numpy(x).float() for x in (landmarks, head, intensities))


def test_the_regression_finds_a_planted_unit_whatever_the_pose(planted):
    """The controls: the same regression on the landmarks of other faces, and without the pose."""
    landmarks, head, intensities = planted
    units, shuffled, no_pose = LandmarkUnits(), LandmarkUnits(), LandmarkUnits()
    units.fit(landmarks, head, intensities, torch.Generator().manual_seed(0))
    order = torch.randperm(len(landmarks), generator=torch.Generator().manual_seed(1))
    shuffled.fit(landmarks[order], head, intensities, torch.Generator().manual_seed(0))
    flat = torch.zeros_like(head)
    no_pose.fit(landmarks, flat + torch.randn_like(head) * 1e-3, intensities, torch.Generator())

    def r(fitted: LandmarkUnits, pose: torch.Tensor) -> float:
        read = fitted(landmarks, pose)[:, CODES.index("AU1")]
        return float(np.corrcoef(read, intensities[:, CODES.index("AU1")])[0, 1])

    assert r(units, head) > 0.9
    assert abs(r(shuffled, head)) < 0.3
    assert r(no_pose, flat) < r(units, head) - 0.1


def test_readings_have_the_middle_and_the_spread_of_the_truth(planted):
    """Also with errors of the landmarks, for which least squares would shrink them."""
    landmarks, head, intensities = planted
    units = LandmarkUnits()
    units.fit(landmarks, head, intensities, torch.Generator().manual_seed(0))
    column = CODES.index("AU1")
    errors = torch.randn(landmarks.shape, generator=torch.Generator().manual_seed(1))
    read = units(landmarks + LANDMARK_ERROR * errors, head)[:, column] / SLOPE + 0.5
    truth = intensities[:, column]
    assert float(read.std()) == pytest.approx(float(truth.std()), rel=0.05)
    near_half = (truth - 0.5).abs() < 0.1
    assert float(read[near_half].mean()) == pytest.approx(0.5, abs=0.05)


def test_an_unknown_pose_counts_as_frontal(planted):
    landmarks, head, intensities = planted
    units = LandmarkUnits()
    units.fit(landmarks, head, intensities, torch.Generator().manual_seed(0))
    unknown, frontal = torch.full((5, 3), torch.nan), torch.zeros(5, 3)
    torch.testing.assert_close(units(landmarks[:5], unknown), units(landmarks[:5], frontal))


def test_only_units_with_measures_are_changed_by_landmarks():
    phrase, landmarks = torch.zeros(1, len(CODES)), torch.ones(1, len(CODES))
    combined = dict(zip(CODES, combined_logits(phrase, landmarks)[0].tolist(), strict=True))
    for code, logit in combined.items():
        share = LANDMARK_UNITS[code].share if code in LANDMARK_UNITS else 0
        assert logit == pytest.approx(share), code
