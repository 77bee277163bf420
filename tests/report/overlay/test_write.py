"""The overlay of a hand-made result: what is shown, what is hidden, and what is refused."""

from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from depmap_cli.errors import OutputUnwritable, UsageProblem, VideoUnreadable
from depmap_cli.faces.align import TEMPLATE
from depmap_cli.report.overlay import has_overlay, write_overlay
from depmap_cli.report.overlay.face import subject_picture
from depmap_cli.report.overlay.lanes import N_UNITS, lanes_of
from depmap_cli.results import ScoreResult, Status
from depmap_cli.video.reader import Frame
from tests.support.face_landmarks import face_landmarks
from tests.support.report_sample import INVALID, drawn_face, frame_rows, scored_report

WIDTH, HEIGHT = 320, 240
SIDE, LEFT, TOP = 128, 100, 60
LANDMARKS = TEMPLATE * SIDE + (LEFT, TOP)


@pytest.fixture
def rows():
    """Rows of the sample result, with the face where ``frames`` shows it."""
    box = np.array([LEFT, TOP, LEFT + SIDE, TOP + SIDE], float)
    return [
        replace(row, box=box, landmarks=LANDMARKS) if row.valid else row for row in frame_rows()
    ]


@pytest.fixture
def frames(rows):
    """A face before a checked background, in each frame."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    image = np.repeat(np.where((x // 8 + y // 8) % 2, 60, 200)[..., None], 3, 2).astype(np.uint8)
    image[TOP : TOP + SIDE, LEFT : LEFT + SIDE] = drawn_face()
    return [Frame(time=row.time, image=image, scale=1.0, number=row.number) for row in rows]


@pytest.fixture
def result(rows):
    return ScoreResult(report=scored_report(), frame_rows=rows)


def decode(path):
    with av.open(str(path)) as container:
        pictures = list(container.decode(video=0))
    return (
        np.array([float(p.pts * p.time_base) for p in pictures]),
        [p.to_ndarray(format="rgb24") for p in pictures],
    )


def likeness(image, other):
    """Pearson's r of the detail of two pictures: what a copy blurred by one pixel lacks."""
    fine = []
    for picture in (image, other):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
        fine.append((grey - cv2.GaussianBlur(grey, (0, 0), 1)).ravel())
    return float(np.corrcoef(fine[0], fine[1])[0, 1])


@pytest.mark.slow
def test_one_picture_for_each_frame_at_its_time(tmp_path, result, frames):
    done = []
    write_overlay(tmp_path / "o.mp4", result, frames, "drawing", progress=done.append)
    times, pictures = decode(tmp_path / "o.mp4")
    assert times == pytest.approx([row.time for row in result.frame_rows], abs=1e-4)
    assert max(pictures[0].shape) <= 960
    assert done == sorted(done)
    assert done[-1] == 1
    write_overlay(tmp_path / "o.mp4", result, frames, "drawing", start=0.5)
    assert decode(tmp_path / "o.mp4")[0] == pytest.approx(times - 0.5, abs=1e-4)


@pytest.mark.parametrize("style", ["drawing", "blur"])
def test_only_the_face_is_shown_and_not_as_it_is(style, rows, frames):
    shown = subject_picture(frames[0], rows[0], style, (WIDTH, HEIGHT))
    square = np.zeros((HEIGHT, WIDTH), bool)
    square[TOP : TOP + SIDE, LEFT : LEFT + SIDE] = True
    assert (shown[~square] >= 254).all()  # nothing of the background
    face = np.s_[TOP + 24 : TOP + SIDE - 24, LEFT + 24 : LEFT + SIDE - 24]
    assert shown[face].std() > 5  # but something of the face
    assert likeness(shown[face], frames[0].image[face]) < 0.5
    if style == "drawing":  # ink and paper: no colour of the skin
        assert np.ptp(shown[face].astype(int), axis=-1).max() <= 30
        assert np.ptp(frames[0].image[face].astype(int), axis=-1).max() > 60
    raw = subject_picture(frames[0], rows[0], "raw", (WIDTH, HEIGHT))
    assert likeness(raw[face], frames[0].image[face]) > 0.95


def test_a_drawing_is_in_the_place_of_the_face(rows, frames):
    """Dark lines of the mouth and of both eyes are where the landmarks are."""
    shown = subject_picture(frames[0], rows[0], "drawing", (2 * WIDTH, 2 * HEIGHT))
    for x, y in 2 * LANDMARKS[[0, 1]]:
        near = shown[round(y) - 14 : round(y) + 15, round(x) - 14 : round(x) + 15]
        assert near.min() < 120
    mouth = 2 * LANDMARKS[3:].mean(0)
    near = shown[round(mouth[1]) - 20 : round(mouth[1]) + 21, round(mouth[0]) - 20 :][:, :41]
    assert near.min() < 120


def test_a_drawing_shows_the_landmarks_where_the_face_has_them(rows, frames):
    own = face_landmarks(lips_apart=0.05)
    row = replace(rows[0], face_landmarks=SIDE * own + (LEFT, TOP))
    shown = subject_picture(frames[0], row, "drawing", (2 * WIDTH, 2 * HEIGHT))
    places = 2 * np.round(row.face_landmarks).astype(int)
    for x, y in places[17:]:  # without the jaw, which fades at the edges
        assert shown[y - 4 : y + 5, x - 4 : x + 5].min() < 140
    other = replace(frames[0], image=frames[0].image[:, ::-1].copy())
    assert np.array_equal(shown, subject_picture(other, row, "drawing", (2 * WIDTH, 2 * HEIGHT)))


