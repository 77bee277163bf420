"""The seam to the renderer: who sits there, and a camera that photographs what they do.

Everything that plans, writes and labels recordings sees the renderer through these three protocols,
and loads it (and numba) only to check and pack the face model and in the processes that render.
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
from depmap_cli.simulation import FETCH_HINT


@runtime_checkable  # tests check arguments
class Shot(Protocol):
    """One rendered picture."""

    @property
    def image(self) -> np.ndarray:
        """(size, size, 3) RGB uint8."""

    @property
    def landmarks(self) -> np.ndarray:
        """(68, 2) pixels, in Multi-PIE's order."""


@runtime_checkable  # tests check arguments
class Camera(Protocol):
    """A person in front of a camera, in one light."""

    def frame(self, au: np.ndarray, pose: np.ndarray, gaze: np.ndarray) -> Shot:
        """The picture for action units (18,), head angles (3,) and gaze (2,)."""


@runtime_checkable  # tests check arguments
class Stage(Protocol):
    """Where people are drawn by number; crosses process borders, so it holds no model."""

    def check(self) -> None:
        """Raise the DepmapError that rendering would end in, before any work is done."""

    def person(self, seed: int) -> Any:
        """The looks of one person: attributes ``tone``, ``female``, ``age``, ``glasses``,
        and ``traits``, more of them by name."""

    def camera(self, person: Any, rng: np.random.Generator, size: int) -> Camera:
        """A new light, background and camera."""


def facts_of(person: Any) -> dict[str, float | bool | str]:
    """What is kept of a person's looks beside what it does."""
    looks = {name: getattr(person, name) for name in ("tone", "female", "age", "glasses")}
    return {**person.traits, **looks}


@dataclass(frozen=True)
class RenderedStage:
    """People rendered from the face model at a path."""

    face_model: Path

    def check(self) -> None:
        """Load what rendering needs.

        Raises:
            InstallationBroken: the extra ``simulate`` is not installed.
            UsageProblem: no face model there.
            DataInvalid: it is no face model.
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
            raise UsageProblem(f"--face-model {self.face_model.name}: not there", FETCH_HINT)
        _face_model(self.face_model)

    @contextmanager
    def packed(self) -> Iterator["RenderedStage"]:
        """The same with the face model in one file: every process would take a minute to read
        ICT-FaceKit's folder.

        Raises:
            DepmapError: as ``check``.
        """
        self.check()
        if not self.face_model.is_dir():
            yield self
            return
        with TemporaryDirectory() as folder:
            path = Path(folder) / "face_model.npz"
            _face_model(self.face_model).pack(path)
            yield RenderedStage(path)

    def person(self, seed: int) -> Any:
        """The looks of one person."""
        from depmap_cli.simulation.person.simulated_person import Person

        return Person(_face_model(self.face_model), seed)

    def camera(self, person: Any, rng: np.random.Generator, size: int) -> Camera:
        """A new scene around a person."""
        from depmap_cli.simulation.rendering.renderer import Renderer
        from depmap_cli.simulation.rendering.scene import Scene

        scene = Scene.draw(rng, person)
        camera: Camera = Renderer(
            person=person, scene=scene, size=size, seed=int(rng.integers(1 << 30))
        )
        return camera


@lru_cache(maxsize=1)
def _face_model(path: Path) -> Any:
    """Loaded once a process."""
    from depmap_cli.simulation.person.face_model import FaceModel

    return FaceModel.load(path)
