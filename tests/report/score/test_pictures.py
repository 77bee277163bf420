"""Key-frame pictures: the expression stays, the person goes, and the heat shows."""

import numpy as np
import pytest

from depmap_cli.errors import UsageProblem
from depmap_cli.report import STYLES, encode_png, picture
from depmap_cli.results import KeyPicture
from depmap_cli.runtime.opencv import load_opencv
from tests.support.report_sample import drawn_face, warm_spot

COLD = np.zeros((16, 16))


def _drawn(face: np.ndarray, style: str = "drawing", size: int = 256) -> np.ndarray:
    return picture(KeyPicture(face, COLD), style, size).astype(float)


def _fine_energy(image: np.ndarray) -> float:
    """Mean square of what lies between neighbouring pixels of a 128-pixel copy."""
    cv2 = load_opencv()
    small = cv2.resize(image.astype(np.float32), (128, 128), interpolation=cv2.INTER_AREA)
    return float((np.diff(small, axis=0) ** 2).mean())


@pytest.mark.parametrize("style", STYLES)
def test_pictures_have_the_size_and_type_asked_for(style: str) -> None:
    image = picture(KeyPicture(drawn_face(), warm_spot(0.5, 0.5)), style, 200)
    assert image.shape == (200, 200, 3)
    assert image.dtype == np.uint8


def test_a_drawing_holds_ink_and_paper_only() -> None:
    image = _drawn(drawn_face())
    assert np.median(image) > 250  # mostly paper
    assert (image.mean(-1) < 80).mean() > 0.02  # with lines on it
    ink, paper = np.array([38, 50, 66.0]), np.array([255, 255, 255.0])
    share = ((paper - image) @ (paper - ink)) / ((paper - ink) @ (paper - ink))
    assert np.abs(image - (paper + share[..., None] * (ink - paper))).max() < 2


def test_a_drawing_does_not_tell_skin_colour_and_texture() -> None:
    light, dark = drawn_face(skin=200), drawn_face(skin=120)
    inside = np.s_[64:220, 64:192]
    raw = np.abs(_drawn(light, "raw") - _drawn(dark, "raw"))[inside].mean()
    drawing = np.abs(_drawn(light) - _drawn(dark))[inside].mean()
    assert drawing < raw / 4


def test_a_drawing_tells_the_expression() -> None:
    smile, droop = _drawn(drawn_face(smile=8)), _drawn(drawn_face(smile=-8))
    change = np.abs(smile - droop).mean(-1)
    mouth, eyes = change[160:230, 80:176].mean(), change[70:130].mean()
    assert mouth > 5 * eyes


def test_a_blurred_face_has_lost_its_detail() -> None:
    face = drawn_face()
    assert _fine_energy(_drawn(face, "blur")) < _fine_energy(_drawn(face, "raw")) / 20


def test_raw_shows_the_face() -> None:
    face = drawn_face()
    assert np.abs(_drawn(face, "raw", 128) - face).max() <= 1


@pytest.mark.parametrize("style", STYLES)
def test_heat_changes_the_picture_where_it_is_high_and_nowhere_else(style: str) -> None:
    face = drawn_face()
    warm = picture(KeyPicture(face, warm_spot(0.25, 0.25)), style).astype(float)
    change = np.abs(warm - _drawn(face, style)).mean(-1)
    assert change[48:80, 48:80].mean() > 15
    assert change[192:, 192:].max() < 2


def test_lines_stay_darker_than_the_heat_over_them() -> None:
    face = drawn_face()
    hot = picture(KeyPicture(face, np.ones((8, 8))), "drawing").astype(float).mean(-1)
    line = _drawn(face).mean(-1) < 60
    assert line.sum() > 500
    assert hot[line].mean() < hot[~line].mean() - 40


def test_heat_that_is_not_a_number_is_no_heat() -> None:
    face = drawn_face()
    image = picture(KeyPicture(face, np.full((8, 8), np.nan)), "drawing")
    assert np.array_equal(image, picture(KeyPicture(face, COLD), "drawing"))


def test_a_png_decodes_to_the_same_pixels() -> None:
    image = picture(KeyPicture(drawn_face(), warm_spot(0.5, 0.7)), "raw", 96)
    cv2 = load_opencv()
    decoded = cv2.imdecode(np.frombuffer(encode_png(image), np.uint8), cv2.IMREAD_COLOR)
    assert np.array_equal(decoded[:, :, ::-1], image)


def test_an_unknown_style_is_a_usage_problem() -> None:
    with pytest.raises(UsageProblem, match="sketch"):
        picture(KeyPicture(drawn_face(), COLD), "sketch")
