"""Options of scoring: what they ask of sampling and of the quality gate."""

from depmap_cli.config import QualityConfig, SubjectRule
from depmap_cli.scoring.options import ScoreOptions


def test_a_subject_that_the_user_chose_is_not_refused_for_other_faces():
    assert ScoreOptions().quality_limits == QualityConfig()
    warn, refuse = ScoreOptions(subject=SubjectRule.left).quality_limits.several_faces
    assert (warn, refuse) == (QualityConfig().several_faces[0], None)
