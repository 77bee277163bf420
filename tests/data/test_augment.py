"""Protects augmentation: what labels must not mind changes, alike for a video, and seeded."""

import dataclasses

import numpy as np
import pytest
import torch

from depmap_cli.data.augment import AU_RANGES, QUALITY, SCORE_RANGES, _compressed, augment_faces

SCORE_RANGES_UNBENT = dataclasses.replace(SCORE_RANGES, bend=0.0)


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


@pytest.fixture(scope="module")
def faces(face_frames) -> torch.Tensor:
    return torch.from_numpy(np.stack([f[32:160, 32:160] for f in face_frames[:8]]))


def halves(count: int) -> torch.Tensor:
    """Pictures that are bright on their left and dark on their right."""
    picture = torch.full((count, 64, 64, 3), 40, dtype=torch.uint8)
    picture[:, :, :32] = 200
    return picture


@pytest.mark.parametrize("ranges", [AU_RANGES, SCORE_RANGES])
def test_the_seed_settles_everything(faces, ranges):
    group = torch.arange(len(faces)) // 4
    first = augment_faces(faces, group, seeded(), ranges).pixels
    assert first.shape == (8, 3, 128, 128)
    assert first.isfinite().all()
    assert torch.equal(first, augment_faces(faces, group, seeded(), ranges).pixels)
    assert not torch.equal(first, augment_faces(faces, group, seeded(1), ranges).pixels)


def test_frames_of_a_video_change_alike_and_videos_do_not():
    """Of one picture many times, frames of a group differ by alignment's jitter and noise only."""
    group = torch.arange(64) // 16
    light = augment_faces(halves(64), group, seeded(), AU_RANGES).pixels.mean((1, 2, 3)).view(4, 16)
    within, between = light.std(1).max(), light.mean(1).std()
    assert between > 3 * within


def test_half_of_the_videos_are_mirrored():
    pixels = augment_faces(halves(400), torch.arange(400), seeded(), AU_RANGES).pixels
    mirrored = pixels[..., :24].mean((1, 2, 3)) < pixels[..., -24:].mean((1, 2, 3))
    assert 160 < int(mirrored.sum()) < 240


def test_compression_touches_the_chosen_and_hurts_more_at_lower_quality(faces):
    chosen = torch.tensor([True, False] * 4)

    def damage(quality):
        again = _compressed(faces, torch.full((8,), quality), chosen)
        assert torch.equal(again[~chosen], faces[~chosen])
        return (again.float() - faces.float())[chosen].square().mean().sqrt()

    low, high = damage(QUALITY[0]), damage(QUALITY[1])
    assert low > 1.3 * high > 0
    assert low < 20  # grey values: still the same face, in the same colours


def test_given_faces_stay_as_they_are(faces):
    before = faces.clone()
    augment_faces(faces, torch.arange(len(faces)), seeded(), SCORE_RANGES)
    assert torch.equal(faces, before)


def test_action_units_are_learned_where_alignment_puts_them():
    """A bright spot where an eye lies stays near, or near its mirror image; for severity it
    wanders."""
    picture = torch.zeros(256, 64, 64, 3, dtype=torch.uint8)
    picture[:, 26:30, 20:24] = 255

    def farthest(ranges):
        pixels = augment_faces(picture, torch.arange(256), seeded(), ranges).pixels
        spot = pixels.mean(1).flatten(1).argmax(1)
        row, column = spot // 64, spot % 64
        column = torch.minimum(column, 63 - column)
        return torch.hypot(row - 27.5, column - 21.5).quantile(0.9)

    assert farthest(AU_RANGES) < 4 < farthest(SCORE_RANGES)


def test_the_turn_and_mirror_told_are_those_of_the_pictures():
    """A white bar on a dark face, as a line with a direction, shows how each picture was turned."""
    picture = torch.zeros(64, 65, 65, 3, dtype=torch.uint8)
    picture[:, 30:35, 32:60] = 255  # from the centre to the right
    ranges = dataclasses.replace(AU_RANGES, turn=0.5, zoom=0.0, shift=0.0)
    told = augment_faces(picture, torch.arange(64), seeded(), ranges)
    grey = told.pixels.mean(1)
    grey = (grey - grey.amin((1, 2), keepdim=True)).square()
    ticks = torch.arange(65) - 32.0
    x, y = (grey * ticks).sum((1, 2)), (grey * ticks[:, None]).sum((1, 2))
    assert torch.equal(x < 0, told.mirrored)
    clockwise = torch.rad2deg(torch.atan2(y, x.abs()))
    assert (clockwise - told.clockwise).abs().median() < 3
    assert told.clockwise.std() > 5


def test_points_move_with_the_augmented_picture():
    """A white spot lies where its point is moved."""
    picture = torch.zeros(64, 64, 64, 3, dtype=torch.uint8)
    picture[:, 26:30, 20:24] = 255  # the middle is row 28, column 22
    augmented = augment_faces(picture, torch.arange(64), seeded(), SCORE_RANGES_UNBENT)
    spot = torch.tensor([22 / 64, 28 / 64]).expand(64, 1, 2)
    moved = augmented.moved(spot)[:, 0] * 64
    found = augmented.pixels.mean(1).flatten(1).argmax(1)
    column, row = found % 64 + 0.5, found // 64 + 0.5
    distance = torch.hypot(moved[:, 0] - column, moved[:, 1] - row)
    assert distance.median() < 2
    assert distance.quantile(0.9) < 4
    assert moved.std(0).min() > 1.5
