"""The three networks of MTCNN, applied to whole images or to boxes that are already known.

Zhang et al. (2016), IEEE Signal Processing Letters 23(10). The weights are those of
facenet-pytorch. P-Net searches an image at several scales for possible faces, R-Net corrects their
boxes, and O-Net gives the final box, the probability and five landmarks.

Boxes are x0, y0, x1, y1, the edges in pixels of the image from its top left corner.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Int, UInt8
from torch import Tensor, nn
from torchvision.ops import batched_nms

from depmap_cli.faces.fixed_size_batches import FixedSizeBatches
from depmap_cli.runtime.lazy_imports import without_compiler
from depmap_cli.runtime.opencv import load_opencv

with without_compiler():
    from facenet_pytorch.models.mtcnn import ONet, PNet, RNet

_CELL, _STRIDE = 12, 2
"""Side and distance of the windows that P-Net judges, in pixels."""
_PYRAMID_STEP = 0.709
"""Ratio of successive scales of the image, so that the areas of faces halve."""
_REDUCED_FACE = 24
"""Side of the smallest face in the reduced image that the scales are made from, in pixels."""
_P_NET_LIMIT, _R_NET_LIMIT, _O_NET_LIMIT = 0.6, 0.7, 0.7
"""Lowest probabilities of a possible face at each stage, as in facenet-pytorch."""
_MAX_CANDIDATES = 64
"""Most possible faces of an image that pass P-Net, to limit the time in a crowd."""
_R_NET_SIDE, _O_NET_SIDE = 24, 48
_VIEWS = (0.95, 1.06)
"""Sizes of the crops, relative to the box, over which the result of O-Net is averaged. Landmarks
then depend less on the box (measured: LOG L61)."""


@dataclass(frozen=True, kw_only=True)
class FoundFaces:
    """n faces in several images."""

    image: Int[np.ndarray, " n"]  # index of the image
    boxes: Float[np.ndarray, "n 4"]
    landmarks: Float[np.ndarray, "n 5 2"]  # eyes, nose tip, mouth corners; left in the image first
    probabilities: Float[np.ndarray, " n"]

    def __getitem__(self, rows: np.ndarray) -> "FoundFaces":
        return FoundFaces(
            image=self.image[rows],
            boxes=self.boxes[rows],
            landmarks=self.landmarks[rows],
            probabilities=self.probabilities[rows],
        )


class Mtcnn:
    """The networks of MTCNN on one device.

    Their layout in memory is channels-last, which is up to five times as fast on a CPU (measured:
    LOG L61).
    """

    def __init__(self, device: str = "cpu") -> None:
        self._device = torch.device(device)
        self._p_net = self._prepared(PNet())
        self._r_net = FixedSizeBatches(self._prepared(RNet()))
        self._o_net = FixedSizeBatches(self._prepared(ONet()))

    def _prepared(self, network: nn.Module) -> nn.Module:
        network = network.eval().requires_grad_(False)
        return network.to(self._device, memory_format=torch.channels_last)  # type: ignore[call-overload, no-any-return]

    def search(
        self,
        images: Sequence[UInt8[np.ndarray, "_ _ 3"]],
        smallest: float,
        largest: float = math.inf,
    ) -> FoundFaces:
        """Find all faces in RGB images whose sides are about ``smallest`` to ``largest`` pixels.

        Their landmarks are those that ``follow`` gives for the boxes found.
        """
        proposals = [self._propose(image, smallest, largest) for image in images]
        boxes = np.concatenate([np.empty((0, 4)), *proposals])
        owners = np.repeat(np.arange(len(images)), [len(p) for p in proposals])
        boxes, scores = self._refine(images, owners, boxes)
        kept = _distinct(boxes, scores, owners, _R_NET_LIMIT)
        found = self._locate(images, owners[kept], boxes[kept])
        found = found[np.flatnonzero(found.probabilities > _O_NET_LIMIT)]
        found = found[_distinct_faces(found)]
        return self.follow(images, found.image, found.boxes)

    def follow(
        self, images: Sequence[np.ndarray], owners: Int[np.ndarray, " n"], boxes: np.ndarray
    ) -> FoundFaces:
        """Find the face near each box, whatever its probability.

        ``owners`` are the indices of the images of the boxes.
        """
        corrected, _ = self._refine(images, owners, boxes)
        middle = np.tile((corrected[:, :2] + corrected[:, 2:]) / 2, 2)
        views = [
            self._locate(images, owners, middle + size * (corrected - middle)) for size in _VIEWS
        ]
        return FoundFaces(
            image=owners,
            boxes=np.mean([view.boxes for view in views], 0),
            landmarks=np.mean([view.landmarks for view in views], 0),
            probabilities=np.mean([view.probabilities for view in views], 0),
        )

    def _refine(
        self, images: Sequence[np.ndarray], owners: Int[np.ndarray, " n"], boxes: np.ndarray
    ) -> tuple[Float[np.ndarray, "n 4"], Float[np.ndarray, " n"]]:
        """Return boxes corrected by R-Net, and the probability of a face in each as it was."""
        squares = _whole_squares(boxes)
        if not len(squares):
            return squares, np.empty(0)
        offsets, odds = self._judge(self._r_net, _crops(images, owners, squares, _R_NET_SIDE))
        return _moved(squares, offsets), odds[:, 1]

    def _locate(
        self, images: Sequence[np.ndarray], owners: Int[np.ndarray, " n"], boxes: np.ndarray
    ) -> FoundFaces:
        """Find the face in each box with O-Net, whatever its probability."""
        squares = _whole_squares(boxes)
        if not len(squares):
            nothing = np.empty(0)
            return FoundFaces(
                image=owners,
                boxes=squares,
                landmarks=np.empty((0, 5, 2)),
                probabilities=nothing,
            )
        offsets, points, odds = self._judge(
            self._o_net, _crops(images, owners, squares, _O_NET_SIDE)
        )
        corners, sides = squares[:, None, :2], squares[:, None, 2:] - squares[:, None, :2]
        return FoundFaces(
            image=owners,
            boxes=_moved(squares, offsets),
            landmarks=corners + sides * points.reshape(-1, 2, 5).transpose(0, 2, 1),
            probabilities=odds[:, 1],
        )

    @torch.inference_mode()
    def _judge(self, network: nn.Module, pixels: np.ndarray) -> list[np.ndarray]:
        outputs = network(self._normalised(pixels))
        return [output.cpu().numpy().astype(float) for output in outputs]

    def _normalised(self, pixels: UInt8[np.ndarray, "n h w 3"]) -> Float[Tensor, "n 3 h w"]:
        """Convert to channels first; the memory stays channels-last."""
        images = torch.from_numpy(pixels).to(self._device).permute(0, 3, 1, 2)
        return (images.float() - 127.5) * 0.0078125

    def _propose(
        self, image: np.ndarray, smallest: float, largest: float
    ) -> Float[np.ndarray, "n 4"]:
        """Return the boxes of possible faces that P-Net finds at several scales."""
        cv2 = load_opencv()
        height, width = image.shape[:2]
        reduction = min(1.0, _REDUCED_FACE / smallest)
        size = (max(1, round(width * reduction)), max(1, round(height * reduction)))
        reduced = image if reduction == 1 else cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        scale = _CELL / max(smallest * reduction, _CELL)
        boxes, scores = [np.empty((0, 4))], [np.empty(0)]
        while min(size) * scale >= _CELL and _CELL / scale < largest * reduction:
            side = (int(size[0] * scale + 1), int(size[1] * scale + 1))
            level = cv2.resize(reduced, side, interpolation=cv2.INTER_AREA)
            found, score = self._windows(level)
            kept = _distinct(found, score, np.zeros(len(found)), 0.0, 0.5)
            boxes.append(found[kept] * np.tile([width / side[0], height / side[1]], 2))
            scores.append(score[kept])
            scale *= _PYRAMID_STEP
        joined, score = np.concatenate(boxes), np.concatenate(scores)
        kept = _distinct(joined, score, np.zeros(len(joined)), 0.0)
        best: np.ndarray = joined[kept[:_MAX_CANDIDATES]]
        return best

    @torch.inference_mode()
    def _windows(self, level: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the boxes of the windows of one scale that may show a face, and their scores."""
        offsets, odds = (output[0].cpu() for output in self._p_net(self._normalised(level[None])))
        mask = odds[1] >= _P_NET_LIMIT
        rows, columns = (index.numpy() for index in mask.nonzero(as_tuple=True))
        corners = _STRIDE * np.stack([columns, rows], 1).astype(float)
        windows = np.concatenate([corners, corners + _CELL], 1)
        return _moved(windows, offsets[:, mask].T.numpy()), odds[1][mask].numpy().astype(float)


