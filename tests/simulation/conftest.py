"""Fixtures for rendering in this process, without a renderer, and with a small face model.

Tests that need the real face model run only if the environment variable DEPMAP_FACE_MODEL names it.
"""

import os
from pathlib import Path

import numpy as np
import pytest

from tests.simulation.still_renderer import StillRenderer
from tests.support.process_pool import work_here


@pytest.fixture(scope="module")
def in_process():
    """Run the work of other processes in this one, which is faster."""
    with pytest.MonkeyPatch.context() as patch:
        work_here(patch)
        yield


@pytest.fixture
def still_renderer() -> StillRenderer:
    return StillRenderer()


@pytest.fixture
def face_renderer(interview) -> StillRenderer:
    """A renderer whose picture shows a face that the detector finds."""
    return StillRenderer(os.fspath(interview))


@pytest.fixture(scope="session")
def with_packed_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The file of the small face model."""
    from tests.simulation.small_face import packed_arrays  # not at the top: checked on import

    path = tmp_path_factory.mktemp("face") / "small.npz"
    np.savez(path, **packed_arrays())
    return path


@pytest.fixture(scope="session")
def face(with_packed_model: Path):
    """The small face model."""
    from depmap_cli.simulation.person.face_model import FaceModel

    return FaceModel.load(with_packed_model)


@pytest.fixture(scope="session")
def real_face():
    """The face model that the environment variable names; skips without one."""
    from depmap_cli.simulation.person.face_model import FaceModel

    path = os.environ.get("DEPMAP_FACE_MODEL")
    if not path:
        pytest.skip("DEPMAP_FACE_MODEL names no face model")
    return FaceModel.load(Path(path))
