"""A stage without a renderer, for tests in which pixels do not matter; also in other processes."""

from contextlib import contextmanager
from dataclasses import dataclass
from types import SimpleNamespace

import cv2
import numpy as np


class StillCamera:
    """Always shows one picture; landmarks tell the pose, so that ground truths differ."""

    def __init__(self, picture: np.ndarray, place: np.ndarray) -> None:
        self.picture, self.place = picture, place

    def frame(self, au, pose, gaze) -> SimpleNamespace:
        landmarks = self.place + np.float32(pose[:2])
        return SimpleNamespace(image=self.picture, landmarks=landmarks.astype(np.float32))


@dataclass(frozen=True)
class StillStage:
    """People without looks, of whom there is one picture: a frame of the example, or grey."""

    video: str = ""

    def check(self) -> None:
        pass

    @contextmanager
    def packed(self):
        yield self

    def person(self, seed: int) -> SimpleNamespace:
        rng = np.random.default_rng(seed)
        looks = {"tone": rng.random(), "female": bool(rng.random() < 0.5), "age": 40.0}
        return SimpleNamespace(**looks, glasses=False, traits={"hair": "short"})

    def camera(self, person, rng: np.random.Generator, size: int) -> StillCamera:
        picture = np.full((size, size, 3), 90, np.uint8)
        if self.video:
            frame = cv2.VideoCapture(self.video, cv2.CAP_FFMPEG).read()[1]
            picture = cv2.cvtColor(cv2.resize(frame, (size, size)), cv2.COLOR_BGR2RGB)
        return StillCamera(picture, rng.uniform(0, size, (68, 2)))
