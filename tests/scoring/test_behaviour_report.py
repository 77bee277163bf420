"""The behaviour of a video: rates, and limits set by the video or by a table of action units."""

import numpy as np
import pytest
import torch

from depmap_cli.domain.action_units import ACTION_UNITS
from depmap_cli.faces import FaceSample
from depmap_cli.model.depmap import FrameFeatures
from depmap_cli.scoring.behaviour_report import behaviour_report
from depmap_cli.scoring.key_frames import UsableFrames
from depmap_cli.semantics.clip_model import SemanticFeatures
from depmap_cli.semantics.openface import AuTable, read_au_table
from depmap_cli.video.reader import VideoProperties
from tests.behaviour.planted import readings

SMILES = [("AU12", 5.0, 7.0), ("AU12", 20.0, 21.0)]


def samples_at(rate, lost=()):
    times = np.arange(int(60 * rate)) / rate
    valid = [not any(start <= time < end for start, end in lost) for time in times]
    return [
        FaceSample(time=float(time), valid=is_valid, reason="", n_faces=1)
        for time, is_valid in zip(times, valid, strict=True)
    ]


def usable_of(planted, angles=None):
    n = len(planted.times)
    read = torch.from_numpy(planted.action_units).float()
    return UsableFrames(
        times=planted.times,
        semantics=SemanticFeatures(
            image=torch.zeros(n, 4),
            au_probabilities=read,
            covered=torch.zeros(n),
            angles=torch.full((n, 5), torch.nan),
        ),
        features=FrameFeatures(
            fused=torch.zeros(n, 2), scores=torch.zeros(n), activations=None, logits=None, tokens={}
        ),
        au_probabilities=planted.action_units,
        mean_embedding=np.zeros(4),
        angles=angles,
    )


def reported(rate, *, video=25.0, table=None, lost=(), angles=None):
    planted = readings(SMILES, rate=rate, lost=lost)
    read = None if angles is None else np.full((len(planted.times), 5), angles)
    properties = VideoProperties(width=640, height=480, fps=video, duration=60.0)
    behaviour = behaviour_report(
        samples_at(rate, lost), usable_of(planted, read), properties, table
    )
    return behaviour, {event.name: event for event in behaviour.events}


def test_the_rate_is_that_of_all_sampled_frames():
    behaviour, events = reported(5, lost=[(30.0, 45.0)])
    assert behaviour.frames_per_second == pytest.approx(5)
    assert behaviour.seconds_read == pytest.approx(45)
    assert behaviour.n_frames == 225
    assert events["smile"].number == 2
    assert events["smile"].per_minute == pytest.approx(2 / 45 * 60, abs=0.01)
    assert behaviour.head_gaze == []


def test_angles_are_summarised():
    behaviour, _ = reported(5, angles=3.0)
    assert [(angle.name, angle.mean) for angle in behaviour.head_gaze] == [
        ("pitch", 3), ("yaw", 3), ("roll", 3), ("gaze_x", 3), ("gaze_y", 3),
    ]  # fmt: skip
    assert behaviour.head_movement == pytest.approx(0, abs=1e-3)


def test_a_slow_video_is_named_as_the_limit():
    _, slow = reported(5, video=10.0)
    assert slow["blink"].caution.endswith("but the video has 10 frames/s")
    _, fast = reported(5)
    assert fast["blink"].caution.endswith("give --fps 15 or --every-frame")
    _, unknown = reported(5, video=0.0)
    assert unknown["blink"].caution.endswith("give --fps 15 or --every-frame")


def test_a_coarse_table_sets_the_rate():
    """Its rows are repeated for frames in between, which does not make a blink visible."""
    table = AuTable(np.arange(300) / 5, np.zeros((300, len(ACTION_UNITS))))
    behaviour, events = reported(25, table=table)
    assert behaviour.frames_per_second == pytest.approx(5)
    assert events["blink"].number is None
    assert events["blink"].caution.endswith("but the AU table has 5 rows/s")
    assert events["smile"].number == 2


def test_a_table_finer_than_the_frames_does_not_raise_the_rate():
    table = AuTable(np.arange(1800) / 30, np.zeros((1800, len(ACTION_UNITS))))
    behaviour, events = reported(5, table=table)
    assert behaviour.frames_per_second == pytest.approx(5)
    assert events["blink"].caution.endswith("give --fps 15 or --every-frame")


def test_units_without_a_column_are_not_counted(tmp_path):
    path = tmp_path / "table.csv"
    rows = "".join(f"{i / 25:.2f},1,0,0,0\n" for i in range(1500))
    path.write_text("timestamp,success,AU12_r,AU01_r,AU45_r\n" + rows)
    table = read_au_table(path)
    assert table.units == {"AU12", "AU1", "AU43"}
    _, events = reported(25, table=table)
    assert events["smile"].number == 2
    assert events["blink"].number == 0
    assert events["frown"].number is None
    assert events["frown"].caution == "needs AU4, not read"
    assert events["brow_raise"].caution == "needs AU2, not read"
