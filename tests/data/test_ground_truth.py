"""What simulated people do, as training reads it."""

from dataclasses import replace

import numpy as np
import pytest

from depmap_cli.data.ground_truth import (
    FOLDER,
    ground_truth_path,
    read_appearance,
    read_traces,
    write_ground_truth,
)
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.errors import DataInvalid
from depmap_cli.evaluation.subgroups import NOT_GIVEN, groups_of
from depmap_cli.workflows.evaluate import EvaluateOptions, attributes_of
from depmap_cli.workflows.labelled_data import LabelledData


def _written(tmp_path, pose, gaze):
    n = len(pose)
    path = ground_truth_path(tmp_path, "Training", "a")
    path.parent.mkdir(parents=True)
    landmarks = np.arange(n * 136.0).reshape(n, 68, 2)
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
    times = np.array([0.4, 1.3])  # frames 1 and 3
    assert traces.landmarks_at(times)[:, 0, 0].tolist() == [136, 408]
    assert traces.five_landmarks_at(times)[:, 2, 0].tolist() == [136 + 60, 408 + 60]  # nose tip


def test_older_corpora_have_five_landmarks(tmp_path):
    path, _, video = _written(tmp_path, np.zeros((3, 3)), np.zeros((3, 2)))
    five = np.arange(30, dtype=np.float32).reshape(3, 5, 2)
    with np.load(path) as file:
        older = {name: file[name] for name in file.files} | {"landmarks": five}
    np.savez_compressed(path, **older)
    traces = read_traces(tmp_path, video)
    assert traces.five_landmarks.tolist() == five.tolist()
    assert traces.landmarks.shape == (3, 68, 2)
    assert np.isnan(traces.landmarks).all()


def test_of_the_gaze_of_older_corpora_only_the_vertical_part_is_known(tmp_path):
    """Their lids follow the gaze, but their eyes do not turn."""
    gaze = np.array([[0.5, 0.0], [0.0, -1.0], [0.0, 0.5]])
    path, _, video = _written(tmp_path, np.zeros((3, 3)), gaze)
    with np.load(path) as file:
        older = {name: file[name] for name in file.files if name != "gaze_degrees"}
    np.savez_compressed(path, **older)
    angles = read_traces(tmp_path, video).angles
    assert np.isfinite(angles[:, :3]).all()
    assert np.isnan(angles[:, 3]).all()
    np.testing.assert_allclose(angles[:, 4], [0, 30, -15], atol=0.05)  # down is positive


def _simulated_people(tmp_path, facts):
    """One video with ground truth in Testing for each of ``facts``, and one without."""
    videos = [
        LabelledVideo(
            split="Testing", subject=f"s{i}", session="1", task="", path=tmp_path / f"{i}.mp4",
            score=0,
        )
        for i in range(len(facts) + 1)
    ]  # fmt: skip
    traces = {"au": np.zeros((1, 18)), "pose": np.zeros((1, 3)), "gaze": np.zeros((1, 2))}
    rendered = (np.arange(1), np.zeros((1, 5, 2)))
    for video, known in zip(videos, facts, strict=False):
        path = ground_truth_path(tmp_path, "Testing", video.path.stem)
        path.parent.mkdir(parents=True, exist_ok=True)
        write_ground_truth(path, {**traces, "cue": np.zeros(1, bool)}, rendered, 6.0, known)
    return videos


def test_simulated_people_are_grouped_by_thirds_of_skin_tone_sex_and_glasses(tmp_path):
    tones = [0.9, 0.05, 0.5, 0.1, 0.95, 0.45, 0.15, 0.99, 0.55]
    facts = [
        {"tone": tone, "female": i % 3 == 0, "age": 20.4 + i, "glasses": i == 7}
        for i, tone in enumerate(tones)
    ]
    videos = _simulated_people(tmp_path, facts)
    options = EvaluateOptions(source=LabelledData(data=tmp_path), attributes=tmp_path / FOLDER)
    groups = {
        attribute: groups_of(value_of, [video.subject for video in videos])
        for attribute, value_of in attributes_of(options, videos).items()
    }
    assert groups == {
        "skin tone": {
            "0.05 to 0.15": ["s1", "s3", "s6"],
            "0.45 to 0.55": ["s5", "s2", "s8"],
            "0.9 to 0.99": ["s0", "s4", "s7"],
            NOT_GIVEN: ["s9"],
        },
        "sex": {
            "female": ["s0", "s3", "s6"],
            "male": ["s1", "s2", "s4", "s5", "s7", "s8"],
            NOT_GIVEN: ["s9"],
        },
        "age": {
            "20 to 22": ["s0", "s1", "s2"],
            "23 to 25": ["s3", "s4", "s5"],
            "26 to 28": ["s6", "s7", "s8"],
            NOT_GIVEN: ["s9"],
        },
        "glasses": {
            "no": ["s0", "s1", "s2", "s3", "s4", "s5", "s6", "s8"],
            "yes": ["s7"],
            NOT_GIVEN: ["s9"],
        },
    }


def test_the_appearance_is_found_whatever_split_a_fold_assigns(tmp_path):
    video, _ = _simulated_people(tmp_path, [{"tone": 0.2}])
    moved = replace(video, split="Training")
    assert read_appearance(tmp_path / FOLDER, [moved]) == {"skin tone": {"s0": "0.20"}}


@pytest.mark.parametrize("facts", [[], [{"bdi": 3}]])
def test_a_folder_without_the_appearance_of_people_is_refused(tmp_path, facts):
    videos = _simulated_people(tmp_path, facts)
    with pytest.raises(DataInvalid, match="no appearance of the people"):
        read_appearance(tmp_path / FOLDER, videos)
