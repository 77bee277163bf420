"""A face detector without a network; it does not load torch."""

import numpy as np

from depmap_cli.config import FaceConfig
from depmap_cli.faces import Detection, FaceDetector
from depmap_cli.faces.align import TEMPLATE

REACH = 0.35
"""Farthest from where it is expected that a planted face is confirmed, in its sides."""


class StubDetector(FaceDetector):
    """Returns planted faces instead of running MTCNN: ``faces(time)`` lists (x, y, side).

    ``asked`` are the times of the frames searched, ``followed`` those in which faces were followed.
    """

    def __init__(self, faces, **config):
        self.config = FaceConfig(**config)
        self.faces, self.asked, self.followed = faces, [], []

    def start_video(self):
        pass

    def detect(self, images, smallest=0.0):
        detections = []
        for image in images:
            self.asked.append(time_of(image))
            faces = [planted(*face) for face in self.faces(time_of(image)) if face[2] >= smallest]
            detections.append(faces)
        return detections

    def follow(self, images, owners, boxes):
        found = []
        for owner, box in zip(owners, boxes, strict=True):
            time = time_of(images[owner])
            self.followed.append(time)
            centre, side = (box[:2] + box[2:]) / 2, box[2] - box[0]
            near = (
                planted(x, y, s)
                for x, y, s in self.faces(time)
                if np.hypot(x - centre[0], y - centre[1]) <= REACH * s and 0.6 < s / side < 1.7
            )
            found.append(next(near, None))
        return found


def time_of(image) -> float:
    """Return the time that ``tests.faces`` write into the first pixel, in units of 0.05 s."""
    return (float(image[0, 0, 0]) + 256 * float(image[0, 0, 1])) / 20


def planted(x: float, y: float, side: float) -> Detection:
    corner = np.array([x, y]) - side / 2
    return Detection(
        box=np.array([*corner, *(corner + side)]),
        landmarks=corner + TEMPLATE * side,
        probability=0.99,
    )
