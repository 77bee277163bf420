"""The picture of the subject in the overlay: a drawing, a blurred face, or the frame itself."""

import numpy as np

from depmap_cli.errors import UsageProblem
from depmap_cli.faces.align import (
    TEMPLATE,
    align_face,
    in_aligned_face,
    similarity_transform,
)
from depmap_cli.report.score.pictures import STYLES, face_oval, picture
from depmap_cli.results import FrameRow, KeyPicture
from depmap_cli.runtime.opencv import load_opencv
from depmap_cli.video.reader import Frame

_ALIGNED_SIDE = 112
"""Side in pixels of the aligned face that drawings and blurred faces start from."""
_LEAST_SIDE, _MOST_SIDE = 48, 384
"""Bounds of the side in pixels with which a face is drawn; larger ones are enlarged."""
_FADE = 0.08
"""Share of the side over which the picture of a face fades at its edges."""
_NO_HEAT = np.zeros((2, 2), np.float32)


def subject_picture(frame: Frame, row: FrameRow, style: str, size: tuple[int, int]) -> np.ndarray:
    """Show the frame in ``style``, (height, width, 3) RGB uint8.

    ``drawing`` and ``blur`` show the subject's face as its key-frame picture shows it, in its place
    on white paper, and nothing else of the frame: no other people and no surroundings. Without a
    face the paper is empty. ``raw`` shows the whole frame.

    Args:
        frame: the sampled frame.
        row: what was found in it.
        style: as for key-frame pictures, one of ``STYLES``.
        size: width and height of the result in pixels.

    Raises:
        UsageProblem: the style is unknown.
    """
    cv2 = load_opencv()
    if style not in STYLES:
        raise UsageProblem(f"unknown picture style {style!r}", f"use one of: {', '.join(STYLES)}")
    if style == "raw":
        smaller = size[0] < frame.image.shape[1]
        method = cv2.INTER_AREA if smaller else cv2.INTER_CUBIC
        raw: np.ndarray = cv2.resize(frame.image, size, interpolation=method)
        return raw
    paper = np.full((size[1], size[0], 3), 255, np.uint8)
    if row.landmarks is None:
        return paper
    return _with_face(paper, frame, row, style)


def _with_face(paper: np.ndarray, frame: Frame, row: FrameRow, style: str) -> np.ndarray:
    """Draw the subject's face in its place on the paper."""
    cv2 = load_opencv()
    landmarks = np.asarray(row.landmarks, float) * frame.scale  # pixels of the frame
    height, width = paper.shape[:2]
    enlargement = np.array([width / frame.image.shape[1], height / frame.image.shape[0]])
    to_face = similarity_transform(landmarks * enlargement, TEMPLATE)  # the face has side 1
    side = 1 / max(float(np.hypot(to_face[0, 0], to_face[1, 0])), 1e-6)
    size = int(np.clip(side, _LEAST_SIDE, _MOST_SIDE))
    aligned = align_face(frame.image, landmarks, _ALIGNED_SIDE)
    drawn_landmarks = None
    if row.face_landmarks is not None:
        drawn_landmarks = in_aligned_face(row.face_landmarks * frame.scale, landmarks, size)
    drawn = picture(KeyPicture(aligned, _NO_HEAT, drawn_landmarks), style, size)
    ink = (255.0 - drawn) * _faded_edge(size)[..., None]  # outside is paper
    placed = cv2.warpAffine(
        ink.astype(np.float32), to_face * size, (width, height),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderValue=0,
    )  # fmt: skip
    result: np.ndarray = np.clip(paper - placed, 0, 255).round().astype(np.uint8)
    return result


def _faded_edge(size: int) -> np.ndarray:
    """1 inside the oval of an aligned face, 0 outside it and at the edges, (size, size)."""
    from_edge = np.minimum(np.arange(size), np.arange(size)[::-1]) / (_FADE * size)
    ramp = np.clip(from_edge, 0, 1)
    faded: np.ndarray = face_oval(size) * np.outer(ramp, ramp)
    return faded
