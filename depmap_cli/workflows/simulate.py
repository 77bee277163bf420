"""`depmap simulate`: render a corpus of interviews or a set of portraits."""

from pathlib import Path

from depmap_cli.errors import UsageProblem
from depmap_cli.runtime.progress import ProgressCallback
from depmap_cli.simulation import FETCH_HINT
from depmap_cli.simulation.corpus.cohort import CohortOptions, make_cohort
from depmap_cli.simulation.corpus.portraits import PortraitOptions, make_portraits
from depmap_cli.simulation.rendering import renderer_api


def run_simulation(
    options: CohortOptions | PortraitOptions, face_model: Path | None, on_progress: ProgressCallback
) -> None:
    """Render the missing parts of a corpus.

    Args:
        options: the corpus of interviews, or the set of portraits.
        face_model: ICT-FaceKit's ``FaceXModel`` folder or a packed model; None if not given.
        on_progress: called as rendering proceeds.

    Raises:
        UsageProblem: no face model was given.
        DepmapError: as raised by ``make_cohort`` and ``make_portraits``.
    """
    if face_model is None:
        raise UsageProblem("--face-model is missing", FETCH_HINT)
    with renderer_api.FaceModelRenderer(face_model).with_packed_model() as rendered:
        if isinstance(options, PortraitOptions):
            make_portraits(options, rendered, on_progress)
        else:
            make_cohort(options, rendered, on_progress)
