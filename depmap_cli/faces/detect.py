"""Detects faces in images with MTCNN: by a search, or near boxes that are known.

A video whose faces are on their side, or upside down, is read turned by quarter turns.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int, UInt8

from depmap_cli.config import FaceConfig
from depmap_cli.faces.detection import Detection
from depmap_cli.faces.quarter_turns import turned_boxes, turned_face, turned_image

_MAX_FAILURES = 64
"""Frames searched in vain at a larger size after which that size is no longer tried."""
_TRIED_AT_ONCE, _TRIED = 4, 24
"""Most images without an upright face that are tried turned: of one search, and of a video."""
_MAX_CORRECTION, _MAX_RESIZING = 0.6, 1.7
"""Most by which a face may differ from the box where it was expected: shift in box sides, and ratio
of the sides."""


class FaceDetector:
    """Detects faces with facenet-pytorch's MTCNN, whose weights are part of that package.

    ``config.detection_sides`` are the frame sizes to search, in order. ``quarter_turns`` is by how
    many counterclockwise quarter turns the frames of the current video are turned before they are
    searched; faces are always given in pixels of the frame as it is stored.
    """

    quarter_turns = 0
    _knows_turns = False

    def __init__(self, config: FaceConfig, device: str = "cpu") -> None:
        from depmap_cli.faces.mtcnn import Mtcnn

        self.config = config
        self._mtcnn = Mtcnn(device)
        self.start_video()

    def start_video(self) -> None:
        """Forget at which sizes the previous video had no faces, and how it was turned."""
        self._failures = [0] * len(self.config.detection_sides)
        self.quarter_turns, self._knows_turns, self._n_tried = 0, False, 0

    def detect(
        self, images: Sequence[UInt8[np.ndarray, "_ _ 3"]], smallest: float = 0.0
    ) -> list[list[Detection]]:
        """Search images for faces.

        An image without a face at one size is searched again at the next larger size. Until a video
        has shown an upright face, some of its images are also tried turned.

        Args:
            images: RGB; a video may change its size on the way.
            smallest: side of the smallest face wanted, in pixels of the images; 0 for all faces
                that can be detected.

        Returns:
            The faces of each image, the largest first; [] if there is none.
        """
        if not images:
            return []
        found = self._search(images, smallest, self.quarter_turns)
        if not self._knows_turns and self._decide_turns(images, found):
            return self._search(images, smallest, self.quarter_turns)
        return found

    def follow(
        self,
        images: Sequence[np.ndarray],
        owners: Int[np.ndarray, " n"],
        boxes: Float[np.ndarray, "n 4"],
    ) -> list[Detection | None]:
        """Look for a face near each box.

        Args:
            images: RGB.
            owners: index of the image of each box.
            boxes: where the faces are expected, in pixels of the images.

        Returns:
            The face near each box; None if there is none, or the network is not sure.
        """
        shapes = [images[owner].shape for owner in owners]
        turned = [turned_image(image, self.quarter_turns) for image in images]
        expected = np.array(
            [
                turned_boxes(box[None], self.quarter_turns, shape)[0]
                for box, shape in zip(boxes, shapes, strict=True)
            ]
        ).reshape(-1, 4)
        found = self._mtcnn.follow(turned, owners, expected)
        faces: list[Detection | None] = []
        for row, box in enumerate(boxes):
            face = Detection(
                box=found.boxes[row],
                landmarks=found.landmarks[row],
                probability=float(found.probabilities[row]),
            )
            face = turned_face(face, -self.quarter_turns, turned[owners[row]].shape)
            faces.append(face if self._is_sure(face) and _is_near(face, box) else None)
        return faces

    def _decide_turns(self, images: Sequence[np.ndarray], found: list[list[Detection]]) -> bool:
        """Find out how the video is turned, if these images tell; return whether it is turned.

        It is turned if at least half of the images tried have a face that way, and more of them
        than are upright.
        """
        if 2 * sum(map(bool, found)) >= len(images):
            self._knows_turns = True
            return False
        tried = np.unique(np.linspace(0, len(images) - 1, _TRIED_AT_ONCE).round().astype(int))
        n_faces = [sum(bool(found[i]) for i in tried)]
        for turns in (1, 2, 3):
            rows = self._search([images[i] for i in tried], 0.0, turns)
            n_faces.append(sum(map(bool, rows)))
        self._n_tried += len(tried)
        best = int(np.argmax(n_faces))
        if best and 2 * n_faces[best] >= len(tried):
            self.quarter_turns = best
        self._knows_turns = bool(self.quarter_turns or any(found)) or self._n_tried >= _TRIED
        return self.quarter_turns > 0

    def _search(
        self, images: Sequence[np.ndarray], smallest: float, quarter_turns: int
    ) -> list[list[Detection]]:
        """Search images, turned; those of one size together."""
        detections: list[list[Detection]] = [[] for _ in images]
        sides = [max(image.shape[:2]) for image in images]
        for longest in sorted(set(sides)):
            rows = [i for i, side in enumerate(sides) if side == longest]
            found = self._search_side([images[i] for i in rows], longest, smallest, quarter_turns)
            for i, faces in zip(rows, found, strict=True):
                detections[i] = faces
        return detections

    def _search_side(
        self, images: Sequence[np.ndarray], longest: int, smallest: float, quarter_turns: int
    ) -> list[list[Detection]]:
        """Search images with this longest side, from the largest faces to the smallest."""
        detections: list[list[Detection]] = [[] for _ in images]
        largest = float("inf")
        for step, side in enumerate(self.config.detection_sides):
            todo = [i for i, faces in enumerate(detections) if not faces]
            limit = self.config.min_face * max(1.0, longest / side)
            if not todo or limit >= largest or self._failures[step] >= _MAX_FAILURES:
                continue
            results = self._search_sizes(
                [images[i] for i in todo], max(limit, smallest), largest, quarter_turns
            )
            for i, faces in zip(todo, results, strict=True):
                detections[i] = faces
            if step and quarter_turns == self.quarter_turns:
                self._failures[step] = 0 if any(results) else self._failures[step] + len(todo)
            largest = limit
        return detections

    def _search_sizes(
        self, images: Sequence[np.ndarray], smallest: float, largest: float, quarter_turns: int
    ) -> list[list[Detection]]:
        turned = [turned_image(image, quarter_turns) for image in images]
        found = self._mtcnn.search(turned, smallest, largest)
        faces: list[list[Detection]] = [[] for _ in images]
        for row, image in enumerate(found.image):
            face = Detection(
                box=found.boxes[row],
                landmarks=found.landmarks[row],
                probability=float(found.probabilities[row]),
            )
            if self._is_sure(face):
                faces[image].append(turned_face(face, -quarter_turns, turned[image].shape))
        return [sorted(row, key=lambda f: -f.side)[: self.config.max_faces] for row in faces]

    def _is_sure(self, face: Detection) -> bool:
        is_finite = np.isfinite(face.landmarks).all() and np.isfinite(face.box).all()
        return bool(is_finite) and face.side > 0 and face.probability >= self.config.min_probability


def _is_near(face: Detection, box: np.ndarray) -> bool:
    """Whether a face is where it was expected, and about as large."""
    expected = Detection(box=box, landmarks=face.landmarks, probability=0.0)
    if expected.side <= 0:
        return False
    shift = float(np.linalg.norm(face.centre - expected.centre)) / expected.side
    ratio = face.side / expected.side
    return shift <= _MAX_CORRECTION and 1 / _MAX_RESIZING <= ratio <= _MAX_RESIZING