def test_a_frame_without_the_subject_shows_nothing_unless_raw(rows, frames):
    missing = next(iter(INVALID))
    shown = subject_picture(frames[missing], rows[missing], "drawing", (WIDTH, HEIGHT))
    assert (shown == 255).all()
    raw = subject_picture(frames[missing], rows[missing], "raw", (WIDTH, HEIGHT))
    assert np.array_equal(raw, frames[missing].image)


@pytest.mark.slow
def test_bars_are_as_long_as_the_probabilities(tmp_path, result, frames, rows):
    """Two results that differ in AU12 alone differ in its bar, by the difference of the values."""
    low, high = (
        replace(result, frame_rows=[_with_unit(row, 8, value) for row in rows])
        for value in (0.1, 0.4)
    )
    pictures = []
    for one in (low, high):
        write_overlay(tmp_path / "o.mp4", one, frames, "drawing")
        pictures.append(decode(tmp_path / "o.mp4")[1][0].astype(int))
    panel = np.abs(pictures[1] - pictures[0])[30:390, -132:-40].mean(-1) > 20
    assert panel.any(1).sum() == pytest.approx(10, abs=2)  # rows: one bar
    assert panel.any(0).sum() == pytest.approx(0.3 * 96, abs=2)


def test_arrows_appear_with_known_angles(tmp_path, result, frames, rows):
    turned = [replace(row, angles=np.array([0, -40, 0, 20, 10.0])) for row in rows]
    blind = [replace(row, angles=np.full(5, np.nan)) for row in rows]
    unread = [replace(row, angles=None) for row in rows]
    pictures = []
    for some in (unread, blind, turned):
        write_overlay(tmp_path / "o.mp4", replace(result, frame_rows=some), frames, "drawing")
        pictures.append(decode(tmp_path / "o.mp4")[1][0].astype(int))
    assert np.abs(pictures[1] - pictures[0]).max() < 40
    changed = np.abs(pictures[2] - pictures[0]).max(-1) > 60
    nose = 2 * LANDMARKS[2]  # the picture is enlarged twice
    assert changed[int(nose[1]) + 30, int(nose[0]) + 20 : int(nose[0]) + 60].any()  # to the right


def test_traces_are_those_of_the_units_that_vary_most(rows):
    steady = [
        row if row.action_units is None else replace(row, action_units=0.5 + 0 * row.action_units)
        for row in rows
    ]
    varied = [_with_unit(row, 17, 0.2 + 0.6 * (i % 2)) for i, row in enumerate(steady)]
    names = [lane.name for lane in lanes_of(varied).lanes]
    assert len(names) == N_UNITS + 2
    assert "AU43 eyes closed" in names
    assert names[-2:] == ["score of the frame", "weight of the frame"]


def test_a_refused_video_shows_the_reason(tmp_path, result, frames, rows):
    without = [replace(row, score=None, action_units=None, logits=None, weight=0.0) for row in rows]
    update = {"status": Status.refused, "estimate": None, "reason": "Other faces in 90 % of frames"}
    refused = ScoreResult(report=result.report.model_copy(update=update), frame_rows=without)
    assert has_overlay(refused)
    write_overlay(tmp_path / "o.mp4", refused, frames, "drawing")
    assert len(decode(tmp_path / "o.mp4")[0]) == len(rows)
    assert not has_overlay(replace(refused, frame_rows=[replace(r, box=None) for r in without]))


def test_frames_of_another_shape_are_shown_too(tmp_path, result, frames):
    tall = np.full((400, 200, 3), 90, np.uint8)
    others = [*frames[:5], *(replace(frame, image=tall) for frame in frames[5:])]
    write_overlay(tmp_path / "o.mp4", result, others, "raw")
    assert len(decode(tmp_path / "o.mp4")[0]) == len(frames)


@pytest.mark.parametrize("change", ["fewer", "more", "later"])
def test_other_frames_than_those_of_the_result_are_an_error(tmp_path, result, frames, change):
    changed = {
        "fewer": frames[:-1],
        "more": [*frames, replace(frames[-1], time=99.0)],
        "later": [replace(frame, time=frame.time + 0.1) for frame in frames],
    }[change]
    with pytest.raises(VideoUnreadable, match="changed while"):
        write_overlay(tmp_path / "o.mp4", result, changed, "drawing")
    assert list(tmp_path.iterdir()) == []


def test_an_unknown_style_is_a_usage_problem(tmp_path, result, frames):
    with pytest.raises(UsageProblem, match="sketch"):
        write_overlay(tmp_path / "o.mp4", result, frames, "sketch")
    assert list(tmp_path.iterdir()) == []


def test_a_missing_folder_is_one_error(tmp_path, result, frames):
    with pytest.raises(OutputUnwritable, match=r"overlay\.mp4"):
        write_overlay(tmp_path / "none" / "o.mp4", result, frames, "drawing")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a full device")
def test_a_full_disk_is_one_error(tmp_path, result, frames):
    path = tmp_path / "o.mp4"
    path.symlink_to("/dev/full")
    with pytest.raises(OutputUnwritable, match="No space left"):
        write_overlay(path, result, frames, "raw")


def _with_unit(row, number, value):
    if row.action_units is None:
        return row
    units = row.action_units.copy()
    units[number] = value
    return replace(row, action_units=units)
