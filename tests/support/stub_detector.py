"""A face detector without a network; it does not load torch."""

import numpy as np

from depmap_cli.config import FaceConfig
from depmap_cli.faces import Detection, FaceDetector
from depmap_cli.faces.align import TEMPLATE


class StubDetector(FaceDetector):
    """Returns planted faces instead of running MTCNN: ``faces(time)`` lists (x, y, side)."""

    def __init__(self, faces, **config):
        self.config = FaceConfig(**config)
        self.faces, self.asked = faces, []

    def start_video(self):
        pass

    def detect(self, images):
        detections = []
        for image in images:
            time = float(image[0, 0, 0]) / 4
            self.asked.append(time)
            detections.append([planted(*face) for face in self.faces(time)])
        return detections


def planted(x: float, y: float, side: float) -> Detection:
    corner = np.array([x, y]) - side / 2
    return Detection(
        box=np.array([*corner, *(corner + side)]),
        landmarks=corner + TEMPLATE * side,
        probability=0.99,
    )
