"""A renderer that shows one picture, for tests in which pixels do not matter.

It can be sent to other processes.
"""

from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np

from depmap_cli.simulation.rendering.rendered_frame import RenderedFrame
from tests.support.videos import read_video


class StillFrameRenderer:
    """Always shows one picture; landmarks follow the pose, so that ground truths differ."""

    def __init__(self, picture: np.ndarray, landmarks: np.ndarray) -> None:
        self.picture, self.landmarks = picture, landmarks

    def render(self, au, pose, gaze) -> RenderedFrame:
        landmarks = self.landmarks + np.float32(pose[:2])
        return RenderedFrame(self.picture, landmarks.astype(np.float32))

    def pose_in_camera(self, pose):
        return pose


@dataclass(frozen=True)
class StillRenderer:
    """Makes people without a face: the picture is a frame of ``video``, or grey."""

    video: str = ""

    def check(self) -> None:
        pass

    @contextmanager
    def with_packed_model(self):
        yield self

    def person(self, seed: int) -> SimpleNamespace:
        rng = np.random.default_rng(seed)
        appearance = {"tone": rng.random(), "female": bool(rng.random() < 0.5), "age": 40.0}
        return SimpleNamespace(**appearance, glasses=False, traits={"hair": "short"})

    def frame_renderer(self, person, rng: np.random.Generator, size: int) -> StillFrameRenderer:
        picture = np.full((size, size, 3), 90, np.uint8)
        if self.video:
            picture = cv2.resize(read_video(Path(self.video))[0], (size, size))
        return StillFrameRenderer(picture, rng.uniform(0, size, (68, 2)))
