"""The pitch of the head, which nose tip and jaw tell beside the network."""

import numpy as np
import pytest
import torch

from depmap_cli.domain.head_and_gaze import HEAD, PITCH, YAW
from depmap_cli.domain.landmarks import EYE_CORNERS, NOSE_TIP
from depmap_cli.semantics.landmark_pitch import JAW_SHARE, NOSE_SHARE, LandmarkPitch
from tests.support.face_landmarks import face_landmarks


def _turned_faces(n: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Faces seen at random angles: 68 landmarks and the head pose.

    The nose sticks out, and the ends of the jaw lie behind the eyes.
    """
    rng = np.random.default_rng(0)
    head = np.stack([rng.uniform(-20, 20, n), rng.uniform(-25, 25, n), np.zeros(n)], 1)
    pitch, yaw = np.radians(head[:, :2]).T
    flat = face_landmarks() - face_landmarks()[list(EYE_CORNERS)].mean(0)
    seen = np.repeat(flat[None], n, 0)
    seen[..., 0] *= np.cos(yaw)[:, None]
    seen[..., 1] *= np.cos(pitch)[:, None]
    seen[:, NOSE_TIP, 1] += 0.15 * np.sin(pitch)
    seen[:, [0, 2, 14, 16], 1] -= 0.4 * np.sin(pitch)[:, None]
    return torch.from_numpy(seen + 0.5).float(), torch.from_numpy(head).float()


@pytest.fixture(scope="module")
def faces():
    return _turned_faces(2000)


def _fitted(landmarks: torch.Tensor, head: torch.Tensor) -> LandmarkPitch:
    pitch = LandmarkPitch()
    pitch.fit(landmarks, head, torch.Generator().manual_seed(0))
    return pitch


def test_landmarks_tell_a_planted_pitch_whatever_the_yaw(faces):
    """The network reads nothing here. The control: a regression on the poses of other faces."""
    landmarks, head = faces
    order = torch.randperm(len(head), generator=torch.Generator().manual_seed(1))
    unread = head * torch.tensor([0.0, 1.0, 1.0])

    def r(fitted: LandmarkPitch) -> float:
        read = fitted(landmarks, unread)[:, PITCH]
        return float(np.corrcoef(read, head[:, PITCH])[0, 1])

    assert r(_fitted(landmarks, head)) > 0.97
    assert abs(r(_fitted(landmarks, head[order]))) < 0.5


def test_landmarks_have_their_share_in_the_pitch_and_none_in_other_angles(faces):
    landmarks, head = faces
    pitch = _fitted(landmarks, head)
    moved = head + torch.tensor([10.0, 0.0, 7.0])
    before, after = pitch(landmarks, head), pitch(landmarks, moved)
    torch.testing.assert_close(after[:, YAW:], moved[:, YAW:])
    change = (after - before)[:, PITCH]
    torch.testing.assert_close(change, torch.full_like(change, 10 * (1 - NOSE_SHARE - JAW_SHARE)))


def test_unknown_angles_stay_unknown(faces):
    landmarks, head = faces
    unknown = torch.full((5, HEAD.stop), torch.nan)
    assert _fitted(landmarks, head)(landmarks[:5], unknown).isnan().all()


def test_an_unknown_yaw_counts_as_frontal(faces):
    landmarks, head = faces
    fitted, frontal = _fitted(landmarks, head), head * torch.tensor([1.0, 0.0, 1.0])
    unknown = frontal.clone()
    unknown[:, YAW] = torch.nan
    torch.testing.assert_close(
        fitted(landmarks, unknown)[:, PITCH], fitted(landmarks, frontal)[:, PITCH]
    )
