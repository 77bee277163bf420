"""The results of ``tests.support.report_sample`` as fixtures."""

import pytest

from depmap_cli.results import KeyPicture, Report, ScoreResult, Status
from tests.support.report_sample import drawn_face, frame_rows, scored_report, warm_spot


@pytest.fixture
def sample_result() -> ScoreResult:
    """One scored video; its key pictures show a drawn face under a warm spot."""
    spots = ((0.35, 0.42), (0.5, 0.75), (0.65, 0.42), (0.5, 0.5))
    pictures = [KeyPicture(drawn_face(), warm_spot(*spot)) for spot in spots]
    return ScoreResult(report=scored_report(), frame_rows=frame_rows(), pictures=pictures)


@pytest.fixture
def refused_report() -> Report:
    """The same video, refused because it has too few faces."""
    return scored_report().model_copy(
        update={
            "status": Status.refused,
            "reason": "a face in 2 of 24 frames, 8 are needed",
            "hint": "film the face from the front in even light",
            "estimate": None,
            "levels": [],
            "keyframes": [],
            "action_units": [],
            "timeline": None,
            "behaviour": None,
            "steadiness": None,
        }
    )