def _distinct_faces(found: FoundFaces) -> Int[np.ndarray, " k"]:
    """Return the rows of faces that do not cover a more probable one of the same image.

    One face covers another if their common area is more than 0.7 of the smaller one.
    """
    kept: list[int] = []
    for row in np.argsort(-found.probabilities, kind="stable"):
        rivals = [k for k in kept if found.image[k] == found.image[row]]
        if all(_common_share(found.boxes[row], found.boxes[k]) <= 0.7 for k in rivals):
            kept.append(int(row))
    return np.array(kept, int)


def _common_share(a: np.ndarray, b: np.ndarray) -> float:
    """Return the common area of two boxes relative to the smaller one."""
    common = np.prod(np.clip(np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2]), 0, None))
    smaller = min(np.prod(a[2:] - a[:2]), np.prod(b[2:] - b[:2]))
    return float(common / max(smaller, 1e-6))


def _distinct(
    boxes: np.ndarray, scores: np.ndarray, owners: np.ndarray, lowest: float, overlap: float = 0.7
) -> Int[np.ndarray, " k"]:
    """Return the rows above ``lowest``, without those that overlap a better one; best first."""
    rows = np.flatnonzero(scores > lowest)
    kept = batched_nms(
        torch.from_numpy(boxes[rows]),
        torch.from_numpy(scores[rows]),
        torch.from_numpy(owners[rows]),
        overlap,
    )
    distinct: np.ndarray = rows[kept.numpy()]
    return distinct


