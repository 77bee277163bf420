"""Key-frame pictures: a drawing of the face (default), or the face blurred or as it is."""

import numpy as np

from depmap_cli.errors import UsageProblem
from depmap_cli.report.score.face_drawing import draw_face
from depmap_cli.results import KeyPicture
from depmap_cli.runtime.opencv import load_opencv

STYLES = ("drawing", "blur", "raw")
_COARSE_SIDE = 40
"""Side in pixels of the face that a drawing starts from: keeps expression, loses skin and iris."""
_BLUR_SIDE = 10
_INK = np.array([38, 50, 66], np.float32)
_HEAT_STOPS = np.array([0.0, 0.35, 0.7, 1.0])
_HEAT_COLOURS = np.array([[255, 247, 214], [254, 217, 130], [253, 150, 70], [226, 74, 51]])
"""All light, so that dark lines stay legible; lightness falls monotonically with heat."""


def picture(key: KeyPicture, style: str, size: int = 256) -> np.ndarray:
    """The face of ``key`` in ``style`` under its heat map, (size, size, 3) RGB uint8.

    ``drawing`` shows the lines through the landmarks of the face and nothing else of it, or without
    landmarks its coarse outlines. ``blur`` removes identifying detail. Both keep the expression;
    someone who knows the person may still recognise them. ``raw`` shows the face.

    Raises:
        UsageProblem: the style is unknown.
    """
    if style not in STYLES:
        raise UsageProblem(f"unknown picture style {style!r}", f"use one of: {', '.join(STYLES)}")
    heat = _heat(key.heat, size)
    if style == "drawing":
        if key.landmarks is None:
            return _lines_with_heat(_outlines(key.face, size), heat)
        return _lines_with_heat(draw_face(key.landmarks, size), heat)
    side = _BLUR_SIDE if style == "blur" else size
    return _face_with_heat(_resampled(key.face, side, size), heat)


def encode_png(image: np.ndarray) -> bytes:
    """``image``, (height, width, 3) RGB uint8, as the bytes of a PNG file."""
    cv2 = load_opencv()
    _, data = cv2.imencode(".png", np.ascontiguousarray(image[:, :, ::-1]))
    return bytes(data)


def _outlines(face: np.ndarray, size: int) -> np.ndarray:
    """The outlines of a face, (size, size) in 0 to 1: 0 on a line, 1 on paper.

    A softly thresholded difference of Gaussians (Winnemoeller et al. 2012, "XDoG") on a
    low-resolution, contrast-equalised grey face. Lines outside the oval of the face, such as hair,
    fade out.
    """
    cv2 = load_opencv()
    grey = cv2.cvtColor(np.ascontiguousarray(face), cv2.COLOR_RGB2GRAY)
    coarse = cv2.resize(grey, (_COARSE_SIDE, _COARSE_SIDE), interpolation=cv2.INTER_AREA)
    coarse = cv2.createCLAHE(clipLimit=3.0, tileGridSize=(4, 4)).apply(coarse)
    smooth = (
        cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC).astype(np.float32) / 255
    )
    pixel = size / _COARSE_SIDE
    smooth = cv2.GaussianBlur(smooth, (0, 0), 0.6 * pixel)
    fine = cv2.GaussianBlur(smooth, (0, 0), 0.42 * pixel)
    broad = cv2.GaussianBlur(smooth, (0, 0), 0.84 * pixel)
    paper = np.clip(1 + np.tanh(80 * (fine - broad + 0.012)), 0, 1)
    lines: np.ndarray = 1 - (1 - paper) * face_oval(size)
    return lines


def face_oval(size: int) -> np.ndarray:
    """1 inside the oval of an aligned face, falling to 0 outside it, (size, size)."""
    y, x = (np.mgrid[0:size, 0:size] + 0.5) / size
    radius = np.hypot((x - 0.5) / 0.57, (y - 0.44) / 0.67)
    faded: np.ndarray = np.clip((1.06 - radius) / 0.22, 0, 1)
    return faded


def _resampled(face: np.ndarray, side: int, size: int) -> np.ndarray:
    """The face reduced to ``side`` pixels and enlarged to ``size``, float RGB in 0 to 255."""
    cv2 = load_opencv()
    small = face
    if side < face.shape[0]:
        small = cv2.resize(np.ascontiguousarray(face), (side, side), interpolation=cv2.INTER_AREA)
    large = cv2.resize(np.ascontiguousarray(small), (size, size), interpolation=cv2.INTER_CUBIC)
    resampled: np.ndarray = large.astype(np.float32)
    return resampled


def _heat(heat: np.ndarray, size: int) -> np.ndarray:
    """The heat map at picture size, (size, size) in 0 to 1; 0 where it is not finite."""
    cv2 = load_opencv()
    known = np.nan_to_num(heat.astype(np.float32), nan=0.0, posinf=0.0, neginf=0.0)
    scaled = cv2.resize(known, (size, size), interpolation=cv2.INTER_CUBIC)
    clipped: np.ndarray = np.clip(scaled, 0, 1)
    return clipped


def _colour(heat: np.ndarray) -> np.ndarray:
    channels = [np.interp(heat, _HEAT_STOPS, _HEAT_COLOURS[:, c]) for c in range(3)]
    return np.stack(channels, axis=-1)


def _lines_with_heat(paper: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """Ink lines on white paper tinted by the heat map."""
    tint = 255 + (_colour(heat) - 255) * np.minimum(1, 1.6 * heat)[..., None]
    return _as_bytes(_INK + (tint - _INK) * paper[..., None])


def _face_with_heat(face: np.ndarray, heat: np.ndarray) -> np.ndarray:
    """The face under the heat map, whose opacity is 60 % of its value."""
    return _as_bytes(face + (_colour(heat) - face) * 0.6 * heat[..., None])


def _as_bytes(image: np.ndarray) -> np.ndarray:
    rounded: np.ndarray = np.clip(image, 0, 255).round().astype(np.uint8)
    return rounded
