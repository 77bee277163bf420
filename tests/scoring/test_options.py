"""Options of scoring: what they ask of sampling and of the quality gate."""

import pytest

from depmap_cli.config import (
    DEFAULT_RATE,
    STEADY_FRAMES,
    QualityConfig,
    SamplingConfig,
    SubjectRule,
)
from depmap_cli.errors import UsageProblem
from depmap_cli.scoring.options import ScoreOptions


def test_a_subject_that_the_user_chose_is_not_refused_for_other_faces():
    assert ScoreOptions().quality_limits == QualityConfig()
    warn, refuse = ScoreOptions(subject=SubjectRule.left).quality_limits.several_faces
    assert (warn, refuse) == (QualityConfig().several_faces[0], None)


STORED = SamplingConfig(frames=32)


@pytest.mark.parametrize(
    ("asked", "sampling"),
    [
        ({}, {"frames": 32, "fps": DEFAULT_RATE, "min_frames": STEADY_FRAMES}),
        ({"fps": 12.5}, {"frames": 32, "fps": 12.5}),
        ({"frames": 20, "end": 9.0}, {"frames": 20, "end": 9.0}),
        ({"every_frame": True, "start": 1.0}, {"frames": 32, "every_frame": True, "start": 1.0}),
    ],
)
def test_the_sampling_asked_for(asked, sampling):
    assert ScoreOptions(**asked).sampling(STORED) == SamplingConfig(**sampling)


@pytest.mark.parametrize(
    "asked", [{"frames": 20, "fps": 5.0}, {"frames": 20, "every_frame": True},
              {"fps": 5.0, "every_frame": True}]
)  # fmt: skip
def test_samplings_exclude_each_other(asked):
    with pytest.raises(UsageProblem, match="exclude each other"):
        ScoreOptions(**asked)