def _moved(boxes: np.ndarray, offsets: np.ndarray) -> Float[np.ndarray, "n 4"]:
    """Move the edges of boxes by ``offsets``, in sides of the box."""
    moved: np.ndarray = boxes + offsets * np.tile(boxes[:, 2:] - boxes[:, :2], 2)
    return moved


def _whole_squares(boxes: np.ndarray) -> Float[np.ndarray, "n 4"]:
    """Return squares around the centres of boxes, with edges between pixels.

    Their sides are the longer sides of the boxes, at least two pixels. Boxes that are not finite
    become small squares in the corner of the image.
    """
    boxes = np.where(np.isfinite(boxes).all(1, keepdims=True), boxes, 0.0)
    sides = np.maximum(np.round((boxes[:, 2:] - boxes[:, :2]).max(1, initial=2)), 2)[:, None]
    corners = np.round((boxes[:, :2] + boxes[:, 2:] - sides) / 2)
    return np.concatenate([corners, corners + sides], 1)


def _crops(
    images: Sequence[np.ndarray], owners: np.ndarray, squares: np.ndarray, side: int
) -> UInt8[np.ndarray, "n side side 3"]:
    """Cut squares out of images and scale them; pixels outside an image are black."""
    cv2 = load_opencv()
    crops = np.zeros((len(squares), side, side, 3), np.uint8)
    for crop, owner, square in zip(crops, owners, squares.astype(int), strict=True):
        image = images[owner]
        height, width = image.shape[:2]
        x0, y0, x1, y1 = square
        left, top, right, bottom = max(x0, 0), max(y0, 0), min(x1, width), min(y1, height)
        if left >= right or top >= bottom or x1 - x0 > 4 * max(height, width):
            continue
        cut = image[top:bottom, left:right]
        if (left, top, right, bottom) != (x0, y0, x1, y1):
            edges = (top - y0, y1 - bottom, left - x0, x1 - right)
            cut = cv2.copyMakeBorder(cut, *map(int, edges), cv2.BORDER_CONSTANT, value=(0, 0, 0))
        cv2.resize(cut, (side, side), dst=crop, interpolation=cv2.INTER_AREA)
    return crops
