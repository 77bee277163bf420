"""The interface between the corpus code and the renderer.

The corpus code uses the renderer only through these protocols. The renderer and numba are imported
only to check and pack the face model, and in the processes that render.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Protocol, runtime_checkable

import numpy as np

from depmap_cli.errors import InstallationBroken, UsageProblem
from depmap_cli.io.clean_text import clean
from depmap_cli.simulation import FETCH_HINT
from depmap_cli.simulation.rendering.rendered_frame import RenderedFrame


@runtime_checkable  # tests check arguments
class FrameRenderer(Protocol):
    """Renders one person in one scene."""

    def render(self, au: np.ndarray, pose: np.ndarray, gaze: np.ndarray) -> RenderedFrame:
        """Render the next frame from action units (18,), head angles (3,) and gaze (2,)."""

    def pose_in_camera(self, pose: np.ndarray) -> np.ndarray:
        """Return head angles (3,), in degrees, relative to the camera, which may be tilted."""


@runtime_checkable  # tests check arguments
class RendererApi(Protocol):
    """Makes people and frame renderers. It is sent to other processes, so it holds no model."""

    def check(self) -> None:
        """Raise the DepmapError that rendering would fail with, before any work is done."""

    def person(self, seed: int) -> Any:
        """Make the person with this seed.

        The person has the attributes ``tone``, ``female``, ``age`` and ``glasses``, and the
        mapping ``traits`` of further properties by name.
        """

    def frame_renderer(self, person: Any, rng: np.random.Generator, size: int) -> FrameRenderer:
        """Draw a scene around ``person``; ``size`` is the side of the images in pixels."""


def appearance_of(person: Any) -> dict[str, float | bool | str]:
    """Return the properties of a person's appearance that the ground truth records."""
    attributes = {name: getattr(person, name) for name in ("tone", "female", "age", "glasses")}
    return {**person.traits, **attributes}


@dataclass(frozen=True)
class FaceModelRenderer:
    """Renders people from the face model at a path (``RendererApi``)."""

    face_model: Path

    def check(self) -> None:
        """Import the packages and load the face model that rendering needs.

        Raises:
            InstallationBroken: the extra ``simulate`` is not installed.
            UsageProblem: the face model does not exist.
            DataInvalid: the path holds something else.
        """
        try:
            import imageio_ffmpeg
            import numba
        except ImportError as error:
            raise InstallationBroken(
                f"{error.name} is not installed", "pip install 'depmap-cli[simulate]'"
            ) from error
        del imageio_ffmpeg, numba
        if not self.face_model.exists():
            raise UsageProblem(
                f"--face-model {clean(str(self.face_model))}: the file or folder does not exist",
                FETCH_HINT,
            )
        _load_face_model(self.face_model)

    @contextmanager
    def with_packed_model(self) -> Iterator["FaceModelRenderer"]:
        """Yield the same renderer with the face model packed into one temporary file.

        Without it every process would take a minute to read ICT-FaceKit's folder.

        Raises:
            DepmapError: as raised by ``check``.
        """
        self.check()
        if not self.face_model.is_dir():
            yield self
            return
        with TemporaryDirectory() as folder:
            path = Path(folder) / "face_model.npz"
            _load_face_model(self.face_model).pack(path)
            yield FaceModelRenderer(path)

    def person(self, seed: int) -> Any:
        """Make the person with this seed."""
        from depmap_cli.simulation.person.simulated_person import SimulatedPerson

        return SimulatedPerson(_load_face_model(self.face_model), seed)

    def frame_renderer(self, person: Any, rng: np.random.Generator, size: int) -> FrameRenderer:
        """Draw a scene around ``person``."""
        from depmap_cli.simulation.rendering.renderer import Renderer
        from depmap_cli.simulation.rendering.scene import Scene

        scene = Scene.draw(rng, person)
        frame_renderer: FrameRenderer = Renderer(
            person=person, scene=scene, size=size, seed=int(rng.integers(1 << 30))
        )
        return frame_renderer


@lru_cache(maxsize=1)
def _load_face_model(path: Path) -> Any:
    """Load the face model once per process."""
    from depmap_cli.simulation.person.face_model import FaceModel

    return FaceModel.load(path)
