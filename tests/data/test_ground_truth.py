"""What simulated people do, as training reads it."""

import numpy as np
import pytest

from depmap_cli.data.ground_truth import ground_truth_path, read_traces, write_ground_truth
from depmap_cli.data.labelled_video import LabelledVideo


def _written(tmp_path, pose, gaze):
    n = len(pose)
    path = ground_truth_path(tmp_path, "Training", "a")
    path.parent.mkdir(parents=True)
    landmarks = np.arange(n * 10.0).reshape(n, 5, 2)
    traces = {"au": np.zeros((n, 18)), "pose": pose, "gaze": gaze, "cue": np.zeros(n, bool)}
    write_ground_truth(path, traces, (np.arange(n), landmarks), 2.0, {})
    video = LabelledVideo(
        split="Training", subject="1", session="1", task="", path=tmp_path / "a.mp4", score=0
    )
    return path, read_traces(tmp_path, video), video


def test_angles_have_the_signs_of_the_domain(tmp_path):
    """The renderer turns to the right, down and anticlockwise; its gaze is right and up."""
    pose = np.array([[20.0, 0, 0], [0, 10, 0], [0, 0, 8]])
    gaze = np.array([[0.5, 0], [0, 0.5], [0, 0]])
    _, traces, _ = _written(tmp_path, pose, gaze)
    expected = [[0, -20, 0, 15, 0], [10, 0, 0, 0, -15], [0, 0, -8, 0, 0]]
    np.testing.assert_allclose(traces.angles, expected, atol=0.02)


def test_traces_are_read_at_the_nearest_frame(tmp_path):
    pose = np.stack([np.arange(6.0), np.zeros(6), np.zeros(6)], axis=1)
    _, traces, _ = _written(tmp_path, pose, np.zeros((6, 2)))
    assert traces.angles_at(np.array([0.4, 1.3]))[:, 1] == pytest.approx([-1, -3], abs=0.01)
    assert traces.landmarks_at(np.array([0.4, 1.3]))[:, 0, 0].tolist() == [10, 30]


def test_the_gaze_of_older_corpora_is_unknown(tmp_path):
    path, _, video = _written(tmp_path, np.zeros((3, 3)), np.zeros((3, 2)))
    with np.load(path) as file:
        older = {name: file[name] for name in file.files if name != "gaze_degrees"}
    np.savez_compressed(path, **older)
    angles = read_traces(tmp_path, video).angles
    assert np.isfinite(angles[:, :3]).all()
    assert np.isnan(angles[:, 3:]).all()
