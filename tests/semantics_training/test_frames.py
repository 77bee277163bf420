"""True landmarks of prepared faces."""

import numpy as np
import pytest

from depmap_cli.data.ground_truth import ground_truth_path, write_ground_truth
from depmap_cli.data.labelled_video import LabelledVideo
from depmap_cli.data.prepared_faces import read_entry, write_entry
from depmap_cli.domain.landmarks import five_points
from depmap_cli.faces import FaceSample
from depmap_cli.faces.align import TEMPLATE
from depmap_cli.semantics_training.frames import read_au_frames


def test_landmarks_are_those_of_the_aligned_face(tmp_path):
    """If a face is aligned by its true landmarks, their five points lie on the template."""
    rng = np.random.default_rng(0)
    shape = np.zeros((68, 2))
    shape[36:42], shape[42:48], shape[[30, 48, 54]] = TEMPLATE[0], TEMPLATE[1], TEMPLATE[2:]
    shape[:17] = rng.random((17, 2))
    turned = 80 * shape @ np.array([[0.8, 0.6], [-0.6, 0.8]]) + (90, 40)
    landmarks = np.stack([turned, turned + 7])
    samples = [
        FaceSample(
            time=float(i),
            valid=True,
            reason="",
            n_faces=1,
            face=np.zeros((64, 64, 3), np.uint8),
            landmarks=five_points(landmarks[i]) if known else None,
        )
        for i, known in enumerate([True, False])
    ]
    folder = tmp_path / "a.faces"
    folder.mkdir()
    write_entry(folder, "a", samples, 2.0)
    path = ground_truth_path(tmp_path, "Training", "a")
    path.parent.mkdir(parents=True)
    traces = {"au": np.zeros((2, 18)), "pose": np.zeros((2, 3)), "gaze": np.zeros((2, 2))}
    traces["cue"] = np.zeros(2, bool)
    write_ground_truth(path, traces, (np.arange(2), landmarks), 1.0, {})
    video = LabelledVideo(split="Training", subject="1", session="1", task="", path=folder, score=0)
    frames = read_au_frames(tmp_path, [video], [read_entry(folder)])
    assert frames.landmarks[0] == pytest.approx(shape + 0.5 / 64, abs=1e-3)
    assert np.isnan(frames.landmarks[1]).all()  # not stored: the alignment is unknown
